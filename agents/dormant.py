"""Units that have fallen silent, and how they are woken."""

import keras
import numpy as np


def wake(agent, inputs):
    """Wakes the dormant units of an agent; what it makes of these inputs stays the same.

    A unit with ReLU that answers 0 to everything gets no gradient, so no loss can wake it. Each
    gets new weights where it listens, and weights of 0 where it is heard, which learn from then on.

    Args:
        agent: keras.Model, whose fully connected layers follow each other; other layers stay.
        inputs: float32 (n, ...), on which a unit that is not dormant would fire.
    Returns:
        int, units that were woken.
    Source: Sokar et al. 2023, algorithm 1, arXiv:2302.12902.
    """
    chain = [
        layer for layer in agent.layers if isinstance(layer, keras.layers.Dense) and layer.use_bias
    ]
    hidden = [layer for layer in chain if layer.activation is keras.activations.relu]
    if not hidden:
        return 0
    answers = keras.Model(agent.input, [layer.output for layer in hidden])(inputs)
    woken = 0
    for layer, hearer, answer in zip(hidden, chain[1:], answers, strict=False):
        dormant = ~np.any(np.asarray(answer) > 0, axis=0)
        kernel, bias = layer.get_weights()
        fresh = np.asarray(keras.initializers.GlorotUniform()(kernel.shape))
        layer.set_weights([np.where(dormant, fresh, kernel), np.where(dormant, 0.0, bias)])
        heard, rest = hearer.get_weights()
        hearer.set_weights([np.where(dormant[:, None], 0.0, heard), rest])
        woken += int(dormant.sum())
    return woken
