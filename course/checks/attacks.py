"""Notebook 1: the gradient, the step, the projection, the random start, the whole attack."""

import keras
import numpy as np
import tensorflow as tf

from attacks import ProjectedGradientDescent, objectives
from attacks.norms import NORMS
from attacks.outcome import judge_with_gradient
from course.checks import toys
from course.checks.report import array, check, expect, near, require

COUPLED = "the mean of the batch couples the samples: each gradient gets {} times too small; sum"
DESCENT = "the sign is of descent: the loss is to rise"


@check
def away_from(work):
    classifier, images, labels = toys.classifier(), toys.images(), toys.labels()
    loss_fn = work(classifier, labels)
    require(callable(loss_fn), "a function of the images is to be returned, not a value")
    logits = classifier(images)
    right = objectives.cross_entropy(labels, logits)
    found = array(loss_fn(images), (5,), "the loss")
    expect(
        found,
        right,
        "this is not the cross-entropy of each image's logits with its label",
        {
            DESCENT + ", so it must be the cross-entropy, not minus it": -right,
            "logits were taken for probabilities: the cross-entropy needs from_logits, or a softmax"
            " before the log": _of_probabilities(labels, logits),
            "a softmax was taken twice: the logits go into the cross-entropy as they are": (
                objectives.cross_entropy(labels, tf.nn.softmax(logits))
            ),
        },
    )


def _of_probabilities(labels, logits):
    return keras.losses.sparse_categorical_crossentropy(labels, logits)


@check
def towards(work):
    classifier, images, targets = toys.classifier(), toys.images(), toys.labels()
    loss_fn = work(classifier, targets)
    require(callable(loss_fn), "a function of the images is to be returned, not a value")
    right = -objectives.cross_entropy(targets, classifier(images))
    expect(
        array(loss_fn(images), (5,), "the loss"),
        right,
        "this is not minus the cross-entropy with the target",
        {
            "climbing this leads away from the target: the loss that an attack climbs must be"
            " highest at the target, so it is minus the cross-entropy": -right
        },
    )


@check
def gradient_of(work):
    images = toys.images()
    loss_fn = objective()
    _, right = judge_with_gradient(loss_fn, images)
    found = array(work(loss_fn, images), toys.SHAPE, "the gradient")
    expect(
        found,
        right,
        "this is not the gradient of each image's loss with respect to its pixels",
        {
            COUPLED.format(toys.SHAPE[0]): right / toys.SHAPE[0],
            DESCENT + ", and the gradient points uphill": -right,
            "this is the gradient's sign: the sign belongs to the step": tf.sign(right),
        },
    )


def objective():
    """A loss to climb, images -> (batch,)."""
    classifier, labels = toys.classifier(), toys.labels()
    return lambda images: objectives.cross_entropy(labels, classifier(images))


def _step(work, right_direction, other_direction, says):
    images, gradient = toys.images(1), toys.images(2)
    right = images + 0.05 * right_direction(gradient)
    expect(
        array(work(images, gradient, 0.05), toys.SHAPE, "the images"),
        right,
        "an image moves by step_size times the direction of steepest ascent",
        {
            DESCENT: images - 0.05 * right_direction(gradient),
            "the step is as long as the gradient, and near the top of a loss there is hardly any:"
            " only the direction counts": images + 0.05 * gradient,
            says: images + 0.05 * other_direction(gradient),
            "this is the step alone: add it to the images": 0.05 * right_direction(gradient),
        },
    )
    still = array(
        work(images, tf.zeros(toys.SHAPE), 0.05), toys.SHAPE, "the images for a gradient of 0"
    )
    require(near(still, images), "where the gradient is 0, an image must stay as it is")


@check
def climb(work):
    says = "this is the step of the L2 ball: in the Linf ball each pixel moves by the whole step"
    _step(work, tf.sign, NORMS["l2"].direction, says)


@check
def climb_l2(work):
    def of_the_batch(gradient):
        return gradient / tf.norm(gradient)

    says = (
        "the length was taken over the whole batch, which couples the samples: one for each image"
    )
    _step(work, NORMS["l2"].direction, of_the_batch, says)


def _projection(work, norm, far):
    """Tries a projection on images that lie inside the ball, outside, and outside the box."""
    sources = toys.images(3)
    moves = far * toys.images(4) * tf.reshape(tf.constant([0.01, 0.3, 1, 3, 9]), (5, 1, 1, 1))
    images, radius = sources + moves, 0.25
    inside = NORMS[norm].project(moves, radius)
    right = tf.clip_by_value(sources + inside, -1.0, 1.0)
    clipped = tf.clip_by_value(images, -1.0, 1.0)
    expect(
        array(work(images, sources, radius), toys.SHAPE, "the images"),
        right,
        "this is not the nearest image in the ball around its source, with pixels from -1 to 1",
        {
            "pixels beyond -1 and 1 are no image: clip to the box as well": sources + inside,
            "the images leave the ball: only the box was kept": clipped,
            "this ball lies around black and white's middle: it must lie around the sources": (
                tf.clip_by_value(images, -radius, radius)
            ),
            "this is the perturbation: add it to the sources": inside,
            "images inside the ball must stay where they are; these are moved to its edge": (
                _to_the_edge(sources, moves, radius, norm)
            ),
            "the length was taken over the whole batch, which couples the samples: one for each"
            " image": tf.clip_by_value(
                sources + moves * tf.minimum(1.0, radius / tf.norm(moves)), -1.0, 1.0
            ),
            "that is the Linf ball, pixel by pixel; the L2 ball bounds the length of the whole"
            " perturbation": tf.clip_by_value(
                sources + NORMS["linf"].project(moves, radius), -1.0, 1.0
            ),
        },
    )


