"""The balls: projections are nearest points, steps climb fastest, random starts are uniform."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from attacks.ball import Ball
from attacks.norms import NORMS, l2_length
from tests.support.targets import EVERY_NORM, PIXEL_AXES, PIXELS, SHAPE, images_like, lengths

DRAWS = 400
modestly = settings(max_examples=25, deadline=None, derandomize=True, database=None)


def normal(seed, batch=4, scale=1.0):
    drawn = np.random.default_rng(seed).normal(size=(batch, *SHAPE))
    return (scale * drawn).astype(np.float32)


def inner(ones, others):
    """The inner product of each pair of images, in float64: (batch,)."""
    return np.sum(np.asarray(ones, np.float64) * np.asarray(others, np.float64), axis=PIXEL_AXES)


@EVERY_NORM
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e4, 1e18])
def test_length_is_the_norm_of_each_image(norm, scale):
    perturbation = normal(0, scale=scale)
    length = NORMS[norm].length(tf.constant(perturbation))
    assert length.shape == (4, 1, 1, 1)
    np.testing.assert_allclose(length[:, 0, 0, 0], lengths(perturbation, norm), rtol=1e-6)


def test_the_length_of_nothing_is_zero_and_no_nan():
    np.testing.assert_array_equal(l2_length(tf.zeros((2, *SHAPE))), np.zeros((2, 1, 1, 1)))


@EVERY_NORM
@modestly
@given(seed=st.integers(0, 99), scale=st.floats(0.01, 10), epsilon=st.floats(0.01, 10))
def test_the_projection_is_inside_and_is_nearest(norm, seed, scale, epsilon):
    rules = NORMS[norm]
    perturbation = normal(seed, scale=scale)
    projected = rules.project(tf.constant(perturbation), epsilon).numpy()
    assert (lengths(projected, norm) <= epsilon * (1 + 1e-6)).all()
    inside = lengths(perturbation, norm) <= epsilon
    np.testing.assert_allclose(projected[inside], perturbation[inside], rtol=1e-6)
    # Nearest, of a convex ball: no point of it lies further along the way that was cut off.
    cut_off = perturbation - projected
    for other in range(5):
        point = rules.project(tf.constant(normal(100 + other, scale=100)), epsilon)
        further = inner(cut_off, point.numpy() - projected)
        assert (further <= 1e-4 * lengths(cut_off, "l2") * epsilon + 1e-9).all()


@EVERY_NORM
def test_projecting_twice_is_projecting_once(norm):
    once = NORMS[norm].project(tf.constant(normal(1)), 0.7)
    np.testing.assert_allclose(NORMS[norm].project(once, 0.7), once, rtol=1e-6)


@EVERY_NORM
def test_an_empty_ball_and_a_zero_perturbation_leave_zero(norm):
    rules = NORMS[norm]
    np.testing.assert_array_equal(rules.project(tf.constant(normal(1)), 0.0), np.zeros((4, *SHAPE)))
    np.testing.assert_array_equal(rules.project(tf.zeros((1, *SHAPE)), 0.5), np.zeros((1, *SHAPE)))


@EVERY_NORM
@pytest.mark.parametrize("scale", [1e-30, 1e-10, 1.0, 1e18, 1e30])
def test_the_direction_has_norm_one_and_climbs_fastest(norm, scale):
    gradient = normal(2, scale=scale)
    direction = NORMS[norm].direction(tf.constant(gradient)).numpy()
    np.testing.assert_allclose(lengths(direction, norm), 1.0, rtol=1e-6)
    # By Hoelder the best step of norm 1 gains the dual norm of the gradient.
    rows = gradient.reshape(4, -1).astype(np.float64)
    dual = np.linalg.norm(rows, ord={"linf": 1, "l2": 2}[norm], axis=1)
    np.testing.assert_allclose(inner(direction, gradient), dual, rtol=1e-6)


@EVERY_NORM
def test_the_direction_is_zero_where_the_gradient_is(norm):
    gradient = normal(3)
    gradient[1] = 0
    direction = NORMS[norm].direction(tf.constant(gradient)).numpy()
    np.testing.assert_array_equal(direction[1], np.zeros(SHAPE))
    np.testing.assert_allclose(lengths(direction, norm), [1, 0, 1, 1], rtol=1e-6)


@EVERY_NORM
def test_directions_are_each_images_own(norm):
    gradient = normal(4)
    together = NORMS[norm].direction(tf.constant(gradient)).numpy()
    alone = NORMS[norm].direction(tf.constant(gradient[2:3])).numpy()
    np.testing.assert_array_equal(together[2:3], alone)


# Random starts against theory; the seeds are fixed, so a p-value below 0.01 is no bad luck.


def starts(norm, epsilon, seed=(5, 7)):
    """Perturbations (DRAWS, 64) of random starts in the middle of the box, in units of epsilon."""
    ball = Ball(epsilon, norm, bounds=(-100.0, 100.0))
    drawn = ball.random_start(tf.zeros((DRAWS, *SHAPE)), seed).numpy()
    return drawn.reshape(DRAWS, PIXELS) / (200 * epsilon)


def test_linf_starts_are_uniform():
    pixels = starts("linf", 0.05)
    assert abs(pixels).max() <= 1 + 1e-6
    assert abs(pixels.mean()) < 4 / np.sqrt(3 * pixels.size)
    assert pixels.var() == pytest.approx(1 / 3, rel=0.02)
    assert stats.kstest(pixels.ravel(), stats.uniform(-1, 2).cdf).pvalue > 0.01
    neighbours = np.corrcoef(pixels[:, :-1].ravel(), pixels[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(pixels.size)


def test_l2_starts_are_uniform():
    perturbation = starts("l2", 0.05)
    radius = np.linalg.norm(perturbation.astype(np.float64), axis=1)
    assert radius.max() <= 1 + 1e-6
    assert stats.kstest(radius**PIXELS, stats.uniform.cdf).pvalue > 0.01
    # A coordinate of a uniform direction is, moved to [0, 1], beta distributed.
    directions = perturbation / radius[:, None]
    beta = stats.beta((PIXELS - 1) / 2, (PIXELS - 1) / 2)
    for pixel in (0, 17, 63):
        assert stats.kstest((directions[:, pixel] + 1) / 2, beta.cdf).pvalue > 0.01
    assert np.linalg.norm(directions.mean(axis=0)) < 2 / np.sqrt(DRAWS)
    assert abs(np.corrcoef(radius, directions[:, 0])[0, 1]) < 4 / np.sqrt(DRAWS)


@EVERY_NORM
def test_starts_differ_by_seed_and_by_image_and_repeat(norm):
    first = starts(norm, 0.05)
    np.testing.assert_array_equal(first, starts(norm, 0.05))
    assert abs(first - starts(norm, 0.05, seed=(5, 8))).max(axis=1).min() > 0.01
    assert len(np.unique(first, axis=0)) == DRAWS


def test_without_an_epsilon_starts_are_uniform_in_the_box():
    drawn = Ball(None, bounds=(0.0, 255.0)).random_start(tf.zeros((DRAWS, *SHAPE)), (1, 2)).numpy()
    assert stats.kstest(drawn.ravel(), stats.uniform(0, 255).cdf).pvalue > 0.01


# The ball is cut by the box.

BOUNDS = st.sampled_from([(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0), (-0.5, 2.0)])


@EVERY_NORM
@modestly
@given(
    seed=st.integers(0, 99),
    epsilon=st.floats(0, 1),
    bounds=BOUNDS,
    scale=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_projected_images_and_starts_are_in_ball_and_box(norm, seed, epsilon, bounds, scale):
    ball = Ball(epsilon, norm, bounds)
    low, high = bounds
    width = high - low
    sources = np.clip(images_like(seed, 4, low - 0.2 * width, high + 0.2 * width), low, high)
    wild = sources + normal(seed, scale=3 * width)
    for images in (
        ball.project(tf.constant(wild), tf.constant(sources), scale).numpy(),
        ball.random_start(tf.constant(sources), (seed, 1), scale).numpy(),
    ):
        assert images.min() >= low
        assert images.max() <= high
        assert (lengths(images - sources, norm) <= width * (epsilon * scale + 1e-6)).all()


def test_without_an_epsilon_only_the_box_holds():
    ball = Ball(None, bounds=(0.0, 1.0))
    wild = normal(6, scale=2)
    projected = ball.project(tf.constant(wild), tf.constant(images_like(6, low=0.0)))
    np.testing.assert_array_equal(projected, np.clip(wild, 0, 1))


def test_epsilon_is_a_share_of_the_pixel_range():
    sources = tf.zeros((1, *SHAPE))
    moved = Ball(0.3).project(sources + 0.9, sources)
    np.testing.assert_allclose(moved, np.full((1, *SHAPE), 0.6), rtol=1e-6)
    bytes_moved = Ball(0.1, bounds=(-100.0, 155.0)).project(sources - 90, sources)
    np.testing.assert_allclose(bytes_moved, np.full((1, *SHAPE), -25.5), rtol=1e-6)
    euclidean = Ball(0.3, "l2").project(sources + 0.9, sources)
    np.testing.assert_allclose(lengths(euclidean, "l2"), [0.6], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((-0.1,), "epsilon -0.1"),
        ((float("nan"),), "epsilon nan"),
        ((float("inf"), "l2"), "epsilon inf"),
        ((1.01,), "epsilon 1.01"),
        ((0.1, "l1"), "norm 'l1' is none of linf, l2"),
        ((None, "linfinity"), "norm 'linfinity'"),
        ((0.1, "linf", (1.0, -1.0)), "bounds"),
        ((0.1, "linf", (1.0, 1.0)), "bounds"),
        ((0.1, "linf", (float("nan"), 1.0)), "bounds"),
        ((None, "l2", (0.0, float("nan"))), "bounds"),
        ((0.1, "linf", (0.0, float("inf"))), "bounds"),
        ((0.1, "linf", (float("-inf"), 0.0)), "bounds"),
    ],
)
def test_what_cannot_be_a_ball_is_refused_in_one_line(arguments, named):
    with pytest.raises(ValueError, match=named) as refused:
        Ball(*arguments)
    assert "\n" not in str(refused.value)


def test_an_l2_ball_may_be_larger_than_the_pixel_range():
    far = np.ones((1, *SHAPE), np.float32)
    reached = Ball(8.0, "l2").project(tf.constant(far), tf.constant(-far))
    np.testing.assert_array_equal(reached, far)  # of 64 pixels the diagonal is 8 ranges long
