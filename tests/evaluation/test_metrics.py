"""The metrics against closed forms, plain loops and other people's code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import metrics


def gaussian(count, dimensions=6, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1.0, (count, dimensions))


def relu_features(count, seed):
    """Like a judge's features: correlated, cut at zero, and with dead units."""
    mixing = np.random.default_rng(99).normal(size=(5, 40))
    features = np.maximum(0.0, gaussian(count, 5, seed=seed) @ mixing)
    features[:, 30:] = 0.0
    return features.astype(np.float32)


# --- Metrics of labels


def test_standard_error_is_binomial():
    share, error = metrics.share_with_error(np.array([True] * 90 + [False] * 10))
    assert share == pytest.approx(0.9)
    assert error == pytest.approx(0.03)
    assert metrics.share_with_error([True, True]) == (1.0, 0.0)


def test_standard_error_is_the_spread_of_repetitions():
    hits = np.random.default_rng(0).random((2000, 400)) < 0.3
    spread = hits.mean(axis=1).std()
    errors = [metrics.share_with_error(row)[1] for row in hits]
    assert np.mean(errors) == pytest.approx(spread, rel=0.05)


def test_confusion_has_a_row_for_each_requested_class():
    counts = metrics.confusion([0, 0, 1, 3], [0, 2, 1, 1], 4)
    assert counts.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_class_shares():
    assert metrics.class_shares(np.array([0, 2, 2, 2]), 4).tolist() == [0.25, 0, 0.75, 0]


@given(st.permutations(range(7)), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_matching_recovers_a_planted_permutation(permutation, seed):
    draw = np.random.default_rng(seed)
    counts = draw.integers(0, 50, (7, 7))
    counts[np.arange(7), permutation] = draw.integers(50, 500, 7)
    assert metrics.match_classes(counts).tolist() == list(permutation)


def test_matching_gives_each_class_away_once():
    # Both rows would like column 0; the sum decides who gets it.
    counts = np.array([[60, 40], [90, 10]])
    assert metrics.match_classes(counts).tolist() == [1, 0]


# --- Frechet distance


def test_frechet_closed_form_for_diagonal_gaussians():
    mean_a, mean_b = np.array([1.0, 2.0, 0.0]), np.array([0.0, 4.0, 0.0])
    deviation_a, deviation_b = np.array([1.0, 2.0, 0.0]), np.array([3.0, 2.0, 0.5])
    found = metrics.gaussian_frechet_distance(
        mean_a, np.diag(deviation_a**2), mean_b, np.diag(deviation_b**2)
    )
    assert found == pytest.approx(5.0 + np.sum((deviation_a - deviation_b) ** 2), abs=1e-9)


def test_frechet_closed_form_for_gaussians_that_do_not_commute():
    # For 2x2 matrices tr (AB)^(1/2) = (tr AB + 2 det(AB)^(1/2))^(1/2).
    a, b = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[5.0, -2.0], [-2.0, 1.5]])
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    found = metrics.gaussian_frechet_distance(np.zeros(2), a, np.zeros(2), b)
    assert found == pytest.approx(np.trace(a) + np.trace(b) - 2 * root, abs=1e-9)


def test_frechet_distance_of_samples():
    real = gaussian(20_000, 4)
    generated = 2.0 * gaussian(20_000, 4, seed=1) + 1.0
    assert metrics.frechet_distance(real, generated) == pytest.approx(8.0, rel=0.05)


@pytest.mark.parametrize("count", [500, 20])  # 20 images of 40 features: singular
def test_frechet_distance_of_equal_samples_is_zero(count):
    features = relu_features(count, 0)
    scale = features.var(axis=0).sum()
    assert 0.0 <= metrics.frechet_distance(features, features[::-1]) < 1e-8 * scale


def test_frechet_distance_bears_dead_units_and_a_collapsed_sample():
    features = relu_features(300, 0)
    other = metrics.frechet_distance(features, relu_features(300, 1))
    collapsed = metrics.frechet_distance(features, np.repeat(features[:1], 300, axis=0))
    offset = np.sum((features.mean(axis=0, dtype=np.float64) - features[0]) ** 2)
    assert collapsed == pytest.approx(offset + np.var(features, axis=0, ddof=1).sum(), rel=1e-5)
    assert 0.0 < other < 0.05 * collapsed


# --- Kernel distance


def test_squared_mmd_equals_plain_loops():
    a, b = gaussian(5, 3), gaussian(4, 3, shift=0.5, seed=1)

    def kernel(x, y):
        return (sum(x[i] * y[i] for i in range(3)) / 3 + 1) ** 3

    within_a = [kernel(a[i], a[j]) for i in range(5) for j in range(5) if i != j]
    within_b = [kernel(b[i], b[j]) for i in range(4) for j in range(4) if i != j]
    across = [kernel(x, y) for x in a for y in b]
    expected = np.mean(within_a) + np.mean(within_b) - 2 * np.mean(across)
    assert metrics.squared_mmd(a, b) == pytest.approx(expected, abs=1e-9)


def test_kernel_distance_is_zero_for_one_distribution_and_positive_for_two():
    real, same = gaussian(2000), gaussian(2000, seed=1)
    value, error = metrics.kernel_distance(real, same)
    assert abs(value) < 4 * error
    value, error = metrics.kernel_distance(real, gaussian(2000, shift=0.3, seed=1))
    assert value > 8 * error > 0


