"""Every loss against NumPy, by hand, and against its derivative; the two gradient penalties."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr, softmax

from agents import discriminator
from games import gan as options
from models import losses
from models.losses import ADVERSARIAL_LOSSES

LN2 = 0.6931471805599453


def softplus(x):
    return np.logaddexp(0.0, x)


def sigmoid(x):
    return np.exp(-np.logaddexp(0.0, -x))


def step(x):
    return (x > 0).astype(np.float64)


def lead(ahead, behind):
    """By how much each is ahead of each, (behind, ahead), as float32 rounds it."""
    ahead, behind = (np.ravel(side).astype(np.float32) for side in (ahead, behind))
    return (ahead[None, :] - behind[:, None]).astype(np.float64)


def means(values, axis):
    """As a column."""
    return values.mean(axis=axis)[:, None]


# name -> the discriminator's loss and the generator's, of (real, fake) in float64.
FORMULAS = {
    "non_saturating": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: softplus(-f)),
    "minimax": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: -softplus(f)),
    "hinge": (lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f), lambda r, f: -f),
    "least_squares": (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda r, f: (f - 1) ** 2 / 2),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "relativistic": (lambda r, f: softplus(f - r), lambda r, f: softplus(r - f)),
    "relativistic_all": (
        lambda r, f: softplus(lead(f, r)).mean(axis=1),
        lambda r, f: softplus(lead(r, f)).mean(axis=1),
    ),
}
# name -> (d/dreal, d/dfake) of each side's loss.
DERIVATIVES = {
    "non_saturating": (
        lambda r, f: (-sigmoid(-r), sigmoid(f)),
        lambda r, f: (0 * r, -sigmoid(-f)),
    ),
    "minimax": (
        lambda r, f: (-sigmoid(-r), sigmoid(f)),
        lambda r, f: (0 * r, -sigmoid(f)),
    ),
    "hinge": (lambda r, f: (-step(1 - r), step(1 + f)), lambda r, f: (0 * r, 0 * f - 1)),
    "least_squares": (lambda r, f: (r - 1, f), lambda r, f: (0 * r, f - 1)),
    "wasserstein": (lambda r, f: (0 * r - 1, 0 * f + 1), lambda r, f: (0 * r, 0 * f - 1)),
    "relativistic": (
        lambda r, f: (-sigmoid(f - r), sigmoid(f - r)),
        lambda r, f: (sigmoid(r - f), -sigmoid(r - f)),
    ),
    "relativistic_all": (
        lambda r, f: (-means(sigmoid(lead(f, r)), 1), means(sigmoid(lead(f, r)), 0)),
        lambda r, f: (means(sigmoid(lead(r, f)), 0), -means(sigmoid(lead(r, f)), 1)),
    ),
}
SIDES = ("discriminator", "generator")
EVERY_LOSS = [(name, side) for name in ADVERSARIAL_LOSSES for side in SIDES]
LOGITS = st.one_of(
    st.floats(-30, 30, width=32),
    st.floats(-1e4, 1e4, width=32),
    st.sampled_from([0.0, 1.0, -1.0, 1e4, -1e4, 1e9, -1e9]),
)
PAIRS = st.lists(st.tuples(LOGITS, LOGITS), min_size=1, max_size=8)


def column(values, dtype=np.float32):
    return np.asarray(values, dtype)[:, None]


def loss_of(name, side, real, fake):
    """The loss of one side; only relativistic generators look at the real logits."""
    loss = getattr(ADVERSARIAL_LOSSES[name], side)
    real, fake = tf.convert_to_tensor(real), tf.convert_to_tensor(fake)
    both = side == "discriminator" or name in options.RELATIVISTIC
    return loss(real, fake) if both else loss(fake)


def gradients_of(name, side, real, fake):
    """d/dreal and d/dfake of the summed loss, each (batch, 1); zeros where it is not looked at."""
    real, fake = tf.constant(real), tf.constant(fake)
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        total = tf.reduce_sum(loss_of(name, side, real, fake))
    zero = tf.UnconnectedGradients.ZERO
    return [g.numpy() for g in tape.gradient(total, [real, fake], unconnected_gradients=zero)]


def test_the_table_offers_what_the_config_and_the_tests_know():
    assert set(ADVERSARIAL_LOSSES) == set(options.LOSSES) == set(FORMULAS) == set(DERIVATIVES)
    assert options.CONDITIONINGS == discriminator.CONDITIONINGS


@pytest.mark.parametrize(("name", "side"), EVERY_LOSS)
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(pairs=PAIRS)
def test_loss_is_its_formula_and_finite_at_huge_logits(name, side, pairs):
    real, fake = (column(values) for values in zip(*pairs, strict=True))
    value = loss_of(name, side, real, fake).numpy()
    r, f = real[:, 0].astype(np.float64), fake[:, 0].astype(np.float64)
    if name == "relativistic":  # float32 rounds the difference of the logits before the softplus
        r, f = (real - fake)[:, 0].astype(np.float64), 0 * f
    assert value.shape == (len(pairs),)
    assert value.dtype == np.float32
    assert np.isfinite(value).all()
    np.testing.assert_allclose(value, FORMULAS[name][SIDES.index(side)](r, f), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "side"), EVERY_LOSS)
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(pairs=PAIRS)
def test_gradient_is_its_closed_form_and_finite_at_huge_logits(name, side, pairs):
    real, fake = (column(values) for values in zip(*pairs, strict=True))
    by_real, by_fake = gradients_of(name, side, real, fake)
    r, f = real.astype(np.float64), fake.astype(np.float64)
    if name == "relativistic":
        r, f = (real - fake).astype(np.float64), 0 * f
    expected_real, expected_fake = DERIVATIVES[name][SIDES.index(side)](r, f)
    smooth = np.ones_like(real, bool)
    if name == "hinge":  # at its corners any slope between the two sides is right
        smooth = (real != 1) & (fake != -1)
    assert np.isfinite(by_real).all()
    assert np.isfinite(by_fake).all()
    np.testing.assert_allclose(by_real[smooth], expected_real[smooth], rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(by_fake[smooth], expected_fake[smooth], rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "side"), EVERY_LOSS)
def test_gradient_is_the_central_difference(name, side):
    """Of the summed loss, by one logit at a time."""
    rng = np.random.default_rng(0)
    real, fake = column(rng.normal(0, 3, 20), np.float64), column(rng.normal(0, 3, 20), np.float64)
    by_real, by_fake = gradients_of(name, side, real, fake)
    h, nobody = 1e-5, np.zeros_like(real)
    for place, moved in enumerate(h * np.eye(20)[:, :, None]):
        for exact, real_moves, fake_moves in ((by_real, moved, nobody), (by_fake, nobody, moved)):
            ahead = np.sum(loss_of(name, side, real + real_moves, fake + fake_moves))
            behind = np.sum(loss_of(name, side, real - real_moves, fake - fake_moves))
            difference = (ahead - behind) / (2 * h)
            np.testing.assert_allclose(exact[place, 0], difference, rtol=1e-6, atol=1e-8)


GOLDEN = [  # loss, side, real logits, fake logits, values worked out by hand
    # softplus(-2) + softplus(-1), softplus(0) + softplus(1), softplus(1) + softplus(2)
    (
        "non_saturating",
        "discriminator",
        [2, 0, -1],
        [-1, 1, 2],
        [0.4401897, 2.0064089, 3.4401897],
    ),
    ("non_saturating", "generator", [9, 9, 9], [2, 0, -2], [0.1269280, 0.6931472, 2.1269280]),
    ("minimax", "generator", [9, 9, 9], [2, 0, -2], [-2.1269280, -0.6931472, -0.1269280]),
    ("hinge", "discriminator", [0.5, 2, -1], [-0.25, -2, 3], [1.25, 0.0, 6.0]),
    ("hinge", "generator", [9, 9, 9], [2, 0, -3], [-2.0, 0.0, 3.0]),
    ("least_squares", "discriminator", [3, 1, 0], [2, 0, -1], [4.0, 0.0, 1.0]),
    ("least_squares", "generator", [9, 9, 9], [3, 1, 0], [2.0, 0.0, 0.5]),
    ("wasserstein", "discriminator", [3, 0, -2], [-1, 5, -2], [-4.0, 5.0, 0.0]),
    ("wasserstein", "generator", [9, 9, 9], [2, 0, -3], [-2.0, 0.0, 3.0]),
    ("relativistic", "discriminator", [2, 1, 5], [1, 2, 5], [0.3132617, 1.3132617, 0.6931472]),
    ("relativistic", "generator", [2, 1, 5], [1, 2, 5], [1.3132617, 0.3132617, 0.6931472]),
    # means of softplus(-1), softplus(0), softplus(3); of 0, 1, 4; of -4, -3, 0
    ("relativistic_all", "discriminator", [2, 1, 5], [1, 2, 5], [1.3516654, 2.0081863, 0.2532948]),
    ("relativistic_all", "generator", [2, 1, 5], [1, 2, 5], [2.0081863, 1.3516654, 0.2532948]),
]


@pytest.mark.parametrize(("name", "side", "real", "fake", "expected"), GOLDEN)
def test_golden_numbers(name, side, real, fake, expected):
    value = loss_of(name, side, column(real), column(fake))
    np.testing.assert_allclose(value, expected, rtol=0, atol=2e-6)


def test_an_undecided_discriminator_pays_two_bits_and_a_relativistic_one_one():
    undecided = np.zeros((3, 1), np.float32)
    alike = column([-4, 0, 7])
    logistic = losses.logistic_discriminator_loss(undecided, undecided)
    np.testing.assert_allclose(logistic, 2 * LN2, rtol=1e-6)
    np.testing.assert_allclose(losses.non_saturating_generator_loss(undecided), LN2, rtol=1e-6)
    np.testing.assert_allclose(losses.minimax_generator_loss(undecided), -LN2, rtol=1e-6)
    np.testing.assert_allclose(losses.relativistic_discriminator_loss(alike, alike), LN2, rtol=1e-6)
    np.testing.assert_allclose(losses.relativistic_generator_loss(alike, alike), LN2, rtol=1e-6)


@pytest.mark.parametrize("side", SIDES)
def test_all_pairs_are_the_mean_of_every_way_to_pair_a_batch(side):
    rng = np.random.default_rng(0)
    real, fake = column(rng.normal(0, 3, 7), np.float64), column(rng.normal(1, 3, 7), np.float64)
    paired = [loss_of("relativistic", side, real, np.roll(fake, n, axis=0)) for n in range(7)]
    every = loss_of("relativistic_all", side, real, fake)
    np.testing.assert_allclose(np.mean(every), np.mean(paired), rtol=1e-12)


@pytest.mark.parametrize("name", ["non_saturating", "minimax", "hinge", *options.RELATIVISTIC])
def test_a_discriminator_that_is_rightly_sure_pays_nothing(name):
    sure = loss_of(name, "discriminator", column([1e9, 1e4, 200]), column([-1e9, -1e4, -200]))
    np.testing.assert_array_equal(sure, 0.0)


def test_the_minimax_gradient_dies_as_the_discriminator_gets_sure_and_the_other_does_not():
    real, fake = np.zeros((4, 1), np.float32), column([0, -5, -20, -1e4])
    dying = gradients_of("minimax", "generator", real, fake)[1][:, 0]
    living = gradients_of("non_saturating", "generator", real, fake)[1][:, 0]
    np.testing.assert_allclose(dying, [-0.5, -0.006692851, -2.0611537e-9, 0], rtol=1e-5, atol=1e-30)
    np.testing.assert_allclose(living, [-0.5, -0.99330715, -1, -1], rtol=1e-6)


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 1, 3)])
@pytest.mark.parametrize(("name", "side"), EVERY_LOSS)
def test_logits_of_another_shape_are_refused(name, side, shape):
    good, bad = np.zeros((4, 1), np.float32), np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match=r"shape \(batch, 1\)"):
        loss_of(name, side, good, bad)
    if side == "discriminator" or name in options.RELATIVISTIC:
        with pytest.raises(ValueError, match=r"shape \(batch, 1\)"):
            loss_of(name, side, bad, good)


# The gradient penalties, on critics whose gradient is known.


def flat(images):
    return tf.reshape(images, (tf.shape(images)[0], -1))


def images_like(seed, batch=5):
    return tf.constant(np.random.default_rng(seed).normal(size=(batch, 4, 3, 2)), tf.float32)


@pytest.fixture
def slope():
    """The weights (24, 1) of a linear critic."""
    return tf.Variable(np.random.default_rng(1).normal(size=(24, 1)), dtype=tf.float32)


@pytest.fixture
def curvature():
    """The symmetric matrix A (24, 24) of the critic x.Ax / 2, whose gradient is Ax."""
    matrix = np.random.default_rng(2).normal(size=(24, 24))
    return tf.constant((matrix + matrix.T) / 2, tf.float32)


def quadratic(matrix):
    return lambda images: (
        tf.reduce_sum(flat(images) * (flat(images) @ matrix), axis=1, keepdims=True) * (1 / 2)
    )


def test_squared_gradient_norm_of_a_linear_critic_is_the_slope_squared(slope):
    value = losses.squared_gradient_norm(lambda images: flat(images) @ slope + 3.0, images_like(0))
    np.testing.assert_allclose(value, np.full(5, np.sum(slope.numpy() ** 2)), rtol=1e-5)


def test_squared_gradient_norm_of_a_quadratic_critic(curvature):
    images = images_like(0)
    value = losses.squared_gradient_norm(quadratic(curvature), images)
    expected = np.sum((flat(images).numpy() @ curvature.numpy()) ** 2, axis=1)
    assert value.shape == (5,)
    np.testing.assert_allclose(value, expected, rtol=1e-4)


def test_squared_gradient_norm_of_an_image_is_its_own(curvature):
    images = images_like(0).numpy()
    others = images_like(3).numpy()
    others[2] = images[2]
    alone = losses.squared_gradient_norm(quadratic(curvature), tf.constant(images))
    among = losses.squared_gradient_norm(quadratic(curvature), tf.constant(others))
    np.testing.assert_allclose(among[2], alone[2], rtol=1e-5)
    assert np.abs(among.numpy() - alone.numpy())[[0, 1, 3, 4]].min() > 1.0


def test_squared_gradient_norm_teaches_the_critic(slope):
    with tf.GradientTape() as tape:
        norm = losses.squared_gradient_norm(lambda images: flat(images) @ slope, images_like(0))
        loss = tf.reduce_mean(norm)
    np.testing.assert_allclose(tape.gradient(loss, slope), 2 * slope.numpy(), rtol=1e-5)


def test_wasserstein_penalty_of_a_linear_critic(slope):
    mixing = tf.constant(np.linspace(0, 1, 5).reshape(5, 1, 1, 1), tf.float32)
    value = losses.wasserstein_gradient_penalty(
        lambda images: flat(images) @ slope, images_like(0), images_like(4), mixing
    )
    expected = (np.linalg.norm(slope.numpy()) - 1) ** 2
    np.testing.assert_allclose(value, np.full(5, expected), rtol=1e-5)


def test_wasserstein_penalty_vanishes_at_slope_one_and_not_below(slope):
    def penalty(length):
        unit = slope / tf.norm(slope) * length
        return losses.wasserstein_gradient_penalty(
            lambda images: flat(images) @ unit, images_like(0), images_like(4), 0.5
        )

    np.testing.assert_allclose(penalty(1.0), np.zeros(5), atol=1e-6)
    np.testing.assert_allclose(penalty(0.5), np.full(5, 0.25), rtol=1e-5)
    np.testing.assert_allclose(penalty(3.0), np.full(5, 4.0), rtol=1e-5)


def test_wasserstein_penalty_is_taken_on_the_line_from_real_to_fake():
    real, fake = images_like(0), images_like(4)
    mixing = np.array([0, 0.25, 0.5, 0.75, 1], np.float32).reshape(5, 1, 1, 1)
    value = losses.wasserstein_gradient_penalty(quadratic(tf.eye(24)), real, fake, mixing)
    points = (1 - mixing) * real.numpy() + mixing * fake.numpy()  # the gradient of |x|^2/2 is x
    expected = (np.linalg.norm(points.reshape(5, -1), axis=1) - 1) ** 2
    np.testing.assert_allclose(value, expected, rtol=1e-4)


def test_wasserstein_penalty_and_its_gradient_are_finite_where_the_critic_is_flat():
    slope = tf.Variable(tf.zeros((24, 1)))
    with tf.GradientTape() as tape:
        value = losses.wasserstein_gradient_penalty(
            lambda images: flat(images) @ slope, images_like(0), images_like(4), 0.5
        )
        loss = keras.ops.mean(value)
    np.testing.assert_allclose(value, np.ones(5), rtol=1e-5)
    np.testing.assert_array_equal(tape.gradient(loss, slope), np.zeros((24, 1)))


def test_the_divergence_is_kullback_and_leibler_s():
    rng = np.random.default_rng(0)
    logits, changed = rng.normal(0, 3, (2, 6, 4)).astype(np.float32)
    expected = rel_entr(softmax(logits, axis=1), softmax(changed, axis=1)).sum(axis=1)
    np.testing.assert_allclose(losses.divergence(logits, changed), expected, rtol=1e-4)
    np.testing.assert_allclose(losses.divergence(logits, logits + 3.0), 0, atol=1e-5)
    sure = np.array([[1e4, 0, 0, 0]], np.float32)
    assert np.isfinite(losses.divergence(sure, -sure)).all()


def test_information_is_greatest_where_classes_are_even_and_images_are_sure():
    sure = 1e4 * tf.eye(3)
    assert float(losses.information(sure, 1.0)) == pytest.approx(np.log(3), rel=1e-5)
    assert float(losses.information(sure)) == pytest.approx(4 * np.log(3), rel=1e-5)
    assert float(losses.information(tf.zeros((6, 3)), 1.0)) == pytest.approx(0, abs=1e-6)
    lopsided = tf.gather(sure, [0, 0, 0, 1])
    shares = np.array([3, 1]) / 4
    entropy = -(shares * np.log(shares)).sum()
    assert float(losses.information(lopsided, 2.0)) == pytest.approx(2 * entropy, rel=1e-5)
