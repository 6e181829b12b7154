"""The generator: latents (and a class) in, an image out."""

import keras
from keras import layers

from agents import blocks

EMBEDDING_DIM = 16


def build_generator(image_size, channels, *, latent_dim, width, num_classes=None, refine=True):
    """Builds a transposed-convolution generator (Radford et al. 2016, arXiv:1511.06434).

    Without BatchNorm: the normalisation is per pixel, so an image depends on its own latents only.

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        latent_dim: int, length of a latent vector.
        width: int, channels of a feature map of the image's size; each halving of the side
            doubles them.
        num_classes: int, or None for a generator that is told no class.
        refine: whether there is such a map; otherwise that of half the side names four pixels a
            place (`blocks.to_pixels`), which takes 0.4 of the time.
    Returns:
        keras.Model: [latents (b, latent_dim) float32, labels (b,) int32] -> images
        (b, image_size, image_size, channels) float32 in [-1, 1]. With `num_classes=None`
        its only input is the latents.
    Raises:
        ValueError: if `image_size` cannot be halved down to a base of 4 to 8 pixels.
    """
    sizes = blocks.resolutions(image_size)
    latents = keras.Input((latent_dim,), name="latents")
    inputs, hidden = latents, latents
    if num_classes is not None:
        labels = blocks.label_input()
        inputs = [latents, labels]
        code = layers.Embedding(
            num_classes, EMBEDDING_DIM, embeddings_initializer="normal", name="class_code"
        )(labels)
        hidden = layers.Concatenate()([latents, code])  # (b, latent_dim + 16)

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
