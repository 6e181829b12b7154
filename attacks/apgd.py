"""AutoPGD: projected gradient descent that finds its own step size."""

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from attacks.ball import Ball
from attacks.outcome import Outcome, better, judge_with_gradient, select

MOMENTUM = 0.75  # share of each move that is new; the rest repeats the move before
FIRST_WINDOW, SHRINKING, SMALLEST_WINDOW = 0.22, 0.03, 0.06  # shares of the steps
ENOUGH_RISES = 0.75  # share of a window's steps that must have climbed


def checkpoints(steps):
    """The steps after which the step size is reconsidered, and the steps that each looks back on.

    Args:
        steps: int.
    Returns:
        int32 (steps,): the window's length at a checkpoint, 0 elsewhere.
    Source: Croce & Hein 2020, section 3.2, as in the authors' code.
    """
    windows = np.zeros(steps, np.int32)
    window, last = max(int(FIRST_WINDOW * steps), 1), 0
    for step in range(1, steps + 1):
        if step - last == window:
            windows[step - 1], last = window, step
            smallest = max(int(SMALLEST_WINDOW * steps), 1)
            window = max(window - max(int(SHRINKING * steps), 1), smallest)
    return windows


class _Climb(NamedTuple):
    """The state of each image's climb: tensors (batch, ...)."""

    images: tf.Tensor
    earlier: tf.Tensor  # images one step before
    gradient: tf.Tensor
    loss: tf.Tensor
    highest: Outcome  # the highest loss, whether it fools or not
    highest_gradient: tf.Tensor
    found: Outcome  # the best outcome, which is returned
    length: tf.Tensor  # (batch, 1, 1, 1)
    rises: tf.Tensor  # steps since the last checkpoint that raised the loss
    highest_then: tf.Tensor  # the highest loss at the last checkpoint
    halved_then: tf.Tensor


@dataclasses.dataclass(frozen=True)
class AutoProjectedGradientDescent:
    """Climbs a loss with momentum; each image's step is halved when it no longer helps.

    Args:
        epsilon: float >= 0, the ball's radius as a share of the pixel range; see `Ball`.
        steps: int >= 1.
        norm: "linf" or "l2".
        restarts: int >= 1, runs; each image keeps the best of them.
        bounds: (float, float), the smallest and the largest pixel.
    Raises:
        ValueError: for a value out of range.
    Source: Croce & Hein 2020, algorithm 1, arXiv:2003.01690.
    """

    epsilon: float
    steps: int = 100
    norm: str = "linf"
    restarts: int = 1
    bounds: tuple[float, float] = (-1.0, 1.0)

    def __post_init__(self):
        if self.epsilon is None:
            raise ValueError("epsilon None: APGD derives its step from the radius of a ball")
        Ball(self.epsilon, self.norm, self.bounds)  # refuses what a ball cannot be
        for name in ("steps", "restarts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}: must be 1 or more")

    def __call__(self, loss_fn, images, *, seed=(0, 0)):
        """Perturbs each image inside its ball; arguments as `ProjectedGradientDescent`."""
        sources = tf.stop_gradient(tf.cast(images, tf.float32))
        seed = tf.convert_to_tensor(seed, tf.int32)

        def again(restart, found):
            other_seed = tf.random.experimental.stateless_fold_in(seed, restart)
            return restart + 1, better(self._climb(loss_fn, sources, other_seed), found)

        _, found = tf.while_loop(
            lambda restart, _: restart < self.restarts, again, (0, Outcome.nothing(sources))
        )
        return tf.stop_gradient(found.images)

    def _climb(self, loss_fn, sources, seed):
        """One run from its own start; returns its `Outcome`."""
        ball = Ball(self.epsilon, self.norm, self.bounds)
        windows = tf.constant(checkpoints(self.steps))
        start = ball.random_start(sources, seed)
        first, gradient = judge_with_gradient(loss_fn, start)
        column = tf.ones_like(first.loss)[:, None, None, None]
        climb = _Climb(
            images=start,
            earlier=start,
            gradient=gradient,
            loss=first.loss,
            highest=first,
            highest_gradient=gradient,
            found=first,
            length=2 * self.epsilon * ball.pixel_range * column,
            rises=tf.zeros_like(first.loss, tf.int32),
            highest_then=first.loss,
            halved_then=tf.ones_like(first.fooled),
        )

        def move(step, climb):
            share = tf.where(step == 0, 1.0, MOMENTUM)
            climb = self._move(loss_fn, ball, sources, climb, share)
            window = windows[step]
            return step + 1, tf.cond(window > 0, lambda: _reconsider(climb, window), lambda: climb)

        _, climb = tf.while_loop(lambda step, _: step < self.steps, move, (0, climb))
        return climb.found

    def _move(self, loss_fn, ball, sources, climb, share):
        """One step with momentum, and a look at where it led."""
        direction = ball.rules.direction(climb.gradient)
        ahead = ball.project(climb.images + climb.length * direction, sources)
        drift = (1 - share) * (climb.images - climb.earlier)
        images = ball.project(climb.images + share * (ahead - climb.images) + drift, sources)
        here, gradient = judge_with_gradient(loss_fn, images)
        higher = here.loss > climb.highest.loss
        return climb._replace(
            images=images,
            earlier=climb.images,
            gradient=gradient,
            loss=here.loss,
            highest=select(higher, here, climb.highest),
            highest_gradient=select(higher, gradient, climb.highest_gradient),
            found=better(here, climb.found),
            rises=climb.rises + tf.cast(here.loss > climb.loss, tf.int32),
        )


def _reconsider(climb, window):
    """Halves the step of images that climbed too rarely or no higher, and takes them back up."""
    too_rarely = tf.cast(climb.rises, tf.float32) <= ENOUGH_RISES * tf.cast(window, tf.float32)
    no_higher = ~climb.halved_then & (climb.highest.loss <= climb.highest_then)
    halved = too_rarely | no_higher
    return climb._replace(
        images=select(halved, climb.highest.images, climb.images),
        gradient=select(halved, climb.highest_gradient, climb.gradient),
        length=select(halved, climb.length / 2, climb.length),
        rises=tf.zeros_like(climb.rises),
        highest_then=climb.highest.loss,
        halved_then=halved,
    )
