"""PGD and FGSM: steps by hand, closed-form optima, the best iterate, restarts, what is refused."""

import re

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from attacks import ProjectedGradientDescent, fast_gradient_sign
from attacks.objectives import away_from, towards
from tests.support.targets import (
    EVERY_NORM,
    PIXEL_AXES,
    SHAPE,
    digits_classifier,
    flat,
    fooled_by,
    images_like,
    lengths,
    linear,
    logits_of,
    named_right,
    planted,
    slope_like,
    unseen,
    wavy,
)

plain = {"random_start": False, "keep_best": False}


# FGSM and single steps.


def test_fgsm_is_its_formula():
    images, slope = images_like(0), slope_like(0)
    moved = fast_gradient_sign(0.1, keep_best=False)(wavy(slope), images)
    gradient = 3 * slope * np.cos(3 * images)
    expected = np.clip(images + 0.1 * 2 * np.sign(gradient), -1, 1)  # a share of [-1, 1] is doubled
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-6)
    unit = fast_gradient_sign(0.1, keep_best=False, bounds=(0.0, 1.0))
    expected = np.clip(0.5 + 0.1 * np.sign(slope), 0, 1)
    np.testing.assert_allclose(unit(linear(slope), 0 * images + 0.5)[0], expected, atol=1e-6)


def test_one_step_without_random_start_is_fgsm_and_l2_steps_along_the_gradient():
    images, slope = images_like(1), slope_like(1)
    one_step = ProjectedGradientDescent(0.07, 0.07, 1, **plain)
    fgsm = fast_gradient_sign(0.07, keep_best=False)
    np.testing.assert_array_equal(one_step(wavy(slope), images), fgsm(wavy(slope), images))
    straight = ProjectedGradientDescent(0.5, 0.2, 3, norm="l2", **plain)(linear(slope), 0 * images)
    expected = np.broadcast_to(1.0 * slope / np.linalg.norm(slope), images.shape)  # 3 * 0.2 > 0.5
    np.testing.assert_allclose(straight, expected, rtol=1e-5, atol=1e-7)


def test_fgsm_takes_its_step_wherever_it_leads_unless_told_to_keep_the_best():
    images, loss_fn = images_like(2), wavy(slope_like(2), frequency=20.0)
    far = fast_gradient_sign(0.3)(loss_fn, images)
    assert (loss_fn(far) < loss_fn(images)).numpy().any()
    best = fast_gradient_sign(0.3, keep_best=True)(loss_fn, images)
    assert (loss_fn(best) >= loss_fn(images)).numpy().all()


def test_momentum_gathers_normalised_gradients():
    images, slope = images_like(3, low=-0.2, high=0.2), slope_like(3)
    attack = ProjectedGradientDescent(0.3, 0.1, 3, norm="l2", momentum=0.8, **plain)
    expected, velocity = images.astype(np.float64), 0.0
    for _ in range(3):
        gradient = 3 * slope * np.cos(3 * expected)
        mean = np.abs(gradient).mean(axis=PIXEL_AXES, keepdims=True)
        velocity = 0.8 * velocity + gradient / mean
        expected = expected + 0.2 * velocity / lengths(velocity, "l2").reshape(-1, 1, 1, 1)
        cut = np.minimum(1, 0.6 / lengths(expected - images, "l2")).reshape(-1, 1, 1, 1)
        expected = np.clip(images + cut * (expected - images), -1, 1)
    np.testing.assert_allclose(attack(wavy(slope), images), expected, rtol=0, atol=1e-5)


def test_the_model_is_looked_at_once_a_step_and_once_more_for_the_best():
    looks = []

    def counted(images):
        looks.append(len(images))
        return tf.reduce_sum(images, axis=PIXEL_AXES)

    ProjectedGradientDescent(0.1, 0.1, 5, **plain)(counted, images_like(0))
    assert len(looks) == 5
    ProjectedGradientDescent(0.1, 0.1, 5, restarts=2)(counted, images_like(0))
    assert len(looks) == 5 + 2 * 6


# Where the best answer is known.


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("random_start", [False, True])
def test_on_a_linear_loss_linf_reaches_its_corner(momentum, random_start):
    images, slope = images_like(4), slope_like(4)
    attack = ProjectedGradientDescent(
        0.2, 0.05, 12, momentum=momentum, random_start=random_start, restarts=1 + random_start
    )
    expected = np.clip(images + 0.4 * np.sign(slope), -1, 1)
    np.testing.assert_allclose(attack(linear(slope), images), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e-30])
