"""The two-agent game: who moves when, what is drawn, the penalties, averages and files."""

import copy
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import gan, losses
from models.game import Game, copy_agent
from models.relativistic import RelativisticGAN
from tests.support.games import (
    BATCH,
    LATENT_DIM,
    adam,
    assert_lags_behind,
    calls_of,
    discriminator_turns,
    kernels_of,
    moved,
    play,
    put_back,
    real_batch,
    seeds_drawn,
    spy,
    state,
    tiny_gan,
)

RESULTS = {"discriminator_loss", "generator_loss", "D(x)", "D(G(z))"}


# The one shared verb.


def linear_agent(weights, optimizer):
    agent = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    agent.set_weights([np.array(weights, np.float32).reshape(2, 1)])
    agent.compile(optimizer)
    return agent


def test_update_goes_down_the_gradient_and_returns_the_loss_before():
    game, agent = Game(None), linear_agent([3.0, -1.0], keras.optimizers.SGD(0.25))
    kernel = agent.layers[0].kernel
    loss = game.update(agent, lambda: tf.reduce_sum(kernel**2))
    assert float(loss) == 10.0
    np.testing.assert_array_equal(kernel.numpy(), [[1.5], [-0.5]])  # w - 0.25 * 2w


def test_update_moves_no_other_agent_that_the_loss_depends_on():
    game, mover = Game(None), linear_agent([1.0, 2.0], keras.optimizers.SGD(1.0))
    other = linear_agent([5.0, 7.0], keras.optimizers.SGD(1.0))
    product = lambda: tf.reduce_sum(mover.layers[0].kernel * other.layers[0].kernel)  # noqa: E731
    game.update(mover, product)
    np.testing.assert_array_equal(mover.get_weights()[0], [[-4.0], [-5.0]])
    np.testing.assert_array_equal(other.get_weights()[0], [[5.0], [7.0]])
    assert int(mover.optimizer.iterations) == 1
    assert int(other.optimizer.iterations) == 0


@pytest.mark.parametrize(
    ("iteration", "decay", "kept"),
    [
        (0, 0.999, 1 / 10),
        (5, 0.999, 6 / 15),
        (90, 0.999, 0.91),
        (90, 0.5, 0.5),
        (100_000, 0.999, 0.999),
        (7, 0.0, 0.0),
    ],
)
def test_the_average_follows_by_the_documented_share(iteration, decay, kept):
    agent = linear_agent([3.0, -1.0], keras.optimizers.SGD(1.0))
    average = linear_agent([1.0, 7.0], keras.optimizers.SGD(1.0))
    agent.optimizer.iterations.assign(iteration)
    Game(None).follow(average, agent, decay)
    expected = kept * np.array([[1.0], [7.0]]) + (1 - kept) * np.array([[3.0], [-1.0]])
    np.testing.assert_allclose(average.get_weights()[0], expected, rtol=1e-5)
    np.testing.assert_array_equal(agent.get_weights()[0], [[3.0], [-1.0]])


def test_a_copy_has_the_weights_and_no_optimizer_and_is_its_own():
    agent = linear_agent([3.0, -1.0], keras.optimizers.SGD(1.0))
    twin = copy_agent(agent)
    np.testing.assert_array_equal(twin.get_weights()[0], [[3.0], [-1.0]])
    assert getattr(twin, "optimizer", None) is None
    agent.set_weights([np.zeros((2, 1))])
    np.testing.assert_array_equal(twin.get_weights()[0], [[3.0], [-1.0]])


# Turns.


@pytest.mark.parametrize("loss", ["relativistic", "hinge"])
def test_a_turn_moves_its_own_agent_and_nobody_else(loss):
    rules = {"optimizer": adam, "spectral_norm": True, "r1_gamma": 1.0, "translation": 1}
    game = play(tiny_gan(loss=loss, **rules), 1)  # so that every optimizer has its momenta
    for agent in ("discriminator", "generator"):
        before, kernels = state(game), kernels_of(getattr(game, agent))
        getattr(game, f"{agent}_turn")(real_batch())
        assert moved(before, state(game)) == {agent, f"{agent}'s optimizer"}
        assert len(kernels) >= 3
        for old, new in zip(kernels, kernels_of(getattr(game, agent)), strict=True):
            assert (old != new).any()


def test_a_round_moves_everyone():
    game = tiny_gan()
    before = state(game)
    results = play(game, 1).train_step(real_batch())
    assert moved(before, state(game)) == set(before)
    assert set(results) == RESULTS
    assert game.step == 2


