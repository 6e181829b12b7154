"""How what a generator makes is shown: images in a grid, points over what they should be."""

import dataclasses

import numpy as np

from images import pictures
from images.datasets import denormalize
from images.points import MIXTURES, Mixture

SIDE = 480  # pixels of a picture of the plane
CELLS = 60  # of the discriminator's field, along each side
REAL_POINTS = 2_000
REAL_COLOUR, FAKE_COLOUR = (31, 119, 180), (230, 90, 10)
LOW, HIGH = np.array([235, 235, 240]), np.array([150, 200, 150])  # of the field


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Images side by side.

    Attributes:
        many: int, how many are drawn if nobody says.
        per_class: int, how many of each class.
    """

    many: int = 64
    per_class: int = 8
    name: str = "images"

    def sheet(self, images, columns, realness=None):
        """A grid of images, float32 (n, h, w, c) in [-1, 1], as uint8; `realness` is not used."""
        return pictures.grid(denormalize(images), columns)

    def array(self, images):
        """The images as files hold them, uint8 (n, h, w, c)."""
        return denormalize(images)


@dataclasses.dataclass(frozen=True)
class Plane:
    """Points over those of the mixture that they should come from.

    Attributes: as `Pictures`, and
        mixture: images.points.Mixture.
    """

    mixture: Mixture
    many: int = 2_000
    per_class: int = 100
    name: str = "points"

    def sheet(self, points, columns=None, realness=None):
        """Generated points in orange over real ones in blue, uint8 (SIDE, SIDE, 3).

        Args:
            points: float32 (n, 2), as networks see them.
            columns: not looked at.
            realness: callable, float32 points (n, 2) -> logits (n,), of which the ranks are shown
                beneath: green where the discriminator finds points most real. None for white.
        """
        sheet = np.full((SIDE, SIDE, 3), 255, np.uint8)
        if realness is not None:
            sheet[:] = self._field(realness)
        real = self.mixture.draw(REAL_POINTS, seed=1).images
        self._dot(sheet, real, REAL_COLOUR, size=1)
        self._dot(sheet, np.asarray(points), FAKE_COLOUR, size=2)
        return sheet

    def array(self, points):
        """The points in the mixture's own units, float32 (n, 2)."""
        return np.float32(self.mixture.scale) * np.asarray(points, np.float32)

    def _field(self, realness):
        """The discriminator's opinion of each place, as colours uint8 (SIDE, SIDE, 3)."""
        reach = self.mixture.half_width / self.mixture.scale
        along = (np.arange(CELLS, dtype=np.float32) + 0.5) / CELLS * 2 * reach - reach
        places = np.stack(np.meshgrid(along, -along), axis=-1).reshape(-1, 2)  # the top row first
        logits = np.asarray(realness(places)).reshape(CELLS, CELLS, 1)
        ranks = logits.ravel().argsort().argsort().reshape(logits.shape) / (logits.size - 1)
        colours = np.rint(LOW + ranks * (HIGH - LOW)).astype(np.uint8)
        return colours.repeat(SIDE // CELLS, axis=0).repeat(SIDE // CELLS, axis=1)

    def places(self, points):
        """Where points lie on the sheet, in pixels from its left and its top: float (n, 2)."""
        units = np.asarray(points) * self.mixture.scale / self.mixture.half_width  # inside: [-1, 1]
        return (units * (1, -1) + 1) / 2 * SIDE

    def _dot(self, sheet, points, colour, size):
        """Paints squares of `size` pixels where points are; those outside are left out."""
        places = self.places(points)
        inside = places[((places > 0) & (places < SIDE)).all(axis=1)]
        columns, rows = (inside * (SIDE - size) / SIDE).astype(int).T
        for down in range(size):
            for right in range(size):
                sheet[rows + down, columns + right] = colour


def view_of(dataset):
    """The view of a data set, given by its name."""
    return Plane(MIXTURES[dataset]) if dataset in MIXTURES else Pictures()
