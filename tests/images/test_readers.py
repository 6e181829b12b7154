"""Files: what is read, what is refused and in which words."""

import gzip
import io
import os
import pathlib
import pickle

import numpy as np
import pytest
from PIL import Image

from images import datasets, readers
from tests.support.files import (
    refusal,
    small_mnist,
    write_cifar,
    write_classes,
    write_idx,
    write_mnist,
    write_picture,
)

# MNIST and its like


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_idx_files_hold_the_same(tmp_path, name, dot, gz):
    arrays = small_mnist()
    write_idx(tmp_path, arrays, dot, gz)
    loaded = datasets.load(name, data_dir=tmp_path)
    assert np.array_equal(loaded.test.images[..., 0], arrays["x_test"])
    assert np.array_equal(loaded.test.labels, arrays["y_test"])
    assert loaded.num_classes == 10


def test_mnist_npz_is_no_fashion_mnist(tmp_path):
    write_mnist(tmp_path)
    refusal(tmp_path, name="fashion_mnist", data_dir=tmp_path)


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-py"])
def test_cifar(tmp_path, inside):
    images = write_cifar(tmp_path / "c" / "cifar-10-batches-py")
    cifar = datasets.load("cifar10", data_dir=tmp_path / "c" / inside)
    assert (cifar.image_size, cifar.channels, cifar.class_names[3]) == (32, 3, "cat")
    assert [len(s.labels) for s in (cifar.train, cifar.validation, cifar.test)] == [90, 10, 20]
    assert np.array_equal(cifar.test.images[4, :, :, 1].ravel(), images[4, 1024:2048])


def test_a_cifar_batch_cannot_run_code(tmp_path):
    write_cifar(tmp_path / "cifar-10-batches-py")
    path = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(pickle.dumps(os.system))
    assert "refused" in refusal(path, name="cifar10", data_dir=tmp_path)


def test_a_missing_cifar_batch(tmp_path):
    write_cifar(tmp_path / "cifar-10-batches-py")
    path = tmp_path / "cifar-10-batches-py" / "test_batch"
    path.unlink()
    assert "No such file" in refusal(path, name="cifar10", data_dir=tmp_path)


def test_float_pixels_in_unit_range_are_scaled(tmp_path):
    arrays = small_mnist()
    write_mnist(tmp_path, x_train=arrays["x_train"] / 255, x_test=arrays["x_test"] / 255)
    mnist = datasets.load("mnist", data_dir=tmp_path)
    assert np.array_equal(mnist.test.images[..., 0], arrays["x_test"])


def ragged(images):
    mixed = np.empty(2, object)
    mixed[:] = [images[0], images[0, :20, :20]]
    return mixed


def with_nan(images):
    images = images / 255
    images[3, 4, 5] = np.nan
    return images


