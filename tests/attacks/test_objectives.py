"""What attacks climb, against NumPy and by hand; gradients; which outcome is the better one."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks import objectives
from attacks.outcome import Outcome, better, judge, judge_with_gradient, select
from tests.support.targets import (
    PIXELS,
    SHAPE,
    flat,
    images_like,
    linear,
    logits_of,
    slope_like,
    wavy,
)

LOSSES = {
    "cross_entropy": objectives.cross_entropy,
    "margin": objectives.margin,
}


def cross_entropy_by_numpy(label, logits):
    return np.logaddexp.reduce(logits) - logits[label]


def margin_by_numpy(label, logits):
    return np.delete(logits, label).max() - logits[label]


FORMULAS = {
    "cross_entropy": cross_entropy_by_numpy,
    "margin": margin_by_numpy,
}


def some_logits(seed, batch=50, num_classes=5, scale=3.0):
    """Labels (batch,) and logits (batch, num_classes)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, batch).astype(np.int32)
    return labels, rng.normal(0, scale, (batch, num_classes)).astype(np.float32)


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 999), num_classes=st.integers(3, 10), scale=st.floats(0.1, 100))
def test_loss_is_its_formula(name, seed, num_classes, scale):
    labels, logits = some_logits(seed, 20, num_classes, scale)
    value = LOSSES[name](labels, tf.constant(logits))
    rows = zip(labels, logits.astype(np.float64), strict=True)
    expected = [FORMULAS[name](label, row) for label, row in rows]
    assert value.shape == (20,)
    assert value.dtype == tf.float32
    np.testing.assert_allclose(value, expected, rtol=2e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("num_classes", [4, 7])
def test_targeted_logits_ratio_is_its_formula(num_classes):
    labels, logits = some_logits(1, 50, num_classes)
    targets = ((labels + 1 + np.arange(50) % (num_classes - 1)) % num_classes).astype(np.int32)
    value = objectives.targeted_logits_ratio(labels, targets, tf.constant(logits))
    rows = np.arange(50)
    ordered = np.sort(logits.astype(np.float64), axis=1)
    spread = ordered[:, -1] - 0.5 * (ordered[:, -3] + ordered[:, -4])
    expected = -(logits[rows, labels] - logits[rows, targets]) / spread
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "label", "logits", "expected"),
    [
        ("cross_entropy", 0, [0, 0, 0, 0], 1.3862944),  # ln 4
        ("cross_entropy", 1, [3, 1, 0], 2.1698460),  # ln(e^2 + 1 + e^-1)
        ("margin", 0, [3, 1, 2], -1),
        ("margin", 1, [3, 1, 2], 2),
    ],
)
def test_golden_numbers(name, label, logits, expected):
    value = LOSSES[name](tf.constant([label]), tf.constant([logits], tf.float32))
    np.testing.assert_allclose(value, [expected], rtol=1e-6)


def test_the_targeted_golden_number():
    # (z_t - z_y) / (z_1 - (z_3 + z_4) / 2) = (2 - 5) / (5 - (1 + 0) / 2)
    logits = tf.constant([[5.0, 2.0, 1.0, 0.0, -9.0]])
    value = objectives.targeted_logits_ratio([0], [1], logits)
    np.testing.assert_allclose(value, [-3 / 4.5], rtol=1e-6)


def test_the_targeted_ratio_does_not_see_scale_or_shift_and_cross_entropy_does():
    labels, logits = some_logits(2)
    targets = (labels + 1) % 5

    def ratios(logits):
        logits = tf.constant(logits, tf.float32)
        return objectives.targeted_logits_ratio(labels, targets, logits)

    for changed in (1000 * logits, 0.01 * logits, logits + 7):
        np.testing.assert_allclose(ratios(changed), ratios(logits), rtol=1e-3, atol=1e-5)
    cross_entropy = objectives.cross_entropy(labels, tf.constant(logits)).numpy()
    scaled = objectives.cross_entropy(labels, tf.constant(3 * logits)).numpy()
    assert abs(scaled - cross_entropy).min() > 1e-4


def test_the_margin_is_above_zero_exactly_where_misclassified():
    labels, logits = some_logits(3, batch=200)
    wrong = np.argmax(logits, axis=1) != labels
    assert 20 < wrong.sum() < 180
    found = objectives.margin(labels, tf.constant(logits)).numpy() > 0
    np.testing.assert_array_equal(found, wrong)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [1e9, -1e9, 1e30, 0.0])
def test_losses_and_gradients_are_finite_at_huge_and_at_equal_logits(name, size):
    logits = tf.constant([[size, 0.0, 1.0, 2.0], [0.0, size, 0.0, size], [size] * 4])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = LOSSES[name](tf.constant([0, 0, 0]), logits)
    assert np.isfinite(value).all()
    assert np.isfinite(tape.gradient(value, logits)).all()


def test_an_infinitely_sure_classifier_has_the_margin_it_says():
    logits = tf.constant([[np.inf, 0.0, 1.0], [-np.inf, 0.0, 1.0]])
    np.testing.assert_array_equal(objectives.margin([0, 0], logits), [-np.inf, np.inf])


# Gradients, and the aims.


