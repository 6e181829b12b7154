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
    woken = 0
    for seed, (layer, hearer, fires) in enumerate(_heard(agent, inputs)):
        kernel, bias = layer.get_weights()
        fresh = np.asarray(keras.initializers.GlorotUniform(seed)(kernel.shape))
        layer.set_weights([np.where(fires, kernel, fresh), np.where(fires, bias, 0.0)])
        heard, rest = hearer.get_weights()
        hearer.set_weights([np.where(fires[:, None], heard, 0.0), rest])
        woken += int(np.sum(~fires))
    return woken


def _heard(agent, inputs):
    """Each fully connected layer with ReLU, the layer that hears it, and which of its units fire.

    Returns:
        list of (keras.layers.Dense, keras.layers.Dense, bool (units,)).
    """
    chain = [
        layer for layer in agent.layers if isinstance(layer, keras.layers.Dense) and layer.use_bias
    ]
    pairs = [
        (layer, hearer)
        for layer, hearer in zip(chain, chain[1:], strict=False)
        if layer.activation is keras.activations.relu
    ]
    if not pairs:
        return []
    outputs = [layer.output for layer, _ in pairs]
    answers = keras.tree.flatten(keras.Model(agent.input, outputs)(inputs))
    fires = (np.any(np.asarray(answer) > 0, axis=0) for answer in answers)
    return [(*pair, each) for pair, each in zip(pairs, fires, strict=True)]
