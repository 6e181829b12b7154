"""Data: what is read, what is refused and in which words, how it is split, how it is served."""

import gzip
import hashlib
import io
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tarfile
import time
import urllib.request

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

import data
import readers
from data import DataError

ROOT = pathlib.Path(__file__).parents[1]
REAL_MNIST = ROOT.parent / "shared" / "data" / "mnist.npz"
SPLITS = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """An empty home folder, without a network."""
    path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.setenv("KERAS_HOME", str(path / ".keras"))
    monkeypatch.setattr(data, "unreachable", lambda url: "blocked by the test")
    (path / ".keras" / "datasets").mkdir(parents=True)
    return path


def small_mnist(train=200, test=50, side=28):
    random = np.random.RandomState(0)
    return {
        "x_train": random.randint(0, 256, (train, side, side)).astype(np.uint8),
        "y_train": (np.arange(train) % 10).astype(np.uint8),
        "x_test": random.randint(0, 256, (test, side, side)).astype(np.uint8),
        "y_test": (np.arange(test) % 10).astype(np.uint8),
    }


def write_idx(folder, arrays, dot="-", gz=False):
    for stem, key in zip(readers.IDX_STEMS, readers.NPZ_KEYS, strict=True):
        array = arrays[key]
        content = struct.pack(f">{array.ndim + 1}I", 0x800 + array.ndim, *array.shape)
        content += array.tobytes()
        path = folder / f"{stem}{dot}idx{array.ndim}-ubyte{'.gz' if gz else ''}"
        path.write_bytes(gzip.compress(content) if gz else content)


def write_cifar(folder, per_batch=20):
    folder.mkdir(parents=True)
    random = np.random.RandomState(0)
    for name in readers.CIFAR_BATCHES:
        images = random.randint(0, 256, (per_batch, 3072)).astype(np.uint8)
        batch = {b"data": images, b"labels": [i % 10 for i in range(per_batch)]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=4))
    return images


def write_picture(path, mode="RGB", size=(20, 20), shade=100, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, shade, shade)).convert(mode).save(path, **options)


def write_classes(folder, counts, **picture):
    for class_name, count in counts.items():
        for index in range(count):
            write_picture(folder / class_name / f"{index}.png", shade=10 + index, **picture)


