"""The metrics against closed forms, plain loops and other people's code; the report on digits."""

import json

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from data import Dataset, Split
from evaluation import generation, reference
from evaluation.generation import GenerationOptions


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
    share, error = generation.share_with_error(np.array([True] * 90 + [False] * 10))
    assert share == pytest.approx(0.9)
    assert error == pytest.approx(0.03)
    assert generation.share_with_error([True, True]) == (1.0, 0.0)


def test_standard_error_is_the_spread_of_repetitions():
    hits = np.random.default_rng(0).random((2000, 400)) < 0.3
    spread = hits.mean(axis=1).std()
    errors = [generation.share_with_error(row)[1] for row in hits]
    assert np.mean(errors) == pytest.approx(spread, rel=0.05)


def test_confusion_has_a_row_for_each_requested_class():
    counts = generation.confusion([0, 0, 1, 3], [0, 2, 1, 1], 4)
    assert counts.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_class_shares():
    assert generation.class_shares(np.array([0, 2, 2, 2]), 4).tolist() == [0.25, 0, 0.75, 0]


@given(st.permutations(range(7)), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_matching_recovers_a_planted_permutation(permutation, seed):
    draw = np.random.default_rng(seed)
    counts = draw.integers(0, 50, (7, 7))
    counts[np.arange(7), permutation] = draw.integers(50, 500, 7)
    assert generation.match_classes(counts).tolist() == list(permutation)
    planted = counts[np.arange(7), permutation].sum() / counts.sum()
    assert generation.matched_accuracy(counts) == pytest.approx(planted)


def test_matching_gives_each_class_away_once():
    # Both rows would like column 0; the sum decides who gets it.
    counts = np.array([[60, 40], [90, 10]])
    assert generation.match_classes(counts).tolist() == [1, 0]
    assert generation.matched_accuracy(counts) == pytest.approx(130 / 200)


# --- Frechet distance


def test_frechet_closed_form_for_diagonal_gaussians():
    mean_a, mean_b = np.array([1.0, 2.0, 0.0]), np.array([0.0, 4.0, 0.0])
    deviation_a, deviation_b = np.array([1.0, 2.0, 0.0]), np.array([3.0, 2.0, 0.5])
    found = generation.gaussian_frechet_distance(
        mean_a, np.diag(deviation_a**2), mean_b, np.diag(deviation_b**2)
    )
    assert found == pytest.approx(5.0 + np.sum((deviation_a - deviation_b) ** 2), abs=1e-9)


def test_frechet_closed_form_for_gaussians_that_do_not_commute():
    # For 2x2 matrices tr (AB)^(1/2) = (tr AB + 2 det(AB)^(1/2))^(1/2).
    a, b = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[5.0, -2.0], [-2.0, 1.5]])
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    found = generation.gaussian_frechet_distance(np.zeros(2), a, np.zeros(2), b)
    assert found == pytest.approx(np.trace(a) + np.trace(b) - 2 * root, abs=1e-9)


def test_frechet_distance_of_samples():
    real = gaussian(20_000, 4)
    generated = 2.0 * gaussian(20_000, 4, seed=1) + 1.0
    assert generation.frechet_distance(real, generated) == pytest.approx(8.0, rel=0.05)


@pytest.mark.parametrize("count", [500, 20])  # 20 images of 40 features: singular
def test_frechet_distance_of_equal_samples_is_zero(count):
    features = relu_features(count, 0)
    scale = features.var(axis=0).sum()
    assert 0.0 <= generation.frechet_distance(features, features[::-1]) < 1e-8 * scale


def test_frechet_distance_bears_dead_units_and_a_collapsed_sample():
    features = relu_features(300, 0)
    other = generation.frechet_distance(features, relu_features(300, 1))
    collapsed = generation.frechet_distance(features, np.repeat(features[:1], 300, axis=0))
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
    assert generation.squared_mmd(a, b) == pytest.approx(expected, abs=1e-9)