@pytest.mark.parametrize("loss", losses.ADVERSARIAL_LOSSES)
def test_the_agents_pull_in_opposite_directions(loss, monkeypatch):
    """On the same draws, a turn of each agent changes the logits to that agent's advantage."""
    monkeypatch.setattr(gan, "WASSERSTEIN_PENALTY", 0.0)
    game = tiny_gan(loss=loss)
    calls = spy(game)

    def logits_of_turn(agent):
        calls.clear()
        getattr(game, agent).optimizer.iterations.assign(0)
        getattr(game, f"{agent}_turn")(real_batch())
        judged = calls_of(calls, "discriminator")  # real ones, if any, first, then fakes
        return [call.outputs[0].mean() for call in judged[:2]]

    (real, fake), (real_after, fake_after) = (logits_of_turn("discriminator") for _ in "12")
    assert real_after - fake_after > real - fake + 1e-4
    (*_, fake), (*_, fake_after) = (logits_of_turn("generator") for _ in "12")
    assert fake_after > fake + 1e-5


def test_what_each_turn_shows_the_discriminator():
    game = tiny_gan()
    calls = spy(game)
    images, labels = real_batch()
    game.discriminator_turn((images, labels))
    fakes, real, fake = calls
    assert [call.role for call in calls] == ["generator", "discriminator", "discriminator"]
    np.testing.assert_array_equal(real.inputs[0], images)
    np.testing.assert_array_equal(fake.inputs[0], fakes.outputs[0])
    assert (real.training, fake.training) == (True, True)
    calls.clear()
    game.generator_turn((images, labels))
    fakes, judged = calls_of(calls, "generator")[0], calls_of(calls, "discriminator")[-1]
    np.testing.assert_array_equal(judged.inputs[0], fakes.outputs[0])
    assert not any(call.training for call in calls_of(calls, "discriminator"))


def test_the_losses_and_scores_that_are_reported():
    game = tiny_gan(loss="non_saturating", r1_gamma=100.0)  # the penalty is no part of the report
    calls = spy(game)
    game.discriminator_turn(real_batch())
    judged = calls_of(calls, "discriminator")
    assert len(judged) == 3  # real, fake, and real once more for the penalty
    real, fake = (call.outputs[0].astype(float) for call in judged[:2])
    calls.clear()
    game.generator_turn(real_batch())
    judged = calls_of(calls, "discriminator")[-1].outputs[0].astype(float)
    expected = {
        "discriminator_loss": np.mean(np.logaddexp(0, -real) + np.logaddexp(0, fake)),
        "generator_loss": np.mean(np.logaddexp(0, -judged)),
        "D(x)": np.mean(1 / (1 + np.exp(-real))),
        "D(G(z))": np.mean(1 / (1 + np.exp(-fake))),
    }
    results = {name: float(value) for name, value in game.results().items()}
    assert results == pytest.approx(expected, rel=1e-5)
    assert {metric.name for metric in game.metrics} >= RESULTS
    game.reset_metrics()
    assert {float(value) for value in game.results().values()} == {0.0}


def test_real_and_generated_images_are_shifted_for_the_discriminator():
    game = tiny_gan(translation=2)
    calls = spy(game)
    images, labels = real_batch()
    game.discriminator_turn((images, labels))
    game.generator_turn((images, labels))
    made = calls_of(calls, "generator")
    real, fake, judged = calls_of(calls, "discriminator")
    for shown, source in (
        (real, images.numpy()),
        (fake, made[0].outputs[0]),
        (judged, made[1].outputs[0]),
    ):
        shown = shown.inputs[0]
        assert (shown != source).any((1, 2, 3)).sum() >= BATCH // 2
        for after, before in zip(shown, source, strict=True):
            kept = after[after != -1]
            assert kept.size >= 36  # two pixels lost on either axis leave 6 x 6
            assert np.isin(kept, before).all()


# Chance.


def test_each_turn_draws_latents_of_its_own():
    game = tiny_gan()
    calls = spy(game)
    play(game, 3)
    drawn = np.concatenate([call.inputs[0] for call in calls_of(calls, "generator")])
    assert drawn.shape == (6 * BATCH, LATENT_DIM)
    assert len(np.unique(drawn, axis=0)) == 6 * BATCH


def test_latents_are_standard_normal():
    latents = tiny_gan().draw_latents(tiny_gan().generator, 20_000, draw=0)
    assert np.mean(latents) == pytest.approx(0.0, abs=0.02)
    assert np.std(latents) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("loss", ["wasserstein", "relativistic"])
