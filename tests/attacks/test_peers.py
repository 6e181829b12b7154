"""PGD against its peers: Foolbox and the Adversarial Robustness Toolbox go the same 40 steps."""

import functools

import foolbox
import keras
import numpy as np
import pytest
import tensorflow as tf

from attacks import Attacker, ProjectedGradientDescent
from attacks.objectives import away_from, towards
from tests.support.targets import EVERY_NORM, SHAPE, digits_classifier, lengths, named_right, unseen

STEPS, COUNT = 40, 32
RADIUS = {"linf": 0.2, "l2": 1.2}  # in units of the pixels, which the peers count in
STEP_SHARE = 0.1  # of the radius


def classes(targeted):
    """The labels of the attacked digits, or for each a class that it is not."""
    labels = unseen(COUNT)[1]
    return (labels + 1 + np.arange(COUNT, dtype=np.int32) % 9) % 10 if targeted else labels


@functools.cache
def ours(norm, targeted, bounds):
    epsilon = RADIUS[norm] / (bounds[1] - bounds[0])  # a share of the pixel range
    attack = ProjectedGradientDescent(
        epsilon,
        STEP_SHARE * epsilon,
        STEPS,
        norm,
        random_start=False,
        keep_best=False,
        bounds=bounds,
    )
    aim = towards if targeted else away_from
    return Attacker(attack, digits_classifier(), aim=aim)(unseen(COUNT)[0], classes(targeted))


def by_foolbox(norm, targeted, bounds):
    attack = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[norm](
        rel_stepsize=STEP_SHARE, steps=STEPS, random_start=False
    )
    aim = foolbox.TargetedMisclassification if targeted else foolbox.Misclassification
    model = foolbox.TensorFlowModel(digits_classifier(), bounds=bounds, device="/CPU:0")
    # Of two integer types eagerpy would look for a common one by a function NumPy 2 has dropped.
    criterion = aim(tf.constant(classes(targeted), tf.int64))
    moved, _, _ = attack(model, tf.constant(unseen(COUNT)[0]), criterion, epsilons=RADIUS[norm])
    return moved.numpy()


def by_the_toolbox(norm, targeted, bounds):
    # It writes a folder into the home it is imported in: the test's own, not the user's.
    from art.attacks.evasion import ProjectedGradientDescentTensorFlowV2
    from art.estimators.classification import TensorFlowV2Classifier

    classifier = TensorFlowV2Classifier(
        digits_classifier(),
        nb_classes=10,
        input_shape=SHAPE,
        loss_object=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        clip_values=bounds,
    )
    attack = ProjectedGradientDescentTensorFlowV2(
        classifier,
        norm={"linf": np.inf, "l2": 2}[norm],
        eps=RADIUS[norm],
        eps_step=STEP_SHARE * RADIUS[norm],
        max_iter=STEPS,
        targeted=targeted,
        batch_size=COUNT,
        verbose=False,
    )
    return attack.generate(unseen(COUNT)[0], classes(targeted))


# Every pair of a peer, a norm and a kind of goal; the other half is slow.
QUICK = [
    (by_foolbox, "linf", False),
    (by_foolbox, "l2", True),
    (by_the_toolbox, "linf", True),
    (by_the_toolbox, "l2", False),
]
OTHERS = [(peer, norm, not targeted) for peer, norm, targeted in QUICK]


@pytest.mark.parametrize(
    ("peer", "norm", "targeted"),
    [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in OTHERS)],
)
def test_pgd_goes_where_its_peers_go(peer, norm, targeted):
    bounds = (-1.0, 1.0)
    if peer is by_the_toolbox and norm == "l2":
        bounds = (-5.0, 5.0)  # it clips before it projects: the same only where no pixel is clipped
    moved = ours(norm, targeted, bounds)
    np.testing.assert_allclose(moved, peer(norm, targeted, bounds), rtol=0, atol=1e-5)


@EVERY_NORM
def test_the_way_they_go_leads_to_the_edge_and_into_other_classes(norm):
    images, labels = unseen(COUNT)
    moved = ours(norm, False, (-1.0, 1.0))
    assert lengths(moved - images, norm).max() == pytest.approx(RADIUS[norm], rel=1e-3)
    assert (abs(moved) == 1).any()
    assert named_right(digits_classifier(), images, labels).mean() > 0.9
    assert named_right(digits_classifier(), moved, labels).mean() < 0.75
