"""The square attack: its schedule and squares, that it needs no gradient, how far it gets."""

import numpy as np
import pytest
import tensorflow as tf

from attacks import ProjectedGradientDescent, Square
from attacks.objectives import away_from
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


CHANNELS = 16  # so that no two of 2^16 colours meet by chance


def tries(attack, height, width, batch=16, seed=(0, 0)):
    """What an attack on a black image shows to a model that it never fools.

    Returns:
        float32 (1 + steps, batch, height, width, CHANNELS): first its stripes, of which then each
        step repaints a window.
    """
    shown = []

    def look(images):
        shown.append(images)
        return np.zeros(batch, np.float32)

    def indifferent(images):
        return tf.ensure_shape(tf.numpy_function(look, [images], tf.float32), (batch,))

    images = tf.zeros((batch, height, width, CHANNELS))
    tf.function(lambda: attack(indifferent, images, seed=seed), jit_compile=False)()
    return np.stack(shown)


def windows_of(attack, *size, **options):
    """bool (steps, batch, height, width): what each step repaints."""
    stripes, *painted = tries(attack, *size, **options)
    return (np.stack(painted) != stripes).any(axis=-1)


@pytest.mark.parametrize(("steps", "first"), [(400, 0.8), (200, 0.3), (100, 0.05)])
def test_the_sides_follow_the_papers_schedule(steps, first):
    windows = windows_of(Square(0.3, steps, first), 28, 28, batch=1)
    for step, window in enumerate(windows):
        side = round(np.sqrt(share_by_paper(step, steps, first) * 28 * 28))
        assert window.sum() == max(side, 1) ** 2, step


@pytest.mark.parametrize(
    ("size", "first", "step", "side"),
    [((8, 8), 1.0, 0, 7), ((8, 20), 1.0, 0, 7), ((8, 8), 0.8, 99, 1), ((1, 1), 0.8, 0, 1)],
)
def test_a_square_is_smaller_than_the_image_and_at_least_a_pixel(size, first, step, side):
    windows = windows_of(Square(0.3, 100, first), *size)
    np.testing.assert_array_equal(windows[step].sum(axis=(1, 2)), side * side)


@pytest.mark.parametrize("side", [1, 3, 7])
def test_a_window_is_one_square_of_any_place(side):
    height, width = 8, 9
    attack = Square(0.3, 1, side * side / (height * width))
    (windows,) = windows_of(attack, height, width, batch=3000, seed=(1, 2))
    np.testing.assert_array_equal(windows.sum(axis=(1, 2)), side * side)
    corners = {}
    for window in windows:
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
    stripes, painted = tries(Square(0.25, 1), 4, 5, batch=200)
    np.testing.assert_array_equal(stripes, stripes[:, :1] + 0 * stripes)  # a colour each column
    assert set(np.unique(stripes)) == {-0.5, 0.5}
    assert abs(stripes[:, 0].mean()) < 0.5 * 4 / np.sqrt(stripes[:, 0].size)
    assert len(np.unique(stripes[:, 0].reshape(1000, CHANNELS), axis=0)) > 950
    colours = []
    for before, after in zip(stripes, painted, strict=True):
        (colour,) = np.unique(after[(before != after).any(axis=-1)], axis=0)  # one an image
        colours.append(colour)
    assert set(np.unique(colours)) == {-0.5, 0.5}
    assert abs(np.mean(colours)) < 0.5 * 4 / np.sqrt(np.size(colours))
    assert len(np.unique(colours, axis=0)) > 190


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
