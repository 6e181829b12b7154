"""A painter learns to paint what the images of a class look like on average."""

import dataclasses

from games import option as o
from games.base import Game, ImageOptions


@dataclasses.dataclass(frozen=True)
class PaintingOptions(ImageOptions):
    """Options of the painter."""

    batch_size: int = o.batch_size(32)
    brush: float = o.option(0.1, "Share of the error that a stroke mends.", low=0, high=1)
    generator_learning_rate: float = o.learning_rate("generator", 0.05)


PAINTING = Game(
    name="painting",
    says="a painter who copies the average of each class",
    options=PaintingOptions,
    model="tests.toy.painter",
    players=("generator", "discriminator"),
    modes=("train", "generate"),
    presets={"quick": {"steps": 20}, "standard": {"steps": 40}},
    classifier=None,
    next_mode="generate",
)
