"""Norms of perturbations: length, projection into a ball, steepest ascent, a random start."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from devices import shared_batch

PIXEL_AXES = (1, 2, 3)
RADIUS = 1_000_003  # salt for the radius of a random start; no restart has this number


def _largest(tensor):
    return tf.reduce_max(tf.abs(tensor), axis=PIXEL_AXES, keepdims=True)


def _euclidean(tensor):
    return tf.sqrt(tf.reduce_sum(tf.square(tensor), axis=PIXEL_AXES, keepdims=True))


def l2_length(perturbation):
    """Euclidean length of each image's perturbation.

    Args:
        perturbation: float32 (batch, h, w, c).
    Returns:
        float32 (batch, 1, 1, 1).
    """
    # Divided by its largest entry first: squares of tiny gradients would underflow to zero.
    largest = _largest(perturbation)
    scaled = tf.math.divide_no_nan(perturbation, largest)
    return largest * _euclidean(scaled)


def _l2_direction(gradient):
    scaled = tf.math.divide_no_nan(gradient, _largest(gradient))
    return tf.math.divide_no_nan(scaled, _euclidean(scaled))


def _l2_project(perturbation, epsilon):
    length = l2_length(perturbation)
    return perturbation * tf.minimum(1.0, tf.math.divide_no_nan(epsilon, length))


def _l2_uniform(shape, seed):
    direction = _l2_direction(shared_batch.normal(shape, seed))
    dimensions = tf.cast(tf.reduce_prod(shape[1:]), tf.float32)
    volume = shared_batch.uniform(
        (shape[0], 1, 1, 1), tf.random.experimental.stateless_fold_in(seed, RADIUS)
    )
    return direction * volume ** (1.0 / dimensions)


def _linf_project(perturbation, epsilon):
    return tf.clip_by_value(perturbation, -epsilon, epsilon)


def _linf_uniform(shape, seed):
    return shared_batch.uniform(shape, seed, -1.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Norm:
    """What an attack has to know of a norm.

    Attributes:
        length: perturbation (b, h, w, c) -> its norm (b, 1, 1, 1).
        project: (perturbation, epsilon) -> the nearest perturbation of norm <= epsilon. A zero
            perturbation stays one.
        direction: gradient -> the step of norm 1 that climbs fastest; zero for a zero gradient.
        uniform: (shape, seed) -> perturbations drawn uniformly from the ball of radius 1.
    """

    length: Callable
    project: Callable
    direction: Callable
    uniform: Callable


NORMS = {
    "linf": Norm(_largest, _linf_project, tf.sign, _linf_uniform),
    "l2": Norm(l2_length, _l2_project, _l2_direction, _l2_uniform),
}
