"""Data sets -> splits -> tf.data; the only owner of the pixel range."""

import dataclasses
from pathlib import Path

import numpy as np

from images import downloads, readers
from images.readers import DataError

__all__ = [
    "DATASETS",
    "DataError",
    "Dataset",
    "Split",
    "batches",
    "denormalize",
    "load",
    "normalize",
    "resolve",
]

DATASETS = ("auto", "mnist", "fashion_mnist", "cifar10", "digits", "folder")
FOLDER_IMAGE_SIZE = 32
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2  # of the training set; of what comes without a test set
SPLIT_SEED = 0  # the splits stay the same whatever the seed of the run

SHAPES = {"mnist": (28, 28, 1), "fashion_mnist": (28, 28, 1), "cifar10": (32, 32, 3)}
DIGITS = tuple("0123456789")
CLASS_NAMES = {
    "mnist": DIGITS,
    "fashion_mnist": ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat")
    + ("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer")
    + ("dog", "frog", "horse", "ship", "truck"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images uint8 (n, h, w, c) in [0, 255] and their labels int32 (n,)."""

    images: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits that share no image. The test set is the one that the source came with."""

    name: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split

    @property
    def image_size(self):
        """Side of the square images, in pixels."""
        return self.train.images.shape[1]

    @property
    def channels(self):
        """1 for grey, 3 for RGB."""
        return self.train.images.shape[3]

    @property
    def num_classes(self):
        return len(self.class_names)


def resolve(name, data_dir=None, announce=print):
    """Turns "auto" into a data set that can be had: MNIST, or else scikit-learn's digits.

    Args:
        name: str, one of `DATASETS`; all but "auto" are returned as they are.
        data_dir: str, path or None; where given, "auto" is the MNIST in it.
        announce: callable, told in one line why MNIST is replaced and how to get it.
    Returns:
        str, a name for `load`.
    Raises:
        DataError: if `data_dir` is given and holds no MNIST.
    """
    if name != "auto":
        return name
    try:
        _find("mnist", data_dir)
    except DataError as error:
        if data_dir:
            raise
        announce(f"No MNIST, so this uses the small built-in 8x8 digits: {error}")
        return "digits"
    return "mnist"


def load(name, *, data_dir=None, image_size=None, seed=0):
    """Loads a data set whole, from `data_dir`, Keras's cache or the network, in this order.

    Args:
        name: str, one of `DATASETS` but "auto"; see `resolve`.
        data_dir: str or path of a folder with the data set's files; `folder` needs it.
        image_size: int, side that images are resized to; None for the data set's own
            (28, 28, 32, 8), and 32 for `folder`.
        seed: int, picks the test images of a `folder` that has no train/ and test/ in it.
    Returns:
        Dataset.
    Raises:
        DataError: if a file is missing, damaged or not what it should be.
        ValueError: if `name` is unknown.
    """
    if name not in DATASETS[1:]:
        raise ValueError(f"dataset {name!r} is none of {', '.join(DATASETS[1:])}")
    if name == "folder":
        class_names, (train, test) = _load_folder(data_dir, image_size or FOLDER_IMAGE_SIZE, seed)
    elif name == "digits":
        class_names, (train, test) = DIGITS, _load_digits()
    else:
        class_names, (train, test) = CLASS_NAMES[name], _load_known(name, data_dir)
    if image_size and image_size != train.images.shape[1]:
        train, test = (
            Split(readers.resize_images(split.images, image_size), split.labels)
            for split in (train, test)
        )
    train, validation = _split(train, VALIDATION_SHARE, SPLIT_SEED)
    return Dataset(name, class_names, train, validation, test)


def load_picture(path, image_size, channels):
    """Reads one picture as a data set's images are: uint8 (image_size, image_size, channels).

    Args:
        path: pathlib.Path of a .png or .jpg file.
        image_size: int, side of the square that its middle becomes.
        channels: int, 1 for grey or 3 for RGB.
    Raises:
        DataError: if it is no picture, or not there.
    """
    image = readers.read_picture(path.expanduser(), image_size)
    if channels == 1 and image.ndim == 3:
        # The weights of a television's grey, as Pillow's (ITU-R BT.601).
        image = np.rint(image @ (0.299, 0.587, 0.114)).astype(np.uint8)
    return np.broadcast_to(image.reshape(*image.shape[:2], -1), (*image.shape[:2], channels))


def normalize(images):
    """Pixels as networks see them: uint8 [0, 255] -> float32 [-1, 1], array or tensor alike."""
    if isinstance(images, np.ndarray):
        return images.astype(np.float32) / 127.5 - 1.0
    import tensorflow as tf

    return tf.cast(images, tf.float32) / 127.5 - 1.0


def denormalize(images):
    """Pixels as files hold them: float32 [-1, 1], clipped -> uint8 [0, 255]; NaN is black."""
    pixels = np.rint((np.asarray(images, np.float32) + 1.0) * 127.5)
    return np.clip(np.nan_to_num(pixels), 0, 255).astype(np.uint8)


def batches(split, batch_size, *, seed, first_step=0, share=lambda batches: batches):
    """An endless stream of batches in which the batch of step t depends on (seed, t) alone.

    Each epoch is its own permutation of the split, drawn from (seed, epoch); a batch may end one
    and begin the next. A run that resumes at step t therefore sees what it would have seen.

    Args:
        split: Split.
        batch_size: int, may exceed the split.
        seed: int.
        first_step: int, the step of the first batch.
        share: callable that takes of a tf.data.Dataset of whole batches what is to be handed out.
    Returns:
        tf.data.Dataset of (float32 (batch_size, h, w, c) in [-1, 1], int32 (batch_size,)).
    """
    import tensorflow as tf

    count = len(split.labels)
    first_epoch, seen = divmod(first_step * batch_size, count)
    with tf.device("CPU:0"):  # a GPU's memory is for the networks
        images, labels = tf.constant(split.images), tf.constant(split.labels)

    def order(epoch):
        # Not index_shuffle: its neighbouring seeds correlate (r = 0.8) and repeat every 256.
        indices = tf.random.experimental.stateless_shuffle(tf.range(count), seed=(seed, epoch))
        return indices[tf.where(epoch == first_epoch, seen, 0) :]

    def gather(indices):
        return normalize(tf.gather(images, indices)), tf.gather(labels, indices)

    epochs = tf.data.Dataset.counter(first_epoch).map(order)
    stream = share(epochs.rebatch(batch_size, drop_remainder=True)).map(gather)
    endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    return stream.apply(endless).prefetch(tf.data.AUTOTUNE)


def _load_known(name, data_dir):
    """The (train, test) splits of MNIST, Fashion-MNIST or CIFAR-10."""
    parts = _find(name, data_dir)()
    expected = {"shape": SHAPES[name], "num_classes": len(CLASS_NAMES[name])}
    return [Split(*readers.checked(*parts[i : i + 2], **expected)) for i in (0, 2)]


def _load_digits():
    """The (train, test) splits of scikit-learn's 1,797 digits, which need no download."""
    from sklearn.datasets import load_digits

    digits = load_digits()  # images float64 (1797, 8, 8), 0 to 16
    images = np.rint(digits.images[..., np.newaxis] * (255 / 16)).astype(np.uint8)
    return _split(Split(images, digits.target.astype(np.int32)), TEST_SHARE, SPLIT_SEED)


def _load_folder(data_dir, image_size, seed):
    """The class names and (train, test) splits of a folder; `seed` splits one without test/."""
    if not data_dir:
        raise DataError("dataset folder needs --data_dir, with a folder of pictures for each class")
    class_names, parts = readers.read_folder(_folder(data_dir), image_size)
    splits = [Split(*part) for part in parts]
    return class_names, splits if len(splits) == 2 else _split(splits[0], TEST_SHARE, seed)


def _split(split, share, seed):
    """(rest, taken): takes a share of each class, at least one image and never all of them."""
    random = np.random.RandomState(seed)  # its stream is frozen, so splits outlive NumPy versions
    classes, counts = np.unique(split.labels, return_counts=True)
    # Rounding the running total makes the parts add up to the share of the whole.
    quotas = np.diff(np.rint(np.cumsum(counts) * share).astype(int), prepend=0)
    quotas = np.minimum(np.maximum(quotas, 1), counts - 1)
    taken = np.zeros(len(split.labels), bool)
    for label, quota in zip(classes, quotas, strict=True):
        taken[random.permutation(np.flatnonzero(split.labels == label))[:quota]] = True
    return [Split(split.images[mask], split.labels[mask]) for mask in (~taken, taken)]


def _folder(data_dir):
    """`data_dir` as a path, if it is a folder."""
    with readers.explaining(data_dir):
        folder = Path(data_dir).expanduser()
        if not folder.exists():
            raise DataError(f"{folder} does not exist; check --data_dir")
        if not folder.is_dir():
            raise DataError(f"{folder} is a file; --data_dir takes a folder")
    return folder


def _find(name, data_dir):
    """A callable that reads a known data set, which is downloaded if there is no other way."""
    return readers.find(name, _folder(data_dir)) if data_dir else downloads.find(name)
