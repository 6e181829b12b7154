"""Each of the five folders of docs/data.md is trained from and drawn from, as a user does."""

import numpy as np
import pytest

from tests.support.files import write_digits
from tests.support.program import SMALL, succeeded

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("eager")]


def class_folders(folder):
    write_digits(folder)


def train_and_test(folder):
    write_digits(folder / "train")
    write_digits(folder / "test", first=30, each=5)


def train_val_and_test(folder):
    write_digits(folder / "Train")
    write_digits(folder / "Validation", first=30, each=5)
    write_digits(folder / "Test", first=35, each=5)


def no_classes(folder):
    write_digits(folder.parent, classes="1")
    (folder.parent / "1").rename(folder)


def deeper_and_wrapped(folder):
    train = folder / "cifar10" / "train"
    write_digits(train, suffix="jpeg")
    (train / "0").rename(folder / "moved")
    (train / "0").mkdir()
    (folder / "moved").rename(train / "0" / "images")
    (train / "0" / "boxes.txt").write_text("0 0 32 32")


@pytest.mark.parametrize(
    ("lay_out", "game", "pictures", "classes"),
    [
        (class_folders, "trio", 90, 3),
        (train_and_test, "trio", 105, 3),
        (train_val_and_test, "trio", 120, 3),
        (no_classes, "gan", 30, 1),
        (deeper_and_wrapped, "trio", 90, 3),
    ],
)
def test_it_trains_and_draws(dcgan, tmp_path, lay_out, game, pictures, classes):
    lay_out(tmp_path / "pictures")
    run = ("--game", game, "--path", "run")
    words = ("--dataset", "folder", "--data_dir", "pictures", "--image_size", 8)
    words += ("--batch_size", 16, *SMALL, "--steps", 2)
    if game == "trio":
        words += ("--classifier_width", 4, "--conditioning", "auxiliary")
    said = succeeded(dcgan("--mode", "train", *run, *words))
    assert f"{pictures} pictures in {classes} class" in said
    assert "done, 2 steps" in said
    succeeded(dcgan("--mode", "generate", *run, "--samples", 12, "--arrays", "a.npz"))
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["images"].shape == (12, 8, 8, 1)
