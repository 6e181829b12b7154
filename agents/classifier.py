"""The classifier: an image in, class logits out."""

import keras
from keras import layers

from agents import blocks


def build_classifier(image_size, channels, *, width, num_classes, readers=None, activation="relu"):
    """Builds a small convolutional classifier: 3x3 convolutions and 2x2 max-pooling.

    It has neither Dropout nor BatchNorm, so a call never changes its state.

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        width: int, channels of the first convolution; each pooling doubles them.
        num_classes: int.
        readers: int, last layers side by side, each with an answer of its own; None for the usual
            one.
        activation: str, of all hidden layers.
    Returns:
        keras.Model: images (b, image_size, image_size, channels) float32 in [-1, 1] -> class
        logits (b, num_classes) float32, or (b, readers, num_classes). Its layer named "features" is
        (b, 4 * width).
    Raises:
        ValueError: as `blocks.resolutions`.
    """
    images = blocks.image_input(image_size, channels)
    hidden = images
    for level in range(len(blocks.resolutions(image_size))):
        hidden = layers.Conv2D(width * 2**level, 3, padding="same", activation=activation)(hidden)
        hidden = layers.MaxPooling2D(2)(hidden)
    features = layers.Dense(4 * width, activation=activation, name="features")(
        layers.Flatten()(hidden)
    )
    if readers is None:
        class_logits = layers.Dense(num_classes, dtype="float32")(features)
    else:
        answers = [
            layers.Dense(num_classes, dtype="float32", name=f"reader_{place}")(features)
            for place in range(readers)
        ]
        side_by_side = [layers.Reshape((1, num_classes), dtype="float32")(each) for each in answers]
        class_logits = layers.Concatenate(axis=1, dtype="float32")(side_by_side)
    return keras.Model(images, class_logits, name="classifier")


def one_reader(classifier, which):
    """The usual classifier, images -> class logits (b, num_classes), that has one of the readers.

    Args:
        classifier: keras.Model, as `build_classifier` with readers; its layers are shared.
        which: int, 0 for the first reader.
    """
    class_logits = classifier.get_layer(f"reader_{which}").output
    return keras.Model(classifier.input, class_logits, name="classifier")


def build_residual_classifier(image_size, channels, *, width, num_classes):
    """Builds a residual classifier with BatchNorm, for colour pictures.

    At 32 pixels and a width of 16 it has 0.6 million parameters. It learns fast rather than far:
    the first and the last of the smaller maps get a residual block each.

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        width: int, channels of the first convolution; a map of half the side has 2.5 times as many.
        num_classes: int.
    Returns:
        keras.Model: images (b, image_size, image_size, channels) float32 in [-1, 1] -> class
        logits (b, num_classes) float32. Its layer named "features" is (b, n), >= 0.
    Raises:
        ValueError: as `blocks.resolutions`.
    Source: the nine-layer network of David Page's "How to train your ResNet" (2018), narrower;
        He et al. 2016, arXiv:1603.05027.
    """
    images = blocks.image_input(image_size, channels)
    hidden = _normalised_convolution(images, width)
    last = len(blocks.resolutions(image_size)) - 1
    for level in range(1, last + 1):
        hidden = _normalised_convolution(hidden, 5 * width * 2**level // 4)
        hidden = layers.MaxPooling2D(2)(hidden)
        if level in (1, last):
            hidden = _residual(hidden)
    features = layers.GlobalMaxPooling2D(name="features")(hidden)
    class_logits = layers.Dense(num_classes, dtype="float32")(features)
    return keras.Model(images, class_logits, name="classifier")


def _normalised_convolution(images, width, *, strides=1, activation="relu"):
    hidden = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(images)
    return layers.Activation(activation)(layers.BatchNormalization(momentum=0.9)(hidden))


def _residual(images, activation="relu"):
    """Two convolutions beside a way around them: (b, h, w, c) -> the same."""
    hidden = images
    for _ in range(2):
        hidden = _normalised_convolution(hidden, images.shape[-1], activation=activation)
    return layers.Add()([images, hidden])


def build_robust_classifier(image_size, channels, *, width, num_classes, contrast=0.0):
    """Builds a small strided classifier, which may see its images through a threshold.

    A classifier that is trained under attack on ink and paper learns filters that ignore small
    changes of black and of white (Madry et al. 2018, appendix C, arXiv:1706.06083), but takes long
    to find them. `contrast` lets it start with one: each pixel p first becomes tanh(w p + b), with
    w and b learned like all other weights. Its strided convolutions take a fifth of the time of
    those of `build_classifier`, which matters because an attack calls them many times.

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        width: int, channels of the first strided convolution; each one doubles them.
        num_classes: int.
        contrast: float >= 0, the first w; 0 leaves the threshold out.
    Returns:
        keras.Model: images (b, image_size, image_size, channels) float32 in [-1, 1] -> class
        logits (b, num_classes) float32. Its layer named "features" is (b, 2 * width).
    Raises:
        ValueError: as `blocks.resolutions`.
    """
    images = blocks.image_input(image_size, channels)
    hidden = blocks.shrink(blocks.threshold(images, contrast), width, "relu")
    features = layers.Dense(2 * width, activation="relu", name="features")(hidden)
    class_logits = layers.Dense(num_classes, dtype="float32")(features)
    return keras.Model(images, class_logits, name="classifier")


def build_robust_residual_classifier(image_size, channels, *, width, num_classes, contrast=0.0):
    """Builds a strided residual classifier with BatchNorm, to be trained under attack in colour.

    At 32 pixels and a width of 40 it has 0.18 million parameters. Its activation is smooth, so that
    the attacker's gradients, and with them the attacks that it learns from, are better ones.

    Args:
        image_size: int, side of the square image; see `blocks.resolutions`.
        channels: int, 1 for grey or 3 for RGB.
        width: int, channels of the map of half the side; each smaller one has twice as many, the
            image's own size half as many.
        num_classes: int.
        contrast: float >= 0, as `build_robust_classifier`.
    Returns:
        keras.Model: images (b, image_size, image_size, channels) float32 in [-1, 1] -> class
        logits (b, num_classes) float32. Its layer named "features" is (b, n).
    Raises:
        ValueError: as `blocks.resolutions`.
    Source: He et al. 2016, arXiv:1603.05027; smooth activations: Xie et al. 2020, arXiv:2006.14536.
    """
    images = blocks.image_input(image_size, channels)
    hidden = blocks.threshold(images, contrast)
    hidden = _normalised_convolution(hidden, max(1, width // 2), activation="silu")
    smaller = [size for size in blocks.resolutions(image_size)[:-1] if size > 5]
    for level in range(max(1, len(smaller))):
        hidden = _normalised_convolution(hidden, width * 2**level, strides=2, activation="silu")
        hidden = _residual(hidden, "silu")
    features = layers.GlobalAveragePooling2D(name="features")(hidden)
    class_logits = layers.Dense(num_classes, dtype="float32")(features)
    return keras.Model(images, class_logits, name="classifier")