def test_no_seed_is_drawn_twice(loss):
    seeds = seeds_drawn(tiny_gan(loss=loss, translation=1), 3)
    assert len(seeds) >= 3 * 6
    assert len(set(seeds)) == len(seeds)


def test_the_seed_decides_everything_that_is_drawn():
    rules = {"translation": 1, "r1_gamma": 1.0}
    game = tiny_gan(**rules)
    begun = state(game)
    first, again, other = (state(play(put_back(game, begun, seed=s), 2)) for s in (5, 5, 6))
    assert moved(first, again) == set()
    assert moved(first, other) >= {"generator", "discriminator", "average_generator"}


# Gradient penalties.


@pytest.mark.parametrize(
    ("loss", "turns"),
    [
        ("non_saturating", {0: True, 1: False, 16: True, 17: False}),
        ("relativistic", {8: False, 48: True}),
    ],
)
def test_r1_is_taken_every_sixteenth_step_only(loss, turns):
    game = tiny_gan(loss=loss)
    weights_after = discriminator_turns(game, lambda: game.discriminator_turn(real_batch()))
    for iteration, due in turns.items():
        without, with_r1 = (weights_after(iteration, r1_gamma=gamma) for gamma in (0.0, 10.0))
        # The bias of the realness head shifts all logits alike, so no gradient penalty moves it.
        pairs = list(zip(without, with_r1, strict=True))
        for plain, penalised in pairs if not due else pairs[0::2]:
            assert (plain != penalised).any() == due


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])
def test_r1_is_sixteen_times_as_strong_and_r2_is_the_relativistic_game_s(loss):
    gamma, learning_rate = 2.0, 0.1
    game = tiny_gan(loss=loss)
    weights = game.discriminator.trainable_variables
    images, _ = real_batch()
    latents = game.draw_latents(game.discriminator, BATCH, draw=0)
    shown = [images, game.generator(latents)] if loss == "relativistic" else [images]
    with tf.GradientTape() as outer:
        squared = 0.0
        for pictures in shown:
            with tf.GradientTape() as inner:
                inner.watch(pictures)
                logits = game.discriminator(pictures)
            slopes = inner.gradient(logits, pictures)
            squared += tf.reduce_sum(slopes**2) / BATCH
    gradients = [
        np.zeros(weight.shape) if gradient is None else gradient.numpy()
        for weight, gradient in zip(weights, outer.gradient(squared, weights), strict=True)
    ]
    weights_after = discriminator_turns(game, lambda: game.discriminator_turn(real_batch()))
    without, with_r1 = (weights_after(0, r1_gamma=value) for value in (0.0, gamma))
    for plain, penalised, gradient in zip(without, with_r1, gradients, strict=True):
        expected = -learning_rate * 16 * gamma / 2 * gradient
        np.testing.assert_allclose(penalised - plain, expected, rtol=1e-3, atol=1e-6)
    assert max(np.abs(gradient).max() for gradient in gradients) > 1e-4


def test_the_wasserstein_penalty_is_taken_at_every_step_and_replaces_r1(monkeypatch):
    game = tiny_gan(loss="wasserstein")
    weights_after = discriminator_turns(game, lambda: game.discriminator_turn(real_batch()))
    for iteration in (0, 1, 16):
        usual = weights_after(iteration, r1_gamma=0.0)
        for one, other in zip(usual, weights_after(iteration, r1_gamma=10.0), strict=True):
            np.testing.assert_array_equal(one, other)
        with monkeypatch.context() as patch:
            patch.setattr(gan, "WASSERSTEIN_PENALTY", 0.0)
            without = weights_after(iteration, r1_gamma=0.0)
        assert all((a != b).any() for a, b in list(zip(usual, without, strict=True))[0::2])


def test_the_wasserstein_penalty_is_taken_between_real_and_fake():
    game = tiny_gan(loss="wasserstein")
    calls = spy(game)
    game.discriminator_turn(real_batch())
    real, fake, mixed = (call.inputs[0] for call in calls_of(calls, "discriminator"))
    axes = (1, 2, 3)
    shares = ((mixed - real) * (fake - real)).sum(axes) / ((fake - real) ** 2).sum(axes)
    line = real + shares.reshape(-1, 1, 1, 1) * (fake - real)
    np.testing.assert_allclose(mixed, line, atol=1e-5)
    assert ((shares > 0) & (shares < 1)).all()
    assert len(np.unique(shares.round(4))) == BATCH


# What the game offers.


