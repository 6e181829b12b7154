"""A classifier that is attacked while it learns."""

import dataclasses
from typing import Any

from games import option as o
from games.base import IMAGE_PRESETS, Game, ImageOptions

LOSSES = ("madry", "trades", "fast")


@dataclasses.dataclass(frozen=True)
class RobustOptions(ImageOptions):
    """Options of a classifier that learns under attack. Lengths are on the [0, 1] pixel scale."""

    batch_size: int = o.batch_size(128)
    loss: str = o.option("madry", "How to learn from attacked images.", choices=LOSSES)
    epsilon: float = o.epsilon(0.3)
    norm: str = o.norm("linf")
    attack_steps: int = o.attack_steps(7)
    step_size: float | None = o.step_size(None)
    trades_beta: float = o.option(
        6.0, "With --loss trades, weight of answering the same under attack.", low=0, high=1000
    )
    ramp_steps: int = o.ramp_steps()
    translation: int = o.translation()
    mirror: bool = o.mirror()
    residual: bool = o.option(
        False, "Read images by residual blocks with BatchNorm, as colour needs."
    )
    contrast: float = o.contrast()
    ema_decay: float = o.ema_decay()
    classifier_width: int = o.width("classifier", 32)
    classifier_learning_rate: float = o.learning_rate("classifier", 1e-3)

    def __post_init__(self):
        super().__post_init__()
        steps = 1 if self.loss == "fast" else self.attack_steps
        o.check_ball(self.epsilon, self.norm, self.step_size, steps)


# At eight pixels across, a change of 0.3 can turn one digit into another for people as well.
SMALL = {"epsilon": 0.1}
# In colour pictures even small changes show: the usual radius for CIFAR-10, and no threshold.
# They take a deeper network and many rounds, so each round must be cheap: a single step of attack.
COLOUR: dict[str, Any] = {
    **{"epsilon": 8 / 255, "contrast": 0.0, "loss": "fast", "ramp_steps": 0},
    **{"residual": True, "classifier_width": 40, "mirror": True, "translation": 2},
    "classifier_learning_rate": 2e-3,
}

ROBUST = Game(
    name="robust",
    title="a robust classifier",
    says="a classifier that is attacked while it learns",
    options=RobustOptions,
    model="models.robust_classifier",
    players=("classifier",),
    modes=("train", "attack", "evaluate", "export"),
    presets={"quick": {"steps": 2_000}, "standard": {"steps": 6_000}, "best": {"steps": 10_000}},
    small=dict.fromkeys(IMAGE_PRESETS, SMALL),
    colour={
        "quick": {**COLOUR, "steps": 1_000},
        "standard": {**COLOUR, "steps": 3_000},
        "best": {**COLOUR, "steps": 6_000},
    },
)
