"""In which precision an agent computes; its weights, inputs and answers are always float32."""

import keras

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def compute_in(agent, precision):
    """Has an agent's hidden layers compute in another precision.

    The layers that give its answers, and the terms of a sum that is one, stay in float32.

    Args:
        agent: functional keras.Model, changed in place.
        precision: "float32" or "bfloat16".
    """
    answers = [tensor._keras_history.operation for tensor in agent.outputs]
    terms = (sum_.input for sum_ in answers if isinstance(sum_, keras.layers.Add))
    heads = {*answers, *(term._keras_history.operation for each in terms for term in each)}
    for layer in agent.layers:
        policy = "float32" if layer in heads else POLICIES[precision]
        for part in layer._flatten_layers():
            part.dtype_policy = keras.DTypePolicy(policy)