def test_the_gradient_of_cross_entropy_is_its_closed_form():
    classify = logits_of(0, 5)
    images = tf.constant(images_like(0, batch=6))
    labels = np.arange(6, dtype=np.int32) % 5
    outcome, gradient = judge_with_gradient(objectives.away_from(classify, labels), images)
    weights = classify(tf.reshape(tf.eye(PIXELS), (PIXELS, *SHAPE))).numpy().astype(np.float64)
    logits = images.numpy().reshape(6, PIXELS).astype(np.float64) @ weights
    shares = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    expected = (shares - np.eye(5)[labels]) @ weights.T  # of the sum: each image's own
    np.testing.assert_allclose(gradient.numpy().reshape(6, PIXELS), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(outcome.images, images)


def test_the_gradient_is_the_central_difference():
    loss_fn = wavy(slope_like(1), frequency=1.0)
    images = images_like(1, batch=3)
    _, gradient = judge_with_gradient(loss_fn, tf.constant(images))
    h = 0.03125  # a power of two: the moved pixels are exact enough in float32
    for pixel in ((0, 0, 0), (3, 5, 0), (7, 7, 0)):
        moved = np.zeros(SHAPE, np.float32)
        moved[pixel] = h
        difference = (loss_fn(images + moved) - loss_fn(images - moved)).numpy() / (2 * h)
        np.testing.assert_allclose(gradient.numpy()[:, *pixel], difference, rtol=1e-2, atol=1e-3)


def test_the_losses_are_summed_so_the_gradient_is_the_same_in_any_batch():
    loss_fn = wavy(slope_like(1))
    images = tf.constant(images_like(2, batch=8))
    together = judge_with_gradient(loss_fn, images)[1]
    alone = judge_with_gradient(loss_fn, images[5:6])[1]
    np.testing.assert_allclose(together[5:6], alone, rtol=1e-6, atol=1e-7)


def test_a_loss_that_does_not_see_the_image_has_gradient_zero():
    outcome, gradient = judge_with_gradient(flat, tf.constant(images_like(0)))
    np.testing.assert_array_equal(gradient, np.zeros((4, *SHAPE)))
    np.testing.assert_array_equal(outcome.fooled, [False] * 4)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_towards_is_away_from_with_the_sign_turned(loss):
    classify, images = logits_of(1, 5), tf.constant(images_like(3))
    labels = np.array([0, 1, 2, 3], np.int32)
    away, uphill = judge_with_gradient(objectives.away_from(classify, labels, loss), images)
    near, downhill = judge_with_gradient(objectives.towards(classify, labels, loss), images)
    np.testing.assert_array_equal(near.loss, -away.loss)
    np.testing.assert_array_equal(downhill, -uphill)
    np.testing.assert_array_equal(near.fooled, ~away.fooled)


def test_fooled_is_another_class_or_the_target():
    logits = tf.constant([[3.0, 1.0, 2.0, 0.0]] * 3)
    away = objectives.away_from(lambda _: logits, tf.constant([0, 1, 2]))
    near = objectives.towards(lambda _: logits, tf.constant([0, 1, 2]))
    to_class = objectives.away_to(lambda _: logits, tf.constant([0, 1, 2]), tf.constant([1, 0, 1]))
    np.testing.assert_array_equal(away(None)[1], [False, True, True])
    np.testing.assert_array_equal(near(None)[1], [True, False, False])
    np.testing.assert_array_equal(to_class(None)[1], [False, True, True])
    np.testing.assert_allclose(to_class(None)[0], [-2 / 2.5, 2 / 2.5, -1 / 2.5], rtol=1e-6)


def test_the_aims_judge_low_precision_logits_in_float32():
    logits = tf.constant([[3.0, 1.0, 2.0]], tf.bfloat16)
    loss, _ = objectives.away_from(lambda _: logits, tf.constant([1]))(None)
    assert loss.dtype == tf.float32
    np.testing.assert_allclose(loss, [cross_entropy_by_numpy(1, np.array([3.0, 1, 2]))], rtol=1e-6)


# Which outcome is kept.


@pytest.mark.parametrize(
    ("new", "old", "wins"),
    [  # (fooled, loss)
        ((True, 0.0), (False, 9.0), True),
        ((False, 9.0), (True, 0.0), False),
        ((True, 2.0), (True, 1.0), True),
        ((True, 1.0), (True, 2.0), False),
        ((False, 2.0), (False, 1.0), True),
        ((False, 1.0), (False, 2.0), False),
        ((True, 1.0), (True, 1.0), False),
        ((False, float("nan")), (False, -5.0), False),
        ((False, -1e30), (False, -float("inf")), True),
    ],
)
def test_one_that_fools_beats_one_that_does_not_then_the_higher_loss(new, old, wins):
    def outcome(value, fooled, loss):
        return Outcome(tf.fill((1, *SHAPE), value), tf.constant([loss]), tf.constant([fooled]))

    kept = better(outcome(1.0, *new), outcome(0.0, *old))
    assert kept.images.numpy().ravel()[0] == float(wins)
    assert kept.fooled[0] == (new if wins else old)[0]
    np.testing.assert_array_equal(kept.loss, np.float32([(new if wins else old)[1]]))


def test_each_image_keeps_its_own():
    these, those = (tf.ones((2, 3)), tf.ones(2)), (tf.zeros((2, 3)), tf.zeros(2))
    matrix, vector = select(tf.constant([True, False]), these, those)
    np.testing.assert_array_equal(matrix, [[1, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(vector, [1, 0])


def test_anything_is_better_than_nothing():
    images = tf.constant(images_like(4))
    nothing = Outcome.nothing(tf.zeros_like(images))
    np.testing.assert_array_equal(better(judge(linear(-1e30), images), nothing).images, images)
