"""The mixtures' moments and splits, and how points are shown."""

import numpy as np
import pytest

from games.base import POINTS
from images import datasets, points, views

MODES = {"ring": 8, "grid": 25}
DEVIATION = {"ring": 0.01, "grid": 0.05}


@pytest.fixture(params=POINTS)
def name(request):
    return request.param


def test_the_games_know_the_mixtures():
    assert set(POINTS) == points.MIXTURES.keys() == MODES.keys()


def test_the_moments_of_the_data(name):
    dataset, mixture = datasets.load(name), points.MIXTURES[name]
    assert dataset.is_points and dataset.shape == (2,) and dataset.num_classes == MODES[name]
    own = mixture.scale * dataset.train.images.astype(float)
    assert dataset.train.images.dtype == np.float32
    np.testing.assert_allclose(own.mean(axis=0), 0, atol=0.01)
    for mode, centre in enumerate(mixture.centres):
        of_mode = own[dataset.train.labels == mode]
        np.testing.assert_allclose(of_mode.mean(axis=0), centre, atol=0.1 * DEVIATION[name])
        np.testing.assert_allclose(of_mode.std(axis=0), DEVIATION[name], rtol=0.06)


def test_modes_are_even_and_splits_differ(name):
    dataset = datasets.load(name)
    for split in (dataset.train, dataset.validation, dataset.test):
        counts = np.bincount(split.labels)
        assert counts.max() - counts.min() <= 1
    assert not np.isin(dataset.test.images[:, 0], dataset.train.images[:100, 0]).all()
    again = datasets.load(name)
    np.testing.assert_array_equal(again.test.images, dataset.test.images)


def test_centres_are_the_papers():
    ring, grid = points.MIXTURES["ring"].centres, points.MIXTURES["grid"].centres
    np.testing.assert_allclose(np.linalg.norm(ring, axis=1), 1)
    assert {tuple(centre) for centre in grid} == {
        (float(x), float(y)) for x in range(-4, 5, 2) for y in range(-4, 5, 2)
    }


def test_points_are_painted_where_they_are_over_the_field():
    view = views.view_of("ring")
    sheet = view.sheet(
        np.array([[0.0, 0.6], [99.0, 0.0], [np.nan, 0.0]], np.float32),
        realness=lambda places: places[:, 0],  # more real to the right
    )
    assert sheet.shape == (views.SIDE, views.SIDE, 3) and sheet.dtype == np.uint8
    rows, columns = np.nonzero((sheet == views.FAKE_COLOUR).all(axis=-1))
    middle = views.SIDE / 2
    assert len(rows) == 4  # one point of 2 x 2 pixels; those outside are left out
    assert abs(columns.mean() - middle) < 3
    assert abs(rows.mean() - middle * (1 - 0.6 / 1.25)) < 3
    for corner, colour in ((sheet[-1, -1], views.HIGH), (sheet[-1, 0], views.LOW)):
        np.testing.assert_allclose(corner, colour, atol=1)  # rounded


def test_points_are_handed_out_in_their_own_units():
    drawn = np.array([[1.0, -0.5]], np.float32)
    np.testing.assert_array_equal(views.view_of("grid").array(drawn), [[4.0, -2.0]])
