"""Data: the pixel range, which data set is taken, how it is split, how it is served."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from games import base
from images import datasets, downloads
from images.datasets import DataError
from images.splits import hold_out
from tests.support.files import refusal, small_mnist, write_mnist
from tests.support.program import ROOT, run_apart, succeeded

REAL_MNIST = ROOT.parent / "shared" / "data" / "mnist.npz"
SPLITS = ("train", "validation", "test")


def images_of(dataset):
    return {part: getattr(dataset, part) for part in SPLITS}


def test_the_command_line_offers_the_same_data_sets():
    assert base.DATASETS == datasets.DATASETS


def test_importing_data_is_cheap():
    spared = "{'tensorflow', 'keras', 'sklearn', 'PIL'}"
    code = f"import sys; from images import datasets; print({spared} & set(sys.modules))"
    assert succeeded(run_apart(("-c", code), folder=ROOT)) == "set()\n"


# The pixel range


def test_pixels_survive_the_round_trip():
    pixels = np.arange(256, dtype=np.uint8)
    normalized = datasets.normalize(pixels)
    assert normalized.dtype == np.float32
    assert (normalized[0], normalized[255]) == (-1.0, 1.0)
    assert np.all(np.diff(normalized) > 0)
    assert np.array_equal(datasets.denormalize(normalized), pixels)


def test_tensors_normalize_like_arrays():
    import tensorflow as tf

    pixels = np.arange(256, dtype=np.uint8)
    tensor = datasets.normalize(tf.constant(pixels))
    assert np.allclose(tensor.numpy(), datasets.normalize(pixels), atol=1e-6)
    assert np.array_equal(datasets.denormalize(tensor), pixels)


def test_denormalize_rounds_clips_and_blackens_nan():
    pixels = datasets.denormalize([-7.0, -1.0, 0.004, 0.9999, 7.0, np.nan, np.inf, -np.inf])
    assert pixels.dtype == np.uint8
    assert pixels.tolist() == [0, 0, 128, 255, 255, 0, 255, 0]


# Loading


def test_an_unknown_name():
    for name in ("auto", "imagenet"):
        with pytest.raises(ValueError, match="is none of mnist"):
            datasets.load(name)


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


def test_a_folder_needs_data_dir():
    refusal("--data_dir", name="folder")


def test_a_tilde_in_data_dir(home):
    write_mnist(home)
    assert datasets.load("mnist", data_dir="~").image_size == 28


@pytest.mark.parametrize(("name", "size"), [("mnist", 32), ("digits", 16), ("mnist", 14)])
def test_images_are_resized_on_demand(tmp_path, name, size):
    write_mnist(tmp_path, x_test=np.full((50, 28, 28), 77, np.uint8))
    resized = datasets.load(name, data_dir=tmp_path, image_size=size)
    assert resized.image_size == size
    for split in images_of(resized).values():
        assert split.images.shape == (len(split.labels), size, size, 1)
    if name == "mnist":
        assert np.all(resized.test.images == 77)


# Resolving


def test_resolve_leaves_other_names_alone():
    for name in datasets.DATASETS[1:]:
        assert datasets.resolve(name, announce=pytest.fail) == name


def test_auto_falls_back_on_digits_and_says_so_once(home, monkeypatch):
    monkeypatch.setattr(downloads, "unreachable", lambda url: "blocked by the test")
    said: list[str] = []
    assert datasets.resolve("auto", announce=said.append) == "digits"
    assert len(said) == 1 and len(said[0].splitlines()) == 1
    target = home / ".keras" / "datasets" / "mnist.npz"
    for part in ("digits", str(target), "blocked by the test", "--data_dir"):
        assert part in said[0]


def test_auto_takes_cached_mnist(home):
    cache = home / ".keras" / "datasets"
    cache.mkdir(parents=True)
    write_mnist(cache)
    assert datasets.resolve("auto", announce=pytest.fail) == "mnist"


def test_auto_takes_mnist_from_data_dir_or_complains(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(DataError, match="holds no mnist.*--dataset folder"):
        datasets.resolve("auto", folder, announce=pytest.fail)
    write_mnist(folder)
    assert datasets.resolve("auto", folder, announce=pytest.fail) == "mnist"


# Splits


def test_digits_need_nothing_and_split_in_three():
    digits = datasets.load("digits")
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
    first, second = datasets.load("digits", seed=0), datasets.load("digits", seed=9)
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
    rest, taken = hold_out(datasets.Split(images, labels), share, seed)
    together = np.concatenate([rest.images, taken.images]).ravel()
    assert sorted(together) == list(range(len(labels)))
    assert np.array_equal(labels[taken.images.ravel()], taken.labels)
    for label, count in enumerate(counts):
        found = np.sum(taken.labels == label)
        assert found < count
        assert found >= min(1, count - 1)
        assert abs(found - share * count) <= 1


@pytest.mark.skipif(not REAL_MNIST.exists(), reason=f"{REAL_MNIST.name} is not in shared/data")
def test_real_mnist():
    mnist = datasets.load("mnist", data_dir=REAL_MNIST.parent)
    assert [len(split.labels) for split in images_of(mnist).values()] == [54000, 6000, 10000]
    assert mnist.class_names == tuple("0123456789")
    assert (mnist.image_size, mnist.channels) == (28, 1)
    total = sum(float(split.images.sum()) for split in (mnist.train, mnist.validation))
    assert total / (60000 * 28 * 28) == pytest.approx(33.318, abs=5e-4)
    assert np.bincount(mnist.test.labels).tolist()[:3] == [980, 1135, 1032]


def test_mnist_from_npz_keeps_its_test_set(tmp_path):
    arrays = small_mnist()
    write_mnist(tmp_path)
    mnist = datasets.load("mnist", data_dir=tmp_path)
    assert np.array_equal(mnist.test.images[..., 0], arrays["x_test"])
    assert np.array_equal(mnist.test.labels, arrays["y_test"])
    assert [len(split.labels) for split in images_of(mnist).values()] == [180, 20, 50]
    assert np.bincount(mnist.validation.labels).tolist() == [2] * 10


# A data set beside a run or a picture


def small_dataset(class_names, channels=1):
    random = np.random.RandomState(0)
    images = random.randint(0, 256, (6, 4, 4, channels)).astype(np.uint8)
    labels = np.arange(6, dtype=np.int32) % len(class_names)
    split = datasets.Split(images, labels)
    return datasets.Dataset("folder", tuple(class_names), split, split, split)


def test_a_data_set_takes_the_channels_of_a_run():
    grey, colour = small_dataset("ab"), small_dataset("ab", channels=3)
    as_colour = datasets.matched(grey, "ab", 3)
    assert as_colour.channels == 3
    assert np.all(as_colour.train.images == grey.train.images)
    as_grey = datasets.matched(colour, "ab", 1)
    expected = colour.train.images @ np.array([0.299, 0.587, 0.114])
    assert np.abs(as_grey.train.images[..., 0] - expected).max() <= 0.51
    assert as_grey.train.images.dtype == np.uint8
    assert np.array_equal(datasets.matched(colour, "ab", 3).test.images, colour.test.images)


def test_classes_in_another_order_are_renumbered():
    dataset = small_dataset(["2", "10", "x"])
    again = datasets.matched(dataset, ("10", "2", "x"), 1)
    assert again.class_names == ("10", "2", "x")
    for before, after in zip(dataset.train.labels, again.train.labels, strict=True):
        assert dataset.class_names[before] == again.class_names[after]


@pytest.mark.parametrize(
    "recorded", [("cat", "dog"), ("cat", "dog", "fox", "owl"), ("a", "b", "c")]
)
def test_other_classes_are_refused_with_both_lists(recorded):
    with pytest.raises(DataError) as caught:
        datasets.matched(small_dataset(["cat", "dog", "fox"]), recorded, 1)
    assert "cat, dog, fox" in str(caught.value) and ", ".join(recorded) in str(caught.value)


def test_swapped_ink_and_paper_are_noticed():
    digits = datasets.load("digits").train.images
    for image in digits[:20]:
        assert not datasets.looks_inverted(image, digits)
    assert np.mean([datasets.looks_inverted(255 - image, digits) for image in digits[:20]]) == 1
    middle = np.full((5, 8, 8, 1), 128, np.uint8)
    assert not datasets.looks_inverted(middle[0], middle)


# Batches


def numbered(count):
    """A split whose images and labels both tell their index."""
    images = np.broadcast_to(
        np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 2, 2, 1)
    )
    return datasets.Split(np.ascontiguousarray(images), np.arange(count, dtype=np.int32))


def labels_of(split, batch_size, steps, **options):
    stream = datasets.batches(split, batch_size, **options).take(steps)
    return [labels.tolist() for _, labels in stream.as_numpy_iterator()]


@hypothesis.settings(deadline=None, max_examples=6)
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
    stream = datasets.batches(split, 64, seed=0)
    images, labels = stream.element_spec
    assert (images.shape, images.dtype) == ((64, 2, 2, 1), tf.float32)
    assert (labels.shape, labels.dtype) == ((64,), tf.int32)
    assert stream.cardinality() == tf.data.INFINITE_CARDINALITY
    for images, labels in stream.take(5).as_numpy_iterator():
        assert images.min() >= -1 and images.max() <= 1
        assert np.array_equal(datasets.denormalize(images)[:, 1, 1, 0], labels)