def test_kernel_distance_is_zero_for_one_distribution_and_positive_for_two():
    real, same = gaussian(2000), gaussian(2000, seed=1)
    value, error = generation.kernel_distance(real, same)
    assert abs(value) < 4 * error
    value, error = generation.kernel_distance(real, gaussian(2000, shift=0.3, seed=1))
    assert value > 8 * error > 0


def test_kernel_distance_has_no_bias_and_an_honest_error():
    pairs = [(gaussian(200, 3, seed=s), gaussian(200, 3, seed=s + 1000)) for s in range(200)]
    found = np.array([generation.kernel_distance(*pair, parts=5) for pair in pairs])
    values, errors = found.T
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.25)


def test_kernel_distance_is_the_mean_over_disjoint_parts(monkeypatch):
    parts = []
    monkeypatch.setattr(generation, "squared_mmd", lambda a, b: parts.append((a, b)) or len(parts))
    real, generated = np.arange(23.0)[:, None], np.arange(40.0)[:, None]
    value, error = generation.kernel_distance(real, generated, parts=5)
    assert (value, error) == (3.0, pytest.approx(np.sqrt(2.5 / 5)))
    for side in (0, 1):
        members = np.concatenate([part[side] for part in parts])
        assert [part[side].shape for part in parts] == [(4, 1)] * 5
        assert len(np.unique(members)) == 20


def test_kernel_distance_needs_two_images_a_part():
    with pytest.raises(ValueError, match="at least 20"):
        generation.kernel_distance(gaussian(19), gaussian(100))


# --- Precision, recall, density, coverage


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_prdc_equals_its_authors_code(shift, capsys):
    prdc = pytest.importorskip("prdc", reason="the package prdc is not installed")
    real, generated = gaussian(230, 3), gaussian(170, 3, shift=shift, seed=1)
    expected = prdc.compute_prdc(real, generated, nearest_k=5)
    found = generation.precision_recall_density_coverage(real, generated)
    assert set(found) == set(expected)
    for name, value in found.items():
        assert value == pytest.approx(expected[name], abs=1e-9), name


def test_prdc_is_the_same_in_chunks(monkeypatch):
    real, generated = gaussian(110, 3), gaussian(90, 3, shift=0.5, seed=1)
    whole = generation.precision_recall_density_coverage(real, generated)
    monkeypatch.setattr(generation, "CHUNK", 7)
    chunked = generation.precision_recall_density_coverage(real, generated)
    assert chunked == pytest.approx(whole, abs=1e-12)


def test_prdc_of_equal_samples_and_of_samples_far_apart():
    real = gaussian(200)
    equal = generation.precision_recall_density_coverage(real, real.copy())
    assert equal == {
        "precision": 1,
        "recall": 1,
        # A ball's k-th neighbour lies on its edge, where rounding may count it.
        "density": pytest.approx(1.1, abs=0.1001),
        "coverage": 1,
    }
    apart = generation.precision_recall_density_coverage(real, real + 1000)
    assert set(apart.values()) == {0.0}


def test_prdc_by_hand():
    # On a line with k = 1, the real balls are (-1, 1), (0, 2) and (2, 18).
    real, generated = np.array([[0.0], [1.0], [10.0]]), np.array([[0.5], [3.0], [50.0]])
    found = generation.precision_recall_density_coverage(real, generated, neighbours=1)
    # The generated balls are (-2, 3), (0.5, 5.5) and (3, 97).
    assert found == pytest.approx({"precision": 2 / 3, "recall": 1, "density": 1, "coverage": 1})


def test_a_collapsed_sample_is_precise_but_recalls_nothing():
    real = gaussian(200, 3)
    collapsed = np.repeat(real[:1] + 1e-3, 200, axis=0)
    found = generation.precision_recall_density_coverage(real, collapsed)
    assert found["precision"] == 1.0
    assert found["recall"] == 0.0
    assert found["coverage"] < 0.15


def test_prdc_needs_more_images_than_neighbours():
    with pytest.raises(ValueError, match="more than 5"):
        generation.precision_recall_density_coverage(gaussian(5), gaussian(100))


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
    assert generation.different_bins(Identity(), real, generated) == different


