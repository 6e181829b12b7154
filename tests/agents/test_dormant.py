"""Dormant units are woken, and nothing that the agent makes changes by that."""

import keras
import numpy as np

import agents
from agents import dormant
from agents import points as builders

LATENTS = np.random.default_rng(0).normal(size=(500, 2)).astype("float32")


def silenced():
    """A generator of points, and its first hidden layer, in which 20 units of 32 are silent."""
    keras.utils.set_random_seed(0)
    agent = agents.build_point_generator(latent_dim=2, width=32)
    layer = agent.layers[2]
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, np.where(np.arange(32) < 20, -100.0, bias)])
    return agent, layer


def test_dormant_units_wake_and_the_points_stay(monkeypatch):
    # The deeper a network is, the more new units are silent by chance; the bound is for four.
    monkeypatch.setattr(builders, "GENERATOR_DEPTH", 4)
    agent, _ = silenced()
    points = agent(LATENTS).numpy()
    assert dormant.wake(agent, LATENTS) >= 20
    np.testing.assert_allclose(agent(LATENTS), points, atol=1e-5)
    assert dormant.wake(agent, LATENTS) < 5  # a new unit may be silent by chance


def test_the_layer_that_was_silenced_fires_again():
    agent, layer = silenced()
    points = agent(LATENTS).numpy()
    dormant.wake(agent, LATENTS)
    answers = keras.Model(agent.input, layer.output)(LATENTS).numpy()
    assert (answers.max(axis=0) <= 0).sum() < 5
    np.testing.assert_allclose(agent(LATENTS), points, atol=1e-5)


def test_a_single_hidden_layer_that_is_silent_wakes_as_a_whole():
    keras.utils.set_random_seed(0)
    agent = agents.build_classifier(8, 1, width=4, num_classes=3)
    images = np.random.default_rng(0).uniform(-1, 1, (50, 8, 8, 1)).astype("float32")
    layer = agent.get_layer("features")
    kernel, _ = layer.get_weights()
    layer.set_weights([kernel, np.full(16, -100.0)])
    logits = agent(images).numpy()
    assert dormant.wake(agent, images) == 16
    np.testing.assert_allclose(agent(images), logits, atol=1e-6)
    answers = keras.Model(agent.input, layer.output)(images).numpy()
    assert (answers.max(axis=0) > 0).mean() > 0.5
