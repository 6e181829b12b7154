"""Known data sets' files: what is read, what is refused and in which words."""

import gzip
import io
import math
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from images import datasets
from tests.support.files import (
    refusal,
    small_mnist,
    write_cifar,
    write_classes,
    write_idx,
    write_mnist,
)


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
    assert "is missing; unpack" in refusal(path, name="cifar10", data_dir=tmp_path)


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
    "mixed sizes": ("x_train", ragged, "instead of (n > 0, 28, 28, 1)"),
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
    "one class": ("y_train", lambda y: y * 0 + 3, "all labels are 3"),
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
        (lambda content: content[:-1], "not as long as its header says"),
        (lambda content: gzip.compress(content)[:-9], "ended before"),
        (lambda content: content + b"!", "not as long as its header says"),
        (lambda content: b"", "does not start like"),
        (lambda content: content[:6], "does not start like"),
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
    monkeypatch.setattr(zipfile, "ZipFile", refuse)
    assert "permission denied" in refusal(path, name="mnist", data_dir=tmp_path)
    monkeypatch.setattr(os, "scandir", refuse)
    assert "permission denied" in refusal(pictures, name="folder", data_dir=pictures)


# Bounds: no more is read than a header says, and no header may ask for too much


def zeros_of(key, shape, dtype):
    """An .npz like MNIST's whose member `key` is all zeros, written without holding them."""
    arrays = {name: array for name, array in small_mnist().items() if name != key}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.save(member, array)
        with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
            header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, header)
            for _ in range(math.prod(shape) * np.dtype(dtype).itemsize // 2**20 + 1):
                member.write(bytes(2**20))
    return content.getvalue()


def peak_of(work):
    """The result of `work()` and the most memory that Python held meanwhile, in MB."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def test_a_packed_file_that_never_ends_is_not_unpacked(tmp_path):
    write_idx(tmp_path, small_mnist(), gz=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    header = struct.pack(">4I", 0x803, 200, 28, 28)
    path.write_bytes(gzip.compress(header + bytes(100 * 2**20), compresslevel=1))
    message, peak = peak_of(lambda: refusal(path, name="mnist", data_dir=tmp_path))
    assert "not as long as its header says" in message and peak < 20


@pytest.mark.parametrize("count", [2**21, 2**32 - 1])
def test_a_header_that_asks_for_too_much(tmp_path, count):
    write_idx(tmp_path, small_mnist())
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, count, 28, 28))
    labels = tmp_path / "t10k-labels-idx1-ubyte"
    labels.write_bytes(struct.pack(">2I", 0x801, count))
    message, peak = peak_of(lambda: refusal("t10k-images", name="mnist", data_dir=tmp_path))
    assert "GB allowed" in message and peak < 20


def test_an_array_of_another_shape_is_not_read(tmp_path):
    path = tmp_path / "mnist.npz"
    path.write_bytes(zeros_of("x_test", (50, 1000, 1000), np.uint8))
    message, peak = peak_of(lambda: refusal(path, name="mnist", data_dir=tmp_path))
    assert "instead of (n > 0, 28, 28, 1)" in message or "as long as" in message
    assert peak < 20


def test_an_array_shorter_than_its_header_says(tmp_path):
    path = tmp_path / "mnist.npz"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in small_mnist().items():
            with archive.open(f"{name}.npy", "w") as member:
                header = {"descr": array.dtype.str, "fortran_order": False}
                shape = (10**6, *array.shape[1:])
                np.lib.format.write_array_header_1_0(member, header | {"shape": shape})
                member.write(array.tobytes())
    path.write_bytes(content.getvalue())
    assert "not as long" in refusal(path, name="mnist", data_dir=tmp_path)


def test_a_pipe_is_no_data_set(tmp_path):
    os.mkfifo(tmp_path / "mnist.npz")
    assert "holds no mnist" in refusal(tmp_path, name="mnist", data_dir=tmp_path)
