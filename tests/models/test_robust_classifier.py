"""Training under attack: who moves, where attacks stay, the losses, the ramp, files."""

import copy
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, rel_entr, softmax

from attacks import Attacker, ProjectedGradientDescent
from attacks.objectives import cross_entropy
from games import GAMES
from images import datasets
from models import build_game, robust_classifier
from models.adversarial_training import examining_attack, training_attack
from models.robust_classifier import RobustClassifier
from tests.support.games import (
    BATCH,
    adam,
    calls_of,
    moved,
    play,
    real_batch,
    seeds_drawn,
    spy,
    state,
    tiny_robust,
)

LOSSES = ("madry", "trades")
ALIKE = tf.ones(BATCH)  # the weight of each image


@pytest.mark.parametrize("loss", LOSSES)
def test_the_attacker_moves_nobody_and_the_classifier_only_itself(loss):
    game = tiny_robust(loss=loss, optimizer=adam)
    images, labels = real_batch()
    before = state(game)
    adversarial_images = game.attacker_turn(images, labels)
    assert moved(before, state(game)) == set()
    game.classifier_turn(images, adversarial_images, labels, ALIKE)
    assert moved(before, state(game)) == {"classifier", "classifier's optimizer"}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_round_moves_the_average_too(loss):
    game = tiny_robust(loss=loss, optimizer=adam)
    before = state(game)
    play(game, 1)
    assert moved(before, state(game)) == set(state(game))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("ramp_steps", "share"), [(0, 1.0), (4, 0.2)])
def test_attacked_images_stay_in_the_ball_that_the_ramp_allows(loss, ramp_steps, share):
    game = tiny_robust(loss=loss, ramp_steps=ramp_steps, epsilon=0.1)
    images, labels = real_batch()
    changes = np.abs(game.attacker_turn(images, labels) - images)
    radius = 2 * 0.1 * share  # on the networks' scale, from -1 to 1
    assert changes.max() <= radius + 1e-6
    assert changes.max() >= 0.99 * radius
    assert np.abs(images + changes).max() <= 1 + radius


def test_the_ramp_grows_to_one_and_stays_there():
    game = tiny_robust(ramp_steps=4)
    shares = []
    for played in (0, 1, 3, 4, 100):
        game.classifier.optimizer.iterations.assign(played)
        shares.append(float(game.ramp(game.classifier)))
    np.testing.assert_allclose(shares, [0.2, 0.4, 0.8, 1.0, 1.0], atol=1e-6)


def test_the_attack_makes_the_classifier_wrong_on_purpose():
    game = play(tiny_robust(epsilon=0.3, steps=4, optimizer=adam), 30)
    images, labels = real_batch()
    attacked = game.attacker_turn(images, labels)
    plain, worse = (
        float(tf.reduce_mean(cross_entropy(labels, game.classifier(shown))))
        for shown in (images, attacked)
    )
    assert worse > plain + 0.1


@pytest.mark.parametrize("beta", [0.0, 2.5])
def test_the_trades_loss_by_hand(beta):
    game = tiny_robust(loss="trades", trades_beta=beta)
    images, labels = real_batch()
    attacked = images * 0.9
    logits, attacked_logits = (game.classifier(batch).numpy() for batch in (images, attacked))
    named = -log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    kept = rel_entr(softmax(logits, axis=1), softmax(attacked_logits, axis=1)).sum(axis=1)
    game.classifier_turn(images, attacked, labels, ALIKE)
    expected = np.mean(named + beta * kept)
    np.testing.assert_allclose(game.means["classifier_loss"].result(), expected, rtol=1e-4)


def test_the_madry_loss_sees_attacked_images_only():
    game = tiny_robust()
    images, labels = real_batch()
    attacked = images * 0.9
    logits = game.classifier(attacked).numpy()
    expected = -log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean()
    calls = spy(game)
    game.classifier_turn(images, attacked, labels, ALIKE)
    np.testing.assert_allclose(game.means["classifier_loss"].result(), expected, rtol=1e-5)
    (call,) = calls_of(calls, "classifier")
    assert call.training
    np.testing.assert_array_equal(call.inputs[0], attacked)


def test_the_reported_accuracy_is_that_of_attacked_images():
    game = tiny_robust()
    images, labels = real_batch()
    attacked = images * 0.9
    expected = np.mean(game.classifier(attacked).numpy().argmax(axis=1) == labels)
    game.classifier_turn(images, attacked, labels, ALIKE)
    assert float(game.means["attacked_accuracy"].result()) == pytest.approx(expected)


