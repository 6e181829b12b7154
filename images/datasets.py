"""Data sets -> splits -> tf.data; the only module that knows the pixel range of the networks."""

import dataclasses
from pathlib import Path

import numpy as np

from games.base import DATASETS, STACKED
from images import archives, downloads, folders, points, stacked
from images.decoding import read_pictures, resize_images, to_channels
from images.files import DataError, explaining
from images.splits import SPLIT_SEED, TEST_SHARE, VALIDATION_SHARE, Split, hold_out

__all__ = [
    "DataError",
    "Dataset",
    "Split",
    "batches",
    "denormalize",
    "load",
    "load_picture",
    "looks_inverted",
    "matched",
    "normalize",
    "resolve",
]

FOLDER_IMAGE_SIZE = 32
PIECE = 4096
GATHERED, MOST_GATHERED = 2**20, 50  # bytes of images, and batches, picked out at a time

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
class Dataset:
    """Three splits that share no image. A test set that the source comes with is kept.

    With points in the plane an example is a point, float32 as networks see it, and no image.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split

    @property
    def is_points(self):
        """Whether the examples are points, (n, 2), instead of images."""
        return self.train.images.ndim == 2

    @property
    def shape(self):
        """Of an example: (h, w, c), or (2,)."""
        return self.train.images.shape[1:]

    @property
    def image_size(self):
        """Side of the square images, in pixels."""
        return self.shape[0]

    @property
    def channels(self):
        """1 for grey, 3 for RGB."""
        return self.shape[-1]

    @property
    def num_classes(self):
        return len(self.class_names)


def resolve(name, data_dir=None, announce=print):
    """Turns "auto" into an available data set: MNIST, or else scikit-learn's digits.

    Args:
        name: str, one of `DATASETS`; all but "auto" are returned as they are.
        data_dir: str, path or None; if given, "auto" is the MNIST in it.
        announce: callable for one line of text, which says why MNIST is replaced and how to get it.
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


def load(
    name, *, data_dir=None, image_size=None, labelled=True, seed=0, announce=lambda line: None
):
    """Loads a data set whole, from `data_dir`, Keras's cache or the network, in this order.

    Args:
        name: str, one of `DATASETS` but "auto" (see `resolve`), or of `points.MIXTURES`, or
            `STACKED`, which is made of MNIST.
        data_dir: str or path of a folder with the data set's files; `folder` needs it.
        image_size: int, side that images are resized to; None for the data set's own
            (28, 28, 32, 8), and 32 for `folder`. Points have none.
        labelled: bool; if False, a `folder` needs no class folders: its pictures are one class.
        seed: int; decides how pictures of a `folder` are dealt to the splits that it lacks.
        announce: callable for lines of text: what of a `folder` was read, assumed and left out.
    Returns:
        Dataset.
    Raises:
        DataError: if a file is missing, damaged or not what it should be.
        ValueError: if `name` is unknown.
    """
    if name in points.MIXTURES:
        return Dataset(name, *points.load(name))
    if name == STACKED:
        digits = load("mnist", data_dir=data_dir, image_size=image_size)
        return Dataset(name, *stacked.load(digits))
    if name not in DATASETS[1:]:
        raise ValueError(f"dataset {name!r} is none of {', '.join(DATASETS[1:])}")
    if name == "folder":
        if not data_dir:
            raise DataError("dataset folder needs --data_dir, with a folder of pictures per class")
        class_names, splits = folders.load(
            _folder(data_dir),
            image_size or FOLDER_IMAGE_SIZE,
            labelled=labelled,
            seed=seed,
            announce=announce,
        )
        return Dataset(name, class_names, *splits)
    class_names = CLASS_NAMES.get(name, DIGITS)
    train, test = _load_digits() if name == "digits" else _load_known(name, data_dir)
    if image_size and image_size != train.images.shape[1]:
        train, test = (
            Split(resize_images(split.images, image_size), split.labels) for split in (train, test)
        )
    train, validation = hold_out(train, VALIDATION_SHARE, SPLIT_SEED)
    return Dataset(name, class_names, train, validation, test)


def load_picture(path, image_size, channels, announce=lambda line: None):
    """Reads one picture as those of a folder are read; above 8 bits, its highest value is white.

    Args:
        path: pathlib.Path of a picture in any format of `decoding.FORMATS`.
        image_size: int, side in pixels of the square that its middle becomes.
        channels: int, 1 for grey or 3 for RGB.
        announce: callable for a line of text on what was assumed.
    Returns:
        uint8 (image_size, image_size, channels) in [0, 255].
    Raises:
        DataError: if it is not a picture, or does not exist.
    """
    with explaining(path):
        images, _ = read_pictures([path.expanduser()], image_size, announce)
    return to_channels(images, channels)[0]


def looks_inverted(image, images):
    """Whether ink and paper of a picture seem swapped, compared with the images of a data set.

    Args:
        image: uint8 (h, w, c) in [0, 255].
        images: uint8 (n, h, w, c), from which the networks learned.
    Returns:
        bool: its mean brightness is three times nearer to that of the inverted `images`.
    """
    usual, found = images.mean(), image.mean()
    return bool(3 * abs(found - (255 - usual)) < abs(found - usual))