def refusal(path, **options):
    """The complaint about a data set, which is one line that names the file at fault."""
    with pytest.raises(DataError) as caught:
        data.load(**options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert str(path) in message
    return message


def images_of(dataset):
    return {part: getattr(dataset, part) for part in SPLITS}


# The pixel range


def test_pixels_survive_the_round_trip():
    pixels = np.arange(256, dtype=np.uint8)
    normalized = data.normalize(pixels)
    assert normalized.dtype == np.float32
    assert (normalized[0], normalized[255]) == (-1.0, 1.0)
    assert np.all(np.diff(normalized) > 0)
    assert np.array_equal(data.denormalize(normalized), pixels)


def test_tensors_normalize_like_arrays():
    import tensorflow as tf

    pixels = np.arange(256, dtype=np.uint8)
    tensor = data.normalize(tf.constant(pixels))
    assert np.allclose(tensor.numpy(), data.normalize(pixels), atol=1e-6)
    assert np.array_equal(data.denormalize(tensor), pixels)


def test_denormalize_rounds_clips_and_blackens_nan():
    pixels = data.denormalize([-7.0, -1.0, 0.004, 0.9999, 7.0, np.nan, np.inf, -np.inf])
    assert pixels.dtype == np.uint8
    assert pixels.tolist() == [0, 0, 128, 255, 255, 0, 255, 0]


# Splits


def test_digits_need_nothing_and_split_in_three():
    digits = data.load("digits")
    assert (digits.name, digits.image_size, digits.channels, digits.num_classes) == (
        ("digits", 8, 1, 10)
    )
    sizes = [len(split.labels) for split in images_of(digits).values()]
    assert sizes == [1294, 144, 359]
    for split in images_of(digits).values():
        assert split.images.dtype == np.uint8 and split.labels.dtype == np.int32
        assert split.images.shape == (len(split.labels), 8, 8, 1)
    assert digits.train.images.max() == 255


def test_splits_are_stable_whatever_the_seed():
    first, second = data.load("digits", seed=0), data.load("digits", seed=9)
    for part in SPLITS:
        assert np.array_equal(getattr(first, part).images, getattr(second, part).images)
    # Pinned, so that a score on the test set means the same next year.
    assert first.test.labels[:8].tolist() == [3, 7, 3, 9, 0, 8, 7, 0]


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(
    counts=st.lists(st.integers(1, 60), min_size=2, max_size=6),
    share=st.sampled_from([0.1, 0.2]),
    seed=st.integers(0, 5),
)
def test_splits_are_disjoint_complete_and_stratified(counts, share, seed):
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    images = np.arange(len(labels), dtype=np.int32).reshape(-1, 1, 1, 1)
    rest, taken = data._split(data.Split(images, labels), share, seed)
    together = np.concatenate([rest.images, taken.images]).ravel()
    assert sorted(together) == list(range(len(labels)))
    assert np.array_equal(labels[taken.images.ravel()], taken.labels)
    for label, count in enumerate(counts):
        found = np.sum(taken.labels == label)
        assert found < count
        assert found >= min(1, count - 1)
        assert abs(found - share * count) <= 1


# MNIST and its like


@pytest.mark.skipif(not REAL_MNIST.exists(), reason=f"{REAL_MNIST.name} is not in shared/data")
def test_real_mnist():
    mnist = data.load("mnist", data_dir=REAL_MNIST.parent)
    assert [len(split.labels) for split in images_of(mnist).values()] == [54000, 6000, 10000]
    assert mnist.class_names == tuple("0123456789")
    assert (mnist.image_size, mnist.channels) == (28, 1)
    total = sum(float(split.images.sum()) for split in (mnist.train, mnist.validation))
    assert total / (60000 * 28 * 28) == pytest.approx(33.318, abs=5e-4)
    assert np.bincount(mnist.test.labels).tolist()[:3] == [980, 1135, 1032]


def test_mnist_from_npz_keeps_its_test_set(tmp_path):
    arrays = small_mnist()
    np.savez(tmp_path / "mnist.npz", **arrays)
    mnist = data.load("mnist", data_dir=tmp_path)
    assert np.array_equal(mnist.test.images[..., 0], arrays["x_test"])
    assert np.array_equal(mnist.test.labels, arrays["y_test"])
    assert [len(split.labels) for split in images_of(mnist).values()] == [180, 20, 50]
    assert np.bincount(mnist.validation.labels).tolist() == [2] * 10


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_idx_files_hold_the_same(tmp_path, name, dot, gz):
    arrays = small_mnist()
    write_idx(tmp_path, arrays, dot, gz)
    loaded = data.load(name, data_dir=tmp_path)
    assert np.array_equal(loaded.test.images[..., 0], arrays["x_test"])
    assert np.array_equal(loaded.test.labels, arrays["y_test"])
    assert loaded.num_classes == 10


def test_mnist_npz_is_no_fashion_mnist(tmp_path):
    np.savez(tmp_path / "mnist.npz", **small_mnist())
    refusal(tmp_path, name="fashion_mnist", data_dir=tmp_path)


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-py"])
def test_cifar(tmp_path, inside):
    images = write_cifar(tmp_path / "c" / "cifar-10-batches-py")
    cifar = data.load("cifar10", data_dir=tmp_path / "c" / inside)
    assert (cifar.image_size, cifar.channels, cifar.class_names[3]) == (32, 3, "cat")
    assert [len(split.labels) for split in images_of(cifar).values()] == [90, 10, 20]
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


def test_the_cache_of_keras_is_found(home):
    cache = home / ".keras" / "datasets"
    np.savez(cache / "mnist.npz", **small_mnist())
    (cache / "fashion-mnist").mkdir()
    write_idx(cache / "fashion-mnist", small_mnist(), gz=True)
    write_cifar(cache / "cifar-10-batches-py-target" / "cifar-10-batches-py")
    for name in ("mnist", "fashion_mnist", "cifar10"):
        assert data.load(name).num_classes == 10


def test_the_cache_follows_the_home(home, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    assert data.cache_folder() == home / ".keras" / "datasets"
    monkeypatch.setenv("KERAS_HOME", "~/elsewhere")
    assert data.cache_folder() == home / "elsewhere" / "datasets"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(home / "missing"))
    assert data.cache_folder() == pathlib.Path("/tmp/.keras/datasets")


def test_a_tilde_in_data_dir(home):
    np.savez(home / "mnist.npz", **small_mnist())
    assert data.load("mnist", data_dir="~").image_size == 28


@pytest.mark.parametrize(("name", "size"), [("mnist", 32), ("digits", 16), ("mnist", 14)])
def test_images_are_resized_on_demand(tmp_path, name, size):
    arrays = small_mnist()
    arrays["x_test"][:] = 77
    np.savez(tmp_path / "mnist.npz", **arrays)
    resized = data.load(name, data_dir=tmp_path, image_size=size)
    assert resized.image_size == size
    for split in images_of(resized).values():
        assert split.images.shape == (len(split.labels), size, size, 1)
    if name == "mnist":
        assert np.all(resized.test.images == 77)


def test_float_pixels_in_unit_range_are_scaled(tmp_path):
    arrays = small_mnist()
    expected = arrays["x_test"]
    arrays["x_train"], arrays["x_test"] = arrays["x_train"] / 255, arrays["x_test"] / 255
    np.savez(tmp_path / "mnist.npz", **arrays)
    mnist = data.load("mnist", data_dir=tmp_path)
    assert np.array_equal(mnist.test.images[..., 0], expected)


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
    path = tmp_path / "mnist.npz"
    np.savez(path, **small_mnist())
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


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "folder"])
def test_a_bad_data_dir(tmp_path, name):
    (tmp_path / "file").write_text("text")
    (tmp_path / "empty").mkdir()
    nobody = "~nobody-of-this-name/x"
    assert "home directory" in refusal(nobody, name=name, data_dir=nobody)
    missing, file, empty = tmp_path / "missing", tmp_path / "file", tmp_path / "empty"
    assert "does not exist" in refusal(missing, name=name, data_dir=missing)
    assert "is a file" in refusal(file, name=name, data_dir=file)
    assert "needs" in refusal(empty, name=name, data_dir=empty)