BAD_ARRAYS = {
    "no labels": ("y_train", None, "no array y_train"),
    "flat images": ("x_train", lambda x: x.reshape(len(x), -1), "instead of (n > 0, 28, 28, 1)"),
    "small images": ("x_test", lambda x: x[:, :20, :20], "instead of (n > 0, 28, 28, 1)"),
    "no images": ("x_test", lambda x: x[:0], "instead of (n > 0, 28, 28, 1)"),
    "scalar images": ("x_test", lambda x: np.float32(3), "images ()"),
    "mixed sizes": ("x_train", ragged, "Object arrays"),
    "texts": ("x_train", lambda x: x.astype(str), "instead of uint8"),
    "nan": ("x_train", with_nan, "nan"),
    "floats to 255": ("x_train", lambda x: x.astype(np.float32), "to 255.0 instead of 0 to 1"),
    "floats from -1": ("x_train", lambda x: x / 127.5 - 1, "from -1.0"),
    "integers too large": ("x_test", lambda x: x.astype(np.int32) + 1, "to 256 instead of"),
    "fewer labels": ("y_train", lambda y: y[:-1], "labels (199,) for 200 images"),
    "one-hot labels": ("y_train", lambda y: np.eye(10)[y], "labels (200, 10)"),
    "float labels": ("y_train", lambda y: y.astype(float), "float64 instead of integers"),
    "labels too large": ("y_test", lambda y: y + 1, "labels 1 to 10 instead of 0 to 9"),
    "negative labels": ("y_train", lambda y: y.astype(int) - 1, "labels -1 to 8"),
    "one class": ("y_train", lambda y: y * 0 + 3, "one class alone, 3"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_refused(tmp_path, case):
    key, change, complaint = BAD_ARRAYS[case]
    arrays = small_mnist()
    if change is None:
        del arrays[key]
    else:
        arrays[key] = change(arrays[key])
    path = tmp_path / "mnist.npz"
    np.savez(path, **arrays)
    assert complaint in refusal(path, name="mnist", data_dir=tmp_path)


@pytest.mark.parametrize("content", ["truncated", "empty", "text", "npy", "damaged"])
def test_a_file_that_is_no_npz(tmp_path, content):
    path = write_mnist(tmp_path)
    whole = path.read_bytes()
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    middle = len(whole) // 2
    path.write_bytes(
        {
            "truncated": whole[:middle],
            "empty": b"",
            "text": b"<html>404 not found</html>",
            "npy": array.getvalue(),
            "damaged": whole[:middle] + b"!!!!" + whole[middle + 4 :],
        }[content]
    )
    assert "replace" in refusal(path, name="mnist", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda content: content[:-1], "cannot reshape"),
        (lambda content: gzip.compress(content)[:-9], "ended before"),
        (lambda content: b"", "does not start like"),
        (lambda content: content[:6], "cannot be read"),
        (lambda content: b"\0\0\x08\x01" + content[4:], "does not start like"),
    ],
)
def test_bad_idx_files(tmp_path, damage, complaint):
    write_idx(tmp_path, small_mnist())
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    assert complaint in refusal(path, name="mnist", data_dir=tmp_path)


def test_idx_labels_are_blamed_by_their_file(tmp_path):
    arrays = small_mnist()
    arrays["y_test"] += 1
    write_idx(tmp_path, arrays)
    path = tmp_path / "t10k-labels-idx1-ubyte"
    assert "1 to 10" in refusal(path, name="mnist", data_dir=tmp_path)


def test_a_missing_idx_file_is_named(tmp_path):
    write_idx(tmp_path, small_mnist())
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert "no t10k-labels" in refusal(tmp_path, name="mnist", data_dir=tmp_path)


def test_permission_denied(tmp_path, monkeypatch):
    # Raised by hand: root may read anything.
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    path, pictures = write_mnist(tmp_path), tmp_path / "pictures"
    write_classes(pictures, {"a": 3, "b": 3})
    monkeypatch.setattr(readers.np, "load", refuse)
    assert "permission denied" in refusal(path, name="mnist", data_dir=tmp_path)
    monkeypatch.setattr(pathlib.Path, "iterdir", refuse)
    assert "permission denied" in refusal(pictures, name="folder", data_dir=pictures)


# Folders of pictures


def test_sizes_and_formats_may_be_mixed(tmp_path):
    for class_name in "ab":
        write_picture(tmp_path / class_name / "0.png", size=(9, 40))
        write_picture(tmp_path / class_name / "1.JPG", size=(50, 7), format="JPEG")
        write_picture(tmp_path / class_name / "2.jpeg", "L", size=(1, 1))
    mixed = datasets.load("folder", data_dir=tmp_path, image_size=16)
    for split in (mixed.train, mixed.validation, mixed.test):
        assert split.images.shape[1:] == (16, 16, 3)
        assert np.all(np.abs(split.images.astype(int) - 100) <= 2)