@pytest.mark.parametrize("random_start", [False, True])
def test_on_a_linear_loss_l2_reaches_its_tip_however_small_the_gradient(random_start, scale):
    images, slope = images_like(5, low=-0.3, high=0.3), slope_like(5)
    # Near the tip float32 sees equal losses, so of the best iterate only the loss is exact.
    attack = ProjectedGradientDescent(
        0.4, 0.4, 25, norm="l2", random_start=random_start, keep_best=False
    )
    moved = attack(linear(scale * slope), images)
    expected = images + 0.8 * slope / np.linalg.norm(slope)
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-5)


@EVERY_NORM
def test_of_two_classes_the_target_is_the_other_one_of_the_untargeted_attack(norm):
    classify, images = logits_of(6, 2), images_like(6, batch=8, low=-0.5, high=0.5)
    labels = np.argmax(classify(images), axis=1).astype(np.int32)
    attack = ProjectedGradientDescent(0.5, 0.5, 1, norm=norm, **plain)
    away = attack(away_from(classify, labels), images)
    there = attack(towards(classify, 1 - labels), images)
    back = attack(towards(classify, labels), images)
    np.testing.assert_allclose(there, away, rtol=0, atol=1e-5)
    small = ProjectedGradientDescent(0.01, 0.01, 1, norm=norm, **plain)
    uphill = small(away_from(classify, labels), images) - images
    downhill = small(towards(classify, labels), images) - images
    np.testing.assert_allclose(downhill, -uphill, rtol=0, atol=2e-7)
    np.testing.assert_array_equal(np.argmax(classify(there), axis=1), 1 - labels)
    np.testing.assert_array_equal(np.argmax(classify(back), axis=1), labels)


def test_a_targeted_attack_reaches_each_class_of_real_digits():
    classifier = digits_classifier()
    images, labels = unseen(40)
    targets = (labels + 1 + np.arange(40) % 9).astype(np.int32) % 10
    attack = ProjectedGradientDescent(0.4, 0.05, 40)
    objective = tf.function(towards(classifier, targets), jit_compile=False)
    moved = attack(objective, images)
    before, after = (named_right(classifier, these, targets).mean() for these in (images, moved))
    assert before < 0.1
    assert after > 0.9


# The best iterate is kept.


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_an_example_that_fools_on_the_way_is_kept(momentum):
    images = np.zeros((3, *SHAPE), np.float32)
    walk = ProjectedGradientDescent(0.5, 0.05, 10, random_start=False, momentum=momentum)
    best = walk(planted(0.25, 0.45), images)
    np.testing.assert_allclose(best, images + 0.4, atol=1e-6)  # of 0.3 and 0.4 the higher loss
    last = ProjectedGradientDescent(0.5, 0.05, 10, momentum=momentum, **plain)
    np.testing.assert_allclose(last(planted(0.25, 0.45), images), images + 1.0, atol=1e-6)


def test_the_start_and_the_last_iterate_are_looked_at_too():
    images = np.zeros((2, *SHAPE), np.float32)
    walk = ProjectedGradientDescent(0.5, 0.1, 5, random_start=False)
    np.testing.assert_array_equal(walk(planted(-0.1, 0.1), images), images)
    np.testing.assert_allclose(walk(planted(0.9, 1.1), images), images + 1.0, atol=1e-6)
    np.testing.assert_allclose(walk(planted(5.0, 6.0), images), images + 1.0, atol=1e-6)


def test_restarts_keep_the_best_of_their_starts():
    def hidden(images):  # a loss without a gradient: what is returned is a start
        return tf.stop_gradient(tf.reduce_sum(images, axis=PIXEL_AXES))

    images = np.zeros((50, *SHAPE), np.float32)

    def best_of(restarts):
        attack = ProjectedGradientDescent(0.5, 0.5, 1, restarts=restarts)
        return hidden(attack(hidden, images, seed=(1, 2))).numpy()

    one, three, ten = best_of(1), best_of(3), best_of(10)
    assert (one <= three).all()
    assert (three <= ten).all()
    # The sum of 64 pixels is nearly normal, of deviation 8 / sqrt(3); of ten the best is 1.54 up.
    assert one.mean() == pytest.approx(0.0, abs=2.0)
    assert ten.mean() == pytest.approx(1.54 * 8 / np.sqrt(3), abs=1.2)


def test_an_attack_starts_uniformly_in_its_ball():
    images = np.zeros((100, *SHAPE), np.float32)
    start = ProjectedGradientDescent(0.25, 0.25, 1)(flat, images, seed=(3, 4)).numpy()
    assert stats.kstest(start.ravel(), stats.uniform(-0.5, 1).cdf).pvalue > 0.01
    start = ProjectedGradientDescent(0.25, 0.25, 1, norm="l2")(flat, images, seed=(3, 4))
    radius = lengths(start, "l2") / 0.5
    assert stats.kstest(radius**64, stats.uniform.cdf).pvalue > 0.01


