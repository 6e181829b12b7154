"""A drawing comes out as MNIST's digits were prepared, wherever and however large it was drawn."""

import numpy as np
import pytest

from images.handwriting import BOX, centred, ink_of


def drawing(top, left, height, width, side=280, ink=255, paper=0):
    field = np.full((side, side, 1), paper, np.uint8)
    field[top : top + height, left : left + width] = ink
    return field


@pytest.mark.parametrize("side", [8, 28, 32])
@pytest.mark.parametrize("place", [(0, 0, 60, 20), (100, 150, 30, 90), (20, 20, 200, 200)])
def test_the_box_is_filled_and_the_mass_is_in_the_middle(side, place):
    image = centred(ink_of(drawing(*place)), side)
    assert image.shape == (side, side, 1) and image.max() == 255
    rows, columns = (np.flatnonzero(image[..., 0].any(axis=axis)) for axis in (1, 0))
    assert abs(max(np.ptp(rows), np.ptp(columns)) + 1 - BOX * side) <= 1
    mass = [np.average(np.arange(side), weights=image[..., 0].sum(axis=axis)) for axis in (1, 0)]
    assert np.abs(np.array(mass) - (side - 1) / 2).max() <= 0.51


def test_where_it_was_drawn_and_which_is_ink_does_not_matter():
    here, there = (drawing(top, left, 90, 30) for top, left in ((10, 10), (150, 200)))
    on_paper = drawing(10, 10, 90, 30, ink=20, paper=230)
    first, *others = (centred(ink_of(picture)) for picture in (here, there, on_paper))
    for other in others:
        np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize("shade", [0, 130, 255])
def test_nothing_drawn_is_nothing(shade):
    assert not centred(ink_of(drawing(0, 0, 280, 280, ink=shade))).any()


def test_a_dot_and_a_hair_are_kept():
    for place in ((140, 140, 1, 1), (140, 0, 1, 280), (0, 3, 280, 1)):
        assert centred(ink_of(drawing(*place))).any()


def test_a_mass_at_one_end_stays_inside():
    image = drawing(0, 0, 200, 10)
    image[:60, :190] = 255  # a T whose mass is far from its middle
    assert centred(ink_of(image))[..., 0].sum() > 0