@pytest.mark.parametrize("mode", ["L", "1", "LA", "I;16"])
def test_grey_modes_have_one_channel(tmp_path, mode):
    path = tmp_path / "grey.png"
    if mode == "I;16":
        Image.fromarray(np.full((4, 4), 200 * 257, np.uint16)).save(path)
    else:
        Image.new("L", (4, 4), 200).convert(mode).save(path)
    assert Image.open(path).mode.startswith(mode)
    images = readers.read_pictures([path], 4)
    assert images.shape == (1, 4, 4, 1)
    # Dithering turns grey into black and white, so only their mean says anything.
    assert images.mean() == pytest.approx(200, abs=40 if mode == "1" else 0)


def test_one_colour_picture_makes_all_of_them_rgb(tmp_path):
    write_picture(tmp_path / "0.png", "L")
    Image.new("P", (4, 4)).save(tmp_path / "1.png")
    images = readers.read_pictures([tmp_path / "0.png", tmp_path / "1.png"], 4)
    assert images.shape == (2, 4, 4, 3)
    assert np.all(images[0] == 100)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(tmp_path, mode):
    path = tmp_path / "clear.png"
    if mode == "P":
        Image.new("P", (4, 4)).save(path, transparency=0)
    else:
        Image.new(mode, (4, 4), 0).save(path)
    assert np.all(readers.read_pictures([path], 4) == 255)


def test_a_photograph_is_turned_upright_and_cropped_to_its_middle(tmp_path):
    image = Image.new("L", (40, 80), 0)
    image.paste(255, (0, 0, 40, 40))  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown after a quarter turn clockwise: white comes right
    image.save(tmp_path / "photo.jpg", quality=95, exif=exif)
    pixels = readers.read_picture(tmp_path / "photo.jpg", 8)
    assert pixels[:, :3].max() < 20 and pixels[:, 5:].min() > 235


def test_shrinking_does_not_alias(tmp_path):
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    pixels = readers.read_picture(tmp_path / "stripes.png", 8)
    assert np.all(np.abs(pixels.astype(int) - 127) <= 8)


@pytest.mark.parametrize("content", ["text", "empty", "truncated"])
def test_a_file_that_is_no_picture(tmp_path, content):
    write_classes(tmp_path, {"a": 3, "b": 3})
    path = tmp_path / "b" / "1.png"
    Image.effect_noise((64, 64), 50).save(path)
    whole = path.read_bytes()
    path.write_bytes({"text": b"hello\nworld", "empty": b"", "truncated": whole[:500]}[content])
    assert "replace it or delete it" in refusal(path, name="folder", data_dir=tmp_path)


BAD_FOLDERS = {
    "one class": ({"a": 5}, "", "found a"),
    "no class": ({}, "", "found none"),
    "an empty class": ({"a": 5, "b": 0}, "b", "holds 0"),
    "a class too small": ({"a": 5, "b": 2}, "b", "at least 3"),
    "no test": ({"train/a": 5, "train/b": 5}, "", "only one of train/ and test/"),
    "no train": ({"test/a": 5, "test/b": 5}, "", "only one of train/ and test/"),
    "one class to train": ({"train/a": 5, "test/a": 5}, "train", "found a"),
    "too few to validate": (
        {"train/a": 5, "train/b": 1, "test/a": 1, "test/b": 1},
        "train/b",
        "at least 2",
    ),
    "a class not tested": (
        {"train/a": 2, "train/b": 2, "train/c": 2, "test/a": 1, "test/b": 1},
        "test",
        "has no c",
    ),
    "a class not trained": (
        {"train/a": 2, "train/b": 2, "test/a": 1, "test/b": 1, "test/c": 1},
        "train",
        "has no c",
    ),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_bad_folders_are_refused(tmp_path, case):
    counts, blamed, complaint = BAD_FOLDERS[case]
    folder = tmp_path / "pictures"
    folder.mkdir()
    write_classes(folder, counts)
    for class_name in counts:
        (folder / class_name).mkdir(exist_ok=True, parents=True)
    assert complaint in refusal(folder / blamed, name="folder", data_dir=folder)
