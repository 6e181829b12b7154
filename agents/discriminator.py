"""The discriminator: an image (and a class) in, a realness logit out. Real is 1, fake is 0."""

import keras
from keras import layers

from agents import blocks

CONDITIONINGS = ("projection", "auxiliary", "none")


def build_discriminator(
    image_size,
    channels,
    *,
    width,
    num_classes,
    conditioning="projection",
    spectral_norm=False,
    tall=True,
):
    """Builds a strided-convolution discriminator, without BatchNorm.

    `conditioning` says how it learns about the class:
      * `projection`: the logit is w.f(x) + embedding(y).f(x) (Miyato & Koyama 2018,
        arXiv:1802.05637). Inputs [images, labels].
      * `auxiliary`: a second head names the class (Odena et al. 2017, arXiv:1610.09585).
        Input images; outputs [realness logit, class logits].
      * `none`: it knows nothing about classes. Input images.

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        width: int, channels after the first convolution; each halving of the side doubles them.
        num_classes: int.
        conditioning: one of `CONDITIONINGS`.
        spectral_norm: whether each convolution and the realness head are spectrally normalised
            (Miyato et al. 2018, arXiv:1802.05957).
        tall: whether the side is halved once for each of `blocks.resolutions`; if not, it is
            halved once less, down to a map of 4 to 8 pixels, and weights are initialised as in He
            et al. 2015, arXiv:1502.01852.
    Returns:
        keras.Model whose first output is float32 (b, 1) realness logits.
    Raises:
        ValueError: if `conditioning` is unknown, or as `blocks.resolutions`.
    """
    if conditioning not in CONDITIONINGS:
        raise ValueError(f"conditioning {conditioning!r} is none of {', '.join(CONDITIONINGS)}")
    images = blocks.image_input(image_size, channels)
    features = blocks.strided(images, width, tall=tall, spectral_norm=spectral_norm)
    return judging(images, features, num_classes, conditioning, spectral_norm)


def judging(images, features, num_classes, conditioning, spectral_norm):
    """The discriminator of these features, with the heads of its `conditioning`.

    Args:
        images: keras.Input.
        features: (b, n), made of the images.
        num_classes, conditioning, spectral_norm: as `build_discriminator`.
    Returns:
        keras.Model.
    """
    head = blocks.bounded(layers.Dense(1, dtype="float32"), spectral_norm)
    realness = head(features)
    if conditioning == "projection":
        labels = blocks.label_input()
        realness = blocks.projected(realness, features, labels, num_classes)
        return keras.Model([images, labels], realness, name="discriminator")
    if conditioning == "auxiliary":
        classes = layers.Dense(num_classes, dtype="float32")(features)
        return keras.Model(images, [realness, classes], name="discriminator")
    return keras.Model(images, realness, name="discriminator")


def build_class_discriminator(image_size, channels, *, width, num_classes):
    """Builds a discriminator with a realness logit for each class: how real as a 3, as a 4, ...

    Images are made by climbing its logits, so it is smooth everywhere (swish; Yin et al. 2022
    found the same, arXiv:2012.06568) and has no BatchNorm, through which the images of a batch
    would affect each other.

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        width: int, channels after the first convolution; each halving of the side doubles them.
        num_classes: int.
    Returns:
        keras.Model: images (b, image_size, image_size, channels) float32 in [-1, 1] -> realness
        logits (b, num_classes) float32.
    Raises:
        ValueError: as `blocks.resolutions`.
    """
    images = blocks.image_input(image_size, channels)
    features = layers.Dense(4 * width, activation="swish")(blocks.shrink(images, width, "swish"))
    logits = layers.Dense(num_classes, dtype="float32")(features)
    return keras.Model(images, logits, name="discriminator")


def class_head(discriminator):
    """The classifier in a discriminator of two heads; it shares the weights.

    Args:
        discriminator: keras.Model, images -> [realness logit, class logits].
    Returns:
        keras.Model: images -> class logits.
    """
    return keras.Model(discriminator.inputs[0], discriminator.outputs[1], name="classifier")


def with_every_label(discriminator):
    """The logits that a discriminator gives an image with each of the labels, in one pass.

    Args:
        discriminator: keras.Model of `build_discriminator`, `projection` or `auxiliary`; its
            weights are copied.
    Returns:
        keras.Model: images -> float32 (b, num_classes); for `projection` column y is its realness
        logit of [images, y], for `auxiliary` its class logit.
    """
    if len(discriminator.outputs) == 2:
        return class_head(discriminator)
    embedding, realness, features = _projection(discriminator)
    directions = layers.Dense(
        embedding.input_dim, use_bias=False, dtype="float32", name="every_direction"
    )
    every = layers.Add(dtype="float32", name="every_logit")(
        [realness, directions(features)]
    )  # (b, num_classes)
    directions.set_weights([embedding.get_weights()[0].T])
    return keras.Model(discriminator.inputs[0], every)


def logits_of_every_label(discriminator):
    """A function that gives the logits of images under each label; it learns as the agent does.

    Args:
        discriminator: keras.Model of `build_discriminator`, `projection`; its layers are shared.
    Returns:
        callable, (images, training=False) -> float32 (b, num_classes), column y being the
        discriminator's realness logit of [images, y].
    """
    embedding, *parts = _projection(discriminator)
    seen = keras.Model(discriminator.inputs[0], parts)

    def logits(images, training=False):
        realness, features = seen(images, training=training)
        directions = keras.ops.transpose(embedding.embeddings)
        return realness + keras.ops.matmul(keras.ops.cast(features, "float32"), directions)

    return logits


def _projection(discriminator):
    """The embedding layer of a `projection` discriminator, and what its logits are made of.

    Returns:
        (keras.layers.Embedding, (b, 1), (b, n)): the second is the part that depends on no label,
        the third are the features.
    """
    embedding, dot, add = (
        next(layer for layer in discriminator.layers if isinstance(layer, kind))
        for kind in (layers.Embedding, layers.Dot, layers.Add)
    )
    realness, _ = add.input
    _, features = dot.input
    return embedding, realness, features
