"""Targets for attacks: objectives with a known best answer, classifiers; an attack of each kind."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

import agents
from attacks import AutoProjectedGradientDescent, ProjectedGradientDescent, Square
from attacks.objectives import away_from

SHAPE = (8, 8, 1)
PIXELS = 64
PIXEL_AXES = (1, 2, 3)
LEARNED = 1400  # digits the classifier learns from; the others are attacked


def images_like(seed, batch=4, low=-1.0, high=1.0):
    """Images (batch, 8, 8, 1), each pixel uniform between low and high."""
    return np.random.default_rng(seed).uniform(low, high, (batch, *SHAPE)).astype(np.float32)


def slope_like(seed):
    """The weights (8, 8, 1) of a linear loss, none near zero."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], SHAPE)
    return (signs * rng.uniform(0.5, 1.5, SHAPE)).astype(np.float32)


def linear(slope):
    """The objective <slope, image>: its climb is straight."""
    return lambda images: tf.reduce_sum(images * slope, axis=PIXEL_AXES)


def wavy(slope, frequency=3.0):
    """An objective with many peaks, smooth in each pixel."""
    return lambda images: tf.reduce_sum(slope * tf.sin(frequency * images), axis=PIXEL_AXES)


def flat(images):
    """An objective that no image changes."""
    return tf.zeros(tf.shape(images)[0])


def planted(low, high):
    """The mean pixel is climbed, but fools only between low and high."""

    def objective(images):
        mean = tf.reduce_mean(images, axis=PIXEL_AXES)
        return mean, (mean > low) & (mean < high)

    return objective


def logits_of(seed, num_classes):
    """A linear classifier: images -> logits (batch, num_classes)."""
    weights = np.random.default_rng(seed).normal(size=(PIXELS, num_classes)).astype(np.float32)
    return lambda images: tf.reshape(images, (-1, PIXELS)) @ weights


# An attack of each kind and norm, of few steps.
KINDS = {
    "pgd-linf": lambda epsilon, steps: ProjectedGradientDescent(epsilon, epsilon or 1.0, steps),
    "pgd-l2": lambda epsilon, steps: ProjectedGradientDescent(
        epsilon, epsilon or 1.0, steps, norm="l2", momentum=0.5
    ),
    "apgd-linf": lambda epsilon, steps: AutoProjectedGradientDescent(epsilon, steps),
    "apgd-l2": lambda epsilon, steps: AutoProjectedGradientDescent(epsilon, steps, norm="l2"),
    "square": lambda epsilon, steps: Square(epsilon, steps),
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
EVERY_NORM = pytest.mark.parametrize("norm", ["linf", "l2"])


def lengths(perturbation, norm):
    """Each image's norm of a perturbation (batch, h, w, c), in float64: (batch,)."""
    rows = np.asarray(perturbation, np.float64).reshape(len(perturbation), -1)
    return np.linalg.norm(rows, ord={"linf": np.inf, "l2": 2}[norm], axis=1)


@functools.cache
def digits():
    """Real digits (n, 8, 8, 1) in [-1, 1] and their classes (n,), shuffled."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    images = (pixels.reshape(-1, *SHAPE) / 8 - 1).astype(np.float32)
    return images[order], labels[order].astype(np.int32)


@functools.cache
def digits_classifier():
    """A small classifier that learned the first digits, trained once a process.

    It is smooth: at the kinks of ReLU and max-pooling, one rounding more or less decides which way
    forty steps go, and no two libraries round alike.
    """
    images, labels = digits()
    keras.utils.set_random_seed(0)
    classifier = agents.build_class_discriminator(8, 1, width=8, num_classes=10)
    classifier.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    classifier.fit(images[:LEARNED], labels[:LEARNED], batch_size=100, epochs=6, verbose=0)
    return classifier


def unseen(count):
    """The first digits that the classifier did not learn from, and their classes."""
    images, labels = digits()
    return images[LEARNED : LEARNED + count], labels[LEARNED : LEARNED + count]


def named_right(classify, images, labels):
    """bool (batch,), where the classifier names the label."""
    return np.argmax(classify(tf.constant(images)), axis=-1) == labels


def fooled_by(attack, classify, images, labels, seed=(0, 0)):
    """bool (batch,), where an untargeted attack, traced, makes the classifier wrong."""
    attacked = tf.function(
        lambda images: attack(away_from(classify, labels), images, seed=seed), jit_compile=False
    )(tf.constant(images))
    return ~named_right(classify, attacked, labels)