def _to_the_edge(sources, moves, radius, norm):
    return tf.clip_by_value(sources + moves * radius / NORMS[norm].length(moves), -1.0, 1.0)


@check
def project(work):
    _projection(work, "linf", 1.0)


@check
def project_l2(work):
    _projection(work, "l2", 0.3)
    sources = toys.images(3)
    still = array(work(sources, sources, 0.25), toys.SHAPE, "images that have not moved")
    require(near(still, sources), "an image that has not moved has a perturbation of length 0")


@check
def random_start(work):
    shape, radius = (4, 20, 20, 1), 0.2
    sources = tf.zeros(shape)
    found = array(work(sources, radius, 0), shape, "the starts")
    require(np.abs(found).max() <= radius * 1.001, "the starts lie outside the ball")
    require(np.abs(found).max() > 0, "the starts are the sources themselves: nothing is random")
    require(not near(found[0], found[1]), "all images get the same noise: draw for each of them")
    require(
        found.min() < 0 < found.max(), "the starts lie on one side: draw from -radius to radius"
    )
    require(
        abs(found.std() / (radius / np.sqrt(3)) - 1) < 0.1 and abs(found.mean()) < 0.1 * radius,
        "the starts are not spread evenly: draw each pixel uniformly from -radius to radius",
    )
    require(
        not near(found, array(work(sources, radius, 1), shape, "the starts")),
        "another seed must give another start",
    )
    require(near(found, work(sources, radius, 0)), "the same seed must give the same start")
    bright = np.asarray(work(tf.ones(shape), radius, 0))
    require(bright.max() <= 1.0, "pixels beyond -1 and 1 are no image: clip to the box as well")
    require(bright.max() > 1 - radius / 2 > bright.min(), "the starts must lie around the sources")


@check
def pgd(work):
    sources = toys.images(5, 0.5)
    _keeps_the_ball(work, sources)
    _follows_the_gradient(work, sources)
    _keeps_the_best(work, sources)
    _is_as_strong_as_ours(work)


def _attack(work, loss_fn, sources, epsilon, step_size, steps, seed=0):
    how = {"epsilon": epsilon, "step_size": step_size, "steps": steps, "seed": seed}
    return array(work(loss_fn, sources, **how), tuple(sources.shape), "the adversarial images")


def _keeps_the_ball(work, sources):
    def brightness(images):
        return tf.reduce_sum(images, axis=(1, 2, 3))

    moved = _attack(work, brightness, sources, 0.1, 0.03, 12) - sources.numpy()
    far = np.abs(moved).max()
    require(far > 1e-2 or far < 1e-4, "epsilon was divided by 255: here it is a share of the range")
    require(far > 1e-4, "the images do not move")
    require(moved.mean() > 0, DESCENT)
    require(
        abs(far - 0.1) > 0.01,
        "the radius is epsilon times the width of the pixel range, which is 2: from -1 to 1",
    )
    require(
        far <= 0.2 * 1.001,
        "the images leave the ball: project after the step, not before, and around the sources",
    )
    require(
        moved.min() > 0.2 * 0.99,
        "twelve steps of 0.03 must reach the edge of a ball of 0.1: the length of a step, too, is"
        " step_size times 2, and each step goes on from the last",
    )
    near_white = tf.fill(toys.SHAPE, 0.95)
    found = _attack(work, brightness, near_white, 0.1, 0.03, 12)
    require(found.max() <= 1.0, "pixels beyond -1 and 1 are no image: clip to the box as well")


def _follows_the_gradient(work, sources):
    target = sources + 0.15 * toys.images(6)

    def nearness(images):
        return -tf.reduce_sum(tf.abs(images - target), axis=(1, 2, 3))

    found = _attack(work, nearness, sources, 0.1, 0.01, 20)
    require(
        np.abs(found - target).max() < 0.045,
        "the images do not arrive at the top of a loss that lies inside the ball: take the gradient"
        " anew at each step, where the images are by then",
    )
    starts = [_attack(work, nearness, sources, 0.1, 0.005, 1, seed=seed) for seed in (0, 1)]
    require(not near(*starts), "the start is not random: another seed must lead elsewhere")


def _keeps_the_best(work, sources):
    """More steps of the same attack never lower the loss of any image."""
    goals = sources + tf.reshape(tf.constant([0.02, -0.05, 0.08, -0.11, 0.14]), (5, 1, 1, 1))

    def nearness(images):
        return -tf.reduce_sum(tf.abs(images - goals), axis=(1, 2, 3))

    losses = [
        nearness(_attack(work, nearness, sources, 0.1, 0.07, steps)).numpy()
        for steps in range(1, 8)
    ]
    require(
        (np.diff(losses, axis=0) > -1e-4).all(),
        "more steps make the attack on some images worse: keep the best iterate of each image, by"
        " its own loss, not the last one and not the best batch",
    )


def _is_as_strong_as_ours(work):
    images, loss_fn = toys.images(), objective()
    ours = ProjectedGradientDescent(0.1, 0.02, 20)(loss_fn, images)
    found = _attack(work, loss_fn, images, 0.1, 0.02, 20)
    reached, possible = (tf.reduce_mean(loss_fn(each)) for each in (found, ours))
    before = tf.reduce_mean(loss_fn(images))
    require(
        reached - before > 0.9 * (possible - before),
        f"the attack is weak: it raises the loss from {before:.2f} to {reached:.2f}, the project's"
        f" own to {possible:.2f}",
    )
