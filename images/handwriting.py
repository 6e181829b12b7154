"""A person's drawing, prepared as the digits of MNIST were."""

import numpy as np
from PIL import Image

BOX = 20 / 28  # share of the side that the longer side of a digit fills
FAINT = 0.1  # share of the darkest ink below which there is none, as with the paper of a photograph


def ink_of(picture):
    """What is drawn on a picture, on a dark or on a light ground.

    Args:
        picture: uint8 (h, w, c).
    Returns:
        uint8 (h, w): 0 where there is nothing, 255 where the ink is darkest.
    """
    grey = picture.astype(np.float32).mean(axis=-1)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = np.abs(grey - np.median(edge))
    ink /= max(float(ink.max()), 1.0)
    return np.rint(255 * np.where(ink < FAINT, 0.0, ink)).astype(np.uint8)


def centred(ink, side=28, box=BOX):
    """A drawing scaled into MNIST's box, with its centre of mass in the middle.

    Args:
        ink: uint8 (h, w), 0 where there is nothing.
        side: int, pixels of a side of the result.
        box: float in (0, 1], share of the side that the longer side of the drawing fills.
    Returns:
        uint8 (side, side, 1); all zeros if there is no ink.
    Source: LeCun et al. 1998; "normalized to fit in a 20x20 pixel box while preserving their aspect
        ratio", then "centered by computing the center of mass of the pixels".
    """
    field = np.zeros((side, side, 1), np.uint8)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return field
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = box * side / max(cut.shape)
    size = [max(1, round(scale * length)) for length in cut.shape]
    small = np.asarray(Image.fromarray(cut).resize(size[::-1], Image.Resampling.BOX))
    places = [_start(small.sum(axis=axis), side) for axis in (1, 0)]
    field[places[0] : places[0] + size[0], places[1] : places[1] + size[1], 0] = small
    return field


def _start(ink, side):
    """Where something begins if its centre of mass is to lie in the middle of `side` pixels."""
    if not ink.any():  # a dot so thin that scaling has left nothing of it
        return (side - len(ink)) // 2
    mass = float((np.arange(len(ink)) * ink).sum() / ink.sum())
    return int(np.clip(round((side - 1) / 2 - mass), 0, side - len(ink)))
