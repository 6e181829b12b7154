"""Images by attack: who moves, the pool, the losses, the balance, the long climb, files."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from models import attacked_discriminator, losses
from tests.support.games import (
    BATCH,
    NUM_CLASSES,
    adam,
    assert_lags_behind,
    calls_of,
    discriminator_turns,
    moved,
    play,
    real_batch,
    spy,
    state,
    tiny_attacked,
)
from tests.support.targets import lengths

LEARNER = {"discriminator", "discriminator's optimizer"}


@pytest.fixture
def nothing_renewed(monkeypatch):
    """Every fake goes on from where it was."""
    monkeypatch.setattr(attacked_discriminator, "RENEWED", 0.0)


# Turns.


def test_the_attacker_moves_nobody_but_the_pool():
    game = play(tiny_attacked(optimizer=adam), 1)
    before = state(game)
    game.attacker_turn(BATCH)
    assert moved(before, state(game)) == {"pool"}


def test_the_discriminator_s_turn_moves_only_the_discriminator():
    game = play(tiny_attacked(optimizer=adam), 1)
    fakes, before = game.attacker_turn(BATCH), state(game)
    game.discriminator_turn(*real_batch(), *fakes)
    assert moved(before, state(game)) == {*LEARNER, "area"}


def test_a_round_moves_the_discriminator_its_average_and_the_pool():
    game = tiny_attacked(optimizer=adam)
    before = state(game)
    results = play(game, 1).results()
    assert moved(before, state(game)) == {*LEARNER, "average_discriminator", "pool", "area"}
    assert set(results) == {"discriminator_loss", "D(x)", "D(fake)", "auc", "attack_steps"}
    assert game.step == 1


def test_the_average_lags_behind_by_its_decay():
    game = tiny_attacked(ema_decay=0.5)
    assert_lags_behind(game, game.average_discriminator, game.discriminator)


def test_what_the_discriminator_is_shown():
    game = tiny_attacked()
    images, labels = real_batch()
    fakes = game.attacker_turn(BATCH)
    calls = spy(game)
    game.discriminator_turn(images, labels, *fakes)
    real, fake = [call for call in calls_of(calls, "discriminator") if call.training]
    np.testing.assert_array_equal(real.inputs[0], images)
    np.testing.assert_array_equal(fake.inputs[0], fakes[0])
    assert calls_of(calls, "average_discriminator") == []


# The pool.


def test_it_begins_as_noise_in_the_pixel_box():
    pool = tiny_attacked(pool_size=400).pool.numpy()
    assert pool.shape == (400, 8, 8, 1)
    assert 0.99 < np.abs(pool).max() <= 1
    assert pool.mean() == pytest.approx(0, abs=0.02)
    assert pool.std() == pytest.approx(1 / np.sqrt(3), abs=0.02)
    assert (pool != tiny_attacked(pool_size=400, seed=1).pool.numpy()).any()


def test_only_what_was_drawn_changes_and_each_slot_keeps_its_label():
    game = tiny_attacked()
    drawn = []
    for played in range(25):
        game.discriminator.optimizer.iterations.assign(played)
        before = game.pool.numpy()
        fakes, labels = game.attacker_turn(BATCH)
        after = game.pool.numpy()
        places = np.flatnonzero((before != after).any(axis=(1, 2, 3)))
        assert len(places) == BATCH
        np.testing.assert_array_equal(after[places], fakes)
        np.testing.assert_array_equal(labels, places % NUM_CLASSES)
        assert np.abs(fakes).max() <= 1
        drawn.append(tuple(places))
    assert len(set(drawn)) == 25
    counts = np.bincount(np.concatenate(drawn), minlength=30)  # each 6.7 +- 2.2
    assert counts.sum() == 25 * BATCH
    assert 1 <= counts.min() < counts.max() <= 15


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_every_fake_climbs_the_logit_of_its_class(norm, nothing_renewed):
    game = play(tiny_attacked(norm=norm, step_size=0.02, optimizer=adam), 3)
    before = game.pool.numpy()
    fakes, labels = (tensor.numpy() for tensor in game.attacker_turn(BATCH))
    places = np.flatnonzero((before != game.pool.numpy()).any(axis=(1, 2, 3)))
    old, new = (
        game.discriminator(images).numpy()[np.arange(BATCH), labels]
        for images in (before[places], fakes)
    )
    assert (new > old + 1e-3).all()


def test_about_one_fake_in_twenty_starts_from_noise_again():
    game = tiny_attacked(pool_size=3000, step_size=1e-6, steps=1, first_steps=1)
    shares = []
    for played in range(3):
        game.discriminator.optimizer.iterations.assign(played)
        before, noise = game.pool.numpy(), game.noise(3000, draw=19).numpy()
        game.attacker_turn(3000)
        after = game.pool.numpy()
        stayed, renewed = (
            np.abs(after - images).max(axis=(1, 2, 3)) < 1e-4 for images in (before, noise)
        )
        np.testing.assert_array_equal(stayed, ~renewed)
        shares.append(renewed.mean())
    assert np.mean(shares) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 9000))
    assert len(set(shares)) > 1


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_an_epsilon_bounds_the_move_of_a_round(norm, nothing_renewed):
    game = tiny_attacked(epsilon=0.05, step_size=0.05, first_steps=5, norm=norm)
    before = game.pool.numpy()
    game.attacker_turn(BATCH)
    moves = lengths(game.pool.numpy() - before, norm)
    moves = moves[moves > 0]
    assert len(moves) == BATCH
    assert moves.max() <= 0.1 + 1e-6  # of the range from -1 to 1
    assert moves.min() >= 0.05


# Losses.


def softplus(values):
    return np.logaddexp(0, np.asarray(values, np.float64))


def test_the_loss_by_hand():
    game = play(tiny_attacked(optimizer=adam, r1_gamma=100.0), 2)  # the penalty is not reported
    images, labels = real_batch()
    fakes, fake_labels = game.attacker_turn(BATCH)
    real, fake = (game.discriminator(shown).numpy() for shown in (images, fakes))
    rows, labels = np.arange(BATCH), labels.numpy()
    wrong = [softplus(np.delete(real[row], labels[row])).mean() for row in rows]
    own, faked = real[rows, labels], fake[rows, fake_labels]
    game.reset_metrics()
    game.discriminator_turn(*real_batch(), fakes, fake_labels)
    expected = {
        "discriminator_loss": np.mean(softplus(-own) + softplus(faked) + wrong),
        "D(x)": np.mean(1 / (1 + np.exp(-own))),
        "D(fake)": np.mean(1 / (1 + np.exp(-faked))),
        "auc": np.mean(own[:, None] > faked),
        "attack_steps": 2.0,
    }
    results = {name: float(value) for name, value in game.results().items()}
    assert results == pytest.approx(expected, rel=1e-4)


def test_the_wrong_label_loss_is_the_mean_over_the_wrong_labels():
    logits = np.array([[9.0, -2.0, 1.0], [0.0, 50.0, 0.0]], np.float32)
    found = attacked_discriminator.wrong_label_loss(tf.constant(logits), tf.constant([0, 1]))
    expected = [(softplus(-2.0) + softplus(1.0)) / 2, np.log(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_r1_is_taken_every_fourth_turn_and_four_times_as_strong():
    gamma, learning_rate = 3.0, 0.1
    game = tiny_attacked()
    fakes = game.attacker_turn(BATCH)
    weights = game.discriminator.trainable_variables
    images, labels = real_batch()
    with tf.GradientTape() as tape:
        squared = losses.squared_gradient_norm(
            lambda shown: tf.reduce_sum(
                tf.one_hot(labels, NUM_CLASSES) * game.discriminator(shown), axis=1
            )[:, None],
            images,
        )
        mean = tf.reduce_mean(squared)
    gradients = [
        np.zeros(weight.shape) if gradient is None else gradient.numpy()
        for weight, gradient in zip(weights, tape.gradient(mean, weights), strict=True)
    ]
    assert max(np.abs(gradient).max() for gradient in gradients) > 1e-3
    weights_after = discriminator_turns(
        game, lambda: game.discriminator_turn(*real_batch(), *fakes)
    )
    plain = weights_after(0, r1_gamma=0.0)
    for iteration, due in ((0, 1), (1, 0), (3, 0), (8, 1)):
        penalised = weights_after(iteration, r1_gamma=gamma)
        for one, other, gradient in zip(plain, penalised, gradients, strict=True):
            expected = -due * learning_rate * 4 * gamma / 2 * gradient
            np.testing.assert_allclose(other - one, expected, rtol=1e-3, atol=1e-6)


def test_without_weight_the_penalty_is_left_out():
    game = tiny_attacked(r1_gamma=0.0)
    calls = spy(game)
    images, _ = real_batch()
    assert game.r1(game.discriminator, 4, game.discriminator, images) == 0.0
    assert calls == []


# The balance.


def test_the_area_is_the_area_under_the_roc_curve_averaged():
    game = tiny_attacked()
    rng = np.random.default_rng(0)
    real, fake = rng.normal(0.5, 1, 20).astype(np.float32), rng.normal(0, 1, 30).astype(np.float32)
    area = roc_auc_score([1] * 20 + [0] * 30, np.concatenate([real, fake]))
    game.balance(tf.constant(real), tf.constant(fake))
    assert float(game.area) == pytest.approx(0.95 * 0.5 + 0.05 * area, rel=1e-5)
    assert float(game.means["auc"].result()) == pytest.approx(area, rel=1e-5)
    game.balance(tf.constant(fake), tf.constant(real))
    expected = 0.95 * (0.95 * 0.5 + 0.05 * area) + 0.05 * (1 - area)
    assert float(game.area) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("area", "first_steps", "most", "grown"),
    [(0.95, 1, 9, [25, 50, 75]), (0.95, 2, 4, [25, 50]), (0.95, 3, 3, []), (0.5, 1, 9, [])],
)
def test_the_attacker_gets_a_step_more_while_it_loses(area, first_steps, most, grown):
    game = tiny_attacked(steps=most, first_steps=first_steps)
    real, fake = tf.constant([1.0, 1.0]), tf.constant([0.0, 0.0 if area > 0.8 else 2.0])
    seen, before = [], first_steps
    for played in (0, 1, 24, 25, 26, 49, 50, 51, 74, 75, 76, 79):
        game.discriminator.optimizer.iterations.assign(played)
        game.area.assign(area)  # the fakes' scores keep it on its side of 0.8
        game.balance(real, fake)
        now = int(game.attack_steps)
        assert now - before in (0, 1)
        seen += [played] * (now - before)
        before = now
    assert seen == grown
    assert int(game.attack_steps) == first_steps + len(grown) <= most


def test_a_step_more_moves_the_fakes_further(nothing_renewed):
    moves = []
    for steps in (1, 4):
        game = tiny_attacked(step_size=0.01)
        game.attack_steps.assign(steps)
        before = game.pool.numpy()
        game.attacker_turn(BATCH)
        moves.append(lengths(game.pool.numpy() - before, "l2").sum())
    assert 3 < moves[1] / moves[0] < 4.01
