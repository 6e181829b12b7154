"""Projected gradient descent, of which FGSM is one step."""

import dataclasses

import tensorflow as tf

from attacks.ball import Ball
from attacks.outcome import Outcome, better, judge, judge_with_gradient


@dataclasses.dataclass(frozen=True)
class ProjectedGradientDescent:
    """Climbs a loss by steps of steepest ascent, and returns into the ball after each.

    Call it inside a `tf.function`, or through `attacks.Attacker`, which traces it once: the loop
    is one `while` of the graph. It uses only a model's outputs and never changes the model.

    Args:
        epsilon: float >= 0 or None, the ball's radius as a share of the pixel range; see `Ball`.
        step_size: float > 0, length of a step in the same unit.
        steps: int >= 1.
        norm: "linf", whose step is the gradient's sign, or "l2".
        random_start: whether each start is drawn uniformly from the ball, or is the image itself.
        restarts: int >= 1, runs; each image keeps the best of them.
        momentum: float in [0, 1), share of the accumulated direction that is kept (MI-FGSM; Dong et
            al. 2018, arXiv:1710.06081).
        keep_best: whether to return each image's best iterate, at the price of one more call of the
            model, or its last.
        bounds: (float, float), the smallest and the largest pixel.
    Raises:
        ValueError: for a value out of range; if all steps together cannot reach the edge of the
            ball; for restarts without `random_start`, which would all be the same, or without
            `keep_best`, which chooses among them.
    Source: Madry et al. 2018, section 2.1, arXiv:1706.06083; Kurakin et al. 2017,
        arXiv:1607.02533.
    """

    epsilon: float | None
    step_size: float
    steps: int
    norm: str = "linf"
    random_start: bool = True
    restarts: int = 1
    momentum: float = 0.0
    keep_best: bool = True
    bounds: tuple[float, float] = (-1.0, 1.0)

    def __post_init__(self):
        Ball(self.epsilon, self.norm, self.bounds)  # refuses what a ball cannot be
        if self.steps < 1:
            raise ValueError(f"steps {self.steps}: must be 1 or more")
        if not 0 < self.step_size < float("inf"):
            raise ValueError(f"step_size {self.step_size}: must be a number > 0")
        if self.epsilon is not None and self.steps * self.step_size < self.epsilon * (1 - 1e-3):
            raise ValueError(
                f"step_size {self.step_size}: {self.steps} such steps never reach the edge of the"
                f" ball of epsilon {self.epsilon}; {self.epsilon / self.steps:.4g} is the smallest"
            )
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum {self.momentum}: must be at least 0 and below 1")
        if self.restarts < 1:
            raise ValueError(f"restarts {self.restarts}: must be 1 or more")
        if self.restarts > 1 and not (self.random_start and self.keep_best):
            raise ValueError(
                f"restarts {self.restarts}: need random_start, to differ, and keep_best, to choose"
            )

    def __call__(self, loss_fn, images, *, seed=(0, 0), scale=1.0, steps=None):
        """Perturbs each image inside its ball to raise its loss.

        Args:
            loss_fn: callable, images -> loss (batch,) to climb, or (loss, fooled bool (batch,)):
                an iterate that fools beats one that does not. Entries depend on their image alone.
            images: float (batch, h, w, c) inside `bounds`.
            seed: int32 (2,), of the random starts.
            scale: float or scalar tensor in [0, 1], a factor of epsilon and of the step size, for
                an epsilon that grows during a training.
            steps: int or scalar tensor, in place of the attack's own number of steps, for an
                attacker that grows stronger during a training.
        Returns:
            float32 (batch, h, w, c); no gradient flows back to `images`.
        """
        sources = tf.stop_gradient(tf.cast(images, tf.float32))
        seed = tf.convert_to_tensor(seed, tf.int32)
        steps = self.steps if steps is None else steps
        found = self._climb(loss_fn, sources, seed, scale, steps)

        def again(restart, found):
            other_seed = tf.random.experimental.stateless_fold_in(seed, restart)
            return restart + 1, better(
                self._climb(loss_fn, sources, other_seed, scale, steps), found
            )

        if self.restarts > 1:
            _, found = tf.while_loop(lambda restart, _: restart < self.restarts, again, (1, found))
        return tf.stop_gradient(found.images)

    def _climb(self, loss_fn, sources, seed, scale, steps):
        """One run from its own start; returns its `Outcome`."""
        ball = Ball(self.epsilon, self.norm, self.bounds)
        length = self.step_size * ball.pixel_range * scale

        def move(step, images, velocity, best):
            here, gradient = judge_with_gradient(loss_fn, images)
            if self.momentum:
                mean = tf.reduce_mean(tf.abs(gradient), axis=(1, 2, 3), keepdims=True)
                gradient = self.momentum * velocity + tf.math.divide_no_nan(gradient, mean)
            best = better(here, best) if self.keep_best else best
            images = images + length * ball.rules.direction(gradient)
            return step + 1, ball.project(images, sources, scale), gradient, best

        start = ball.random_start(sources, seed, scale) if self.random_start else sources
        nothing = Outcome.nothing(start)
        _, images, _, best = tf.while_loop(
            lambda step, *_: step < steps, move, (0, start, tf.zeros_like(start), nothing)
        )
        if not self.keep_best:
            return nothing._replace(images=images)
        return better(judge(loss_fn, images), best)


def fast_gradient_sign(epsilon, **options):
    """FGSM: one step of length epsilon from the image itself.

    Args:
        epsilon: float >= 0.
        **options: further arguments of `ProjectedGradientDescent`.
    Raises:
        ValueError: if epsilon is None, or as `ProjectedGradientDescent`.
    Source: Goodfellow et al. 2015, section 4, arXiv:1412.6572.
    """
    if epsilon is None:
        raise ValueError("epsilon None: the step is the radius of a ball")
    step_size = epsilon or 1e-12  # in an empty ball no step leads anywhere
    options = {"random_start": False, "keep_best": False, **options}
    return ProjectedGradientDescent(epsilon, step_size, 1, **options)
