"""The smallest radius, where it is known exactly: of linear classifiers."""

import numpy as np
import pytest
import tensorflow as tf

from attacks.smallest import LARGEST, RADII, SmallestRadius
from images import datasets
from tests.support.known import classifier_of


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_linear_classifier_falls_where_it_must(norm):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(9, 2))
    classifier = classifier_of(weights, scale=0.2)
    find = SmallestRadius(lambda images: classifier(images, training=False), norm)
    slope = weights[:, 1] - weights[:, 0]
    power = np.abs(slope).sum() if norm == "linf" else np.linalg.norm(slope)
    for _ in range(4):
        image = rng.uniform(-0.2, 0.2, (3, 3, 1)).astype(np.float32)
        gap = float(image.ravel() @ slope)
        exact = abs(gap) / power / 2  # a radius of 1 is a change of 2
        found = find(image, int(gap > 0))
        assert exact - 1e-6 <= found <= exact + LARGEST[norm] / RADII**2 + 0.02 * exact


def test_a_radius_that_was_found_is_not_lost_by_the_second_search(monkeypatch):
    find = SmallestRadius(lambda images: images)
    answers = iter([np.arange(RADII + 1) >= 5, np.zeros(RADII + 1, bool)])
    monkeypatch.setattr(find, "_fooled", lambda *_: tf.constant(next(answers)))
    assert find(np.zeros((3, 3, 1), np.float32), 0) == pytest.approx(5 / RADII)


def test_what_is_misread_needs_nothing_and_a_constant_never_falls():
    image = datasets.normalize(np.full((3, 3, 1), 100, np.uint8))
    constant = classifier_of(np.zeros((9, 2)), before=lambda flat: 0 * flat)
    assert SmallestRadius(constant)(image, 1) == 0.0
    assert SmallestRadius(constant)(image, 0) is None
