"""Files as users have them: data sets, pictures, and what a folder holds."""

import gzip
import pathlib
import pickle
import struct

import matplotlib.image
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from images import archives, datasets
from images.datasets import DataError


def small_mnist():
    """The arrays of a mnist.npz, 200 random images to train on and 50 to test."""
    random = np.random.RandomState(0)
    return {
        "x_train": random.randint(0, 256, (200, 28, 28)).astype(np.uint8),
        "y_train": (np.arange(200) % 10).astype(np.uint8),
        "x_test": random.randint(0, 256, (50, 28, 28)).astype(np.uint8),
        "y_test": (np.arange(50) % 10).astype(np.uint8),
    }


def write_mnist(folder, **changes):
    """Writes a small mnist.npz, with some of its arrays changed; returns its path."""
    np.savez(folder / "mnist.npz", **small_mnist() | changes)
    return folder / "mnist.npz"


def write_idx(folder, arrays, dot="-", gz=False):
    """Writes the arrays of a mnist.npz as the four files that MNIST was published in."""
    for stem, key in zip(archives.IDX_STEMS, archives.NPZ_KEYS, strict=True):
        array = arrays[key]
        content = struct.pack(f">{array.ndim + 1}I", 0x800 + array.ndim, *array.shape)
        content += array.tobytes()
        path = folder / f"{stem}{dot}idx{array.ndim}-ubyte{'.gz' if gz else ''}"
        path.write_bytes(gzip.compress(content) if gz else content)


def write_cifar(folder, per_batch=20):
    """Writes the batches of CIFAR-10; returns the images of the last one, flat."""
    folder.mkdir(parents=True)
    random = np.random.RandomState(0)
    for name in archives.CIFAR_BATCHES:
        images = random.randint(0, 256, (per_batch, 3072)).astype(np.uint8)
        batch = {b"data": images, b"labels": [i % 10 for i in range(per_batch)]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=4))
    return images


def write_picture(path, mode="RGB", size=(20, 20), shade=100, **options):
    """Writes a picture of one shade."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, shade, shade)).convert(mode).save(path, **options)


def write_classes(folder, counts, **picture):
    """Writes a folder of pictures for each class, as many as `counts` says."""
    for class_name, count in counts.items():
        for index in range(count):
            write_picture(folder / class_name / f"{index}.png", shade=10 + index, **picture)


def write_noise(path, size=(8, 8), mode="L"):
    """Writes a picture of random pixels; returns its path."""
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(0).integers(0, 256, (*size, *channels)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def refusal(path, **options):
    """The complaint about a data set, which is one line that names the file at fault."""
    with pytest.raises(DataError) as caught:
        datasets.load(**options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert str(path) in message
    return message


def format_and_size(path):
    """Of a picture that can be read to its end."""
    with Image.open(path) as picture:
        picture.load()
        return picture.format, picture.size


def assert_picture(path):
    """A picture that is large enough to be looked at, and not empty."""
    pixels = matplotlib.image.imread(path)
    assert pixels.shape[0] > 100
    assert pixels.std() > 0.01


def times_of(folder: pathlib.Path):
    """When each file of a folder was last written, by its path in it."""
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*")}


def contents(folder: pathlib.Path):
    """What each file of a folder holds, by its path in it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def write_digits(folder, *, first=0, each=30, classes="012", suffix="png"):
    """Writes some of scikit-learn's digits as 32 x 32 pictures, a folder for each class."""
    digits = load_digits()
    for name in classes:
        (folder / name).mkdir(parents=True)
        places = np.flatnonzero(digits.target == int(name))[first : first + each]
        for place in places:
            image = Image.fromarray((digits.images[place] * 15.9).astype(np.uint8))
            image.resize((32, 32)).save(folder / name / f"{place}.{suffix}")