def test_different_bins_of_one_distribution_and_of_a_collapse():
    real = gaussian(4000, 4)
    binning = generation.fit_bins(real, bins=50)
    assert binning.n_clusters == 50
    assert generation.different_bins(binning, real, gaussian(4000, 4, seed=1)) <= 0.2
    collapsed = np.repeat(real[:10], 400, axis=0)
    assert generation.different_bins(binning, real, collapsed) >= 0.9


def test_empty_bins_are_not_different():
    zeros = np.zeros(50, int)
    assert generation.different_bins(Identity(), zeros, zeros) == 0.0


def test_bins_hold_twenty_images_each():
    assert generation.fit_bins(gaussian(200, 2)).n_clusters == 10


def test_diversity_is_the_mean_distance_within_a_class():
    features = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 8.0], [1.0, 1.0], [1.0, 1.0], [7.0, 7.0]])
    diversity = generation.class_diversity(features, np.array([0, 0, 0, 1, 1, 2]), 4)
    np.testing.assert_allclose(diversity, [(5 + 8 + 5) / 3, 0.0, np.nan, np.nan])


# --- The report, with real digits in the part of the generator


@pytest.fixture(scope="module")
def digits():
    """A data set of 1,200 digits, and 597 others that are as good as a generator can get."""
    images, labels = load_digits(return_X_y=True)
    images = np.round(images * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order].astype(np.int32)
    ends = [0, 700, 800, 1200, 1797]
    *splits, others = (
        Split(images[a:b], labels[a:b]) for a, b in zip(ends[:-1], ends[1:], strict=True)
    )
    return Dataset("digits", tuple("0123456789"), *splits), others


@pytest.fixture(scope="module", autouse=True)
def short_trainings():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "MOST_EPOCHS", 40)
        patch.setattr(reference, "FEWEST_STEPS", 200)
        yield


@pytest.fixture(scope="module")
def judge(digits):
    train, held_out = digits[0].train, digits[0].validation
    return reference.train_judge(
        train.images,
        train.labels,
        held_out=(held_out.images, held_out.labels),
        num_classes=10,
        seed=0,
    )


@pytest.fixture(scope="module")
def report(digits, judge):
    dataset, others = digits
    plain = (others.images[:400], others.labels[:400], np.arange(400.0))
    collapsed = np.repeat(others.images[:1], 300, axis=0), np.arange(300) % 10
    return generation.evaluate_generation(
        {"plain": plain, "collapsed": collapsed},
        dataset,
        judge,
        training_source=(dataset.train.images, dataset.train.labels),
        classifier=judge,
        options=GenerationOptions(seed=1),
    )


def test_report_is_json(report):
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_report_knows_every_figure(report):
    assert set(report["samples"]["plain"]["figures"]) == set(generation.FIGURES)
    cheap = set(generation.FIGURES) - {"gan_train", "own_classifier", "score_auc"}
    assert set(report["samples"]["collapsed"]["figures"]) == cheap


def test_real_images_are_found_as_good_as_real(report):
    plain = report["samples"]["plain"]
    assert (plain["images"], plain["compared"]) == (400, 400)
    figures = plain["figures"]
    for name, tolerance in {
        "gan_test": 0.04,
        "own_classifier": 1e-9,
        "gan_train": 0.03,
        "precision": 0.1,
        "recall": 0.1,
        "density": 0.15,
        "coverage": 0.1,
        "different_bins": 0.3,
        "diversity": 0.1,
        "share_distance": 0.03,
    }.items():
        figure = figures[name]
        assert figure["value"] == pytest.approx(figure["real"], abs=tolerance), name
    assert figures["gan_test"]["value"] > 0.95
    assert figures["gan_train"]["value"] > 0.95
    assert figures["diversity"]["value"] == pytest.approx(1.0, abs=0.1)
    distance = figures["frechet_distance"]
    assert 0.5 < distance["value"] / distance["real"] < 2.0
    distance = figures["kernel_distance"]
    assert abs(distance["value"] - distance["real"]) < 6 * distance["standard_error"]


