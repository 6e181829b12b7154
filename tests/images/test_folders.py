"""Folders as people have them: five layouts, what is counted, how pictures are dealt."""

import hashlib
import shutil

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from images import datasets
from images.layouts import natural
from images.splits import deal
from tests.support.files import refusal, write_classes, write_digits, write_picture

PARTS = ("train", "validation", "test")


def load(folder, **options):
    """The data set in a folder, and what was said of it."""
    said: list[str] = []
    dataset = datasets.load("folder", data_dir=folder, announce=said.append, **options)
    assert all(len(line.splitlines()) == 1 for line in said)
    return dataset, said


def sizes(dataset):
    return [len(getattr(dataset, part).labels) for part in PARTS]


# Five layouts, as in docs/data.md


def test_class_folders(tmp_path):
    write_digits(tmp_path)
    dataset, said = load(tmp_path)
    assert dataset.class_names == ("0", "1", "2")
    assert (dataset.image_size, dataset.channels, sum(sizes(dataset))) == (32, 1, 90)
    assert all(sizes(dataset)) and dataset.train.images.max() > 200
    for part in PARTS:
        split = getattr(dataset, part)
        assert (split.images.dtype, split.labels.dtype) == (np.uint8, np.int32)
    assert said[0].startswith(f"{tmp_path}: 90 pictures in 3 classes (")


@pytest.mark.parametrize(
    ("train", "test"), [("train", "test"), ("Training", "TESTING"), ("train_images", "Test Set")]
)
def test_train_and_test(tmp_path, train, test):
    write_digits(tmp_path / train)
    write_digits(tmp_path / test, first=30, each=5)
    dataset, said = load(tmp_path, image_size=16)
    assert sizes(dataset)[2] == 15 and sum(sizes(dataset)) == 105 and sizes(dataset)[1] > 0
    assert dataset.image_size == 16
    assert len(said) == 1 and "left out" not in said[0]


@pytest.mark.parametrize("name", ["val", "Valid", "VALIDATION"])
def test_train_val_and_test(tmp_path, name):
    for first, part in ((0, "train"), (10, name), (14, "Test")):
        write_digits(tmp_path / part, first=first, each=10 if part == "train" else 4)
    dataset, _ = load(tmp_path)
    assert sizes(dataset) == [30, 12, 12]


def test_unlabelled_pictures_for_a_game_without_classes(tmp_path):
    folder = tmp_path / "faces"
    write_digits(tmp_path, classes="1")
    (tmp_path / "1").rename(folder)
    dataset, said = load(folder, labelled=False)
    assert dataset.class_names == ("faces",) and sum(sizes(dataset)) == 30
    assert "30 pictures in 1 class (" in said[0]
    assert "two or more classes; found 30 pictures" in refusal(
        folder, name="folder", data_dir=folder
    )


def test_a_game_without_classes_takes_those_that_are_there_if_they_will_do(tmp_path):
    write_digits(tmp_path)
    assert load(tmp_path, labelled=False)[0].class_names == ("0", "1", "2")
    write_digits(tmp_path, classes="3", each=1)
    dataset, _ = load(tmp_path, labelled=False)
    assert dataset.class_names == (tmp_path.name,) and sum(sizes(dataset)) == 91


@pytest.mark.parametrize("deeper", ["0/images", "2/images"])
@pytest.mark.parametrize("wrapper", ["", "data/cifar10"])
def test_one_level_deeper_and_wrapped(tmp_path, wrapper, deeper):
    write_digits(tmp_path / wrapper / "train", suffix="jpeg")
    write_digits(tmp_path / wrapper / "test", first=30, each=3, suffix="jpeg")
    for part in ("train", "test"):
        class_name, images = deeper.split("/")
        folder = tmp_path / wrapper / part / class_name
        folder.rename(tmp_path / "moved")
        folder.mkdir()
        (tmp_path / "moved").rename(folder / images)
        (folder / "boxes.txt").write_text("0 0 32 32")
    dataset, said = load(tmp_path)
    assert dataset.class_names == ("0", "1", "2") and sizes(dataset)[2] == 9
    assert "left out: 2 files that are no pictures (.txt)" in said[0]


def test_unlabelled_splits(tmp_path):
    write_digits(tmp_path, classes="12")
    (tmp_path / "1").rename(tmp_path / "train")
    (tmp_path / "2").rename(tmp_path / "test")
    message = refusal(tmp_path, name="folder", data_dir=tmp_path)
    assert "found pictures without classes in test, train" in message
    dataset, _ = load(tmp_path, labelled=False)
    assert dataset.num_classes == 1 and sizes(dataset)[2] == 30


