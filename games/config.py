"""Frozen options of a run; `presets` fills them. No TensorFlow here."""

import dataclasses
import math

from games import fields
from games.fields import ConfigError

DATASETS = ("auto", "mnist", "fashion_mnist", "cifar10", "digits", "folder")
LOSSES = ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "relativistic")
ROBUST_LOSSES = ("madry", "trades", "fast")
RECIPES = ("stable", "original")
CLASS_LOSSES = ("robgan", "acgan")
POOLINGS = ("mean", "sum")
CONDITIONINGS = ("projection", "auxiliary", "none")
WITHOUT_XLA = ("attacked",)  # its draw from the pool is a shuffle, which XLA does not know
# Games of which two turns, or two parts of one, can be played at a time on a CPU.
SIDE_BY_SIDE = {"trio": 2, "gan": 2}
PRECISIONS = ("float32", "bfloat16")
PRESET_NAMES = ("quick", "standard", "best")
DISTRIBUTIONS = ("none", "mirrored", "multiworker")

SMALLEST_EPOCH = 200  # steps


@dataclasses.dataclass(frozen=True)
class Config:
    """What every training run must know; validated when built. Each game adds its own options.

    The length of the run is `steps`, unless `minutes` is given: then the clock ends it.

    Raises:
        ConfigError: if a value is out of range or two contradict each other.
    """

    game: str = "trio"
    dataset: str = "mnist"
    data_dir: str | None = None
    image_size: int | None = fields.option(
        None, "Side that images are resized to.", low=8, high=256
    )
    preset: str = fields.option("standard", "How long and how well to train.", choices=PRESET_NAMES)
    seed: int = fields.option(0, "From which every random number is drawn.", low=0, high=1_000_000)
    steps: int = fields.option(1000, "Length of the run in steps.", low=1, high=100_000_000)
    minutes: float | None = fields.option(
        None, "Length of the run on the clock.", low=0.01, high=100_000
    )
    batch_size: int = fields.option(64, "Images of a step, or of a grid.", low=2, high=65_536)
    precision: str = fields.option(
        "float32", "Of the agents' hidden layers; what suits the device.", choices=PRECISIONS
    )
    jit: bool = fields.option(False, "Compile the step with XLA; where there is a GPU.")

    def __post_init__(self):
        if self.game not in GAMES or not isinstance(self, GAMES[self.game]):
            raise ConfigError(f"--game {self.game}: must be one of {', '.join(GAMES)}")
        for field in dataclasses.fields(self):
            fields.check([field], getattr(self, field.name))
        if self.image_size and not _halves_well(self.image_size):
            raise ConfigError(
                f"--image_size {self.image_size}: must be 4 to 7 times a power of two,"
                " for example 8, 28, 32, 48 or 64"
            )
        if self.jit and self.game in WITHOUT_XLA:
            raise ConfigError(f"--jit: XLA cannot compile --game {self.game}; leave the flag out")
        if self.dataset == "folder" and not self.data_dir:
            raise ConfigError("--dataset folder: needs --data_dir, the folder of train/CLASS/*.png")

    def steps_per_epoch(self, num_images):
        """Steps of an epoch: as many whole passes over the images as fill 200 steps."""
        passes = math.ceil(SMALLEST_EPOCH * self.batch_size / num_images)
        return max(1, passes * num_images // self.batch_size)


@dataclasses.dataclass(frozen=True)
class GANConfig(Config):
    """Options of the GAN and of the trio. Shifts are in pixels of the image."""

    # the game
    loss: str = fields.option("non_saturating", "The adversarial loss.", choices=LOSSES)
    conditioning: str = fields.option(
        "projection", "How the discriminator learns of the class.", choices=CONDITIONINGS
    )
    r1_gamma: float = fields.r1_gamma(0.1)
    spectral_norm: bool = fields.option(False, "Bound the discriminator's slope by its weights.")
    translation: int = fields.translation(0)
    classifier_translation: int = fields.option(
        2, "Pixels that the classifier's images are shifted by.", low=0, high=32
    )
    ema_decay: float = fields.ema_decay(0.999)
    # the agents
    latent_dim: int = fields.latent_dim(64)
    generator_width: int = fields.width("generator", 32)
    discriminator_width: int = fields.width("discriminator", 48)
    classifier_width: int = fields.width("classifier", 32)
    refine: bool = fields.option(
        True, "Let the generator work on at the image's full size: better in long runs, slower."
    )
    generator_learning_rate: float = fields.learning_rate("generator", 5e-4)
    discriminator_learning_rate: float = fields.learning_rate("discriminator", 5e-4)
    classifier_learning_rate: float = fields.learning_rate("classifier", 1e-3)

    def __post_init__(self):
        super().__post_init__()
        if self.loss == "wasserstein" and self.spectral_norm:
            raise ConfigError(
                "--loss wasserstein with --spectral_norm: both bound the critic's slope; choose one"
            )


@dataclasses.dataclass(frozen=True)
class RobustConfig(Config):
    """Options of a classifier that learns under attack. Lengths are shares of the pixel range."""

    batch_size: int = fields.option(128, "Images of a step.", low=2, high=65_536)
    loss: str = fields.option(
        "madry", "What is learned from attacked images.", choices=ROBUST_LOSSES
    )
    epsilon: float = fields.epsilon(0.3)
    norm: str = fields.norm("linf")
    attack_steps: int = fields.attack_steps(7)
    step_size: float | None = fields.step_size(None)
    trades_beta: float = fields.option(
        6.0, "With --loss trades, weight of staying the same under attack.", low=0, high=1000
    )
    ramp_steps: int = fields.ramp_steps(1000)
    translation: int = fields.translation(0)
    contrast: float = fields.contrast(5.0)
    ema_decay: float = fields.ema_decay(0.999)
    classifier_width: int = fields.width("classifier", 32)
    classifier_learning_rate: float = fields.learning_rate("classifier", 1e-3)

    def __post_init__(self):
        super().__post_init__()
        steps = 1 if self.loss == "fast" else self.attack_steps
        _check_ball(self.epsilon, self.norm, self.step_size, steps)


@dataclasses.dataclass(frozen=True)
class AttackedConfig(Config):
    """Options of a discriminator that is attacked until noise looks real to it."""

    batch_size: int = fields.option(100, "Images of a step, or of a grid.", low=2, high=65_536)
    epsilon: float | None = fields.epsilon(None)
    norm: str = fields.norm("l2")
    attack_steps: int = fields.attack_steps(25)
    first_steps: int = fields.option(
        2, "Steps of an attack in the first round.", low=1, high=10_000
    )
    step_size: float = fields.step_size(0.5)
    pool_size: int = fields.option(5000, "Fakes that are kept.", low=10, high=1_000_000)
    sampling_steps: int = fields.option(200, "Steps from noise to a sample.", low=8, high=10_000)
    r1_gamma: float = fields.r1_gamma(0.05)
    ema_decay: float = fields.ema_decay(0.999)
    discriminator_width: int = fields.width("discriminator", 32)
    discriminator_learning_rate: float = fields.learning_rate("discriminator", 5e-4)

    def __post_init__(self):
        super().__post_init__()
        _check_ball(self.epsilon, self.norm, self.step_size, self.attack_steps)
        if self.pool_size < self.batch_size:
            raise ConfigError(
                f"--pool_size {self.pool_size}: must be at least the batch of {self.batch_size}"
            )
        if self.first_steps > self.attack_steps:
            raise ConfigError(
                f"--first_steps {self.first_steps}: must be at most --attack_steps"
                f" {self.attack_steps}"
            )


@dataclasses.dataclass(frozen=True)
class RobGANConfig(Config):
    """Options of generator, discriminator and attacker together."""

    recipe: str = fields.option(
        "stable", "Rules that hold the balance, or those of the published code.", choices=RECIPES
    )
    loss: str = fields.option(
        "robgan", "Whether classes are learned from real images alone.", choices=CLASS_LOSSES
    )
    epsilon: float = fields.epsilon(0.3)
    norm: str = fields.norm("linf")
    attack_steps: int = fields.attack_steps(5)
    step_size: float | None = fields.step_size(None)
    ramp_steps: int = fields.ramp_steps(1000)
    discriminator_steps: int = fields.option(
        1, "Turns of attacker and discriminator in a step.", low=1, high=100
    )
    r1_gamma: float = fields.r1_gamma(0.1)
    pooling: str = fields.option(
        "mean", "Over the discriminator's last feature map.", choices=POOLINGS
    )
    batch_norm: bool = fields.option(False, "Put BatchNorm into the discriminator.")
    contrast: float = fields.contrast(5.0)
    ema_decay: float = fields.ema_decay(0.999)
    latent_dim: int = fields.latent_dim(64)
    generator_width: int = fields.width("generator", 16)
    discriminator_width: int = fields.width("discriminator", 24)
    generator_learning_rate: float = fields.learning_rate("generator", 5e-4)
    discriminator_learning_rate: float = fields.learning_rate("discriminator", 5e-4)

    def __post_init__(self):
        super().__post_init__()
        _check_ball(self.epsilon, self.norm, self.step_size, self.attack_steps)


@dataclasses.dataclass(frozen=True)
class FineTuneConfig(Config):
    """Options of a Rob-GAN's discriminator that learns on as a classifier."""

    epsilon: float = fields.epsilon(0.3)
    norm: str = fields.norm("linf")
    attack_steps: int = fields.attack_steps(7)
    step_size: float | None = fields.step_size(None)
    fake_weight: float = fields.option(
        0.0, "Weight of attacked generated images beside attacked real ones.", low=0, high=1000
    )
    ema_decay: float = fields.ema_decay(0.999)
    classifier_learning_rate: float = fields.learning_rate("classifier", 5e-4)

    def __post_init__(self):
        super().__post_init__()
        _check_ball(self.epsilon, self.norm, self.step_size, self.attack_steps)


GAMES = {
    "trio": GANConfig,
    "gan": GANConfig,
    "robust": RobustConfig,
    "attacked": AttackedConfig,
    "robgan": RobGANConfig,
    "finetune": FineTuneConfig,
}
PLAYED = tuple(game for game in GAMES if game != "finetune")  # that goes on with another's agents
PLAYERS = {
    "trio": ("generator", "discriminator", "classifier"),
    "gan": ("generator", "discriminator"),
    "robust": ("classifier",),
    "attacked": ("discriminator",),
    "robgan": ("generator", "discriminator", "classifier"),
}


def _check_ball(epsilon, norm, step_size, steps):
    """Refuses a radius over the pixel range, and steps that cannot reach the edge of a ball."""
    if epsilon is not None and norm == "linf" and epsilon > 1:
        raise ConfigError(f"--epsilon {epsilon}: must be from 0 to 1, the pixels' range")
    if epsilon is not None and step_size is not None and step_size * steps < 0.999 * epsilon:
        raise ConfigError(
            f"--step_size {step_size}: {steps} such steps never reach the edge of the ball of"
            f" --epsilon {epsilon}; {epsilon / steps:.4g} is the smallest"
        )


def _halves_well(size):
    while size % 2 == 0 and size > 7:
        size //= 2
    return 4 <= size <= 7


def game_options(game):
    """The options that a run of this game keeps for life: name -> dataclasses.Field."""
    changeable = ("game", "dataset", "data_dir", "preset", "seed", "steps", "minutes", "batch_size")
    fields = {field.name: field for field in dataclasses.fields(GAMES[game])}
    return {name: field for name, field in fields.items() if name not in changeable}


def options_of_games(*games):
    """The names of the options of some games, each once."""
    return tuple(dict.fromkeys(name for game in games for name in game_options(game)))


def games_by_options():
    """The games, those with the same options together: list of tuples of str."""
    kinds = dict.fromkeys(GAMES.values())
    return [tuple(game for game in GAMES if GAMES[game] is kind) for kind in kinds]


# The options of all games, name -> the fields of that name.
GAME_OPTIONS = {
    name: [game_options(game)[name] for game in GAMES if name in game_options(game)]
    for name in options_of_games(*GAMES)
}


def options_of(flags):
    """The options of a `Config` among all flags, by name; None where a flag was not given."""
    names = ("game", "seed", "steps", "minutes", "batch_size", "data_dir", *GAME_OPTIONS)
    return {name: getattr(flags, name) for name in names}


def from_record(record):
    """The Config whose `dataclasses.asdict` is given.

    Raises:
        ConfigError: if a value is out of range.
        TypeError, KeyError: if it is none of this version's.
    """
    return GAMES[record["game"]](**record)