def matched(dataset, class_names, channels):
    """A data set with the channels and the order of classes that a run learned.

    Args:
        dataset: Dataset.
        class_names: sequence of str, the classes that the run recorded, in the order of its labels.
        channels: int, those of the run's images: 1 for grey or 3 for RGB.
    Returns:
        Dataset with these channels and class_names; if only the order of the classes differs, the
        labels are renumbered.
    Raises:
        DataError: if the classes differ.
    """
    found, wanted = dataset.class_names, tuple(class_names)
    if sorted(found) != sorted(wanted):
        raise DataError(
            f"the classes of {dataset.name} are {', '.join(found)}, but those of the run are"
            f" {', '.join(wanted)}; give --data_dir the data that the run was trained on"
        )
    numbers = np.array([wanted.index(name) for name in found], np.int32)
    splits = (
        Split(to_channels(split.images, channels), numbers[split.labels])
        for split in (dataset.train, dataset.validation, dataset.test)
    )
    return Dataset(dataset.name, wanted, *splits)


def normalize(images):
    """Pixels as networks see them: uint8 [0, 255] -> float32 [-1, 1], array or tensor alike.

    What is float32 is so already: points, and what a generator has made.
    """
    if images.dtype == "float32":
        return images
    if isinstance(images, np.ndarray):
        return images.astype(np.float32) / 127.5 - 1.0
    import tensorflow as tf

    return tf.cast(images, tf.float32) / 127.5 - 1.0


def denormalize(images):
    """Pixels as files hold them: float32 [-1, 1], clipped -> uint8 [0, 255]; NaN is black."""
    images = np.asarray(images, np.float32)
    pixels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), PIECE):  # of many images, not all as floats at once
        scaled = np.rint((images[start : start + PIECE] + 1.0) * 127.5)
        pixels[start : start + PIECE] = np.clip(np.nan_to_num(scaled), 0, 255)
    return pixels


def batches(split, batch_size, *, seed, first_step=0, share=lambda batches: batches):
    """An endless stream of batches, in which the batch of step t depends only on (seed, t).

    Each epoch is its own permutation of the split, drawn from (seed, epoch); a batch may end one
    epoch and begin the next. So a run that is resumed at step t sees what it would have seen.

    Args:
        split: Split.
        batch_size: int, may exceed the split.
        seed: int.
        first_step: int, the step of the first batch.
        share: callable, tf.data.Dataset of whole batches -> that of the parts to hand out; see
            `devices.distribution.Devices.feed`.
    Returns:
        tf.data.Dataset of (float32 (batch_size, h, w, c) in [-1, 1], int32 (batch_size,)).
    """
    import tensorflow as tf

    count = len(split.labels)
    first_epoch, seen = divmod(first_step * batch_size, count)

    def order(epoch):
        # Not index_shuffle: its neighbouring seeds correlate (r = 0.8) and repeat every 256.
        indices = tf.random.experimental.stateless_shuffle(tf.range(count), seed=(seed, epoch))
        return indices[tf.where(epoch == first_epoch, seen, 0) :]

    def chosen(places):
        return split.images[places], split.labels[places]

    def gather(indices):
        # By NumPy: a tensor of all images would be a second copy of them.
        types = split.images.dtype, split.labels.dtype
        images, labels = tf.numpy_function(chosen, [indices], types, stateful=False)
        images.set_shape((*indices.shape, *split.images.shape[1:]))
        labels.set_shape(indices.shape)
        return normalize(images), labels

    # Several batches at a time, for Python takes as long to pick out one as all of them; so short
    # steps, as with points, are a quarter shorter.
    size = batch_size * split.images[0].nbytes
    at_once = min(MOST_GATHERED, max(1, GATHERED // size))
    epochs = tf.data.Dataset.counter(first_epoch).map(order)
    stream = share(epochs.rebatch(batch_size, drop_remainder=True))
    gathered = stream.batch(at_once, drop_remainder=True).map(gather).prefetch(1)
    endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    return gathered.unbatch().apply(endless)


def _load_known(name, data_dir):
    """The (train, test) splits of MNIST, Fashion-MNIST or CIFAR-10."""
    parts = _find(name, data_dir)()
    expected = {"shape": SHAPES[name], "num_classes": len(CLASS_NAMES[name])}
    return [Split(*archives.checked(*parts[i : i + 2], **expected)) for i in (0, 2)]


def _load_digits():
    """The (train, test) splits of scikit-learn's 1,797 digits, which need no download."""
    from sklearn.datasets import load_digits

    digits = load_digits()  # images float64 (1797, 8, 8), 0 to 16
    images = np.rint(digits.images[..., np.newaxis] * (255 / 16)).astype(np.uint8)
    return hold_out(Split(images, digits.target.astype(np.int32)), TEST_SHARE, SPLIT_SEED)


def _folder(data_dir):
    """`data_dir` as a path, if it is a folder."""
    with explaining(data_dir):
        folder = Path(data_dir).expanduser()
        if not folder.exists():
            raise DataError(f"{folder} does not exist; check --data_dir")
        if not folder.is_dir():
            raise DataError(f"{folder} is a file; --data_dir takes a folder")
    return folder


def _find(name, data_dir):
    """A callable that reads a known data set, which is downloaded if it is not found."""
    return archives.find(name, _folder(data_dir)) if data_dir else downloads.find(name)
