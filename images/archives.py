"""Files of known data sets -> arrays: .npz, IDX, CIFAR-10's pickles. Trusts no file."""

import contextlib
import functools
import gzip
import io
import math
import pickle
import zipfile
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy

from images.files import FIX, DataError, explaining, open_regular, read_whole

IDX_STEMS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
IDX_MAGICS = {"images": b"\x00\x00\x08\x03", "labels": b"\x00\x00\x08\x01"}  # uint8, 3 or 1 axes
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
CIFAR_FOLDER = "cifar-10-batches-py"
CIFAR_BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
CONTENTS = {
    "mnist": "mnist.npz or the four IDX files (train-images-idx3-ubyte.gz, ...)",
    "fashion_mnist": "the four IDX files (train-images-idx3-ubyte.gz, ...) or fashion_mnist.npz",
    "cifar10": f"the folder {CIFAR_FOLDER} (unpack cifar-10-python.tar.gz)",
}
PICKLE_NEEDS = {("numpy", "ndarray"), ("numpy", "dtype")} | {
    (f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")
}
MOST_BYTES = 2**30  # of one array; the largest legitimate one, MNIST as float64, has 0.4 GB
MOST_CIFAR_BYTES = 2**26  # of a batch, which has 31 MB


class Stored(NamedTuple):
    """An array in a file, of which only the header has been read."""

    file: object  # its name in messages
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]

    @property
    def nbytes(self):
        return math.prod(self.shape) * self.dtype.itemsize


def find(name, folder):
    """Looks for the files of a data set in a folder, without reading them.

    Args:
        name: str, a key of `CONTENTS`.
        folder: pathlib.Path.
    Returns:
        A callable without arguments that reads their headers and returns a `Stored` for each of
        training images, training labels, test images and test labels.
    Raises:
        DataError: if the files are not there, or only some of them.
    """
    with explaining(folder):
        if name == "cifar10":
            for candidate in (folder / CIFAR_FOLDER, folder):
                missing = [name for name in CIFAR_BATCHES if not (candidate / name).is_file()]
                if not missing:
                    return functools.partial(read_cifar, candidate)
                if len(missing) < len(CIFAR_BATCHES):
                    lacking = candidate / missing[0]
                    raise DataError(f"{lacking} is missing; unpack cifar-10-python.tar.gz again")
        elif (folder / f"{name}.npz").is_file():
            return functools.partial(read_npz, folder / f"{name}.npz")
        else:
            paths = {stem: _find_idx(folder, stem) for stem in IDX_STEMS}
            missing = [stem for stem, path in paths.items() if path is None]
            if not missing:
                return functools.partial(read_idx_files, paths)
            if len(missing) < len(paths):
                raise DataError(f"{folder} has other IDX files but no {missing[0]}; add it")
    raise DataError(
        f"{folder} holds no {name}; it needs {CONTENTS[name]}"
        " (pictures of your own are --dataset folder)"
    )


