"""The square attack: its schedule and squares, that it needs no gradient, how far it gets."""

import numpy as np
import pytest
import tensorflow as tf

from attacks import ProjectedGradientDescent, Square
from attacks.objectives import away_from
from attacks.square import _signs, _windows
from tests.support.targets import (
    PIXEL_AXES,
    SHAPE,
    digits_classifier,
    fooled_by,
    images_like,
    linear,
    named_right,
    planted,
    slope_like,
    unseen,
)


def share_by_paper(step, steps, first=0.8):
    """The authors' `p_selection`: how much of the image a square covers, rescaled to 10,000."""
    spent = step * 10_000 // steps
    bounds = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000, 10_000)
    halvings = next(number for number, bound in enumerate(bounds) if spent <= bound)
    return first / (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)[halvings]


@pytest.mark.parametrize(("steps", "first"), [(10_000, 0.8), (5000, 0.8), (5000, 0.3), (100, 0.05)])
def test_the_sides_follow_the_papers_schedule(steps, first):
    attack, shape = Square(0.3, steps, first), (1, 28, 28, 1)
    turns = np.array([0, 10, 11, 50, 51, 200, 201, 500, 501, 1000, 1001, 2000, 2001, 4000, 4001])
    turns = np.append(turns, [6000, 6001, 8000, 8001, 9999]) * steps // 10_000
    for step in np.unique(np.concatenate([turns, turns + 1])):
        if step < steps:
            side = round(np.sqrt(share_by_paper(step, steps, first) * 28 * 28))
            assert attack._side(tf.constant(step, tf.int32), shape) == max(side, 1), step


def test_a_square_is_smaller_than_the_image_and_at_least_a_pixel():
    assert Square(0.3, 100, 1.0)._side(0, (1, 8, 8, 3)) == 7
    assert Square(0.3, 100, 1.0)._side(0, (1, 8, 20, 3)) == 7
    assert Square(0.3, 100, 0.8)._side(99, (1, 8, 8, 3)) == 1
    assert Square(0.3, 100, 0.8)._side(0, (1, 1, 1, 3)) == 1


@pytest.mark.parametrize("side", [1, 3, 7])
def test_a_window_is_one_square_of_any_place(side):
    height, width = 8, 9
    windows = _windows(tf.constant((3000, height, width, 3)), side, (1, 2)).numpy()
    assert windows.shape == (3000, height, width, 1)
    np.testing.assert_array_equal(windows.sum(axis=PIXEL_AXES), side * side)
    corners = {}
    for window in windows[..., 0]:
        rows, columns = np.nonzero(window)
        top, left = rows.min(), columns.min()
        assert (rows.max() - top, columns.max() - left) == (side - 1, side - 1)
        corners[top, left] = corners.get((top, left), 0) + 1
    places = (height - side + 1) * (width - side + 1)
    assert len(corners) == places
    expected = 3000 / places
    chi_square = sum((count - expected) ** 2 / expected for count in corners.values())
    assert chi_square < places + 5 * np.sqrt(2 * places)


def test_colours_are_either_edge_evenly():
    signs = _signs((200, 4, 5, 3), (2, 3), (1, 2)).numpy()
    assert signs.shape == (200, 1, 5, 3)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(signs.mean()) < 4 / np.sqrt(signs.size)
    per_image = _signs((200, 4, 5, 3), (3,), (1, 2))
    assert per_image.shape == (200, 1, 1, 3)
    assert len(np.unique(per_image.numpy().reshape(200, 3), axis=0)) == 8


def test_every_pixel_ends_at_the_edge_of_the_ball_or_the_box():
    images = images_like(0)
    moved = Square(0.1, 30)(linear(slope_like(0)), images).numpy()
    at_edge = np.isclose(abs(moved - images), 0.2, rtol=0, atol=1e-6)
    assert (at_edge | (abs(moved) == 1)).all()
    assert at_edge.mean() > 0.5


def test_on_a_linear_loss_it_nears_the_best_corner_and_never_passes_it():
    images, slope = images_like(1), slope_like(1)
    corner = np.clip(images + 0.4 * np.sign(slope), -1, 1)
    loss_fn = linear(slope)
    start, best = loss_fn(images).numpy(), loss_fn(corner).numpy()

    @tf.function
    def gain(steps):
        return loss_fn(Square(0.2, steps)(loss_fn, images))

    # The share of the way that is gained; more queries get further.
    few, many = ((gain(steps).numpy() - start) / (best - start) for steps in (20, 1000))
    assert (few < many).all()
    assert many.min() > 0.9
    assert many.max() <= 1 + 1e-6


def test_it_keeps_what_fools_and_not_what_is_only_higher():
    images = np.zeros((8, *SHAPE), np.float32)

    @tf.function
    def means(low, high):
        return tf.reduce_mean(Square(0.5, 60)(planted(low, high), images), axis=PIXEL_AXES)

    free, kept = means(2.0, 3.0).numpy(), means(0.1, 0.6).numpy()
    assert (free > 0.6).sum() >= 4  # on their way up they were in between
    assert (kept > 0.1).all()
    assert (kept < 0.6).all()


def test_the_model_is_asked_once_a_step_and_once_at_first():
    looks = []

    def counted(images):
        looks.append(1)
        return tf.reduce_sum(images, axis=PIXEL_AXES)

    Square(0.1, 7)(counted, images_like(0))
    assert len(looks) == 1 + 7


@tf.custom_gradient
def ungraded(images):
    """The images as they are, to who asks for no gradient."""

    def refuse(_):
        raise AssertionError("a gradient was asked for")

    return tf.identity(images), refuse


def test_no_gradient_is_asked_for():
    loss_fn = linear(slope_like(2))
    Square(0.1, 3)(lambda images: loss_fn(ungraded(images)), images_like(2))
    with pytest.raises(AssertionError, match="a gradient was asked for"):
        ProjectedGradientDescent(0.1, 0.1, 1)(
            lambda images: loss_fn(ungraded(images)), tf.constant(images_like(2))
        )


def test_a_model_that_hides_its_gradients_resists_pgd_and_not_the_square_attack():
    classifier, (images, labels) = digits_classifier(), unseen(100)

    def masked(images):
        return tf.stop_gradient(classifier(images))

    clean = named_right(classifier, images, labels).mean()
    pgd = ProjectedGradientDescent(0.2, 0.05, 10, random_start=False)
    np.testing.assert_array_equal(pgd(away_from(masked, labels), images), images)
    assert clean > 0.9
    assert fooled_by(Square(0.2, 300), masked, images, labels).mean() > 0.85


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"epsilon": None}, "epsilon None"),
        ({"epsilon": -0.1}, "epsilon -0.1"),
        ({"epsilon": float("nan")}, "epsilon nan"),
        ({"epsilon": 1.2}, "epsilon 1.2"),
        ({"bounds": (1.0, 0.0)}, "bounds"),
        ({"steps": 0}, "steps 0"),
        ({"first_share": 0.0}, "first_share 0"),
        ({"first_share": 1.1}, "first_share 1.1"),
        ({"first_share": float("nan")}, "first_share nan"),
    ],
)
def test_a_value_out_of_range_is_refused_in_one_line(changed, named):
    with pytest.raises(ValueError, match=named) as refused:
        Square(**{"epsilon": 0.1} | changed)
    assert "\n" not in str(refused.value)
