"""When robust accuracy is not to be believed: masked gradients, and attacks that cheat."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from attacks import ProjectedGradientDescent
from evaluation import robustness
from evaluation.robustness import evaluate_robustness
from tests.support.known import TINY, Moved, classifier_of, known, target_of

CHECKS = ["unbounded", "black box", "gradient", "iterations"]
HONEST = {"pgd": 0.2, "worst_case": (0.2, 0.2)}


@pytest.fixture
def checks_of(monkeypatch):
    """A function: the checks of a classifier whose attacks are said to have left so much."""

    def checks(example, *, pgd, worst_case, **options):
        rows = [{"attack": "APGD-margin"}, {"attack": "Square"}]
        rows = [{**row, "value": left} for row, left in zip(rows, worst_case, strict=True)]
        monkeypatch.setattr(robustness, "worst_case", lambda *arguments: rows)
        monkeypatch.setitem(robustness.CURVE, "linf", np.array([]))
        withstands = robustness.Target.withstands

        def as_said(self, attack, *arguments, **how):
            if attack.epsilon == TINY.epsilon and attack.steps == 40:
                return np.arange(len(self.right)) < round(pgd * len(self.right))
            return withstands(self, attack, *arguments, **how)

        monkeypatch.setattr(robustness.Target, "withstands", as_said)
        few = dataclasses.replace(TINY, restarts=0)
        classifier = classifier_of(example.weights, **options)
        return evaluate_robustness(classifier, example.split, few)["checks"]

    return checks


def failed(checks):
    return [check["name"] for check in checks if not check["passed"]]


def steps_of_a_quarter(flat):
    return ops.round(4 * flat) / 4


def test_an_honest_classifier_passes_every_check(checks_of):
    checks = checks_of(known(2), **HONEST)
    assert [check["name"] for check in checks] == CHECKS
    assert failed(checks) == []


def test_rounded_pixels_hide_the_gradient_and_three_checks_tell():
    example = known(2)
    classifier = classifier_of(example.weights, before=steps_of_a_quarter)
    report = evaluate_robustness(
        classifier, example.split, dataclasses.replace(TINY, epsilon=0.2, queries=200, restarts=1)
    )
    assert failed(report["checks"]) == ["unbounded", "black box", "gradient"]
    assert len(report["warnings"]) == 3
    for warning in report["warnings"]:
        assert "gradients are masked" in warning
        assert "%" in warning
    assert "100.0% have a gradient of zero" in report["warnings"][2]
    first, *_, last = report["worst_case"]
    assert first["value"] - last["value"] > 0.2


def test_huge_logits_starve_cross_entropy_but_not_the_margin(checks_of):
    """In float32, softmax is exactly 0 or 1 where logits are thousands apart."""
    example = known(2)
    target = target_of(example, scale=1e6)
    rows = robustness.worst_case(target, TINY)
    assert {"unbounded", "gradient"} <= set(failed(checks_of(example, **HONEST, scale=1e6)))
    exact = example.accuracy(0.1)
    assert rows[0]["value"] > exact + 0.1
    assert rows[1]["value"] == pytest.approx(exact)


def test_a_classifier_that_never_changes_its_mind(checks_of):
    example = dataclasses.replace(known(2), weights=np.zeros((9, 2)))
    target = target_of(example)
    checks = {check["name"]: check for check in checks_of(example, **HONEST)}
    assert not checks["unbounded"]["passed"]
    assert not checks["gradient"]["passed"]
    share = target.right.mean()  # those of the one class that it names
    assert 0.2 < share < 0.8
    assert checks["unbounded"]["says"].startswith(f"{share:.1%} withstand an unbounded attack")
    for attack in (ProjectedGradientDescent(0.3, 0.1, 5), robustness.Square(0.3, 5)):
        np.testing.assert_array_equal(target.withstands(attack), target.right)


@pytest.mark.parametrize(("gain", "passes"), [(0.0, True), (0.066, True), (0.1, False)])
def test_a_black_box_attack_may_win_two_images_of_thirty(checks_of, gain, passes):
    checks = checks_of(known(2), pgd=0.2, worst_case=(0.2, 0.2 - gain))
    assert failed(checks) == ([] if passes else ["black box"])


def test_steps_that_do_not_help_are_told(checks_of):
    checks = checks_of(known(2), pgd=0.9, worst_case=(0.2, 0.2))
    (check,) = [check for check in checks if not check["passed"]]
    assert check["name"] == "iterations"
    assert check["says"].startswith("40 steps leave 90.0%, one leaves ")


# An attack is not believed.


@pytest.mark.parametrize(
    ("by", "norm", "leaves"),
    [
        (0.2, "linf", False),
        (-0.2, "linf", False),
        (0.201, "linf", True),
        (-0.201, "linf", True),
        (0.2 / 3, "l2", False),
        (0.201 / 3, "l2", True),
    ],
)
def test_an_attack_that_leaves_its_ball_is_an_error(by, norm, leaves):
    target = target_of(known(2, low=78, high=177))
    attack = Moved(by, norm=norm)
    if not leaves:
        assert target.withstands(attack).shape == (30,)
        return
    with pytest.raises(AssertionError, match="left its ball"):
        target.withstands(attack)


@pytest.mark.parametrize(("by", "epsilon"), [(float("nan"), 0.1), (0.5, 0.5)])
def test_so_is_one_that_returns_no_images(by, epsilon):
    """NaN is in no ball, and a ball ends where the pixels do."""
    target = target_of(known(2))
    with pytest.raises(AssertionError, match="left its ball"):
        target.withstands(Moved(by, epsilon))


def test_images_that_are_misclassified_as_they_are_have_fallen():
    example = known(2)
    target = target_of(example)
    np.testing.assert_array_equal(target.right, example.right_within(0.0))
    assert target.right.sum() == 27
    np.testing.assert_array_equal(target.withstands(Moved(0.0)), target.right)
    few = np.arange(30) < 15
    np.testing.assert_array_equal(target.withstands(Moved(0.0), few), target.right & few)
    assert not target.withstands(Moved(0.0), ~target.right).any()


def test_what_an_attack_returns_is_classified_again():
    """An attack that claims nothing but brings each image over the line."""
    example = known(2, low=78, high=177)
    slope = tf.constant(
        (example.weights[:, 1] - example.weights[:, 0]).reshape(3, 3, 1), tf.float32
    )

    class Across(Moved):
        def __call__(self, loss_fn, images, *, seed):
            return images - 0.2 * tf.sign(slope) * tf.sign(tf.reduce_sum(images * slope))

    labels = example.split.labels
    for place in range(6):
        one = dataclasses.replace(
            example, split=type(example.split)(example.split.images[[place]], labels[[place]])
        )
        found = target_of(one).withstands(Across(0.0))
        np.testing.assert_array_equal(found, one.right_within(0.1))


def test_lengths_are_shares_of_the_pixel_range():
    change = np.zeros((2, 3, 3, 1), np.float32)
    change[0, 0, 0], change[0, 1, 1] = 0.6, -0.8
    linf, l2 = (robustness.lengths(change, Moved(0.0, norm=norm)) for norm in ("linf", "l2"))
    np.testing.assert_allclose([linf, l2], [[0.4, 0], [0.5, 0]], rtol=1e-6)