def _find_idx(folder, stem):
    axes = 3 if stem.endswith("images") else 1
    names = [f"{stem}{dot}idx{axes}-ubyte{gz}" for dot in "-." for gz in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def read_npz(path):
    """The four arrays of an archive like `keras.datasets`' mnist.npz; it never unpickles."""
    with explaining(path), open_regular(path) as file:
        if not zipfile.is_zipfile(file):  # its directory is at the end: truncation shows here
            raise DataError(f"{path} is not a whole .npz archive{FIX}")
        with zipfile.ZipFile(file) as archive:
            missing = [key for key in NPZ_KEYS if f"{key}.npy" not in archive.namelist()]
            if missing:
                raise DataError(f"{path} has no array {missing[0]}; it needs {', '.join(NPZ_KEYS)}")
            return [_npz_member(path, archive, key) for key in NPZ_KEYS]


def _npz_member(path, archive, key):
    with archive.open(f"{key}.npy") as member:
        old = npy.read_magic(member) == (1, 0)
        header = npy.read_array_header_1_0 if old else npy.read_array_header_2_0
        shape, _, dtype = header(member)
        size = member.tell() + math.prod(shape) * dtype.itemsize

    def read():
        with explaining(path), zipfile.ZipFile(path) as again, again.open(f"{key}.npy") as member:
            return npy.read_array(member, allow_pickle=False)

    if dtype.kind in "iuf" and size != archive.getinfo(f"{key}.npy").file_size:
        raise DataError(f"{key} of {path} is not as long as its header says{FIX}")
    return Stored(f"{key} of {path}", shape, dtype, read)


def read_idx_files(paths):
    """The four IDX files of MNIST or Fashion-MNIST, each with or without gzip."""
    return [read_idx(path, IDX_MAGICS[stem[-6:]]) for stem, path in paths.items()]


def read_idx(path, magic):
    """One IDX file: 4 bytes of magic, big-endian sizes, uint8 values."""
    start = 4 + 4 * magic[3]
    with _unpacked(path) as file:
        header = file.read(start)
    if header[:4] != magic or len(header) < start:
        raise DataError(f"{path} does not start like an IDX file{FIX}")
    shape = tuple(np.frombuffer(header[4:], ">u4").tolist())

    def read():
        with _unpacked(path) as file:
            content = file.read(start + math.prod(shape) + 1)  # one more byte is too many
        if len(content) != start + math.prod(shape):
            raise DataError(f"{path} is not as long as its header says{FIX}")
        return np.frombuffer(content, np.uint8, offset=start).reshape(shape)

    return Stored(path, shape, np.dtype(np.uint8), read)


@contextlib.contextmanager
def _unpacked(path):
    """A file opened for reading, through gzip if it is packed; unpacks no more than is read."""
    with explaining(path), open_regular(path) as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        yield gzip.GzipFile(fileobj=file) if packed else file


class _ArrayUnpickler(pickle.Unpickler):
    """Builds numpy arrays and nothing else, so that a file cannot run code."""

    def find_class(self, module, name):
        if (module, name) not in PICKLE_NEEDS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused")
        return super().find_class(module, name)


def read_cifar(folder):
    """The six batches of the unpacked cifar-10-python.tar.gz, whole: pickles have no header."""
    images, labels = zip(*(_read_cifar_batch(folder / name) for name in CIFAR_BATCHES), strict=True)
    training, test = folder / "data_batch_*", folder / "test_batch"
    with explaining(training):
        parts = np.concatenate(images[:-1]), np.concatenate(labels[:-1]), images[-1], labels[-1]
    return [
        Stored(file, part.shape, part.dtype, functools.partial(np.asarray, part))
        for file, part in zip((training, training, test, test), parts, strict=True)
    ]


def _read_cifar_batch(path):
    """The images uint8 (n, 32, 32, 3) and labels (n,) of one batch."""
    content = read_whole(path, MOST_CIFAR_BYTES)
    with explaining(path):
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
        data = batch[b"data"]
        if data.nbytes > len(content):
            raise DataError(f"{path} is not as long as its header says{FIX}")
        return data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), np.asarray(batch[b"labels"])


def checked(images, labels, *, shape, num_classes):
    """The arrays in a file as uint8 (n, h, w, c) and int32 (n,), if they are as expected.

    It checks the headers first, and reads values only if their number and type are right.

    Args:
        images: Stored (n, h, w) or (n, h, w, c); integers in [0, 255], floats in [0, 1].
        labels: Stored, integers (n,) or (n, 1).
        shape: (h, w, c) of the data set's images.
        num_classes: int.
    Returns:
        (uint8 (n, h, w, c) in [0, 255], int32 (n,)).
    Raises:
        DataError: if they are anything else.
    """
    _check_headers(images, labels, shape)
    pixels = _pixels(images).reshape(-1, *shape)
    return pixels, _labels(labels, num_classes)


def _check_headers(images, labels, shape):
    full = images.shape if len(images.shape) != 3 else (*images.shape, 1)
    if full[1:] != shape or full[0] == 0:
        wanted = ", ".join(map(str, ("n > 0", *shape)))
        raise DataError(f"{images.file}: images {full} instead of ({wanted}){FIX}")
    if images.dtype.kind not in "iuf":
        raise DataError(f"{images.file}: pixels are {images.dtype} instead of uint8{FIX}")
    if labels.shape not in ((full[0],), (full[0], 1)):
        raise DataError(f"{labels.file}: labels {labels.shape} for {full[0]} images{FIX}")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{labels.file}: labels are {labels.dtype} instead of integers{FIX}")
    if images.nbytes > MOST_BYTES:
        raise DataError(
            f"{images.file}: {full[0]:,} images take {images.nbytes / 2**30:.1f} GB, more than the"
            f" {MOST_BYTES / 2**30:g} GB allowed; keep fewer of them"
        )


def _pixels(images):
    """The images of a `Stored` as uint8 in [0, 255]."""
    pixels = images.read()
    highest = 1 if pixels.dtype.kind == "f" else 255
    lowest_found, highest_found = pixels.min(), pixels.max()
    if not (lowest_found >= 0 and highest_found <= highest):  # NaN fails this, too
        found = f"{pixels.dtype} pixels from {lowest_found} to {highest_found}"
        raise DataError(f"{images.file}: {found} instead of 0 to {highest}; store them as uint8")
    return (np.rint(pixels * 255) if highest == 1 else pixels).astype(np.uint8)


def _labels(labels, num_classes):
    """The labels of a `Stored` as int32 (n,)."""
    values = labels.read().reshape(-1)
    lowest, highest = values.min(), values.max()
    if lowest < 0 or highest >= num_classes:
        found = f"{lowest} to {highest} instead of 0 to {num_classes - 1}"
        raise DataError(f"{labels.file}: labels {found}{FIX}")
    if lowest == highest:
        raise DataError(f"{labels.file}: all labels are {lowest}; two classes are needed{FIX}")
    return values.astype(np.int32)
