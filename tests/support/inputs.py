"""What agents of 8x8 images of three classes are shown, and what they answer."""

import numpy as np
import pytest

LATENT_DIM, NUM_CLASSES, WIDTH = 6, 3, 4
LABELS = np.array([0, 1, 2, 0, 1], np.int32)
OTHER_LABELS = np.array([1, 2, 0, 2, 0], np.int32)
# Each size and each number of channels; the other pairs are slow.
EVERY_SIZE = pytest.mark.parametrize(
    ("image_size", "channels"),
    [(8, 1), (28, 1), (32, 3), (64, 3)]
    + [pytest.param(*pair, marks=pytest.mark.slow) for pair in ((8, 3), (28, 3), (32, 1), (64, 1))],
)


def latents(batch=5, seed=0):
    """Latents (batch, LATENT_DIM), float32."""
    return np.random.default_rng(seed).normal(size=(batch, LATENT_DIM)).astype(np.float32)


def images(batch=5, image_size=8, channels=1, seed=0):
    """Images (batch, image_size, image_size, channels) of noise in [-1, 1], float32."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (batch, image_size, image_size, channels)).astype(np.float32)


def outputs(agent, inputs, training=False):
    """All outputs of an agent, as one list of arrays."""
    out = agent(inputs, training=training)
    return [np.asarray(value) for value in (out if isinstance(out, list) else [out])]
