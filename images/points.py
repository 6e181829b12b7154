"""Points in the plane: mixtures of Gaussians, on which it can be counted what a game has lost.

Source: the settings of PacGAN, Lin et al. 2018, arXiv:1712.04086. Eight modes lie on a ring of
radius 1 with a standard deviation of 0.01, twenty-five on a grid from -4 to 4 in steps of 2 with
one of 0.05. A sample is good within three standard deviations of the nearest mode (98.9 % of real
ones are, in two dimensions), and a mode is found if there is a good sample of it.
"""

import dataclasses
import math

import numpy as np

from images.splits import Split

GOOD_WITHIN = 3.0  # standard deviations
SIZES = 102_400, 5_000, 10_000  # of the training, validation and test split
DATA_SEED = 0  # the data stay the same whatever the seed of the run


@dataclasses.dataclass(frozen=True, eq=False)
class Mixture:
    """Equally likely round Gaussians in the plane.

    Attributes:
        centres: float64 (modes, 2).
        deviation: float, the standard deviation of each coordinate about its centre.
        scale: float, by which points are divided for the networks, so that most are in [-1, 1].
    """

    centres: np.ndarray
    deviation: float
    scale: float

    def draw(self, count, seed):
        """As many points of each mode, up to one, as networks see them.

        Returns:
            images.splits.Split of points float32 (count, 2) and their modes int32 (count,).
        """
        random = np.random.RandomState(seed)  # its stream is frozen
        modes = random.permutation(np.arange(count) % len(self.centres)).astype(np.int32)
        points = self.centres[modes] + self.deviation * random.standard_normal((count, 2))
        return Split((points / self.scale).astype(np.float32), modes)

    def distances(self, points):
        """How far points are from each centre, in standard deviations.

        Args:
            points: float (n, 2), as networks see them.
        Returns:
            float64 (n, modes); a point that is not finite is infinitely far from all.
        """
        away = self.scale * np.asarray(points, np.float64)[:, None] - self.centres
        far = np.sqrt(np.square(away).sum(axis=-1)) / self.deviation
        return np.where(np.isfinite(far), far, np.inf)

    @property
    def half_width(self):
        """float, half the side of a square about the origin that holds it all, in its own units."""
        return 1.25 * float(np.abs(self.centres).max())


def _ring():
    angles = 2 * math.pi / 8 * np.arange(8)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _grid():
    steps = np.arange(-4.0, 5.0, 2.0)
    return np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)


MIXTURES = {
    "ring": Mixture(_ring(), deviation=0.01, scale=1.0),
    "grid": Mixture(_grid(), deviation=0.05, scale=4.0),
}


def load(name):
    """The names of a mixture's modes, then its training, validation and test split.

    Args:
        name: str, a key of `MIXTURES`.
    Returns:
        (tuple of str, Split, Split, Split).
    """
    mixture = MIXTURES[name]
    names = tuple(str(number) for number in range(len(mixture.centres)))
    return names, *(mixture.draw(size, DATA_SEED + i) for i, size in enumerate(SIZES))
