"""Stacked MNIST: three digits as the channels of one picture, and so a thousand modes.

Source: Metz et al. 2017, arXiv:1611.02163; counted as by Lin et al. 2018 (PacGAN),
arXiv:1712.04086.
"""

import itertools

import numpy as np

from images.splits import Split

DEPTH = 3  # digits a picture, one each in red, green and blue
SIZES = {"train": 60_000, "validation": 5_000, "test": 26_000}  # PacGAN counts 26,000 samples


def load(digits):
    """The stacks of a data set of digits; each split has digits of its own.

    Args:
        digits: images.datasets.Dataset of grey images.
    Returns:
        (class_names, train, validation, test): tuple of str, and three Splits.
    """
    splits = (
        stack(getattr(digits, name), count, digits.num_classes, seed)
        for seed, (name, count) in enumerate(SIZES.items())
    )
    return class_names(digits.class_names), *splits


def class_names(digits):
    """The names of all stacks, in the order of their labels: "000" to "999" of ten digits."""
    return tuple(map("".join, itertools.product(digits, repeat=DEPTH)))


def stack(split, count, num_digits, seed):
    """Pictures of three digits each, drawn from a split at random.

    Args:
        split: images.splits.Split of grey digits uint8 (n, h, w, 1).
        count: int, pictures.
        num_digits: int, classes of the digits.
        seed: int.
    Returns:
        images.splits.Split of uint8 (count, h, w, 3), and as labels the number that the three
        digits read, red first.
    """
    random = np.random.RandomState(seed)  # its stream is frozen
    drawn = random.randint(len(split.labels), size=(count, DEPTH))
    images = np.concatenate([split.images[drawn[:, place]] for place in range(DEPTH)], axis=-1)
    return Split(images, number(split.labels[drawn], num_digits))


def number(digits, num_digits):
    """The labels int32 (n,) of stacks of digits int (n, 3), red first."""
    places = num_digits ** np.arange(DEPTH - 1, -1, -1)
    return (np.asarray(digits) @ places).astype(np.int32)
