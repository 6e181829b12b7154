"""Where an attack may go: a ball around each image, inside the box of valid pixels."""

import dataclasses
import math

import tensorflow as tf

from attacks.norms import NORMS, Norm
from devices import shared_batch


@dataclasses.dataclass(frozen=True)
class Ball:
    """All images within epsilon of a source image whose pixels are valid.

    Lengths are shares of the pixel range: with `bounds` (-1, 1), as the networks see images,
    epsilon 0.3 allows a change of 0.6.

    Args:
        epsilon: float >= 0, the radius, at most 1 for "linf"; or None: only the box is a limit.
        norm: "linf" or "l2".
        bounds: (float, float), the smallest and the largest pixel.
    Raises:
        ValueError: if one of them is out of range.
    """

    epsilon: float | None
    norm: str = "linf"
    bounds: tuple[float, float] = (-1.0, 1.0)

    def __post_init__(self):
        if self.norm not in NORMS:
            raise ValueError(f"norm {self.norm!r} is none of {', '.join(NORMS)}")
        low, high = self.bounds
        if not -math.inf < low < high < math.inf:
            raise ValueError(f"bounds {self.bounds}: must be two numbers, the smaller one first")
        if self.epsilon is None:
            return
        if not (math.isfinite(self.epsilon) and self.epsilon >= 0):
            raise ValueError(f"epsilon {self.epsilon}: must be a number >= 0")
        if self.norm == "linf" and self.epsilon > 1:
            raise ValueError(f"epsilon {self.epsilon}: is a share of the pixel range, at most 1")

    @property
    def rules(self) -> Norm:
        """The norm's functions."""
        return NORMS[self.norm]

    @property
    def pixel_range(self):
        """float, what a length of 1 is in units of the pixels."""
        return self.bounds[1] - self.bounds[0]

    def project(self, images, sources, scale=1.0):
        """Brings images back into the ball and the box.

        Args:
            images, sources: float32 (batch, h, w, c), the sources inside the box.
            scale: float or scalar tensor, share of epsilon that is allowed.
        """
        if self.epsilon is not None:
            radius = self.epsilon * self.pixel_range * scale
            images = sources + self.rules.project(images - sources, radius)
        # Clipping moves each pixel towards its source, so the images stay in the ball.
        return tf.clip_by_value(images, *self.bounds)

    def random_start(self, sources, seed, scale=1.0):
        """A point drawn uniformly from each image's ball (then clipped into the box).

        Without an epsilon, drawn uniformly from the box.
        """
        if self.epsilon is None:
            return shared_batch.uniform(tf.shape(sources), seed, *self.bounds)
        radius = self.epsilon * self.pixel_range * scale
        drawn = sources + radius * self.rules.uniform(tf.shape(sources), seed)
        return tf.clip_by_value(drawn, *self.bounds)
