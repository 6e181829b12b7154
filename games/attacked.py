"""A discriminator that is attacked until noise looks real to it: images without a generator."""

import dataclasses

from games import option as o
from games.base import IMAGE_PRESETS, Game, ImageOptions


@dataclasses.dataclass(frozen=True)
class AttackedOptions(ImageOptions):
    """Options of a discriminator that is attacked until noise looks real to it."""

    batch_size: int = o.batch_size(100)
    epsilon: float | None = o.epsilon(None)
    norm: str = o.norm("l2")
    attack_steps: int = o.attack_steps(25)
    first_steps: int = o.option(2, "Steps of an attack in the first round.", low=1, high=10_000)
    step_size: float = o.step_size(0.5)
    pool_size: int = o.option(5000, "Fakes in the pool.", low=10, high=1_000_000)
    sampling_steps: int = o.option(200, "Steps from noise to a sample.", low=8, high=10_000)
    r1_gamma: float = o.r1_gamma(0.05)
    ema_decay: float = o.ema_decay()
    discriminator_width: int = o.width("discriminator", 32)
    discriminator_learning_rate: float = o.learning_rate("discriminator", 5e-4)

    def __post_init__(self):
        super().__post_init__()
        o.check_ball(self.epsilon, self.norm, self.step_size, self.attack_steps)
        if self.pool_size < self.batch_size:
            raise o.OptionError(
                f"--pool_size {self.pool_size}: must be at least the batch of {self.batch_size}"
            )
        if self.first_steps > self.attack_steps:
            raise o.OptionError(
                f"--first_steps {self.first_steps}: must be at most --attack_steps"
                f" {self.attack_steps}"
            )


ATTACKED = Game(
    name="attacked",
    title="a discriminator under attack",
    says="a discriminator that is attacked until noise looks real to it: no generator",
    options=AttackedOptions,
    model="models.attacked_discriminator",
    players=("discriminator",),
    modes=("train", "generate", "attack", "evaluate", "export"),
    classifier="discriminator",
    presets={"quick": {"steps": 1_000}, "standard": {"steps": 2_000}, "best": {"steps": 5_000}},
    small=dict.fromkeys(IMAGE_PRESETS, {"step_size": 0.15, "pool_size": 2000}),
    next_mode="generate",
    collapse_help="--r1_gamma 1, a lower --discriminator_learning_rate",
    xla=False,  # it draws from the pool by a shuffle, which XLA does not know
)
