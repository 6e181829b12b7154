"""What every game can do: ask an opponent without moving it, and a penalty now and then."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

import models
from games import GAMES
from models.game import Game, copy_agent
from tests.support.games import (
    BATCH,
    LATENT_DIM,
    NUM_CLASSES,
    real_batch,
    residual_agents,
    sgd,
    tiny_gan,
    tiny_robgan,
)


def generator_inputs(seed=0):
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(BATCH, LATENT_DIM)).astype(np.float32)
    return [tf.constant(latents), tf.constant(np.arange(BATCH, dtype=np.int32) % NUM_CLASSES)]


def one_list(outputs):
    return [np.asarray(out) for out in (outputs if isinstance(outputs, list) else [outputs])]


AGENTS = {
    "generator": (lambda: residual_agents()[0], generator_inputs),
    "discriminator": (
        lambda: residual_agents(batch_norm=True)[1],
        lambda: real_batch()[0],
    ),
    "spectral norm": (
        lambda: tiny_gan(spectral_norm=True).discriminator,
        lambda: real_batch()[0],
    ),
}


@pytest.mark.parametrize("name", AGENTS)
def test_a_borrowed_agent_answers_as_in_training_and_does_not_move(name):
    build, inputs = AGENTS[name]
    agent, shown = build(), inputs()
    before = agent.get_weights()
    borrowed = one_list(Game(None).borrow(agent, shown))
    for old, new in zip(before, agent.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    twin = copy_agent(agent)
    judged, trained = (one_list(twin(shown, training=training)) for training in (False, True))
    assert any((old != new).any() for old, new in zip(before, twin.get_weights(), strict=True))
    for mine, calm, busy in zip(borrowed, judged, trained, strict=True):
        np.testing.assert_allclose(mine, busy, rtol=1e-5, atol=1e-6)
        assert np.abs(mine - calm).max() > 1e-4


def test_a_gradient_passes_through_a_borrowed_agent():
    game = tiny_robgan(recipe="original", batch_norm=True)
    images = real_batch()[0]
    with tf.GradientTape() as tape:
        tape.watch(images)
        realness, _ = game.borrow(game.discriminator, images)
        total = tf.reduce_sum(realness)
    assert (tape.gradient(total, images).numpy() != 0).any((1, 2, 3)).all()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("interval", "due"), [(1, range(9)), (4, (0, 4, 8)), (3, (0, 3, 6))])
def test_a_lazy_penalty_is_taken_at_every_so_manieth_turn_and_as_many_times_as_strong(
    interval, due, compiled
):
    game, agent = Game(None), residual_agents()[1]
    agent.compile(sgd())
    asked = []

    def penalty():
        asked.append(1)
        return tf.constant(0.7)

    def lazily():
        return game.lazily(agent, interval, penalty)

    if compiled:
        lazily = tf.function(lazily)
    for turn in range(9):
        agent.optimizer.iterations.assign(turn)
        expected = 0.7 * interval if turn in due else 0.0
        assert float(lazily()) == pytest.approx(expected, rel=1e-6)
    assert compiled or len(asked) == len(due)


def test_a_copied_agent_has_the_weights_and_no_optimizer():
    agent = tiny_robgan(batch_norm=True).discriminator
    copied = copy_agent(agent)
    assert getattr(copied, "optimizer", None) is None
    for old, new in zip(agent.get_weights(), copied.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    copied.set_weights([weight + 1 for weight in copied.get_weights()])
    assert (agent.get_weights()[0] != copied.get_weights()[0]).all()


def test_a_run_of_any_game_can_be_loaded_by_a_process_that_has_built_none():
    """Each module with a class that a checkpoint names is one that `models.module_of` imports."""
    folder = pathlib.Path(models.__file__).parent
    registered = {
        f"models.{file.stem}"
        for file in folder.glob("*.py")
        if "register_keras_serializable(" in file.read_text()
    }
    modules = [models.module_of(name) for name in GAMES]
    found = {module.__name__ for module in modules}
    found |= {variant for module in modules for variant in getattr(module, "VARIANTS", ())}
    assert "models.relativistic" in registered
    assert registered <= found