def test_permission_denied(tmp_path, monkeypatch):
    # Raised by hand: root may read anything.
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    np.savez(tmp_path / "mnist.npz", **small_mnist())
    write_classes(tmp_path / "pictures", {"a": 3, "b": 3})
    monkeypatch.setattr(readers.np, "load", refuse)
    message = refusal(tmp_path / "mnist.npz", name="mnist", data_dir=tmp_path)
    assert "permission denied" in message
    monkeypatch.setattr(pathlib.Path, "iterdir", refuse)
    pictures = tmp_path / "pictures"
    assert "permission denied" in refusal(pictures, name="folder", data_dir=pictures)


def test_an_unknown_name():
    for name in ("auto", "imagenet"):
        with pytest.raises(ValueError, match="is none of mnist"):
            data.load(name)


# Resolving and downloading


def test_resolve_leaves_other_names_alone():
    for name in data.DATASETS[1:]:
        assert data.resolve(name, announce=pytest.fail) == name


def test_auto_falls_back_on_digits_and_says_so_once(home):
    said: list[str] = []
    assert data.resolve("auto", announce=said.append) == "digits"
    assert len(said) == 1 and len(said[0].splitlines()) == 1
    target = home / ".keras" / "datasets" / "mnist.npz"
    for part in ("digits", str(target), "blocked by the test", "--data_dir"):
        assert part in said[0]


def test_auto_takes_cached_mnist(home):
    np.savez(home / ".keras" / "datasets" / "mnist.npz", **small_mnist())
    assert data.resolve("auto", announce=pytest.fail) == "mnist"


