"""Dormant units are woken, and nothing that the agent makes changes by that."""

import keras
import numpy as np

import agents
from agents import dormant


def test_dormant_units_wake_and_the_points_stay():
    keras.utils.set_random_seed(0)
    agent = agents.build_point_generator(latent_dim=2, width=32)
    layer = agent.layers[2]
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, np.where(np.arange(32) < 20, -100.0, bias)])
    latents = np.random.default_rng(0).normal(size=(500, 2)).astype("float32")
    points = agent(latents).numpy()
    woken = dormant.wake(agent, latents)
    assert woken >= 20
    np.testing.assert_allclose(agent(latents), points, atol=1e-5)
    # A new unit may be silent by chance, the more likely the deeper it lies.
    answers = keras.Model(agent.input, layer.output)(latents).numpy()
    assert (answers.max(axis=0) <= 0).sum() < 5
    again = [dormant.wake(agent, latents) for _ in range(3)]
    assert again[0] <= woken / 4
    assert again[-1] <= 1
    np.testing.assert_allclose(agent(latents), points, atol=1e-5)