@EVERY_NORM
def test_scale_is_another_epsilon_and_step(norm):
    images, loss_fn = images_like(7), wavy(slope_like(7))
    scaled = ProjectedGradientDescent(0.4, 0.1, 5, norm=norm)(loss_fn, images, scale=0.25)
    small = ProjectedGradientDescent(0.1, 0.025, 5, norm=norm)(loss_fn, images)
    np.testing.assert_allclose(scaled, small, rtol=0, atol=1e-6)
    nothing = ProjectedGradientDescent(0.4, 0.1, 5, norm=norm)(loss_fn, images, scale=0.0)
    np.testing.assert_array_equal(nothing, images)


def test_other_steps_may_be_given_as_a_tensor_and_none_leave_the_image():
    images, loss_fn = images_like(8), wavy(slope_like(8))
    attack = ProjectedGradientDescent(0.1, 0.1, 5, random_start=False)
    traced = tf.function(lambda steps: attack(loss_fn, images, steps=steps))
    for steps in (1, 7):
        other = ProjectedGradientDescent(0.1, 0.1, steps, random_start=False)
        moved = traced(tf.constant(steps))
        np.testing.assert_allclose(moved, other(loss_fn, images), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(traced(tf.constant(0)), images)


def test_more_steps_and_more_restarts_never_raise_the_accuracy():
    classifier, (images, labels) = digits_classifier(), unseen(100)
    clean = named_right(classifier, images, labels)

    def fooled(steps, restarts):
        attack = ProjectedGradientDescent(0.08, 0.02, steps, restarts=restarts)
        return fooled_by(attack, classifier, images, labels)

    few, more, again = fooled(4, 1), fooled(20, 1), fooled(20, 4)
    assert clean.mean() > 0.9
    assert (few <= more).all()  # image by image: the first steps are the same
    assert (more <= again).all()
    assert 0.1 < few.mean() < again.mean() < 0.9


# What is refused.


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"epsilon": -0.1}, "epsilon -0.1"),
        ({"epsilon": float("nan")}, "epsilon nan"),
        ({"epsilon": 1.5, "step_size": 1.0}, "epsilon 1.5"),
        ({"norm": "l1"}, "norm 'l1'"),
        ({"bounds": (1.0, 0.0)}, "bounds"),
        ({"steps": 0}, "steps 0"),
        ({"step_size": 0.0}, "step_size 0"),
        ({"step_size": -0.1}, "step_size -0.1"),
        ({"step_size": float("nan")}, "step_size nan"),
        ({"step_size": float("inf")}, "step_size inf"),
        ({"momentum": 1.0}, "momentum 1.0"),
        ({"momentum": -0.1}, "momentum -0.1"),
        ({"momentum": float("nan")}, "momentum nan"),
        ({"restarts": 0}, "restarts 0"),
        ({"restarts": 2, "random_start": False}, "restarts 2.*random_start"),
        ({"restarts": 2, "keep_best": False}, "restarts 2.*keep_best"),
        ({"step_size": 0.009}, "step_size 0.009.*0.01 is the smallest"),
    ],
)
def test_a_value_out_of_range_is_refused_in_one_line(changed, named):
    with pytest.raises(ValueError, match=named) as refused:
        ProjectedGradientDescent(**{"epsilon": 0.1, "step_size": 0.05, "steps": 10} | changed)
    assert "\n" not in str(refused.value)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(epsilon=st.floats(0.001, 1), steps=st.integers(1, 1000), share=st.floats(0.1, 0.99))
def test_the_smallest_step_that_a_refusal_names_will_do(epsilon, steps, share):
    too_small = share * epsilon / steps
    with pytest.raises(ValueError, match="never reach the edge") as refused:
        ProjectedGradientDescent(epsilon, too_small, steps)
    smallest = float(re.search(r"([\d.e-]+) is the smallest", str(refused.value)).group(1))
    assert smallest == pytest.approx(epsilon / steps, rel=1e-2)
    ProjectedGradientDescent(epsilon, smallest, steps)


def test_steps_that_just_reach_the_edge_are_allowed_and_without_a_ball_any():
    ProjectedGradientDescent(0.3, 0.1, 3)
    ProjectedGradientDescent(0.3, 0.03, 10)
    ProjectedGradientDescent(None, 1e-9, 1)


@pytest.mark.parametrize("epsilon", [-0.1, float("nan"), 1.1, None])
def test_fgsm_refuses_an_epsilon_that_is_none(epsilon):
    with pytest.raises(ValueError, match=f"epsilon {epsilon}"):
        fast_gradient_sign(epsilon)
