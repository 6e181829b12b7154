"""The report, with real digits in the part of the generator."""

import json
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from evaluation import generation, reference, table
from evaluation.generation import GenerationOptions
from images.datasets import Dataset, Split
from tests.support.runs import QUICK_JUDGE

ASKED_ONLY = {"gan_test", "score_auc"}  # figures that need a requested class


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
    """Judges of half the width, who learn fast: a hundred steps are enough for digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "GREY", QUICK_JUDGE)
        patch.setattr(reference, "MOST_EPOCHS", 20)
        patch.setattr(reference, "FEWEST_STEPS", 100)
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
    """Of samples that were asked for a class, one as good as real and one collapsed."""
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


@pytest.fixture(scope="module")
def unlabelled_report(digits, judge):
    """Of the same images, made by a generator that is told no class."""
    dataset, others = digits
    plain, fives = others.images[:400], others.images[others.labels == 5][:50]
    return generation.evaluate_generation(
        {"plain": (plain, None, np.arange(400.0)), "fives": (fives, None)},
        dataset,
        judge,
        options=GenerationOptions(seed=1),
    )


def test_report_is_json(report, unlabelled_report):
    for each in (report, unlabelled_report):
        assert json.loads(json.dumps(each, allow_nan=False)) == each


def test_report_knows_every_figure(report):
    of_grey = set(table.FIGURES) - {"inception_distance"}
    assert set(report["samples"]["plain"]["figures"]) == of_grey
    cheap = of_grey - {"gan_train", "own_classifier", "score_auc"}
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
        "smallest_class_share": 0.03,
        "largest_class_share": 0.03,
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
    assert (figures["smallest_class_share"], figures["largest_class_share"]) == (0.0, 1.0)
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
    for name, ends in {"judged_share": "value", "real_judged_share": "real"}.items():
        figures = plain["figures"]
        assert min(by_class[name]) == figures["smallest_class_share"][ends]
        assert max(by_class[name]) == figures["largest_class_share"][ends]
    error = plain["figures"]["gan_test"]
    expected = np.sqrt(error["value"] * (1 - error["value"]) / 400)
    assert error["standard_error"] == pytest.approx(expected)


def test_report_knows_how_well_the_reference_reads(report, digits, judge):
    test = digits[0].test
    right = reference.predict(judge, test.images)[0].argmax(axis=-1) == test.labels
    accuracy = report["reference_accuracy"]
    assert (
        accuracy["value"]
        == right.mean()
        == report["samples"]["plain"]["figures"]["gan_test"]["real"]
    )
    assert accuracy["standard_error"] == pytest.approx(right.std() / np.sqrt(400))


def test_without_labels_the_judged_classes_stand_for_them(unlabelled_report, report, digits, judge):
    dataset, others = digits
    plain, told = unlabelled_report["samples"]["plain"], report["samples"]["plain"]
    others_only = {"gan_train", "own_classifier", "inception_distance"}
    assert set(plain["figures"]) == set(table.FIGURES) - ASKED_ONLY - others_only
    assert set(plain["per_class"]) == set(told["per_class"]) - {"gan_test", "requested_share"}
    assert "confusion" not in plain
    for name in ("judged_share", "real_judged_share"):
        assert plain["per_class"][name] == told["per_class"][name]
    assert unlabelled_report["reference_accuracy"] == report["reference_accuracy"]
    # No label matters to these, and few labels differ from the judged class.
    for name in set(plain["figures"]) - {"diversity", "share_distance"}:
        assert plain["figures"][name] == told["figures"][name], name
    assert plain["figures"]["diversity"]["value"] == pytest.approx(1.0, abs=0.1)


def test_without_labels_class_shares_are_held_against_real_ones(unlabelled_report):
    for sample in unlabelled_report["samples"].values():
        by_class, figure = sample["per_class"], sample["figures"]["share_distance"]
        off = np.subtract(by_class["judged_share"], by_class["real_judged_share"])
        assert figure["value"] == pytest.approx(np.abs(off).sum() / 2)
        assert 0.0 < figure["real"] < 0.2
    plain, fives = (unlabelled_report["samples"][name]["figures"] for name in ("plain", "fives"))
    assert plain["share_distance"]["value"] < 0.1 < 0.8 < fives["share_distance"]["value"]
    assert fives["largest_class_share"]["value"] > 0.9
    assert fives["diversity"]["value"] == pytest.approx(1.0, abs=0.3)


def test_all_samples_have_labels_or_none(digits):
    dataset, others = digits
    images, labels = others.images[:30], others.labels[:30]
    with pytest.raises(ValueError, match="either all samples have labels"):
        generation.evaluate_generation(
            {"plain": (images, labels), "nice": (images, None)}, dataset, None
        )
    with pytest.raises(ValueError, match="no labels to match"):
        generation.evaluate_generation(
            {"plain": (images, None)}, dataset, None, options=GenerationOptions(matched=True)
        )


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

    def train_judge(*args, **kwargs):
        calls.append((args, kwargs))
        return "judge"

    monkeypatch.setattr(reference, "train_judge", train_judge)

    def sample(count, seed):
        drawn.append((count, seed))
        images = np.zeros((count, 8, 8, 1), np.uint8)
        images[:, 0, 0, 0], images[:, 0, 1, 0] = np.divmod(np.arange(count), 256)
        return images, (np.arange(count) % 10).astype(np.int32)

    matching = np.roll(np.arange(10), 1)
    nothing: Any = None
    untouched = Dataset("digits", dataset.class_names, dataset.train, nothing, nothing)
    options = GenerationOptions(cas_images=120, seed=5)
    assert reference.gan_train_judge(sample, untouched, matching, options) == "judge"
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
    monkeypatch.setattr(reference, "train_judge", lambda *a, **k: len(a[0]))
    split = Split(np.zeros((real, 1, 1, 1), np.uint8), np.zeros(real, np.int32))
    dataset = Dataset("many", tuple("01"), split, split, split)

    def sample(count, seed):
        assert count == drawn
        return np.zeros((count, 1, 1, 1), np.uint8), np.zeros(count, np.int32)

    found = reference.gan_train_judge(sample, dataset, np.arange(2), GenerationOptions())
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
