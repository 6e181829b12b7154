"""What an attack has found so far, image by image."""

from typing import NamedTuple

import tensorflow as tf


class Outcome(NamedTuple):
    """Images and what the objective says of them.

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
        """The outcome that any other is better than."""
        count = tf.shape(images)[:1]
        return cls(images, tf.fill(count, -float("inf")), tf.zeros(count, tf.bool))


def judge(loss_fn, images):
    """The outcome of images as they are.

    Args:
        loss_fn: callable, images -> loss (batch,), or (loss, fooled (batch,)); each of its own
            image alone.
        images: float32 (batch, h, w, c).
    Returns:
        Outcome; where the objective has no aim but the loss, nobody is fooled.
    """
    answer = loss_fn(images)
    loss, fooled = answer if isinstance(answer, tuple) else (answer, None)
    loss = tf.cast(loss, tf.float32)
    return Outcome(images, loss, tf.zeros_like(loss, tf.bool) if fooled is None else fooled)


def judge_with_gradient(loss_fn, images):
    """The outcome of images, and the gradient of each one's loss.

    Returns:
        (Outcome, float32 (batch, h, w, c)). The losses are summed, not averaged, so that an
        image's gradient does not hang on how many others are in its batch; where the loss does
        not depend on the image, or has no derivative, the gradient is zero.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        outcome = judge(loss_fn, images)
        total = tf.reduce_sum(outcome.loss)
    gradient = tape.gradient(total, images, unconnected_gradients="zero")
    # A step along NaN would make an image of NaN, which any classifier is "fooled" by.
    gradient = tf.where(tf.math.is_nan(gradient), 0.0, gradient)
    return outcome, tf.clip_by_value(gradient, tf.float32.min, tf.float32.max)


def better(new, old):
    """Image by image: one that fools beats one that does not, then the higher loss."""
    wins = (new.fooled & ~old.fooled) | ((new.fooled == old.fooled) & (new.loss > old.loss))
    return select(wins, new, old)


def select(chosen, these, those):
    """Image by image, `these` where `chosen` (batch,) is true, else `those`."""
    return tf.nest.map_structure(
        lambda this, that: tf.where(tf.reshape(chosen, (-1,) + (1,) * (this.ndim - 1)), this, that),
        these,
        those,
    )