@pytest.mark.parametrize("inside", ["", "images"])
def test_a_class_may_be_called_train(tmp_path, inside):
    for class_name in ("bus", "car", "train"):
        for index in range(5):
            write_picture(tmp_path / class_name / inside / f"{index}.png", shade=index)
    assert load(tmp_path)[0].class_names == ("bus", "car", "train")


def test_only_train_and_val(tmp_path):
    write_digits(tmp_path / "train")
    write_digits(tmp_path / "val", first=30, each=4)
    dataset, _ = load(tmp_path)
    assert sizes(dataset)[1] == 12 and sizes(dataset)[2] > 0 and sum(sizes(dataset)) == 102


# What is counted and said


def test_junk_is_skipped_and_the_rest_is_said(tmp_path):
    write_digits(tmp_path)
    for junk in ("__MACOSX/0", "@eaDir", ".hidden", "0/.thumbs", "1/@eaDir"):
        write_picture(tmp_path / junk / "0.png")
    for junk in (".DS_Store", "0/.DS_Store.png", "0/Thumbs.db", "desktop.ini"):
        (tmp_path / junk).write_text("junk")
    assert "left out" not in load(tmp_path)[1][0]
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("text")
    (tmp_path / "0" / "raw.heic").write_text("?")
    write_picture(tmp_path / "cover.png")
    dataset, said = load(tmp_path)
    assert dataset.num_classes == 3
    assert said[0].endswith(
        "; left out: 1 file in formats that are not read (.heic): save them as PNG or JPEG,"
        " 1 picture outside of the class folders,"
        " empty/ (empty), notes/"
    )


def test_a_folder_beside_the_splits_is_said(tmp_path):
    write_digits(tmp_path / "train")
    write_digits(tmp_path / "test", first=30, each=3)
    write_digits(tmp_path / "extra", first=40, each=3)
    assert load(tmp_path)[1][0].endswith("left out: extra/")


def test_pictures_in_both_train_and_test_are_counted(tmp_path):
    write_digits(tmp_path / "train")
    write_digits(tmp_path / "test", first=30, each=3)
    for path in sorted((tmp_path / "train" / "1").iterdir())[:4]:
        shutil.copy(path, tmp_path / "test" / "1" / f"copy-{path.name}")
    assert any(line.startswith("4 pictures of the test") for line in load(tmp_path)[1])


def test_pictures_in_two_classes_are_counted(tmp_path):
    write_digits(tmp_path)
    for path in sorted((tmp_path / "0").iterdir())[:4]:
        shutil.copy(path, tmp_path / "1" / f"copy-{path.name}")
    _, said = load(tmp_path)
    assert said[1].startswith("4 pictures are in more than one class")


def test_classes_are_in_natural_order(tmp_path):
    names = [str(number) for number in range(12)]
    write_classes(tmp_path, dict.fromkeys(names, 3), size=(2, 2))
    assert load(tmp_path, image_size=2)[0].class_names == tuple(names)


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(st.lists(st.text("aB019²٣. ", max_size=4), unique=True, max_size=5))
def test_any_names_have_an_order(names):
    backwards = names[::-1]
    assert sorted(names, key=natural) == sorted(backwards, key=natural)


def test_natural_order():
    names = ["a10", "B", "a2", "10", "9", "b1", "A1"]
    assert sorted(names, key=natural) == ["9", "10", "A1", "a2", "a10", "B", "b1"]


# Dealing by content