def test_a_collapse_is_found_in_every_figure(report):
    collapsed = report["samples"]["collapsed"]
    assert collapsed["compared"] == 300
    figures = {name: figure["value"] for name, figure in collapsed["figures"].items()}
    assert figures["gan_test"] == pytest.approx(0.1)
    assert figures["recall"] == 0.0
    assert figures["coverage"] < 0.1
    assert figures["different_bins"] > 0.5
    assert figures["diversity"] == 0.0
    assert figures["share_distance"] == pytest.approx(0.9)
    real = collapsed["figures"]["frechet_distance"]["real"]
    assert figures["frechet_distance"] > 20 * real
    error = collapsed["figures"]["kernel_distance"]["standard_error"]
    assert figures["kernel_distance"] > 10 * error > 0


def test_report_by_class_adds_up(report):
    plain = report["samples"]["plain"]
    counts, by_class = np.array(plain["confusion"]), plain["per_class"]
    assert counts.sum() == 400
    assert np.trace(counts) / 400 == pytest.approx(plain["figures"]["gan_test"]["value"])
    np.testing.assert_allclose(counts.sum(axis=1) / 400, by_class["requested_share"])
    np.testing.assert_allclose(counts.sum(axis=0) / 400, by_class["judged_share"])
    assert np.mean(by_class["diversity"]) == pytest.approx(plain["figures"]["diversity"]["value"])
    error = plain["figures"]["gan_test"]
    expected = np.sqrt(error["value"] * (1 - error["value"]) / 400)
    assert error["standard_error"] == pytest.approx(expected)


def test_only_so_many_images_are_judged(digits, judge):
    dataset, others = digits
    report = generation.evaluate_generation(
        {"plain": (others.images, others.labels)},
        dataset,
        judge,
        options=GenerationOptions(num_judged=100),
    )
    assert report["samples"]["plain"]["images"] == 100
    assert np.sum(report["samples"]["plain"]["confusion"]) == 100
    assert "gan_train" not in report["samples"]["plain"]["figures"]


def test_invented_classes_are_named_before_they_are_judged(digits, judge):
    dataset, others = digits
    named = np.random.default_rng(3).permutation(10)  # the digit that each invented class is
    invented = np.argsort(named)[others.labels]
    # A classifier that speaks of invented classes: its logit i is the judge's for named[i].
    inventor = keras.Model(judge.input, keras.ops.take(judge.output, named, axis=1))
    reports = [
        generation.evaluate_generation(
            {"plain": (others.images[:400], labels[:400])},
            dataset,
            judge,
            classifier=classifier,
            options=GenerationOptions(matched=matched),
        )
        for labels, classifier, matched in (
            (others.labels, judge, False),
            (invented, inventor, True),
            (invented, inventor, False),
        )
    ]
    told, matched, unmatched = (report["samples"]["plain"] for report in reports)
    assert reports[0]["class_matching"] is None
    assert reports[1]["class_matching"] == named.tolist()
    assert matched == told
    for name in ("gan_test", "own_classifier"):
        assert unmatched["figures"][name]["value"] < 0.4 < 0.9 < told["figures"][name]["value"]


def test_gan_train_sees_generated_images_only(digits, monkeypatch):
    dataset, _ = digits
    calls, drawn = [], []
    monkeypatch.setattr(generation, "train_judge", lambda *a, **k: calls.append((a, k)) or "judge")

    def sample(count, seed):
        drawn.append((count, seed))
        images = np.zeros((count, 8, 8, 1), np.uint8)
        images[:, 0, 0, 0], images[:, 0, 1, 0] = np.divmod(np.arange(count), 256)
        return images, (np.arange(count) % 10).astype(np.int32)

    matching = np.roll(np.arange(10), 1)
    untouched = Dataset("digits", dataset.class_names, dataset.train, None, None)
    options = GenerationOptions(cas_images=120, seed=5)
    assert generation.gan_train_judge(sample, untouched, matching, options) == "judge"
    assert drawn == [(130, 5)]
    [((images, labels), kwargs)] = calls
    numbers = [256 * int(i[0, 0, 0]) + int(i[0, 1, 0]) for i in (*images, *kwargs["held_out"][0])]
    assert len(images) == 120
    assert sorted(numbers) == list(range(130))
    asked = np.array(numbers) % 10
    np.testing.assert_array_equal(np.concatenate([labels, kwargs["held_out"][1]]), matching[asked])
    assert numbers != sorted(numbers)


