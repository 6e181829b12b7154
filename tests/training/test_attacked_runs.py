"""Images by attack: chance, samples, the long climb, what is saved, and that it learns."""

import copy
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from attacks import ProjectedGradientDescent
from games import GAMES
from images import datasets
from models import build_game
from models.attacked_discriminator import AttackedDiscriminator, Climber
from tests.support.games import (
    BATCH,
    adam,
    moved,
    play,
    real_batch,
    seeds_drawn,
    state,
    tiny_attacked,
)

# Chance.


def test_no_seed_is_drawn_twice():
    seeds = seeds_drawn(tiny_attacked(), 3)
    assert len(seeds) == len(set(seeds)) == 9  # which fakes, which of them anew, their noise
    assert (16, 0) not in seeds  # the pool's own


def test_the_seed_decides_everything_that_is_drawn():
    first, again, other = (state(play(tiny_attacked(seed=seed), 1)) for seed in (5, 5, 6))
    assert moved(first, again) == set()
    assert moved(first, other) >= {"pool", "discriminator"}


# Samples and the way to them.


def test_samples_come_from_the_average_and_repeat_by_seed():
    game = play(tiny_attacked(optimizer=adam), 2)
    images, labels = game.sample(7, seed=1)
    assert images.shape == (7, 8, 8, 1)
    assert np.abs(images).max() <= 1
    np.testing.assert_array_equal(labels, [0, 1, 2, 0, 1, 2, 0])
    np.testing.assert_array_equal(images, game.sample(7, seed=1)[0])
    assert (images != game.sample(7, seed=2)[0]).any(axis=(1, 2, 3)).all()
    game.discriminator.set_weights([0 * w for w in game.discriminator.get_weights()])
    np.testing.assert_array_equal(images, game.sample(7, seed=1)[0])
    game.average_discriminator.set_weights([0 * w for w in game.discriminator.get_weights()])
    noise, _ = game.sample(7, seed=1)  # a flat average leads nowhere
    assert (images != noise).any(axis=(1, 2, 3)).all()
    assert noise.std() == pytest.approx(1 / np.sqrt(3), abs=0.08)


def test_samples_are_more_real_to_the_average_than_the_noise_they_came_from():
    game = play(tiny_attacked(optimizer=adam, step_size=0.05), 3)
    images, labels = game.sample(6, seed=1)
    average = game.average_discriminator
    after = average(images).numpy()[np.arange(6), labels]
    noise = tf.random.stateless_uniform(images.shape, (1, -1), -1.0, 1.0)
    before = average(noise).numpy()[np.arange(6), labels]
    assert (after > before + 0.01).all()


def test_sampling_moves_nobody():
    game = play(tiny_attacked(optimizer=adam), 1)
    before = state(game)
    game.sample(3, seed=0)
    assert moved(before, state(game)) == set()


def telling(objective, images, *, scale, steps):
    """An attack whose images say how it was called, and nothing else."""
    return 0.0 * images + tf.stack([scale, tf.cast(steps, tf.float32)])


TELLING = Climber(None, telling)


def recorded(steps):
    """The (scale, steps) of each part of a path."""
    start = tf.zeros((1, 1, 1, 2))
    return [
        (float(scale), int(length))
        for scale, length in map(np.ravel, TELLING.path(start, [0], steps))
    ]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 100))
def test_the_parts_of_a_path_add_up_and_slow_down(steps):
    parts = recorded(steps)
    lengths = np.array([length for _, length in parts])
    assert len(parts) == min(steps, 40)
    assert lengths.sum() == steps
    assert lengths.min() >= 1
    assert lengths.max() - lengths.min() <= 1
    begins = (np.cumsum(lengths) - lengths) / steps
    expected = np.where(begins <= 0.5, 1.0, 1.0 - 0.9 * (2 * begins - 1))
    np.testing.assert_allclose([scale for scale, _ in parts], expected, atol=1e-6)


def test_a_long_path_ends_near_a_tenth_of_the_step():
    scales = [scale for scale, _ in recorded(4000)]
    assert scales[:21] == [1.0] * 21
    assert 0.1 < scales[-1] < 0.15
    assert (np.diff(scales[20:]) < 0).all()


