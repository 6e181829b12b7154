"""Training, validation and test splits: a fixed draw for known data sets, else by content."""

import dataclasses
import hashlib

import numpy as np

__all__ = ["SPLIT_SEED", "TEST_SHARE", "VALIDATION_SHARE", "Split", "deal", "hold_out"]

VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2  # of the training set; of data without a test set
FEWEST = 2  # pictures in a part, if there are enough: the collapse watch compares halves
SPLIT_SEED = 0  # the splits stay the same whatever the seed of the run


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images uint8 (n, h, w, c) in [0, 255], or points float32 (n, 2); labels int32 (n,)."""

    images: np.ndarray
    labels: np.ndarray


def hold_out(split, share, seed):
    """(rest, taken): takes a share of each class, at least one image but never all of them."""
    random = np.random.RandomState(seed)  # its stream is frozen, so splits outlive NumPy versions
    classes, counts = np.unique(split.labels, return_counts=True)
    # Rounding the running total makes the parts add up to the share of the whole.
    quotas = np.diff(np.rint(np.cumsum(counts) * share).astype(int), prepend=0)
    quotas = np.minimum(np.maximum(quotas, 1), counts - 1)
    taken = np.zeros(len(split.labels), bool)
    for label, quota in zip(classes, quotas, strict=True):
        taken[random.permutation(np.flatnonzero(split.labels == label))[:quota]] = True
    return [Split(split.images[mask], split.labels[mask]) for mask in (~taken, taken)]


def deal(digests, shares, seed):
    """Deals pictures to parts, each by its own content, whatever other pictures there are.

    A hash of its content gives each picture a number in [0, 1), and the parts are intervals. Only
    a part that would have fewer than two pictures gets those with the nearest numbers.

    Args:
        digests: sequence of bytes, of each picture's content.
        shares: dict, part -> share; "train" gets the rest.
        seed: int; with another seed pictures get other numbers.
    Returns:
        list of str, the part of each picture.
    """
    names = [*shares, "train"]
    ends = np.cumsum([*shares.values(), 1.0 - sum(shares.values())])
    draws = np.array([_draw(digest, seed) for digest in digests])
    parts = np.minimum(np.searchsorted(ends, draws, side="right"), len(names) - 1)
    fewest = min(FEWEST, len(parts) // len(names))
    for part, end in enumerate(ends):
        while np.sum(parts == part) < fewest:
            spare = np.flatnonzero(np.bincount(parts, minlength=len(names))[parts] > fewest)
            parts[spare[np.abs(draws[spare] - end).argmin()]] = part
    return [names[part] for part in parts]


def _draw(digest, seed):
    content = hashlib.sha256(f"{seed} ".encode() + digest).digest()
    return int.from_bytes(content[:6], "big") / 2**48