@hypothesis.settings(deadline=None, max_examples=20)
@hypothesis.given(data=st.data(), seed=st.integers(0, 3))
def test_no_other_picture_moves_one(data, seed):
    digests = [hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(400)]
    shares = {"test": 0.2, "validation": 0.08}
    whole = dict(zip(digests, deal(digests, shares, seed), strict=True))
    kept = data.draw(st.permutations(digests))[: data.draw(st.integers(200, 400))]
    assert deal(kept, shares, seed) == [whole[digest] for digest in kept]


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(count=st.integers(3, 60), seed=st.integers(0, 3))
def test_every_part_gets_a_picture(count, seed):
    digests = [bytes([number]) for number in range(count)]
    parts = deal(digests, {"test": 0.2, "validation": 0.08}, seed)
    assert min(parts.count(part) for part in PARTS) >= min(2, count // 3)


def test_parts_have_their_shares():
    digests = [str(number).encode() for number in range(10_000)]
    parts = deal(digests, {"test": 0.2, "validation": 0.08}, 0)
    assert parts.count("test") == pytest.approx(2000, abs=150)
    assert parts.count("validation") == pytest.approx(800, abs=100)


def test_five_pictures_more_move_no_other(tmp_path):
    write_digits(tmp_path)
    before, _ = load(tmp_path)
    write_digits(tmp_path / "more", first=30, each=5, classes="0")
    for index, path in enumerate((tmp_path / "more" / "0").iterdir()):
        path.rename(tmp_path / "0" / f"00{index}.png")
    shutil.rmtree(tmp_path / "more")
    (tmp_path / "1").rename(tmp_path / "a new name")
    after, _ = load(tmp_path)
    for part in PARTS:
        images = {image.tobytes() for image in getattr(before, part).images}
        assert images <= {image.tobytes() for image in getattr(after, part).images}
    assert sum(sizes(after)) == sum(sizes(before)) + 5
    other, _ = load(tmp_path, seed=1)
    assert not np.array_equal(other.test.images, after.test.images)


def test_the_classes_of_a_split_are_mixed_whatever_the_files_are_called(tmp_path):
    """What takes the first pictures of a split, such as validation, gets no single class."""
    write_digits(tmp_path, each=100)
    dataset, _ = load(tmp_path)
    for part in PARTS:
        labels = getattr(dataset, part).labels
        assert set(labels[: len(labels) // 2].tolist()) == {0, 1, 2}
    for file in tmp_path.glob("*/*.png"):
        file.rename(file.with_stem(f"{9999 - int(file.stem):04d}"))
    renamed, _ = load(tmp_path)
    for part in PARTS:
        one, other = getattr(dataset, part), getattr(renamed, part)
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_a_class_that_a_split_lacks_is_said(tmp_path):
    write_digits(tmp_path, classes="01")
    write_digits(tmp_path, classes="2", each=3)
    dataset, said = load(tmp_path)
    for part in PARTS:
        lines = [line.split(":")[0] for line in said if line.startswith(f"no {part} picture of")]
        named = any("2" in line for line in lines)
        assert named == (2 not in getattr(dataset, part).labels)
    assert len(said) > 1


# What is refused

BAD_FOLDERS = {
    "one class": ({"a": 5}, "", "found a"),
    "no class": ({}, "", "found none"),
    "an empty class": ({"a": 5, "b": 0}, "", "found a"),
    "a class too small": ({"a": 5, "b": 2}, "b", "b needs at least 3"),
    "no train": ({"test/a": 5, "test/b": 5}, "", "has test but no train"),
    "one class to train": ({"train/a": 5, "test/a": 5}, "train", "found a"),
    "too few to validate": (
        {"train/a": 5, "train/b": 1, "test/a": 1, "test/b": 1},
        "train/b",
        "needs at least 2",
    ),
    "a class not tested": (
        {"train/a": 2, "train/b": 2, "train/c": 2, "test/a": 1, "test/b": 1},
        "",
        "(test) has no c",
    ),
    "a class not trained": (
        {"train/a": 2, "train/b": 2, "test/a": 1, "test/b": 1, "test/c": 1},
        "",
        "(train) has no c",
    ),
    "two for one split": (
        {"train/a": 3, "train/b": 3, "val/a": 1, "val/b": 1, "valid/a": 1, "valid/b": 1},
        "",
        "has val and valid, which both mean validation",
    ),
    "classes in groups": (
        {"animals/cat": 3, "animals/dog": 3, "cars/bus": 3},
        "animals",
        "holds pictures in cat, dog",
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


@pytest.mark.parametrize(
    "names", ["cat.{}.jpg dog.{}.jpg", "cat_{}.png dog_{}.png", "3_{}.png 7_{}.png"]
)
def test_labels_in_file_names_are_explained(tmp_path, names):
    for name in names.split():
        for index in range(4):
            write_picture(tmp_path / name.format(f"{index:04}"))
    message = refusal(tmp_path, name="folder", data_dir=tmp_path)
    first, second = ("3", "7") if "3_" in names else ("cat", "dog")
    assert f"make {first}/, {second}/ and move each picture" in message


def test_other_file_names_tell_no_class(tmp_path):
    for index in range(6):
        write_picture(tmp_path / f"IMG_{index:04}.png")
    assert "found 6 pictures without one" in refusal(tmp_path, name="folder", data_dir=tmp_path)
