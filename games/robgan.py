"""Rob-GAN: generator, discriminator and attacker together; then the discriminator learns on."""

import dataclasses
from typing import Any, ClassVar

from games import option as o
from games.base import IMAGE_PRESETS, Game, ImageOptions

RECIPES = ("stable", "original")
CLASS_LOSSES = ("robgan", "acgan")
POOLINGS = ("mean", "sum")
ATTACKED = ("class", "both")
GENERATORS = ("convolutional", "style", "residual")
CONDITIONINGS = ("projection", "none")


@dataclasses.dataclass(frozen=True)
class RobGANOptions(ImageOptions):
    """Options of generator, discriminator and attacker together."""

    batch_size: int = o.batch_size(32)
    recipe: str = o.option(
        "stable", "Rules that keep the balance, or the published code's.", choices=RECIPES
    )
    loss: str = o.option(
        "robgan", "Learn classes from real images alone, or from fakes too.", choices=CLASS_LOSSES
    )
    epsilon: float = o.epsilon(0.3)
    norm: str = o.norm("linf")
    attack_steps: int = o.attack_steps(5)
    step_size: float | None = o.step_size(None)
    ramp_steps: int = o.ramp_steps()
    attacked: str = o.option(
        "class",
        "What the attacker climbs: the loss of the class head, or of realness as well.",
        choices=ATTACKED,
    )
    relativistic: bool = o.option(
        True, "Compare each fake with the real image beside it, and penalise both slopes."
    )
    conditioning: str = o.option(
        "projection", "How realness depends on the class asked for.", choices=CONDITIONINGS
    )
    class_weight: float = o.option(
        0.0, "What the generator is paid for the class head's logits.", low=0, high=1000
    )
    realness_width: int = o.option(
        24,
        "Channels of the first convolution that realness has for itself; 0: it has none.",
        low=0,
        high=1024,
    )
    generator: str = o.option("convolutional", "The generator's network.", choices=GENERATORS)
    discriminator_steps: int = o.option(
        1, "Turns of attacker and discriminator in a step.", low=1, high=100
    )
    r1_gamma: float = o.r1_gamma(0.1)
    beta_1: float = o.beta_1()
    beta_2: float = o.beta_2()
    pooling: str = o.option("mean", "How to pool the last feature map.", choices=POOLINGS)
    batch_norm: bool = o.option(False, "Put BatchNorm into the discriminator.")
    contrast: float = o.contrast()
    ema_decay: float = o.ema_decay()
    latent_dim: int = o.latent_dim()
    generator_width: int = o.width("generator", 16)
    discriminator_width: int = o.width("discriminator", 24)
    falling: bool = o.falling()
    generator_learning_rate: float = o.learning_rate("generator", 5e-4)
    discriminator_learning_rate: float = o.learning_rate("discriminator", 5e-4)

    def __post_init__(self):
        super().__post_init__()
        o.check_ball(self.epsilon, self.norm, self.step_size, self.attack_steps)


@dataclasses.dataclass(frozen=True)
class FineTuneOptions(ImageOptions):
    """Options of a Rob-GAN's discriminator that learns on as a classifier."""

    # Options of a robust classifier that are fixed here.
    loss: ClassVar[str] = "madry"
    ramp_steps: ClassVar[int] = 0

    batch_size: int = o.batch_size(32)
    epsilon: float = o.epsilon(0.3)
    norm: str = o.norm("linf")
    attack_steps: int = o.attack_steps(7)
    step_size: float | None = o.step_size(None)
    fake_weight: float = o.option(
        0.0, "Weight of attacked generated images beside attacked real ones.", low=0, high=1000
    )
    translation: int = o.translation()
    mirror: bool = o.mirror()
    ema_decay: float = o.ema_decay()
    classifier_learning_rate: float = o.learning_rate("classifier", 5e-4)

    def __post_init__(self):
        super().__post_init__()
        o.check_ball(self.epsilon, self.norm, self.step_size, self.attack_steps)


# The rules until version 0.8: the published game, balanced.
BEFORE = {
    **{"attacked": "both", "class_weight": 1.0, "conditioning": "none", "relativistic": False},
    **{"realness_width": 0, "generator": "residual"},
}
# Those rules of the published code that make it collapse.
ORIGINAL = {
    **BEFORE,
    **{"discriminator_steps": 5, "r1_gamma": 0.0, "pooling": "sum", "batch_norm": True},
}
# Colour has the trio's generator and its rules (games/gan.py), the usual radius and no threshold.
COLOUR = {
    **{"epsilon": 8 / 255, "contrast": 0.0, "attack_steps": 2},
    **{"generator": "style", "generator_width": 24, "realness_width": 48},
    **{"discriminator_width": 16, "r1_gamma": 0.3, "beta_1": 0.0, "beta_2": 0.99},
    **{"generator_learning_rate": 1e-3, "discriminator_learning_rate": 1e-3},
}

ROBGAN = Game(
    name="robgan",
    title="Rob-GAN",
    says="generator, discriminator and attacker; --mode finetune then makes the discriminator\n"
    "a robust classifier",
    options=RobGANOptions,
    model="models.rob_gan",
    players=("generator", "discriminator", "classifier"),
    modes=("train", "finetune", "generate", "interpolate", "attack", "evaluate", "export"),
    presets={
        "quick": {"steps": 3_000, "ramp_steps": 200},
        "standard": {"steps": 8_000},
        "best": {"steps": 24_000, "falling": True},
    },
    small={
        "quick": {"steps": 2_000, "epsilon": 0.1, "ramp_steps": 300},
        "standard": {"epsilon": 0.1},
        "best": {"epsilon": 0.1},
    },
    colour=dict.fromkeys(IMAGE_PRESETS, COLOUR),
    adapt=lambda given, preset: ORIGINAL if given.get("recipe") == "original" else {},
    next_mode="finetune",
    before=BEFORE,
    collapse_help="--recipe stable, --r1_gamma 1, a lower --generator_learning_rate",
)

# Pictures need many passes, and so variety: as the robust game on colour has it (games/robust.py).
FINE_COLOUR: dict[str, Any] = {
    **{"batch_size": 128, "attack_steps": 2, "classifier_learning_rate": 1e-3},
    **{"translation": 2, "mirror": True},
}

FINETUNE = Game(
    name="finetune",
    title="Rob-GAN's classifier",
    says="Rob-GAN's second step",
    options=FineTuneOptions,
    model="models.fine_tuning",
    players=("classifier",),
    modes=(),
    presets={
        "quick": {"steps": 1_500, "classifier_learning_rate": 1e-3},
        "standard": {"steps": 2_000},
        "best": {"steps": 3_000},
    },
    small={
        "quick": {
            "steps": 500,
            "classifier_learning_rate": FineTuneOptions.classifier_learning_rate,
        }
    },
    colour={
        "quick": {**FINE_COLOUR, "steps": 1_000},
        "standard": {**FINE_COLOUR, "steps": 6_000},
        "best": {**FINE_COLOUR, "steps": 12_000},
    },
    next_mode="evaluate --robustness",
    parent="robgan",
)