@pytest.mark.parametrize(("real", "drawn"), [(500, 6_500), (24_000, 26_000), (90_000, 65_000)])
def test_gan_train_takes_as_many_images_as_there_are_real_ones(real, drawn, monkeypatch):
    monkeypatch.setattr(generation, "train_judge", lambda *a, **k: len(a[0]))
    split = Split(None, np.zeros(real))
    dataset = Dataset("many", tuple("01"), split, split, split)

    def sample(count, seed):
        assert count == drawn
        return np.zeros((count, 1, 1, 1), np.uint8), np.zeros(count, np.int32)

    found = generation.gan_train_judge(sample, dataset, np.arange(2), GenerationOptions())
    assert found == drawn * 12 // 13


def test_score_auc_is_high_where_scores_know_what_is_readable(digits, judge):
    dataset, others = digits
    labels = others.labels.copy()
    labels[:100] = (labels[:100] + 1) % 10  # asked for another class: judged to be wrong
    scores = np.repeat([-1.0, 1.0], [100, len(labels) - 100])
    report = generation.evaluate_generation(
        {"plain": (others.images, labels, scores)}, dataset, judge
    )
    assert report["samples"]["plain"]["figures"]["score_auc"]["value"] > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((30, 8, 8, 1), np.float32)}, "uint8"),
        ({"images": np.zeros((30, 9, 9, 1), np.uint8)}, r"\(8, 8, 1\)"),
        ({"labels": np.zeros(29, np.int32)}, "a label"),
        ({"labels": np.full(30, 10)}, r"in \[0, 10\)"),
        ({"labels": np.full(30, -1)}, r"in \[0, 10\)"),
        ({"images": np.zeros((0, 8, 8, 1), np.uint8), "labels": np.zeros(0)}, "at least one"),
        ({"name": "nice"}, "plain"),
    ],
)
def test_samples_that_do_not_fit_are_refused(digits, change, message):
    given = {
        "name": "plain",
        "images": np.zeros((30, 8, 8, 1), np.uint8),
        "labels": np.zeros(30, int),
    }
    given |= change
    with pytest.raises(ValueError, match=message):
        generation.evaluate_generation(
            {given["name"]: (given["images"], given["labels"])}, digits[0], None
        )


def test_table_shows_each_figure_with_its_error_and_its_real_side(report):
    lines = generation.format_table(report).splitlines()
    plain, collapsed = (report["samples"][name]["figures"] for name in ("plain", "collapsed"))
    assert (
        lines[0] == "digits, images: plain 400 (in distances 400), collapsed 300 (in distances 300)"
    )
    for name, figure in generation.FIGURES.items():
        [line] = [line for line in lines if line.startswith(figure.title)]
        assert f" {generation.ARROWS[figure.better]} " in line
        scale, digits = (100, 2) if figure.unit == "%" else (1, 4)
        expected = f"{scale * plain[name]['value']:.{digits}f}"
        if "standard_error" in plain[name]:
            expected += f" ± {scale * plain[name]['standard_error']:.{digits}f}"
        assert expected in line
        if name in collapsed:
            assert f"{scale * collapsed[name]['value']:.{digits}f}" in line
        if "real" in plain[name]:
            assert line.endswith(f"{scale * plain[name]['real']:.{digits}f}")
    by_class = lines[-10:]
    assert [line.split()[0] for line in by_class] == list("0123456789")
    assert {len(line.split()) for line in by_class} == {7}
    assert len({len(line) for line in by_class}) == 1
