"""Robust accuracy where it is known exactly, and the checks that tell when it is not believed."""

import dataclasses
import json

import numpy as np
import pytest

from evaluation import robustness
from evaluation.robustness import Target, evaluate_robustness
from tests.support.known import TINY, Moved, classifier_of, known, target_of


@pytest.fixture(scope="module")
def honest():
    """(Known, report) of two classes."""
    example = known(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(robustness.CURVE, "linf", np.array([0.0, 0.1, 0.4]))
        return example, evaluate_robustness(classifier_of(example.weights), example.split, TINY)


@pytest.fixture(scope="module")
def of_five():
    """(Known, report, lines) of five classes, more images asked for than there are."""
    example, lines = known(5, count=40), []
    options = dataclasses.replace(TINY, num_images=1000, restarts=1, epsilon=0.05)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(robustness.CURVE, "linf", np.array([0.0, 0.05]))
        report = evaluate_robustness(
            classifier_of(example.weights), example.split, options, announce=lines.append
        )
    return example, report, lines


def values(rows):
    return [row["value"] for row in rows]


# Figures.


def test_two_classes_are_attacked_to_the_exact_figure(honest):
    example, report = honest
    exact = example.accuracy(0.1)
    assert 0.2 < exact < 0.8
    assert values(report["pgd"].values()) == [pytest.approx(exact)] * 2
    assert values(report["worst_case"]) == [pytest.approx(exact)] * 3
    assert list(report["pgd"]) == ["PGD-40", "PGD-100, 2 restarts"]
    curve = [example.accuracy(point["epsilon"]) for point in report["curve"]]
    assert values(report["curve"]) == pytest.approx(curve)
    assert [point["epsilon"] for point in report["curve"]] == [0.0, 0.1, 0.4]
    assert robustness.epsilons(TINY) == pytest.approx(np.arange(9) / 20)
    assert values(report["curve"])[0] == report["clean_accuracy_of_attacked"]["value"]


def test_five_classes_fall_to_the_worst_case(of_five):
    example, report, _ = of_five
    exact, tolerance = example.accuracy(0.05), 1e-6 + 1 / 40
    assert 0.2 < exact < 0.8
    assert report["worst_case"][-1]["value"] == pytest.approx(exact, abs=tolerance)
    assert report["pgd"]["PGD-40"]["value"] == pytest.approx(exact, abs=0.1)
    for entry in (*report["pgd"].values(), *report["worst_case"]):
        assert exact - 1e-9 <= entry["value"]  # no attack does better than the best one


def test_the_worst_case_falls_row_by_row_and_below_every_member(honest, of_five):
    for _, report, *_ in (honest, of_five):
        assert values(report["worst_case"]) == sorted(values(report["worst_case"]), reverse=True)
    example, report, _ = of_five
    target = target_of(example)
    for attack, aim in (
        (robustness.AutoProjectedGradientDescent(0.05), {"loss": robustness.cross_entropy}),
        (robustness.Square(0.05, 50), {"loss": robustness.margin}),
    ):
        assert report["worst_case"][-1]["value"] <= target.withstands(attack, **aim).mean() + 1e-9


def test_the_attacks_of_the_ensemble(honest, of_five):
    assert [row["attack"] for row in honest[1]["worst_case"]] == [
        *("APGD-CE", "APGD-margin", "Square")
    ]
    assert [row["attack"] for row in of_five[1]["worst_case"]] == [
        *("APGD-CE", "APGD-DLR, targeted", "Square")
    ]


def test_three_classes_are_too_few_for_the_targeted_ratio():
    example, lines = known(3), []
    rows = robustness.worst_case(target_of(example), TINY, lines.append)
    assert [row["attack"] for row in rows] == ["APGD-CE", "APGD-margin", "Square"]
    assert rows[-1]["value"] == pytest.approx(example.accuracy(0.1), abs=1e-6 + 1 / 30)
    assert [row["attack"] in line for row, line in zip(rows, lines, strict=True)] == [True] * 3


def test_clean_accuracy_is_of_all_and_attacks_are_of_the_chosen(monkeypatch):
    monkeypatch.setitem(robustness.CURVE, "linf", np.array([0.1]))
    example = known(2, count=60)
    options = dataclasses.replace(TINY, num_images=7, restarts=1, queries=2)
    report = evaluate_robustness(classifier_of(example.weights), example.split, options)
    assert report["options"]["num_images"] == 7
    assert report["clean_accuracy"]["value"] == pytest.approx(0.9)
    chosen = np.random.default_rng(0).permutation(60)[:7]
    exact = example.right_within(0.1)[chosen].mean()
    assert report["worst_case"][-1]["value"] == pytest.approx(exact)
    again = evaluate_robustness(classifier_of(example.weights), example.split, options)
    assert json.dumps(report) == json.dumps(again)


def test_all_are_attacked_if_fewer_are_there(of_five):
    _, report, lines = of_five
    assert report["options"]["num_images"] == 40
    assert report["clean_accuracy"] == report["clean_accuracy_of_attacked"]
    assert "40 test images" in lines[0]


def test_the_report_is_plain_json(honest, of_five):
    for _, report, *_ in (honest, of_five):
        assert json.loads(json.dumps(report)) == report
    options = {"epsilon": 0.1, "norm": "linf", "restarts": 2, "queries": 50, "seed": 0}
    assert honest[1]["options"] == {**options, "num_images": 30}


def test_l2_is_exact_too_and_knows_no_square_attack(monkeypatch):
    monkeypatch.setitem(robustness.CURVE, "l2", np.array([0.0, 0.05, 0.1]))
    example = known(2, low=78, high=177)  # far from the edge of the box
    options = dataclasses.replace(TINY, norm="l2", epsilon=0.05, restarts=1)
    report = evaluate_robustness(classifier_of(example.weights), example.split, options)
    assert [row["attack"] for row in report["worst_case"]] == ["APGD-CE", "APGD-margin"]
    exact, tolerance = example.accuracy(0.05, "l2"), 1e-6 + 1 / 30
    assert 0.2 < exact < 0.8
    assert report["worst_case"][-1]["value"] == pytest.approx(exact, abs=tolerance)
    for point in report["curve"]:
        expected = example.accuracy(point["epsilon"], "l2")
        assert point["value"] == pytest.approx(expected, abs=tolerance)
    assert report["warnings"] == []


def test_the_error_is_a_binomial_s():
    assert robustness.share([True, False, False, False]) == {
        "value": 0.25,
        "error": pytest.approx(np.sqrt(0.25 * 0.75 / 4)),
    }
    assert robustness.share(np.ones(5, bool)) == {"value": 1.0, "error": 0.0}


def test_the_targets_are_the_nearest_other_classes_each_once(monkeypatch):
    example, headed_for = known(5), []
    withstands = Target.withstands

    def recording(self, attack, standing=None, *, targets=None, **options):
        headed_for.extend([] if targets is None else [targets])
        return withstands(self, Moved(0.0), standing)  # which fools nobody

    monkeypatch.setattr(Target, "withstands", recording)
    target = target_of(example)
    robustness.worst_case(target, TINY)
    logits = target.images.reshape(-1, 9) @ example.weights
    for image, label in enumerate(target.labels):
        others = [name for name in np.argsort(-logits[image]) if name != label]
        assert [targets[image] for targets in headed_for] == others


def test_each_attack_of_the_ensemble_is_traced_once_for_all_targets(monkeypatch):
    made = []

    class Idle:
        def __init__(self, attack, classify, **aim):
            made.append((type(attack), *aim))

        def __call__(self, images, *names, seed):
            return images

    monkeypatch.setattr(robustness, "Attacker", Idle)
    robustness.worst_case(target_of(known(5)), TINY)
    apgd = robustness.AutoProjectedGradientDescent
    assert made == [(apgd, "loss"), (apgd, "aim"), (robustness.Square, "loss")]
