"""The attacker: its attack batch by batch, traced once, and what it refuses."""

import numpy as np
import pytest
import tensorflow as tf

from attacks import Attacker, ProjectedGradientDescent, fast_gradient_sign
from attacks.objectives import away_from, away_to, margin, towards
from tests.support.targets import EVERY_KIND, KINDS, SHAPE, images_like, logits_of


@EVERY_KIND
def test_an_attacker_is_its_attack_batch_by_batch(kind):
    classify, attack = logits_of(7, 3), KINDS[kind](0.1, 3)
    images, labels = images_like(7, batch=10), np.arange(10, dtype=np.int32) % 3
    moved = Attacker(attack, classify, batch_size=4)(images, labels, seed=5)
    assert moved.shape == images.shape
    assert moved.dtype == np.float32
    for start in (0, 4, 8):  # the last batch holds two
        batch = slice(start, start + 4)
        objective = away_from(classify, labels[batch])
        expected = attack(objective, images[batch], seed=(5, start))
        np.testing.assert_allclose(moved[batch], expected, rtol=0, atol=1e-5)


def test_the_aim_and_the_loss_are_the_callers():
    classify = logits_of(8, 4)
    images, labels = images_like(8, batch=6), np.arange(6, dtype=np.int32) % 4
    attack = ProjectedGradientDescent(0.1, 0.1, 2, random_start=False)
    moved = Attacker(attack, classify, aim=towards, loss=margin)(images, labels)
    expected = attack(towards(classify, labels, margin), images)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-6)
    assert (margin(labels, classify(moved)) < margin(labels, classify(images))).numpy().all()


def test_some_aims_take_targets_too():
    classify = logits_of(8, 5)
    images, labels = images_like(8, batch=6), np.arange(6, dtype=np.int32) % 5
    targets = (labels + 2) % 5
    attack = ProjectedGradientDescent(0.1, 0.1, 2, random_start=False)
    moved = Attacker(attack, classify, aim=away_to, batch_size=4)(images, labels, targets)
    expected = attack(away_to(classify, labels, targets), images)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-6)


def test_an_attacker_traces_its_attack_once():
    calls = []

    def classify(images):
        calls.append(images.shape)
        return logits_of(9, 3)(images)

    attacker = Attacker(ProjectedGradientDescent(0.1, 0.1, 3), classify)
    images, labels = images_like(9), np.zeros(4, int)
    attacker(images, labels)
    traced = len(calls)
    attacker(images, labels, seed=1)
    attacker(-images, labels + 1, seed=2)
    assert len(calls) - traced == 2  # a look each at whether these are logits


def test_no_images_are_no_trouble():
    attacker = Attacker(fast_gradient_sign(0.1), logits_of(0, 3))
    moved = attacker(np.zeros((0, *SHAPE)), np.zeros(0, int))
    assert moved.shape == (0, *SHAPE)
    assert moved.dtype == np.float32


IMAGES, LABELS = images_like(0), np.zeros(4, int)


def with_pixel(value):
    images = IMAGES.copy()
    images[2, 3, 4, 0] = value
    return images


@pytest.mark.parametrize(
    ("images", "labels", "named"),
    [
        (with_pixel(np.nan), LABELS, "images.*NaN"),
        (with_pixel(-np.inf), LABELS, "images.*infinite"),
        (with_pixel(1.01), LABELS, "images.*1.01.*within -1 and 1"),
        (with_pixel(-3.0), LABELS, "images.* from -3 .*within -1 and 1"),
        (IMAGES[0], LABELS, r"images.*\(8, 8, 1\)"),
        (IMAGES[..., 0], LABELS, r"images.*\(4, 8, 8\)"),
        (IMAGES, LABELS + 3, "label 3: the classes are 0 to 2"),
        (IMAGES, LABELS - 1, "label -1: the classes are 0 to 2"),
        (IMAGES, np.array([0, 5, -2, 1]), "label -2: the classes are 0 to 2"),
        (IMAGES, LABELS[:3], "labels"),
        (IMAGES, LABELS[:0], "labels"),
        (IMAGES, np.zeros(8, int), "labels"),
        (IMAGES, np.eye(4, 3, dtype=int), "labels"),
    ],
)
def test_bad_arrays_are_refused_in_one_line(images, labels, named):
    attacker = Attacker(fast_gradient_sign(0.1), logits_of(0, 3), batch_size=4)
    with pytest.raises(ValueError, match=named) as refused:
        attacker(images, labels)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("targets", [LABELS[:3], np.zeros(8, int), LABELS + 5, LABELS - 1])
def test_bad_targets_are_refused_in_one_line(targets):
    attacker = Attacker(fast_gradient_sign(0.1), logits_of(0, 5), aim=away_to, batch_size=4)
    with pytest.raises(ValueError, match="label|target") as refused:
        attacker(IMAGES, LABELS, targets)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float16, tf.bfloat16])
def test_probabilities_are_refused_in_one_line(dtype):
    def classify(images):
        return tf.nn.softmax(tf.cast(0.1 * logits_of(0, 10)(images), dtype))

    with pytest.raises(ValueError, match="probabilities.*logits") as refused:
        Attacker(fast_gradient_sign(0.1), classify)(images_like(0, batch=40), np.zeros(40, int))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("change", [tf.nn.relu, tf.nn.log_softmax, tf.nn.sigmoid])
def test_logits_that_only_look_like_probabilities_are_not_refused(change):
    moved = Attacker(fast_gradient_sign(0.1), lambda x: change(logits_of(0, 3)(x)))(IMAGES, LABELS)
    assert moved.shape == IMAGES.shape