def test_validation_judges_the_average_under_attack_and_moves_nobody():
    game = play(tiny_robust(optimizer=adam), 5)
    before, calls, (images, labels) = state(game), spy(game), real_batch()
    logs = game.test_step((images, labels))
    assert moved(before, state(game)) == set()
    assert calls_of(calls, "classifier") == []
    *_, plain, attacked = calls_of(calls, "average_classifier")
    np.testing.assert_array_equal(plain.inputs[0], images)
    changes = np.abs(attacked.inputs[0] - images)
    assert 0.19 < changes.max() <= 0.2 + 1e-6
    for call, name in ((plain, "accuracy"), (attacked, "robust_accuracy")):
        expected = np.mean(call.outputs[0].argmax(axis=1) == labels)
        assert float(logs[name]) == pytest.approx(expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_no_seed_is_drawn_twice(loss):
    seeds = seeds_drawn(tiny_robust(loss=loss), 5)
    assert len(seeds) == len(set(seeds)) == 10


def test_the_config_goes_round():
    rules = {"trades_beta": 3.0, "ramp_steps": 7, "translation": 1, "ema_decay": 0.9, "seed": 4}
    game = tiny_robust(loss="trades", **rules)
    original = json.loads(json.dumps(game.get_config()))
    again = RobustClassifier.from_config(copy.deepcopy(original))  # Keras empties its argument
    assert again.attack == game.attack
    assert json.loads(json.dumps(again.get_config())) == original


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loaded_game_goes_on_as_if_it_had_never_stopped(tmp_path, loss):
    game = play(tiny_robust(loss=loss, optimizer=adam, ramp_steps=3, translation=1, seed=2), 2)
    game.save(tmp_path / "game.keras")
    loaded = keras.saving.load_model(tmp_path / "game.keras")
    assert loaded.step == 2
    assert moved(state(play(game, 2)), state(play(loaded, 2))) == set()


@pytest.mark.parametrize(
    ("options", "steps", "step_size"),
    [
        ({"loss": "madry", "attack_steps": 10, "epsilon": 0.2}, 10, 0.05),
        ({"loss": "trades", "attack_steps": 4, "step_size": 0.1, "epsilon": 0.2}, 4, 0.1),
        ({"loss": "fast", "attack_steps": 10, "epsilon": 0.2}, 1, 0.25),
        ({"epsilon": 0.0}, 7, 1e-6),
    ],
)
def test_the_attack_that_a_config_describes(options, steps, step_size):
    attack = training_attack(GAMES["robust"].options(game="robust", **options))
    assert isinstance(attack, ProjectedGradientDescent)
    assert (attack.steps, attack.step_size) == (steps, pytest.approx(step_size))
    assert attack.random_start


def test_what_learns_from_single_steps_is_examined_under_many():
    options = GAMES["robust"].options(game="robust", loss="fast", epsilon=0.2, step_size=0.21)
    attack = examining_attack(options)
    assert (attack.steps, attack.step_size) == (7, pytest.approx(2.5 * 0.2 / 7))
    usual = GAMES["robust"].options(game="robust", epsilon=0.2, step_size=0.1)
    assert examining_attack(usual) == training_attack(usual)


@pytest.mark.parametrize("mirror", [True, False])
def test_a_lesson_may_be_mirrored(mirror):
    game = tiny_robust(mirror=mirror)
    images, labels = real_batch()
    shown, kept, _ = game.lesson(images, labels)
    np.testing.assert_array_equal(kept, labels)
    turned = [not np.array_equal(x, y) for x, y in zip(shown, images, strict=True)]
    for is_turned, one, other in zip(turned, shown.numpy(), images, strict=True):
        np.testing.assert_array_equal(one, other[:, ::-1] if is_turned else other)
    assert 0 < sum(turned) < len(turned) if mirror else not any(turned)


@pytest.mark.parametrize(("minutes", "last"), [(None, 1e-5), (3.0, 1e-3)])
def test_the_learning_rate_falls_where_the_end_is_known(minutes, last):
    options = GAMES["robust"].options(game="robust", steps=50, minutes=minutes)
    rate = robust_classifier.learning_rate(options)
    np.testing.assert_allclose([rate(0), rate(50)], [1e-3, last], rtol=1e-4)


@pytest.mark.slow
def test_training_under_attack_withstands_more_than_plain_training():
    """The same classifier and as many steps on real digits: 15 points or more within 0.15."""
    dataset = datasets.load("digits")
    accuracies = {}
    for epsilon in (0.0, 0.15):
        rules = {"epsilon": epsilon, "steps": 400, "ramp_steps": 100, "contrast": 0.0}
        options = GAMES["robust"].from_preset("quick", "small", dataset="digits", **rules)
        game = build_game(options, dataset)
        batches = datasets.batches(dataset.train, options.batch_size, seed=0)
        game.fit(batches, steps_per_epoch=400, shuffle=False, verbose=0)
        classify = game.average_classifier
        attack = ProjectedGradientDescent(0.15, 0.03, 10)
        images, labels = datasets.normalize(dataset.test.images), dataset.test.labels
        found = Attacker(attack, classify)(images, labels)
        accuracies[epsilon] = [
            np.mean(classify(tf.constant(shown)).numpy().argmax(axis=1) == labels)
            for shown in (images, found)
        ]
    assert accuracies[0.15][1] > accuracies[0.0][1] + 0.15
    assert min(accuracies[0.15][0], accuracies[0.0][0]) > 0.9
