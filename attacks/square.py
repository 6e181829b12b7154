"""The square attack: a random search that uses only the outputs of a model."""

import dataclasses

import tensorflow as tf

from attacks.ball import Ball
from attacks.outcome import better, judge

# The squares shrink after these numbers of queries, out of 10,000.
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
FULL_SCHEDULE = 10_000


@dataclasses.dataclass(frozen=True)
class Square:
    """Repaints random squares with the ball's extreme colours and keeps those that raise the loss.

    It uses no gradient, so a model that merely hides its gradients does not resist it.

    Args:
        epsilon: float in [0, 1], the Linf ball's radius as a share of the pixel range.
        steps: int >= 1, queries of the model for an image, besides the first.
        first_share: float in (0, 1], share of the image that the first squares cover.
        bounds: (float, float), the smallest and the largest pixel.
    Raises:
        ValueError: for a value out of range.
    Source: Andriushchenko et al. 2020, algorithms 1 and 2, arXiv:1912.00049.
    """

    epsilon: float
    steps: int = 5000
    first_share: float = 0.8
    bounds: tuple[float, float] = (-1.0, 1.0)

    def __post_init__(self):
        if self.epsilon is None:
            raise ValueError("epsilon None: the square attack paints with the edge of a ball")
        Ball(self.epsilon, "linf", self.bounds)  # refuses what a ball cannot be
        if self.steps < 1:
            raise ValueError(f"steps {self.steps}: must be 1 or more")
        if not 0 < self.first_share <= 1:
            raise ValueError(f"first_share {self.first_share}: must be above 0 and at most 1")

    def __call__(self, loss_fn, images, *, seed=(0, 0)):
        """Perturbs each image inside its ball; arguments as `ProjectedGradientDescent`."""
        sources = tf.stop_gradient(tf.cast(images, tf.float32))
        seed = tf.convert_to_tensor(seed, tf.int32)
        ball = Ball(self.epsilon, "linf", self.bounds)
        radius = self.epsilon * ball.pixel_range
        stripes = radius * _signs(tf.shape(sources), (2, 3), seed)  # a colour each column
        first = judge(loss_fn, ball.project(sources + stripes, sources))

        def attempt(step, found):
            step_seed = tf.random.experimental.stateless_fold_in(seed, step + 1)
            side = self._side(step, tf.shape(sources))
            window = _windows(tf.shape(sources), side, step_seed)
            colour = radius * _signs(tf.shape(sources), (3,), step_seed)
            painted = tf.where(window, sources + colour, found.images)
            return step + 1, better(judge(loss_fn, ball.project(painted, sources)), found)

        _, found = tf.while_loop(lambda step, _: step < self.steps, attempt, (0, first))
        return found.images

    def _side(self, step, shape):
        """Side of this step's squares in pixels: at least 1, and less than the image's side."""
        spent = step * FULL_SCHEDULE // self.steps
        halvings = tf.reduce_sum(tf.cast(spent > tf.constant(HALVINGS), tf.float32))
        share = self.first_share / 2**halvings
        pixels = tf.cast(shape[1] * shape[2], tf.float32)
        side = tf.cast(tf.round(tf.sqrt(share * pixels)), tf.int32)
        return tf.clip_by_value(side, 1, tf.maximum(tf.minimum(shape[1], shape[2]) - 1, 1))


def _signs(shape, varying, seed):
    """Draws +1 or -1 for each image, and anew along each axis of `varying`."""
    drawn = [shape[axis] if axis in (0, *varying) else 1 for axis in range(4)]
    return 2.0 * tf.cast(tf.random.stateless_uniform(drawn, seed) < 0.5, tf.float32) - 1.0


def _windows(shape, side, seed):
    """Marks one square of the side in each image: bool (batch, h, w, 1)."""
    inside = []
    for axis in (1, 2):
        place = tf.random.stateless_uniform(
            (shape[0], 1),
            tf.random.experimental.stateless_fold_in(seed, axis),
            maxval=shape[axis] - side + 1,
            dtype=tf.int32,
        )
        offset = tf.range(shape[axis])[None] - place  # (batch, h) or (batch, w)
        inside.append((offset >= 0) & (offset < side))
    rows, columns = inside
    return (rows[:, :, None] & columns[:, None, :])[..., None]