def test_samples_come_from_the_average_and_repeat_by_seed():
    game = tiny_gan()
    images, labels = game.sample(5, seed=1)
    assert images.shape == (5, 8, 8, 1)
    assert np.abs(images).max() <= 1
    np.testing.assert_array_equal(labels, 0)
    np.testing.assert_array_equal(images, game.sample(5, seed=1)[0])
    assert (images != game.sample(5, seed=2)[0]).any()
    game.generator.set_weights([0 * w for w in game.generator.get_weights()])
    np.testing.assert_array_equal(images, game.sample(5, seed=1)[0])
    game.average_generator.set_weights([0 * w for w in game.average_generator.get_weights()])
    np.testing.assert_array_equal(game.sample(5, seed=1)[0], 0)


def test_the_average_starts_as_the_generator_and_lags_behind_it():
    game = tiny_gan(ema_decay=0.5)
    for slow, fast in zip(
        game.average_generator.get_weights(), game.generator.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(slow, fast)
    assert_lags_behind(game, game.average_generator, game.generator)


def test_the_agents_to_save_are_the_average_generator_and_the_discriminator():
    game = play(tiny_gan(spectral_norm=True), 2)
    saved = game.agents_to_save()
    assert set(saved) == {"generator", "discriminator"}
    for agent, kept in (
        (game.average_generator, saved["generator"]),
        (game.discriminator, saved["discriminator"]),
    ):
        assert getattr(kept, "optimizer", None) is None
        for mine, theirs in zip(agent.get_weights(), kept.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert game.discriminator.optimizer is not None


def test_the_game_has_no_optimizer_of_its_own():
    game = tiny_gan()
    assert game.optimizer is None
    game.compile(run_eagerly=True)
    assert game.optimizer is None
    assert game.run_eagerly


# Files.

RULES = {
    "loss": "relativistic",
    "r1_gamma": 0.5,
    "translation": 2,
    "ema_decay": 0.75,
    "seed": 11,
}


def test_the_config_goes_round():
    game = tiny_gan(**RULES, optimizer=adam)
    written = json.loads(json.dumps(keras.saving.serialize_keras_object(game)))
    read = keras.saving.deserialize_keras_object(copy.deepcopy(written))  # it empties its argument
    assert type(read) is RelativisticGAN
    assert json.loads(json.dumps(read.get_config())) == written["config"]
    assert read.options == game.options
    assert {key: getattr(read.options, key) for key in RULES} == RULES


def test_a_loaded_game_goes_on_as_if_it_had_never_stopped(tmp_path):
    game = play(tiny_gan(**RULES, optimizer=adam, spectral_norm=True), 1)
    game.save(tmp_path / "game.keras")
    loaded = keras.models.load_model(tmp_path / "game.keras")
    assert loaded.optimizer is None
    assert loaded.step == 1
    assert moved(state(game), state(loaded)) == set()
    assert moved(state(play(game, 1)), state(play(loaded, 1))) == set()
    assert loaded.step == 2


@pytest.mark.parametrize("loss", ["minimax", pytest.param("least_squares", marks=pytest.mark.slow)])
def test_a_compiled_step_agrees_with_an_eager_one(loss):
    images, labels = (tf.concat([real_batch()[i], real_batch(1, 5)[i]], 0) for i in (0, 1))
    rules = {"loss": loss, "translation": 1, "r1_gamma": 1.0}
    compiled, eager = (tiny_gan(**rules) for _ in "12")
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(BATCH)
    history = compiled.fit(batches, shuffle=False, verbose=0).history  # of 8 and of 5
    for batch in batches:
        results = eager.train_step(batch)
    assert set(history) == RESULTS
    assert compiled.step == 2
    for name in RESULTS:
        assert history[name][0] == pytest.approx(float(results[name]), rel=1e-4)


def test_what_it_draws_and_finds_real_follows_its_agents_weights():
    game = tiny_gan()
    for count in (2, 5):  # graphs that were traced for one size and one set of weights
        for agent in (game.average_generator, game.discriminator):
            agent.set_weights([1.5 * weights for weights in agent.get_weights()])
        images, labels = game.sample(count, seed=3)
        latents = tf.random.stateless_normal((count, LATENT_DIM), (3, -1))
        np.testing.assert_allclose(images, game.average_generator(latents), atol=1e-5)
        np.testing.assert_array_equal(labels, 0)
        logits = game.discriminator(images)[:, 0]
        np.testing.assert_allclose(game.realness(images), logits, rtol=1e-5, atol=1e-5)
