"""What an attack has found so far, image by image."""

from typing import NamedTuple

import tensorflow as tf


class Outcome(NamedTuple):
    """Images and what the objective says about them.

    Attributes:
        images: float32 (batch, h, w, c).
        loss: float32 (batch,), the loss that the attack climbs.
        fooled: bool (batch,), whether the attack's aim is reached.
    """

    images: tf.Tensor
    loss: tf.Tensor
    fooled: tf.Tensor

    @classmethod
    def nothing(cls, images):
        """An outcome that any other one beats."""
        count = tf.shape(images)[:1]
        return cls(images, tf.fill(count, -float("inf")), tf.zeros(count, tf.bool))


def judge(loss_fn, images):
    """The outcome of images as they are.

    Args:
        loss_fn: callable, images -> loss (batch,), or (loss, fooled (batch,)); each entry depends
            on its own image alone.
        images: float32 (batch, h, w, c).
    Returns:
        Outcome; if the objective returns only a loss, nothing is fooled.
    """
    answer = loss_fn(images)
    loss, fooled = answer if isinstance(answer, tuple) else (answer, None)
    loss = tf.cast(loss, tf.float32)
    return Outcome(images, loss, tf.zeros_like(loss, tf.bool) if fooled is None else fooled)


def judge_with_gradient(loss_fn, images):
    """The outcome of images, and the gradient of each one's loss.

    Returns:
        (Outcome, float32 (batch, h, w, c)). The losses are summed, not averaged, so that an
        image's gradient does not depend on the size of its batch. The gradient is zero if the loss
        does not depend on the image or has no derivative.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        outcome = judge(loss_fn, images)
        total = tf.reduce_sum(outcome.loss)
    gradient = tape.gradient(total, images, unconnected_gradients="zero")
    # A step along NaN would make an image of NaN, which "fools" any classifier.
    gradient = tf.where(tf.math.is_nan(gradient), 0.0, gradient)
    return outcome, tf.clip_by_value(gradient, tf.float32.min, tf.float32.max)


def better(new, old):
    """The better outcome of each image: one that fools, or else the higher loss."""
    wins = (new.fooled & ~old.fooled) | ((new.fooled == old.fooled) & (new.loss > old.loss))
    return select(wins, new, old)


def select(chosen, these, those):
    """Image by image, `these` where `chosen` (batch,) is true, else `those`."""
    return tf.nest.map_structure(
        lambda this, that: tf.where(tf.reshape(chosen, (-1,) + (1,) * (this.ndim - 1)), this, that),
        these,
        those,
    )
