"""Stacked digits: which digits a picture holds, and what its label says."""

import numpy as np

from images import datasets, stacked
from images.splits import Split
from tests.support.files import write_mnist

# Digit d is an image of the one value 20 d + place, so that a channel tells which was drawn.
LABELS = np.tile(np.arange(10, dtype=np.int32), 3)
VALUES = 20 * LABELS + np.repeat(np.arange(3), 10)
DIGITS = Split(np.tile(VALUES.astype(np.uint8)[:, None, None, None], (1, 4, 4, 1)), LABELS)


def test_a_label_is_the_number_that_the_channels_read_red_first():
    split = stacked.stack(DIGITS, 500, 10, seed=0)
    assert split.images.shape == (500, 4, 4, 3)
    red, green, blue = np.moveaxis(split.images[:, 0, 0].astype(int) // 20, -1, 0)
    np.testing.assert_array_equal(split.labels, 100 * red + 10 * green + blue)
    assert len(np.unique(split.labels)) > 350  # of 1,000; 393 are expected
    names = stacked.class_names("0123456789")
    assert len(names) == 1000
    assert names[split.labels[7]] == f"{red[7]}{green[7]}{blue[7]}"


def test_the_same_seed_draws_the_same_pictures():
    one, same, other = (stacked.stack(DIGITS, 50, 10, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.images, same.images)
    assert not np.array_equal(one.images, other.images)


def test_each_split_has_digits_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(stacked, "SIZES", {"train": 90, "validation": 30, "test": 60})
    write_mnist(tmp_path)
    grey = datasets.load("mnist", data_dir=tmp_path)
    colour = datasets.load("stacked_mnist", data_dir=tmp_path)
    assert (colour.shape, colour.num_classes, colour.is_points) == ((28, 28, 3), 1000, False)
    for name, count in stacked.SIZES.items():
        known = {image.tobytes() for image in getattr(grey, name).images[..., 0]}
        channels = np.moveaxis(getattr(colour, name).images, -1, 1).reshape(-1, 28, 28)
        assert len(channels) == 3 * count
        assert {channel.tobytes() for channel in channels} <= known
