"""The generator: latents (and a class) in, an image out."""

import keras
from keras import layers

from agents import blocks

EMBEDDING_DIM = 16
STYLE_DIM = 128


def build_generator(image_size, channels, *, latent_dim, width, num_classes=None, refine=True):
    """Builds a transposed-convolution generator (Radford et al. 2016, arXiv:1511.06434).

    It normalises each pixel instead of the batch, so an image depends only on its own latents.

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        latent_dim: int, length of a latent vector.
        width: int, channels of a feature map of the image's size; each halving of the side
            doubles them.
        num_classes: int, or None for a generator that is told no class.
        refine: whether there is a map of the image's size; if not, each position of a map of half
            the side yields four pixels (`blocks.to_pixels`), which takes 0.4 of the time.
    Returns:
        keras.Model: [latents (b, latent_dim) float32, labels (b,) int32] -> images
        (b, image_size, image_size, channels) float32 in [-1, 1]. With `num_classes=None`
        its only input is the latents.
    Raises:
        ValueError: if `image_size` cannot be halved down to a base of 4 to 8 pixels.
    """
    sizes = blocks.resolutions(image_size)
    inputs, hidden = told_class(latent_dim, num_classes)
    base, widest = sizes[0], width * 2 ** (len(sizes) - 1)
    hidden = layers.Dense(base * base * widest, use_bias=False)(hidden)
    hidden = layers.Reshape((base, base, widest))(hidden)
    hidden = layers.Activation("relu")(layers.RMSNormalization()(hidden))
    for level in reversed(range(0 if refine else 1, len(sizes) - 1)):
        hidden = blocks.upsample(hidden, width * 2**level)
    if not refine:
        return keras.Model(inputs, blocks.to_pixels(hidden, channels), name="generator")
    images = layers.Conv2D(channels, 3, padding="same", activation="tanh", dtype="float32")(hidden)
    return keras.Model(inputs, images, name="generator")


def build_style_generator(image_size, channels, *, latent_dim, width, num_classes=None):
    """Builds a generator in which latents and class set the strength of every feature.

    On colour pictures `build_generator` soon draws one texture for all latents and classes: they
    enter only once, at the bottom, and the normalisation of each pixel forgets their strength.
    Here they set the gain and shift of each normalisation (`blocks.restyle`).

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        latent_dim: int, length of a latent vector.
        width: int, as `build_generator`; the largest map is that of half the side, with 2 * width
            channels.
        num_classes: int, or None for a generator that is told no class.
    Returns:
        keras.Model, as `build_generator`.
    Raises:
        ValueError: as `blocks.resolutions`.
    """
    sizes = blocks.resolutions(image_size)
    latents = keras.Input((latent_dim,), name="latents")
    inputs, code = latents, latents
    if num_classes is not None:
        labels = blocks.label_input()
        inputs = [latents, labels]
        code = layers.Concatenate()([latents, blocks.class_code(labels, num_classes)])
    code = layers.Dense(STYLE_DIM, kernel_initializer="he_normal")(code)
    code = layers.LeakyReLU(0.2, name="style")(code)  # (b, 128)

    base, widest = sizes[0], width * 2 ** (len(sizes) - 1)
    hidden = layers.Reshape((base, base, widest))(layers.Dense(base * base * widest)(code))
    hidden = layers.Activation("relu")(blocks.restyle(hidden, code))
    for level in reversed(range(1, len(sizes) - 1)):
        hidden = layers.Conv2DTranspose(
            width * 2**level, 4, strides=2, padding="same", use_bias=False
        )(hidden)
        hidden = layers.Activation("relu")(blocks.restyle(hidden, code))
    return keras.Model(inputs, blocks.to_pixels(hidden, channels), name="generator")


def told_class(latent_dim, num_classes):
    """The inputs of a generator, and what its first layer gets: latents and a code of the class.

    Args:
        latent_dim: int.
        num_classes: int, or None for a generator that is told no class.
    Returns:
        (keras.Input or a list of two, (b, latent_dim + 16) or the latents alone).
    """
    latents = keras.Input((latent_dim,), name="latents")
    if num_classes is None:
        return latents, latents
    labels = blocks.label_input()
    code = layers.Embedding(
        num_classes, EMBEDDING_DIM, embeddings_initializer="normal", name="class_code"
    )(labels)
    return [latents, labels], layers.Concatenate()([latents, code])
