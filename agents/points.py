"""Agents for points in the plane: small fully connected networks, and nothing of images."""

import keras
from keras import layers

from agents import blocks
from agents.discriminator import judging
from agents.generator import told_class

DIM = 2  # coordinates of a point
GENERATOR_DEPTH, DISCRIMINATOR_DEPTH = 6, 3  # hidden layers
SPREAD = 0.7  # of the first points, about that of data in [-1, 1]


def build_point_generator(*, latent_dim, width, num_classes=None):
    """Builds a generator of points: a straight map of the latents, bent by a small network.

    The straight map spreads the first points over the plane, unfolded. A network alone starts as a
    crumpled heap; modes far apart in the plane may then be neighbours in the latents, with bridges
    of poor points between them.

    Args:
        latent_dim: int, length of a latent vector.
        width: int, units of a hidden layer.
        num_classes: int, or None for a generator that is told no class.
    Returns:
        keras.Model: [latents (b, latent_dim) float32, labels (b,) int32] -> points (b, 2) float32.
        With `num_classes=None` its only input is the latents.
    """
    inputs, hidden = told_class(latent_dim, num_classes)
    straight = layers.Dense(
        DIM, use_bias=False, kernel_initializer=keras.initializers.Orthogonal(SPREAD)
    )(hidden)
    for _ in range(GENERATOR_DEPTH):
        hidden = layers.Dense(width, activation="relu")(hidden)
    bend = layers.Dense(DIM)(hidden)
    return keras.Model(inputs, layers.Add(dtype="float32")([straight, bend]), name="generator")


def build_point_discriminator(
    *, width, num_classes, conditioning="projection", spectral_norm=False
):
    """Builds a discriminator of points; arguments and outputs as `agents.build_discriminator`."""
    points = point_input()
    hidden = points
    for _ in range(DISCRIMINATOR_DEPTH):
        dense = layers.Dense(width)
        hidden = layers.LeakyReLU(0.2)(blocks.bounded(dense, spectral_norm)(hidden))
    return judging(points, hidden, num_classes, conditioning, spectral_norm)


def build_point_classifier(*, width, num_classes):
    """Builds a classifier of points.

    Args:
        width: int, units of a hidden layer.
        num_classes: int.
    Returns:
        keras.Model: points (b, 2) float32 -> class logits (b, num_classes) float32. Its layer named
        "features" is (b, width).
    """
    points = point_input()
    hidden = layers.Dense(width, activation="relu")(points)
    features = layers.Dense(width, activation="relu", name="features")(hidden)
    class_logits = layers.Dense(num_classes, dtype="float32")(features)
    return keras.Model(points, class_logits, name="classifier")


def point_input():
    """The input of every agent that looks at points, float32, most of them in [-1, 1]."""
    return keras.Input((DIM,), name="points")
