"""What every attack promises: its ball, its seed, its images alone, a model left as it was."""

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
from attacks.objectives import away_from
from tests.support.targets import (
    EVERY_KIND,
    EVERY_NORM,
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

NORM_OF = {kind: "l2" if kind.endswith("l2") else "linf" for kind in KINDS}


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


@EVERY_NORM
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


@pytest.fixture(scope="module")
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
    return model, spy


@EVERY_KIND
def test_a_model_is_left_as_it_was_and_never_told_to_learn(kind, model_with_modes):
    model, spy = model_with_modes
    spy.modes.clear()
    before = [variable.numpy() for variable in model.variables + model.optimizer.variables]
    images, labels = images_like(1), np.array([0, 1, 2, 0])
    attacker = Attacker(KINDS[kind](0.1, 2), model)
    first, second = attacker(images, labels), attacker(images, labels)
    after = [variable.numpy() for variable in model.variables + model.optimizer.variables]
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
    assert lengths(moved - images.astype(np.float32), NORM_OF[kind]).min() > 1e-3
    assert lengths(moved - images.astype(np.float32), NORM_OF[kind]).max() <= 0.02 + 2e-6
