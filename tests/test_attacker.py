"""The attacker, and what every attack promises: its ball, its seed, a model left as it was."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from attacks import (
    Attacker,
    AutoProjectedGradientDescent,
    ProjectedGradientDescent,
    Square,
    fast_gradient_sign,
)
from attacks.objectives import away_from, margin, towards
from tests.targets import (
    KINDS,
    SHAPE,
    flat,
    images_like,
    lengths,
    linear,
    logits_of,
    slope_like,
    wavy,
)

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
NORM_OF = {kind: "l2" if kind.endswith("l2") else "linf" for kind in KINDS}


# What every attack promises.


@st.composite
def any_attack(draw):
    """An attack of any kind with any options that may be had together."""
    epsilon, norm = draw(st.floats(0, 1)), draw(st.sampled_from(["linf", "l2"]))
    bounds = draw(st.sampled_from([(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)]))
    steps = draw(st.integers(1, 5))
    kind = draw(st.sampled_from(["pgd", "pgd", "apgd", "square"]))
    if kind == "square":
        return Square(epsilon, steps, bounds=bounds)
    if kind == "apgd":
        return AutoProjectedGradientDescent(epsilon, steps, norm, bounds=bounds)
    random_start, keep_best = draw(st.booleans()), draw(st.booleans())
    return ProjectedGradientDescent(
        epsilon=draw(st.sampled_from([epsilon, epsilon, None])),
        step_size=max(epsilon * draw(st.floats(1, 3)) / steps, 1e-3),
        steps=steps,
        norm=norm,
        random_start=random_start,
        restarts=draw(st.integers(1, 2)) if random_start and keep_best else 1,
        momentum=draw(st.sampled_from([0.0, 0.5, 0.9])),
        keep_best=keep_best,
        bounds=bounds,
    )


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(attack=any_attack(), seed=st.integers(0, 99))
def test_results_are_in_the_ball_and_in_the_box(attack, seed):
    low, high = attack.bounds
    width = high - low
    images = np.clip(images_like(seed, 3, low - 0.2 * width, high + 0.2 * width), low, high)
    moved = attack(wavy(slope_like(seed), 5 / width), images, seed=(seed, 0)).numpy()
    assert moved.dtype == np.float32
    assert moved.min() >= low
    assert moved.max() <= high
    if attack.epsilon is not None:
        norm = getattr(attack, "norm", "linf")
        assert (lengths(moved - images, norm) <= width * (attack.epsilon + 1e-6)).all()


@EVERY_KIND
def test_an_empty_ball_returns_the_images_exactly(kind):
    images = images_like(0)
    moved = KINDS[kind](0.0, 3)(wavy(slope_like(0)), images)
    np.testing.assert_array_equal(moved, images)
    np.testing.assert_array_equal(fast_gradient_sign(0.0)(wavy(slope_like(0)), images), images)


@EVERY_KIND
@pytest.mark.parametrize("loss_fn", [flat, linear(0.0)], ids=["unconnected", "zero"])
def test_without_a_gradient_there_is_no_nan(kind, loss_fn):
    images = images_like(1)
    moved = KINDS[kind](0.1, 4)(loss_fn, images).numpy()
    assert np.isfinite(moved).all()
    assert (lengths(moved - images, NORM_OF[kind]) <= 0.2 + 2e-6).all()
    stays = ProjectedGradientDescent(0.1, 0.1, 2, NORM_OF[kind], random_start=False, momentum=0.5)
    np.testing.assert_array_equal(stays(loss_fn, images), images)


@EVERY_KIND
def test_a_gradient_that_is_nan_at_a_pixel_gives_no_nan_image(kind):
    def classify(images):  # the root's slope at zero is infinite, times the ramp's zero: NaN
        root = tf.sqrt(tf.nn.relu(images[:, 0, 0]))
        return logits_of(0, 3)(images) + root

    images = images_like(2)
    images[:, 0, 0] = -0.5
    labels = np.argmax(classify(images), axis=1).astype(np.int32)
    moved = KINDS[kind](0.01, 3)(away_from(classify, labels), images)
    assert np.isfinite(moved).all()


@EVERY_KIND
def test_the_seed_decides(kind):
    images, loss_fn = images_like(3), wavy(slope_like(3))
    first, again, other = (
        KINDS[kind](0.2, 4)(loss_fn, images, seed=seed).numpy() for seed in ((1, 2), (1, 2), (1, 3))
    )
    np.testing.assert_array_equal(first, again)
    assert (lengths(first - other, "l2") > 1e-3).all()


@EVERY_KIND
def test_an_image_does_not_see_its_neighbours(kind):
    images, loss_fn = images_like(4), wavy(slope_like(4))
    others = images_like(5)
    others[2] = images[2]
    first, second = (
        KINDS[kind](0.2, 12)(loss_fn, batch, seed=(1, 2)).numpy() for batch in (images, others)
    )
    np.testing.assert_allclose(first[2], second[2], rtol=0, atol=1e-6)
    assert lengths(first - second, "l2")[[0, 1, 3]].min() > 0.1


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_without_a_random_start_an_image_fares_the_same_at_any_place(norm):
    images, loss_fn = images_like(6, batch=7), wavy(slope_like(6))
    attack = ProjectedGradientDescent(0.2, 0.05, 6, norm, random_start=False, momentum=0.5)
    together = attack(loss_fn, images).numpy()
    np.testing.assert_allclose(attack(loss_fn, images[::-1])[::-1], together, rtol=0, atol=1e-6)
    np.testing.assert_allclose(attack(loss_fn, images[3:4])[0], together[3], rtol=0, atol=1e-6)


class Spy(layers.Layer):
    """Passes images on and writes down in which mode it was called."""

    def __init__(self):
        super().__init__()
        self.modes = []

    def call(self, images, training=None):
        self.modes.append(training)
        return images


@pytest.fixture
def model_with_modes():
    """A model that acts otherwise while it learns, after a step of learning; and its spy."""
    keras.utils.set_random_seed(0)
    spy, inputs = Spy(), keras.Input(SHAPE)
    hidden = layers.Dense(8)(layers.Flatten()(spy(inputs)))
    hidden = layers.Dropout(0.5)(layers.BatchNormalization()(hidden))
    model = keras.Model(inputs, layers.Dense(3)(hidden))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.1), loss, jit_compile=False)
    model.fit(images_like(0, batch=8), np.arange(8) % 3, verbose=0)
    assert True in spy.modes
    spy.modes.clear()
    return model, spy


@EVERY_KIND
def test_a_model_is_left_as_it_was_and_never_told_to_learn(kind, model_with_modes):
    model, spy = model_with_modes
    before = [np.array(variable) for variable in model.variables + model.optimizer.variables]
    images, labels = images_like(1), np.array([0, 1, 2, 0])
    first = Attacker(KINDS[kind](0.1, 2), model)(images, labels)
    second = Attacker(KINDS[kind](0.1, 2), model)(images, labels)
    after = [np.array(variable) for variable in model.variables + model.optimizer.variables]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert spy.modes
    assert not any(spy.modes)
    np.testing.assert_array_equal(first, second)


@pytest.fixture
def low_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def test_a_low_precision_model_is_attacked_in_float32(low_precision):
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs)))
    images, labels = images_like(2), np.array([0, 1, 0, 1])
    assert model(images).dtype == tf.bfloat16
    assert Attacker(KINDS["apgd-l2"](0.01, 2), model)(images, labels).dtype == np.float32
    moved = Attacker(fast_gradient_sign(0.01, keep_best=False), model)(images, labels)
    steps = abs(moved - images)  # in bfloat16 the nearest numbers to a pixel are 0.004 away
    free = abs(images) < 0.97
    np.testing.assert_allclose(steps[free], 0.02, rtol=0, atol=1e-6)


@EVERY_KIND
@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.uint8])
def test_images_of_any_type_are_attacked_in_float32(kind, dtype):
    images = (images_like(3) > 0).astype(dtype)
    moved = KINDS[kind](0.01, 2)(wavy(slope_like(3)), images)
    assert moved.dtype == tf.float32
    assert 1e-3 < lengths(moved - images.astype(np.float32), NORM_OF[kind]).min()
    assert lengths(moved - images.astype(np.float32), NORM_OF[kind]).max() <= 0.02 + 2e-6


# The attacker.


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
        (IMAGES, LABELS[:3], "labels"),
        (IMAGES, np.zeros(8, int), "labels"),
        (IMAGES, np.eye(4, 3, dtype=int), "labels"),
    ],
)
def test_bad_arrays_are_refused_in_one_line(images, labels, named):
    attacker = Attacker(fast_gradient_sign(0.1), logits_of(0, 3), batch_size=4)
    with pytest.raises(ValueError, match=named) as refused:
        attacker(images, labels)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float16, tf.bfloat16])
def test_probabilities_are_refused_and_logits_that_only_look_so_are_not(dtype):
    def classify(images):
        return tf.cast(tf.nn.softmax(logits_of(0, 3)(images)), dtype)

    with pytest.raises(ValueError, match="probabilities.*logits") as refused:
        Attacker(fast_gradient_sign(0.1), classify)(IMAGES, LABELS)
    assert "\n" not in str(refused.value)
    for logits in (
        lambda x: tf.nn.relu(logits_of(0, 3)(x)),
        lambda x: tf.nn.log_softmax(x[:, 0, :3, 0]),
    ):
        Attacker(fast_gradient_sign(0.1), logits)(IMAGES, LABELS)