def test_kernel_distance_has_no_bias_and_an_honest_error():
    pairs = [(gaussian(200, 3, seed=s), gaussian(200, 3, seed=s + 1000)) for s in range(200)]
    found = np.array([metrics.kernel_distance(*pair, parts=5) for pair in pairs])
    values, errors = found.T
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.25)


def test_kernel_distance_is_the_mean_over_disjoint_parts(monkeypatch):
    parts = []

    def number_of_the_part(a, b):
        parts.append((a, b))
        return len(parts)

    monkeypatch.setattr(metrics, "squared_mmd", number_of_the_part)
    real, generated = np.arange(23.0)[:, None], np.arange(40.0)[:, None]
    value, error = metrics.kernel_distance(real, generated, parts=5)
    assert (value, error) == (3.0, pytest.approx(np.sqrt(2.5 / 5)))
    for side in (0, 1):
        members = np.concatenate([part[side] for part in parts])
        assert [part[side].shape for part in parts] == [(4, 1)] * 5
        assert len(np.unique(members)) == 20


def test_kernel_distance_needs_two_images_a_part():
    with pytest.raises(ValueError, match="at least 20"):
        metrics.kernel_distance(gaussian(19), gaussian(100))


# --- Precision, recall, density, coverage


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_prdc_equals_its_authors_code(shift, capsys):
    prdc = pytest.importorskip("prdc", reason="the package prdc is not installed")
    real, generated = gaussian(230, 3), gaussian(170, 3, shift=shift, seed=1)
    expected = prdc.compute_prdc(real, generated, nearest_k=5)
    found = metrics.precision_recall_density_coverage(real, generated)
    assert set(found) == set(expected)
    for name, value in found.items():
        assert value == pytest.approx(expected[name], abs=1e-9), name


def test_prdc_is_the_same_in_chunks(monkeypatch):
    real, generated = gaussian(110, 3), gaussian(90, 3, shift=0.5, seed=1)
    whole = metrics.precision_recall_density_coverage(real, generated)
    monkeypatch.setattr(metrics, "CHUNK", 7)
    chunked = metrics.precision_recall_density_coverage(real, generated)
    assert chunked == pytest.approx(whole, abs=1e-12)


def test_prdc_of_equal_samples_and_of_samples_far_apart():
    real = gaussian(200)
    equal = metrics.precision_recall_density_coverage(real, real.copy())
    assert equal == {
        "precision": 1,
        "recall": 1,
        # A ball's k-th neighbour lies on its edge, where rounding may count it.
        "density": pytest.approx(1.1, abs=0.1001),
        "coverage": 1,
    }
    apart = metrics.precision_recall_density_coverage(real, real + 1000)
    assert set(apart.values()) == {0.0}


def test_prdc_by_hand():
    # On a line with k = 1, the real balls are (-1, 1), (0, 2) and (2, 18).
    real, generated = np.array([[0.0], [1.0], [10.0]]), np.array([[0.5], [3.0], [50.0]])
    found = metrics.precision_recall_density_coverage(real, generated, neighbours=1)
    # The generated balls are (-2, 3), (0.5, 5.5) and (3, 97).
    assert found == pytest.approx({"precision": 2 / 3, "recall": 1, "density": 1, "coverage": 1})


def test_a_collapsed_sample_is_precise_but_recalls_nothing():
    real = gaussian(200, 3)
    collapsed = np.repeat(real[:1] + 1e-3, 200, axis=0)
    found = metrics.precision_recall_density_coverage(real, collapsed)
    assert found["precision"] == 1.0
    assert found["recall"] == 0.0
    assert found["coverage"] < 0.15


def test_prdc_needs_more_images_than_neighbours():
    with pytest.raises(ValueError, match="more than 5"):
        metrics.precision_recall_density_coverage(gaussian(5), gaussian(100))


# --- Bins and diversity


class Identity:
    """A binning whose images are their own bins."""

    n_clusters = 2

    def predict(self, sample):
        return sample


@pytest.mark.parametrize(
    ("ones", "different"), [(50, 0), (60, 0), (63, 0), (64, 1), (37, 0), (36, 1)]
)
def test_different_bins_is_a_two_proportion_test(ones, different):
    # For 50 of 100, z = 1.85 at 63 and 1.996 at 64; the 5 % threshold is 1.96.
    real = np.repeat([0, 1], 50)
    generated = np.repeat([0, 1], [100 - ones, ones])
    assert metrics.different_bins(Identity(), real, generated) == different


def test_different_bins_of_one_distribution_and_of_a_collapse():
    real = gaussian(4000, 4)
    binning = metrics.fit_bins(real, bins=50)
    assert binning.n_clusters == 50
    assert metrics.different_bins(binning, real, gaussian(4000, 4, seed=1)) <= 0.2
    collapsed = np.repeat(real[:10], 400, axis=0)
    assert metrics.different_bins(binning, real, collapsed) >= 0.9


def test_empty_bins_are_not_different():
    zeros = np.zeros(50, int)
    assert metrics.different_bins(Identity(), zeros, zeros) == 0.0


def test_bins_hold_twenty_images_each():
    assert metrics.fit_bins(gaussian(200, 2)).n_clusters == 10


def test_diversity_is_the_mean_distance_within_a_class():
    features = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 8.0], [1.0, 1.0], [1.0, 1.0], [7.0, 7.0]])
    diversity = metrics.class_diversity(features, np.array([0, 0, 0, 1, 1, 2]), 4)
    np.testing.assert_allclose(diversity, [(5 + 8 + 5) / 3, 0.0, np.nan, np.nan])
