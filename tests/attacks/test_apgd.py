"""AutoPGD: its schedule, its step halving, and the whole of it against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks import AutoProjectedGradientDescent
from attacks.apgd import checkpoints
from attacks.ball import Ball
from tests.support.targets import (
    PIXEL_AXES,
    SHAPE,
    digits_classifier,
    fooled_by,
    images_like,
    lengths,
    linear,
    named_right,
    planted,
    slope_like,
    unseen,
    wavy,
)

# The schedule.


def test_the_checkpoints_of_a_hundred_steps_are_the_authors():
    windows = checkpoints(100)
    assert windows.shape == (100,)
    at = np.flatnonzero(windows) + 1
    assert at.tolist() == [22, 41, 57, 70, 80, 87, 93, 99]
    assert windows[at - 1].tolist() == [22, 19, 16, 13, 10, 7, 6, 6]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(steps=st.integers(1, 1000))
def test_the_checkpoints_of_any_number_of_steps_are_the_authors(steps):
    window, smallest = max(int(0.22 * steps), 1), max(int(0.06 * steps), 1)
    shrinking, since, expected = max(int(0.03 * steps), 1), 0, np.zeros(steps, int)
    for step in range(steps):
        since += 1
        if since == window:
            expected[step], since = window, 0
            window = max(window - shrinking, smallest)
    np.testing.assert_array_equal(checkpoints(steps), expected)


# The moves and the halvings.


def column(values):
    return np.reshape(values, (-1, 1, 1, 1)).astype(np.float32)


def projected(norm, epsilon, images, sources):
    moved = images - sources
    if norm == "linf":
        moved = np.clip(moved, -epsilon, epsilon)
    else:
        moved = moved * column(np.minimum(1, epsilon / (lengths(moved, "l2") + 1e-12)))
    return np.clip(sources + moved, -1, 1)


def climb_by_numpy(norm, epsilon, steps, sources, start, objective):
    """AutoPGD by its paper, one run; `objective` gives (loss, gradient).

    Returns:
        the images; and how often each reason was met, of (rose too rarely, got no higher, neither)
        at a checkpoint.
    """
    met = np.zeros(3, int)
    loss, gradient = objective(start)
    images, earlier, top, top_gradient, top_loss = start, start, start, gradient, loss
    length, losses = np.full(len(sources), 2 * epsilon), [loss]
    halved_then, top_then, since = np.ones(len(sources), bool), loss, 0
    windows = checkpoints(steps)
    for step in range(steps):
        share = 0.75 if step else 1.0
        steepest = (
            np.sign(gradient) if norm == "linf" else gradient / column(lengths(gradient, norm))
        )
        ahead = projected(norm, epsilon, images + column(length) * steepest, sources)
        mixed = images + share * (ahead - images) + (1 - share) * (images - earlier)
        images, earlier = projected(norm, epsilon, mixed, sources).astype(np.float32), images
        loss, gradient = objective(images)
        losses.append(loss)
        higher = column(loss > top_loss) > 0
        top, top_gradient = np.where(higher, (images, gradient), (top, top_gradient))
        top_loss, since = np.maximum(loss, top_loss), since + 1
        if windows[step]:
            rises = np.sum(np.diff(losses[-since - 1 :], axis=0) > 0, axis=0)
            too_rarely = rises <= 0.75 * since
            no_higher = ~halved_then & (top_then >= top_loss)
            halved = too_rarely | no_higher
            met += [too_rarely.sum(), (no_higher & ~too_rarely).sum(), (~halved).sum()]
            length = np.where(halved, length / 2, length)
            back = column(halved) > 0
            images, gradient = np.where(back, (top, top_gradient), (images, gradient))
            halved_then, top_then, since = halved, top_loss, 0
    return top, met


@pytest.mark.parametrize(("norm", "steps"), [("linf", 30), ("l2", 30), ("l2", 60)])
def test_a_whole_run_is_the_authors_algorithm(norm, steps):
    images, slope = images_like(2, batch=6), slope_like(2)

    def objective(images):
        return (
            np.sum(slope * np.sin(3 * images), axis=PIXEL_AXES),
            3 * slope * np.cos(3 * images),
        )

    seed = tf.random.experimental.stateless_fold_in((8, 9), 0)
    start = Ball(0.4, norm).random_start(tf.constant(images), seed).numpy()
    expected, met = climb_by_numpy(norm, 0.8, steps, images, start, objective)
    attack = AutoProjectedGradientDescent(0.4, steps, norm)
    moved = attack(wavy(slope), images, seed=(8, 9))
    assert (met > 0).tolist() == [True, steps == 60, True]  # or this would show little
    np.testing.assert_allclose(objective(moved.numpy())[0], objective(expected)[0], rtol=1e-5)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-3)


# What is reached.


def test_on_a_linear_loss_linf_reaches_its_corner():
    images, slope = images_like(3), slope_like(3)
    moved = AutoProjectedGradientDescent(0.2, 5)(linear(slope), images)
    expected = np.clip(images + 0.4 * np.sign(slope), -1, 1)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e-30])
def test_on_a_linear_loss_l2_reaches_its_tip_however_small_the_gradient(scale):
    images, slope = images_like(4, low=-0.3, high=0.3), slope_like(4)
    moved = AutoProjectedGradientDescent(0.4, 30, "l2")(linear(scale * slope), images)
    gain = np.sum((moved - images) * slope, axis=PIXEL_AXES)
    np.testing.assert_allclose(gain, np.full(4, 0.8 * np.linalg.norm(slope)), rtol=1e-5)
    np.testing.assert_allclose(
        moved - images, 0 * images + 0.8 * slope / np.linalg.norm(slope), atol=2e-3
    )


def test_an_example_that_fools_is_kept_though_the_climb_goes_on():
    images = np.zeros((3, *SHAPE), np.float32)
    moved = AutoProjectedGradientDescent(0.5, 10)(planted(-0.5, 0.5), images)
    means = moved.numpy().mean(axis=PIXEL_AXES)
    assert (abs(means) < 0.5).all()
    free = AutoProjectedGradientDescent(0.5, 10)(planted(2.0, 3.0), images)
    np.testing.assert_allclose(free, images + 1.0, atol=1e-6)


def test_the_model_is_looked_at_once_a_step_and_at_the_start():
    looks = []

    def counted(images):
        looks.append(1)
        return tf.reduce_sum(images, axis=PIXEL_AXES)

    AutoProjectedGradientDescent(0.1, 5, restarts=2)(counted, images_like(0))
    assert len(looks) == 2 * 6


def test_more_restarts_never_raise_the_accuracy_and_apgd_is_no_weaker_than_its_start():
    classifier, (images, labels) = digits_classifier(), unseen(100)
    wrong = ~named_right(classifier, images, labels)

    def fooled(restarts, steps=10):
        attack = AutoProjectedGradientDescent(0.12, steps, restarts=restarts)
        return fooled_by(attack, classifier, images, labels)

    once, thrice = fooled(1), fooled(3)
    assert (once <= thrice).all()
    assert wrong.mean() + 0.2 < once.mean() <= thrice.mean() < 0.95


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"epsilon": None}, "epsilon None"),
        ({"epsilon": -0.1}, "epsilon -0.1"),
        ({"epsilon": float("nan")}, "epsilon nan"),
        ({"epsilon": 2.0}, "epsilon 2.0"),
        ({"norm": "l0"}, "norm 'l0'"),
        ({"bounds": (0.0, 0.0)}, "bounds"),
        ({"steps": 0}, "steps 0"),
        ({"restarts": 0}, "restarts 0"),
    ],
)
def test_a_value_out_of_range_is_refused_in_one_line(changed, named):
    with pytest.raises(ValueError, match=named) as refused:
        AutoProjectedGradientDescent(**{"epsilon": 0.1} | changed)
    assert "\n" not in str(refused.value)
