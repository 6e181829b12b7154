"""The few building blocks that several agents share."""

import keras
import numpy as np
from keras import layers

SMALLEST_BASE, LARGEST_BASE = 4, 8
CODE_DIM = 32


def resolutions(image_size):
    """Sizes from the smallest feature map up to the image, each twice the previous one.

    28 gives [7, 14, 28], 32 gives [4, 8, 16, 32], 8 gives [4, 8].

    Args:
        image_size: int, side of the square image in pixels.
    Returns:
        list of int, ascending.
    Raises:
        ValueError: if halving does not lead to a size between 4 and 8 pixels.
    """
    sizes = [image_size]
    while sizes[0] % 2 == 0 and sizes[0] // 2 >= SMALLEST_BASE:
        sizes.insert(0, sizes[0] // 2)
    if not SMALLEST_BASE <= sizes[0] <= LARGEST_BASE or len(sizes) < 2:
        raise ValueError(
            f"image_size {image_size} cannot be halved down to {SMALLEST_BASE} to {LARGEST_BASE}"
            " pixels; use for example 8, 28, 32, 48 or 64"
        )
    return sizes


def upsample(images, width):
    """Doubles the side of a feature map: (b, h, w, c) -> (b, 2h, 2w, width).

    A transposed 4x4 convolution touches each output pixel four times, less than half the
    multiplications of nearest-neighbour upsampling and a 3x3 convolution.
    RMSNormalization over the channels is ProGAN's pixel norm (Karras et al. 2018,
    arXiv:1710.10196) with a learned gain: it keeps no statistics, so no turn can disturb them.
    """
    hidden = layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(images)
    return layers.Activation("relu")(layers.RMSNormalization()(hidden))


def class_code(labels, num_classes):
    """A learned vector of each class: (b,) -> (b, 32).

    Its numbers start as large as those of a latent vector, so that neither drowns out the other.
    """
    loud = keras.initializers.RandomNormal(stddev=1.0)
    return layers.Embedding(num_classes, CODE_DIM, embeddings_initializer=loud, name="class_code")(
        labels
    )


def restyle(features, code):
    """Gives each channel of an image the mean and the spread that its code asks for.

    Adaptive instance normalisation (Huang & Belongie 2017, arXiv:1703.06868; in generators, Karras
    et al. 2019, arXiv:1812.04948). Each channel of an image is normalised over its positions, so
    only the code says how strong it is: latents and class reach every layer, an image depends only
    on its own latents, and there are no statistics that a turn could disturb.

    Args:
        features: (b, h, w, c), h * w > 1.
        code: (b, d).
    Returns:
        (b, h, w, c).
    """
    width = features.shape[-1]
    alike = layers.GroupNormalization(groups=-1, center=False, scale=False, epsilon=1e-5)(features)
    gain, shift = (
        layers.Reshape((1, 1, width))(layers.Dense(width, bias_initializer=first)(code))
        for first in ("ones", "zeros")
    )
    return layers.Add()([layers.Multiply()([alike, gain]), shift])


def to_pixels(features, channels):
    """Makes an image of twice the side of a feature map: (b, h, w, c) -> (b, 2h, 2w, channels).

    A sub-pixel convolution (Shi et al. 2016, arXiv:1609.05158): each position of the map yields
    four pixels.

    Returns:
        float32 in [-1, 1].
    """
    pixels = layers.Conv2D(4 * channels, 3, padding="same", activation="tanh", dtype="float32")
    return keras.ops.depth_to_space(pixels(features), 2)


def downsample(images, width, spectral_norm=False, initializer="glorot_uniform"):
    """Halves the side of a feature map: (b, h, w, c) -> (b, ceil(h/2), ceil(w/2), width)."""
    convolution = layers.Conv2D(width, 4, strides=2, padding="same", kernel_initializer=initializer)
    return layers.LeakyReLU(0.2)(bounded(convolution, spectral_norm)(images))


def strided(images, width, *, tall, spectral_norm=False):
    """What a discriminator sees: strided convolutions, each with twice the channels.

    Args:
        images: (b, size, size, c).
        width: int, channels after the first convolution.
        tall, spectral_norm: as `agents.build_discriminator`.
    Returns:
        (b, features), flat.
    Raises:
        ValueError: as `resolutions`.
    """
    hidden = images
    initializer = "glorot_uniform" if tall else "he_normal"
    for level in range(len(resolutions(images.shape[1])) - (not tall)):
        hidden = downsample(hidden, width * 2**level, spectral_norm, initializer)
    return layers.Flatten()(hidden)


def projected(realness, features, labels, num_classes):
    """Realness of features given a class: the projection of Miyato & Koyama 2018.

    Args:
        realness: (b, 1), the part that depends on no label.
        features: (b, n).
        labels: int32 (b,).
        num_classes: int.
    Returns:
        float32 (b, 1), realness + embedding(y).f.
    Source: arXiv:1802.05637, equation 3.
    """
    direction = layers.Embedding(num_classes, features.shape[-1])(labels)  # (b, n)
    matching = layers.Dot(axes=1, dtype="float32")([direction, features])  # (b, 1)
    return layers.Add(dtype="float32")([realness, matching])


def bounded(layer, spectral_norm):
    """A layer, spectrally normalised if asked (Miyato et al. 2018, arXiv:1802.05957)."""
    if not spectral_norm:
        return layer
    return layers.SpectralNormalization(layer, dtype=layer.dtype_policy)


def shrink(images, width, activation):
    """Halves the side of images down to the smallest map, with twice the channels each time.

    Args:
        images: (b, size, size, c).
        width: int, channels after the first convolution.
        activation: str.
    Returns:
        (b, features), flat.
    Raises:
        ValueError: as `resolutions`.
    """
    hidden = images
    for level in range(len(resolutions(images.shape[1])) - 1):
        convolution = layers.Conv2D(
            width * 2**level, 4, strides=2, padding="same", activation=activation
        )
        hidden = convolution(hidden)
    return layers.Flatten()(hidden)


def threshold(images, contrast):
    """Turns each pixel p into tanh(w p + b), with learned w and b: (b, h, w, c) -> the same.

    Args:
        images: (b, h, w, c).
        contrast: float >= 0, the first w; 0 leaves the threshold out.
    """
    if not contrast:
        return images
    channels = images.shape[-1]
    steep = keras.initializers.Constant(contrast * np.eye(channels)[None, None])
    return layers.Conv2D(channels, 1, kernel_initializer=steep, activation="tanh")(images)


def image_input(image_size, channels):
    """The input of every agent that looks at images, float32 in [-1, 1]."""
    return keras.Input((image_size, image_size, channels), name="images")


def label_input():
    """The input of every agent that is told the class, int32 in [0, num_classes)."""
    return keras.Input((), dtype="int32", name="labels")
