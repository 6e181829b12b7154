"""AutoPGD: its schedule, its step halving, and the whole of it against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks import AutoProjectedGradientDescent
from attacks.apgd import _Climb, _reconsider, checkpoints
from attacks.ball import Ball
from attacks.outcome import Outcome
from tests.support.targets import (
    EVERY_NORM,
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


# Halving the step.


def climb_of(**changed):
    """Where three images stand: below their top, with room to be told apart."""
    count = 3
    here, top, found = (tf.fill((count, *SHAPE), value) for value in (0.1, 0.5, 0.9))
    loss, highest = tf.fill(count, 1.0), tf.fill(count, 5.0)
    nobody = tf.zeros(count, tf.bool)
    standing = _Climb(
        images=here,
        earlier=-here,
        gradient=here + 1,
        loss=loss,
        highest=Outcome(top, highest, nobody),
        highest_gradient=top + 1,
        found=Outcome(found, highest, nobody),
        length=tf.constant([1.0, 2.0, 4.0])[:, None, None, None],
        rises=tf.fill(count, 10),
        highest_then=tf.fill(count, 3.0),
        halved_then=nobody,
    )
    return standing._replace(**changed)


def halvings(climb, window=10):
    """The factor (3,) by which a checkpoint changes each image's step."""
    return (_reconsider(climb, window).length / climb.length)[:, 0, 0, 0].numpy().tolist()


def test_who_climbed_often_enough_and_higher_goes_on():
    assert halvings(climb_of()) == [1, 1, 1]
    # More than three quarters of the steps: of 10 it takes 8, of 8 it takes 7.
    assert halvings(climb_of(rises=tf.constant([7, 8, 0]))) == [0.5, 1, 0.5]
    assert halvings(climb_of(rises=tf.constant([6, 7, 8])), window=8) == [0.5, 1, 1]


def test_who_got_no_higher_is_halved_unless_halved_the_last_time():
    stuck = tf.constant([3.0, 5.0, 7.0])  # the top is at 5
    assert halvings(climb_of(highest_then=stuck)) == [1, 0.5, 0.5]
    halved_then = tf.constant([True, True, False])
    assert halvings(climb_of(highest_then=stuck, halved_then=halved_then)) == [1, 1, 0.5]


def test_who_is_halved_goes_back_to_its_top_and_the_books_are_closed():
    climb = climb_of(rises=tf.constant([10, 0, 10]))
    after = _reconsider(climb, 10)
    pixel = (slice(None), 3, 4, 0)
    np.testing.assert_allclose(after.images[pixel], [0.1, 0.5, 0.1])
    np.testing.assert_allclose(after.gradient[pixel], [1.1, 1.5, 1.1])
    np.testing.assert_array_equal(after.earlier, climb.earlier)
    np.testing.assert_array_equal(after.rises, [0, 0, 0])
    np.testing.assert_array_equal(after.highest_then, climb.highest.loss)
    np.testing.assert_array_equal(after.halved_then, [False, True, False])
    np.testing.assert_array_equal(after.found.images, climb.found.images)


def test_an_image_whose_loss_never_rises_is_halved_at_the_first_checkpoint():
    first = climb_of(  # as a run begins
        rises=tf.constant([0, 22, 0]),
        halved_then=tf.ones(3, tf.bool),
        highest_then=tf.constant([5.0, 3.0, 3.0]),
    )
    assert halvings(first, window=22) == [0.5, 1, 0.5]


# The moves.


def test_two_moves_by_hand():
    attack = AutoProjectedGradientDescent(0.5)
    ball, sources = Ball(0.5), tf.zeros((3, *SHAPE))
    start, slope = 0.2 * images_like(0, batch=3), slope_like(0)
    length = tf.fill((3, 1, 1, 1), 0.1)
    climb = climb_of(images=tf.constant(start), earlier=tf.constant(start), length=length)
    climb = climb._replace(gradient=tf.constant(images_like(1, batch=3)))
    one = attack._move(linear(slope), ball, sources, climb, 1.0)
    first = start + 0.1 * np.sign(images_like(1, batch=3))
    np.testing.assert_allclose(one.images, first, rtol=0, atol=1e-6)
    two = attack._move(linear(slope), ball, sources, one, 0.75)
    second = first + 0.75 * 0.1 * np.sign(slope) + 0.25 * (first - start)
    np.testing.assert_allclose(two.images, second, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(two.earlier, one.images)
    np.testing.assert_allclose(two.gradient, np.broadcast_to(slope, start.shape), rtol=1e-6)
    rose = (np.sum(slope * (second - first), axis=PIXEL_AXES) > 0).astype(int)
    np.testing.assert_array_equal(two.rises - one.rises, rose)


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
    """AutoPGD by its paper, one run; `objective` gives (loss, gradient). (Images, step sizes)."""
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
            halved = (rises <= 0.75 * since) | (~halved_then & (top_then >= top_loss))
            length = np.where(halved, length / 2, length)
            back = column(halved) > 0
            images, gradient = np.where(back, (top, top_gradient), (images, gradient))
            halved_then, top_then, since = halved, top_loss, 0
    return top, length


@EVERY_NORM
def test_a_whole_run_is_the_authors_algorithm(norm):
    steps, images, slope = 30, images_like(2, batch=6), slope_like(2)

    def objective(images):
        return (
            np.sum(slope * np.sin(3 * images), axis=PIXEL_AXES),
            3 * slope * np.cos(3 * images),
        )

    seed = tf.random.experimental.stateless_fold_in((8, 9), 0)
    start = Ball(0.4, norm).random_start(tf.constant(images), seed).numpy()
    expected, length = climb_by_numpy(norm, 0.8, steps, images, start, objective)
    attack = AutoProjectedGradientDescent(0.4, steps, norm)
    moved = attack(wavy(slope), images, seed=(8, 9))
    assert length.max() < 1.6  # every image's step was halved, or this would show little
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

    def fooled(restarts, steps=20):
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