def test_auto_takes_mnist_from_data_dir_or_complains(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(DataError, match="holds no mnist.*--dataset folder"):
        data.resolve("auto", folder, announce=pytest.fail)
    np.savez(folder / "mnist.npz", **small_mnist())
    assert data.resolve("auto", folder, announce=pytest.fail) == "mnist"


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_what_cannot_be_downloaded_is_named_with_the_ways_out(home, name):
    message = refusal(home / ".keras" / "datasets", name=name)
    for part in ("blocked by the test", "--data_dir", "--dataset digits", "put it there"):
        assert part in message


def serve(home, monkeypatch, name, files):
    """Makes files of `name`, relative to a folder, what the network would bring."""
    monkeypatch.undo()
    monkeypatch.setenv("KERAS_HOME", str(home / ".keras"))
    urls = {path.as_uri(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}
    monkeypatch.setitem(data.DOWNLOADS, name, urls)
    return home / ".keras" / "datasets" / data.CACHE_FOLDERS[name]


def test_mnist_is_downloaded_into_the_cache(home, tmp_path, monkeypatch, capsys):
    np.savez(tmp_path / "mnist.npz", **small_mnist())
    cache = serve(home, monkeypatch, "mnist", [tmp_path / "mnist.npz"])
    assert data.resolve("auto", announce=pytest.fail) == "mnist"
    (tmp_path / "mnist.npz").unlink()
    assert data.load("mnist").image_size == 28
    assert [path.name for path in cache.iterdir()] == ["mnist.npz"]
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith("Downloading ")


def test_fashion_mnist_completes_a_cache_that_was_broken_off(home, tmp_path, monkeypatch):
    origin = tmp_path / "origin"
    origin.mkdir()
    write_idx(origin, small_mnist(), gz=True)
    cache = serve(home, monkeypatch, "fashion_mnist", list(origin.iterdir()))
    cache.mkdir()
    (cache / "train-labels-idx1-ubyte.gz").write_bytes(b"half of it")
    assert data.load("fashion_mnist").class_names[-1] == "Ankle boot"


def test_cifar_is_downloaded_and_unpacked(home, tmp_path, monkeypatch):
    write_cifar(tmp_path / "cifar-10-batches-py")
    with tarfile.open(tmp_path / "cifar.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "cifar-10-batches-py", "cifar-10-batches-py")
    cache = serve(home, monkeypatch, "cifar10", [tmp_path / "cifar.tar.gz"])
    assert data.load("cifar10").channels == 3
    assert [path.name for path in cache.iterdir()] == ["cifar-10-batches-py"]


@pytest.mark.parametrize("trouble", ["wrong content", "breaks off", "interrupted"])
def test_a_failed_download_leaves_nothing_behind(home, tmp_path, monkeypatch, trouble):
    np.savez(tmp_path / "mnist.npz", **small_mnist())
    cache = serve(home, monkeypatch, "mnist", [tmp_path / "mnist.npz"])

    def copy(response, file):
        file.write(response.read(1000))
        if trouble == "interrupted":
            raise KeyboardInterrupt

    if trouble == "wrong content":
        (tmp_path / "mnist.npz").write_bytes(b"<html>log in first</html>")
    else:
        monkeypatch.setattr(data.shutil, "copyfileobj", copy)
    with pytest.raises(KeyboardInterrupt if trouble == "interrupted" else DataError) as caught:
        data.load("mnist")
    assert list(cache.iterdir()) == []
    expected = {"wrong content": "not the file", "breaks off": "broke off", "interrupted": ""}
    assert expected[trouble] in str(caught.value)


def test_the_probe_gives_up_even_if_the_look_up_of_a_name_hangs(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(urllib.request, "urlopen", lambda *args, **kwargs: time.sleep(5))
    monkeypatch.setattr(data, "TIMEOUT", 0.1)
    start = time.monotonic()
    assert "no answer" in data.unreachable("https://example.invalid/mnist.npz")
    assert time.monotonic() - start < 2


def test_the_probe_says_what_is_in_the_way(monkeypatch, tmp_path):
    monkeypatch.undo()
    assert "No such file" in data.unreachable((tmp_path / "missing").as_uri())
    assert data.unreachable(pathlib.Path(__file__).as_uri()) is None


# Folders of pictures


def test_one_level_is_split_by_the_seed(tmp_path):
    write_classes(tmp_path, {"dog": 20, "cat": 30, ".hidden": 1})
    (tmp_path / "dog" / "notes.txt").write_text("not a picture")
    (tmp_path / "dog" / ".DS_Store.png").write_text("not a picture")
    pets = data.load("folder", data_dir=tmp_path)
    assert pets.class_names == ("cat", "dog")
    assert (pets.name, pets.image_size, pets.channels) == ("folder", 32, 3)
    assert np.bincount(pets.train.labels).tolist() == [22, 14]
    assert np.bincount(pets.validation.labels).tolist() == [2, 2]
    assert np.bincount(pets.test.labels).tolist() == [6, 4]
    again, other = (data.load("folder", data_dir=tmp_path, seed=seed) for seed in (0, 1))
    assert np.array_equal(pets.test.images, again.test.images)
    assert not np.array_equal(pets.test.images, other.test.images)


def test_two_levels_keep_their_test_set(tmp_path):
    write_classes(tmp_path / "train", {"a": 10, "b": 10}, mode="L")
    write_classes(tmp_path / "test", {"a": 1, "b": 2}, mode="L")
    loaded = data.load("folder", data_dir=str(tmp_path), image_size=8)
    assert loaded.test.images[:, 0, 0, 0].tolist() == [10, 10, 11]
    assert loaded.test.labels.tolist() == [0, 1, 1]
    assert [len(split.labels) for split in images_of(loaded).values()] == [18, 2, 3]
    assert loaded.channels == 1


def test_sizes_and_formats_may_be_mixed(tmp_path):
    for class_name in "ab":
        write_picture(tmp_path / class_name / "0.png", size=(9, 40))
        write_picture(tmp_path / class_name / "1.JPG", size=(50, 7), format="JPEG")
        write_picture(tmp_path / class_name / "2.jpeg", "L", size=(1, 1))
    mixed = data.load("folder", data_dir=tmp_path, image_size=16)
    for split in images_of(mixed).values():
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


def test_a_folder_needs_data_dir():
    refusal("--data_dir", name="folder")


# Batches


def numbered(count):
    """A split whose images and labels both tell their index."""
    images = np.broadcast_to(
        np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 2, 2, 1)
    )
    return data.Split(np.ascontiguousarray(images), np.arange(count, dtype=np.int32))


def labels_of(split, batch_size, steps, **options):
    stream = data.batches(split, batch_size, **options).take(steps)
    return [labels.tolist() for _, labels in stream.as_numpy_iterator()]


@hypothesis.settings(deadline=None, max_examples=12)
@hypothesis.given(
    count=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    first_step=st.integers(0, 12),
    seed=st.integers(0, 2**31 - 1),
)
def test_a_resumed_run_sees_what_it_would_have_seen(count, batch_size, first_step, seed):
    split = numbered(count)
    whole = labels_of(split, batch_size, 14, seed=seed)
    assert whole[first_step:] == labels_of(
        split, batch_size, 14 - first_step, seed=seed, first_step=first_step
    )
    stream = [label for labels in whole for label in labels]
    for start in range(0, len(stream) - count + 1, count):
        assert sorted(stream[start : start + count]) == list(range(count))


def test_each_epoch_and_seed_has_its_own_order():
    split = numbered(100)
    orders = labels_of(split, 100, 300, seed=0)
    assert len({tuple(order) for order in orders}) == 300
    assert not set(map(tuple, orders)) & set(map(tuple, labels_of(split, 100, 5, seed=1)))
    # Each image comes first about as often as any other, and neighbours do not stay together.
    correlations = np.corrcoef(np.array(orders[:20]))[np.triu_indices(20, 1)]
    assert np.abs(correlations).max() < 0.5


def test_batches_are_normalized_static_and_endless():
    import tensorflow as tf

    split = numbered(256)
    stream = data.batches(split, 64, seed=0)
    images, labels = stream.element_spec
    assert (images.shape, images.dtype) == ((64, 2, 2, 1), tf.float32)
    assert (labels.shape, labels.dtype) == ((64,), tf.int32)
    assert stream.cardinality() == tf.data.INFINITE_CARDINALITY
    for images, labels in stream.take(5).as_numpy_iterator():
        assert images.min() >= -1 and images.max() <= 1
        assert np.array_equal(data.denormalize(images)[:, 1, 1, 0], labels)


def test_a_batch_of_mnist_costs_less_than_a_millisecond():
    split = data.Split(np.zeros((54000, 28, 28, 1), np.uint8), np.zeros(54000, np.int32))
    stream = iter(data.batches(split, 64, seed=0, first_step=10**6))
    next(stream)
    start = time.process_time()
    for _ in range(200):
        next(stream)
    # Five times the promise: the machine that runs this may be busy or slow.
    assert (time.process_time() - start) / 200 < 5e-3


def test_importing_data_is_cheap():
    code = "import sys, data; print({'tensorflow', 'keras', 'sklearn', 'PIL'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "set()", run.stderr
