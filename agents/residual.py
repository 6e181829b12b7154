"""The residual agents of Rob-GAN: a generator, and a discriminator that names classes."""

import keras
import numpy as np
from keras import layers

from agents import blocks

NORM_MOMENTUM = 0.9  # share of the old statistics that is kept; PyTorch calls the same 0.1


def conditional_norm(images, labels, num_classes):
    """Batch normalisation whose gain and shift are the class's own (de Vries et al. 2017).

    Args:
        images: (b, h, w, c).
        labels: int32 (b,).
        num_classes: int.
    Source: arXiv:1707.00683, section 3; as in generators, Miyato & Koyama 2018, arXiv:1802.05637.
    """
    width = images.shape[-1]
    normalized = layers.BatchNormalization(center=False, scale=False, momentum=NORM_MOMENTUM)
    gain, shift = (
        layers.Reshape((1, 1, width))(
            layers.Embedding(num_classes, width, embeddings_initializer=first)(labels)
        )
        for first in ("ones", "zeros")
    )
    return layers.Add()([layers.Multiply()([normalized(images), gain]), shift])


def grow(images, labels, width, num_classes):
    """A residual block that doubles the side: (b, h, w, c) -> (b, 2h, 2w, width)."""
    hidden = layers.Activation("relu")(conditional_norm(images, labels, num_classes))
    hidden = layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(hidden)
    hidden = layers.Activation("relu")(conditional_norm(hidden, labels, num_classes))
    hidden = layers.Conv2D(width, 3, padding="same")(hidden)
    shortcut = layers.UpSampling2D(2)(layers.Conv2D(width, 1)(images))
    return layers.Add()([hidden, shortcut])


def build_residual_generator(image_size, channels, *, latent_dim, width, num_classes):
    """Builds a residual generator that learns the class only through its normalisations.

    Its BatchNorm has statistics: called with training=True, it normalises by those of the batch and
    updates its own.

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        latent_dim: int, length of a latent vector.
        width: int, channels of the largest feature map; each halving of the side doubles them.
        num_classes: int.
    Returns:
        keras.Model: [latents (b, latent_dim) float32, labels (b,) int32] -> images
        (b, image_size, image_size, channels) float32 in [-1, 1].
    Raises:
        ValueError: as `blocks.resolutions`.
    Source: the generator of Liu & Hsieh 2019, section 5, arXiv:1807.10454, at a fraction of its
        width; the first convolution of a block is transposed, which is cheaper on a CPU.
    """
    sizes = blocks.resolutions(image_size)
    latents, labels = keras.Input((latent_dim,), name="latents"), blocks.label_input()
    base, widest = sizes[0], width * 2 ** (len(sizes) - 1)
    hidden = layers.Reshape((base, base, widest))(layers.Dense(base * base * widest)(latents))
    for level in reversed(range(1, len(sizes) - 1)):
        hidden = grow(hidden, labels, width * 2**level, num_classes)
    hidden = layers.Activation("relu")(conditional_norm(hidden, labels, num_classes))
    last = layers.Conv2DTranspose(width, 4, strides=2, padding="same", activation="relu")
    hidden = last(hidden)  # no norm: at full size it would take most of the time
    images = layers.Conv2D(channels, 3, padding="same", activation="tanh", dtype="float32")(hidden)
    return keras.Model([latents, labels], images, name="generator")


def shrink(images, width, batch_norm):
    """A residual block that halves the side: (b, h, w, c) -> (b, ceil(h/2), ceil(w/2), width)."""
    hidden = images
    for strides in (2, 1):
        if batch_norm:
            hidden = layers.BatchNormalization(momentum=NORM_MOMENTUM)(hidden)
        hidden = layers.Activation("relu")(hidden)
        hidden = layers.Conv2D(width, 3, strides=strides, padding="same")(hidden)
    shortcut = layers.Conv2D(width, 1)(layers.AveragePooling2D(2, padding="same")(images))
    return layers.Add()([hidden, shortcut])


def build_residual_discriminator(
    image_size,
    channels,
    *,
    width,
    num_classes,
    contrast=0.0,
    pooling="mean",
    batch_norm=False,
    conditioning="none",
    realness_width=0,
    tall=True,
):
    """Builds a residual discriminator with two heads: is it real, and which class is it?

    The published code has `pooling="sum"` and `batch_norm=True`, which help to make the game
    collapse; see docs/rob-gan.md.

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        width: int, channels after the first convolution; each block doubles them.
        num_classes: int.
        contrast: float >= 0, as `build_robust_classifier`.
        pooling: "mean" or "sum" over the last feature map.
        batch_norm: bool, whether each convolution of a block comes after a BatchNorm.
        conditioning: "projection", by which realness depends on the class, or "none".
        realness_width: int, channels of the first convolution that realness has for itself, beside
            the features of the class head and without the threshold; 0 for none.
        tall: as `build_discriminator`, of these convolutions.
    Returns:
        keras.Model: images (b, image_size, image_size, channels) float32 in [-1, 1], with
        "projection" [images, labels (b,) int32] -> [realness logit (b, 1), class logits
        (b, num_classes)], float32.
    Raises:
        ValueError: if `pooling` is unknown, or as `blocks.resolutions`.
    """
    if pooling not in ("mean", "sum"):
        raise ValueError(f"pooling {pooling!r} is neither mean nor sum")
    images = blocks.image_input(image_size, channels)
    hidden = blocks.threshold(images, contrast)
    hidden = layers.Conv2D(width, 4, strides=2, padding="same")(hidden)
    for level in range(1, len(blocks.resolutions(image_size))):
        hidden = shrink(hidden, width * 2**level, batch_norm)
    hidden = layers.Activation("relu")(hidden)
    features = layers.GlobalAveragePooling2D()(hidden)
    if pooling == "sum":
        features = layers.Rescaling(int(np.prod(hidden.shape[1:3])))(features)
    class_logits = layers.Dense(num_classes, dtype="float32", name="class_logits")(features)
    if realness_width:
        seen = blocks.strided(images, realness_width, tall=tall)
        features = layers.Concatenate()([features, seen])
    realness = layers.Dense(1, dtype="float32", name="realness")(features)
    if conditioning == "none":
        return keras.Model(images, [realness, class_logits], name="discriminator")
    labels = blocks.label_input()
    realness = blocks.projected(realness, features, labels, num_classes)
    return keras.Model([images, labels], [realness, class_logits], name="discriminator")