def test_a_straight_climb_is_as_long_as_its_steps():
    """Uphill of a linear logit every step leads the same way, so lengths add up."""
    images = keras.Input((2, 2, 1))
    slope = keras.layers.Dense(2, use_bias=False)
    model = keras.Model(images, slope(keras.layers.Flatten()(images)))
    slope.set_weights([np.array([[1, -1], [-2, 2], [3, 3], [-4, 4]], np.float32)])
    attack = ProjectedGradientDescent(
        None, 0.001, 1, norm="linf", random_start=False, keep_best=False
    )
    start, labels = np.zeros((2, 2, 2, 1), np.float32), np.array([0, 1], np.int32)
    path = list(Climber(model, attack).path(start, labels, 10))
    signs = np.array([[1, -1, 1, -1], [-1, 1, 1, 1]])
    scales = [1, 1, 1, 1, 1, 1, 0.82, 0.64, 0.46, 0.28]
    for images, length in zip(path, np.cumsum(scales), strict=True):
        np.testing.assert_allclose(
            images.numpy().reshape(2, 4), 0.002 * length * signs, rtol=1e-4, atol=1e-7
        )
    np.testing.assert_array_equal(Climber(model, attack).top(start, labels, 10), path[-1])


# Files.

RULES = {
    "pool_size": 20,
    "first_steps": 3,
    "r1_gamma": 0.5,
    "sampling_steps": 12,
    "ema_decay": 0.75,
    "seed": 11,
}


@pytest.mark.parametrize("epsilon", [None, 0.5])
def test_the_config_goes_round(epsilon):
    game = tiny_attacked(**RULES, epsilon=epsilon, optimizer=adam)
    original = json.loads(json.dumps(game.get_config()))
    again = AttackedDiscriminator.from_config(copy.deepcopy(original))  # it empties its argument
    assert again.attack == game.attack
    assert {name: original["options"][name] for name in RULES} == RULES
    assert json.loads(json.dumps(again.get_config())) == original


def test_a_loaded_game_goes_on_as_if_it_had_never_stopped(tmp_path):
    game = play(tiny_attacked(**RULES, optimizer=adam), 2)
    game.attack_steps.assign(4)
    game.grown_at.assign(1)
    game.save(tmp_path / "game.keras")
    loaded = keras.saving.load_model(tmp_path / "game.keras")
    assert loaded.step == 2
    assert loaded.optimizer is None
    assert (int(loaded.attack_steps), int(loaded.grown_at)) == (4, 1)
    assert moved(state(game), state(loaded)) == set()
    assert moved(state(play(game, 2)), state(play(loaded, 2))) == set()
    np.testing.assert_array_equal(game.sample(3, seed=0)[0], loaded.sample(3, seed=0)[0])


def test_the_agent_to_save_is_the_average_discriminator():
    game = play(tiny_attacked(), 2)
    saved = game.agents_to_save()
    assert set(saved) == {"discriminator"}
    assert saved["discriminator"] is game.average_discriminator
    assert getattr(saved["discriminator"], "optimizer", None) is None


def test_a_compiled_round_agrees_with_an_eager_one():
    images, labels = (tf.concat([real_batch()[i], real_batch(1, 5)[i]], 0) for i in (0, 1))
    compiled, eager = (tiny_attacked(r1_gamma=1.0) for _ in "12")
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(BATCH)
    history = compiled.fit(batches, shuffle=False, verbose=0).history  # of 8 and of 5
    for batch in batches:
        results = eager.train_step(batch)
    assert compiled.step == 2
    for name, value in results.items():
        assert history[name][0] == pytest.approx(float(value), rel=1e-4)
    np.testing.assert_allclose(compiled.pool.numpy(), eager.pool.numpy(), atol=1e-4)


# Learning.


def test_noise_becomes_the_digits_that_were_asked_for():
    """As a nearest-neighbour judge of real digits names them; all of 100 were, when measured."""
    dataset = datasets.load("digits")
    judge = KNeighborsClassifier(3).fit(dataset.train.images.reshape(-1, 64), dataset.train.labels)
    options = GAMES["attacked"].from_preset(
        "quick",
        "small",
        dataset="digits",
        discriminator_width=8,
        discriminator_learning_rate=2e-3,
        batch_size=50,
        pool_size=200,
        ema_decay=0.98,
        steps=200,
    )
    game = build_game(options, dataset)

    def share_as_asked():
        images, labels = game.sample(100, seed=5)
        named = judge.predict(datasets.denormalize(images).reshape(-1, 64))
        return np.mean(named == labels)

    assert share_as_asked() < 0.3
    batches = datasets.batches(dataset.train, 50, seed=0)
    game.fit(batches, steps_per_epoch=200, shuffle=False, verbose=0)
    assert share_as_asked() > 0.8
