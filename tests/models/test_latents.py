"""Ways among latents, where they are known: of a generator that is a straight map."""

import keras
import numpy as np
import pytest

from models import interpolation
from models.directions import principal_directions
from models.inversion import invert
from models.looking import realness, slope
from models.sampling import Sampler

DIM, SHAPE = 6, (4, 4, 1)


def straight(scales, seed=0):
    """A generator of images that changes by `scales` along the axes of the latents."""
    basis = np.linalg.qr(np.random.default_rng(seed).normal(size=(16, DIM)))[0]
    latents = keras.Input((DIM,))
    flat = keras.layers.Dense(16, use_bias=False)
    model = keras.Model(latents, keras.layers.Reshape(SHAPE)(flat(latents)))
    flat.set_weights([(np.asarray(scales)[:, None] * basis.T).astype(np.float32)])
    return model


def test_the_directions_are_the_axes_that_change_an_image_most():
    sampler = Sampler(straight([0.1, 3.0, 0.2, 0.1, 1.5, 0.1]), None)
    first, second = principal_directions(sampler, 0, np.random.default_rng(0))
    assert abs(first[1]) > 0.99 and abs(second[4]) > 0.99
    np.testing.assert_allclose(np.linalg.norm([first, second], axis=1), 1.0, atol=1e-5)


def test_inversion_finds_the_latents_that_made_an_image():
    generator = straight([1.0] * DIM)
    latents = np.random.default_rng(1).normal(size=DIM).astype(np.float32)
    image = generator(latents[None]).numpy()[0]
    guesses = list(invert(generator, image))
    errors = [guess.error for guess in guesses]
    assert errors[-1] < 1e-3 < errors[0]
    np.testing.assert_allclose(guesses[-1].latents, latents, atol=0.1)
    np.testing.assert_allclose(
        guesses[-1].image, generator(guesses[-1].latents[None])[0], atol=1e-5
    )


def test_inversion_tells_the_class():
    labels, latents = keras.Input((), dtype="int32"), keras.Input((DIM,))
    code = keras.layers.Embedding(3, 16, embeddings_initializer="orthogonal")(labels)
    flat = keras.layers.Dense(16, use_bias=False, kernel_initializer=keras.initializers.Constant(0))
    both = keras.layers.Add()([3.0 * code, flat(latents)])
    generator = keras.Model([latents, labels], keras.layers.Reshape(SHAPE)(both))
    image = generator([np.zeros((1, DIM), np.float32), np.array([2])]).numpy()[0]
    *_, guess = invert(generator, image, num_classes=3)
    assert guess.label == 2 and guess.error < 1e-6


def test_a_blend_ends_at_both_classes():
    latents, labels = keras.Input((DIM,)), keras.Input((), dtype="int32")
    code = keras.layers.Embedding(3, 16)(labels)
    flat = keras.layers.Dense(16)(latents)
    image = keras.layers.Reshape(SHAPE)(keras.layers.Add()([code, flat]))
    generator = keras.Model([latents, labels], image)
    drawn = np.random.default_rng(0).normal(size=(2, DIM)).astype(np.float32)
    between = interpolation.blend(generator, drawn, (2, 1), np.array([0.0, 1.0]))
    np.testing.assert_allclose(between, generator([drawn, np.array([2, 1])]), atol=1e-5)


@pytest.mark.parametrize("kind", ["one logit", "a logit per class", "with labels"])
def test_the_slope_of_realness_is_that_of_finite_differences(kind):
    images, labels = keras.Input(SHAPE), keras.Input((), dtype="int32")
    hidden = keras.layers.Dense(8, activation="tanh")(keras.layers.Flatten()(images))
    if kind == "with labels":
        code = keras.layers.Embedding(3, 8)(labels)
        logit = keras.layers.Dense(1)(keras.layers.Multiply()([hidden, code]))
        model = keras.Model([images, labels], logit)
    else:
        model = keras.Model(images, keras.layers.Dense(3 if "class" in kind else 1)(hidden))
    rng = np.random.default_rng(0)
    batch, named = rng.uniform(-1, 1, (2, *SHAPE)).astype(np.float32), np.array([2, 1], np.int32)
    way = rng.normal(size=batch.shape).astype(np.float32)
    ahead, behind = (realness(model, batch + step * way, named) for step in (1e-2, -1e-2))
    expected = (ahead - behind).numpy() / 2e-2
    found = (slope(model, batch, named) * way).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=1e-3)
