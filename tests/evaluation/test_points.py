"""Modes, good samples and evenness, counted by hand."""

import numpy as np
import pytest

from evaluation import points
from images.points import MIXTURES

RING = MIXTURES["ring"]


def test_modes_are_counted_by_their_good_samples():
    right, top = RING.centres[0], RING.centres[2]
    sample = np.array([right, right + (0.029, 0), right + (0.031, 0), top + (0, 0.2), (np.nan, 0)])
    report = points.measure(sample, RING, labels=np.array([0, 1, 0, 2, 0]))
    assert (report["modes"], report["of_modes"]) == (1, 8)  # the top one has no good sample
    assert report["good"] == pytest.approx(2 / 5)
    assert report["asked"] == pytest.approx(1 / 5)
    assert report["per_mode"] == [4, 0, 1, 0, 0, 0, 0, 0]


def test_units_are_the_mixtures_own():
    grid = MIXTURES["grid"]
    at = (grid.centres[[0, 24]] + (0.149, 0)) / grid.scale
    assert points.measure(at, grid)["good"] == 1.0
    assert points.measure(at + 0.001, grid)["good"] == 0.0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([5, 5, 5, 5], 0.0),
        ([20, 0, 0, 0], np.log(4)),
        ([3, 1], 0.75 * np.log(1.5) + 0.25 * np.log(0.5)),
    ],
)
def test_kl_of_known_counts(counts, expected):
    assert points.kl_from_uniform(counts) == pytest.approx(expected)


@pytest.mark.parametrize("name", MIXTURES)
def test_real_points_are_what_the_paper_says(name):
    real = MIXTURES[name].draw(10_000, seed=5)
    report = points.measure(real.images, MIXTURES[name], real.labels)
    assert report["modes"] == report["of_modes"]
    assert report["good"] == pytest.approx(1 - np.exp(-4.5), abs=0.004)
    assert report["kl"] < 1e-6
    assert report["spread"] == pytest.approx(0.97, abs=0.02)


def test_no_good_sample_at_all():
    report = points.measure(np.zeros((4, 2)), RING)
    assert (report["modes"], report["good"], report["spread"]) == (0, 0.0, None)
    assert "asked" not in report
    assert "0/8" in points.format_points({"samples": {"plain": report}})
