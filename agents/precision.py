"""The precision in which an agent computes; weights, inputs and outputs are always float32."""

import keras

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def compute_in(agent, precision):
    """Sets the precision of an agent's hidden layers.

    Layers whose output is an output of the agent, or a term of one that is a sum, stay in float32.

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
