"""Frozen options of a run; `presets` fills them. No TensorFlow here."""

import dataclasses
import math

DATASETS = ("auto", "mnist", "fashion_mnist", "cifar10", "digits", "folder")
LOSSES = ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "relativistic")
ROBUST_LOSSES = ("madry", "trades", "fast")
CONDITIONINGS = ("projection", "auxiliary", "none")
NORMS = ("linf", "l2")
PRESET_NAMES = ("quick", "standard", "best")

SMALLEST_EPOCH = 200  # steps


class ConfigError(ValueError):
    """An option that cannot be: one line that names the flag and what it may be."""


def option(default, says, *, low=None, high=None, choices=None):
    """A field of a config that is also the flag of its name.

    Args:
        default: its value if not given.
        says: str, what --help says of it.
        low, high: numbers, the smallest and the largest value that it may have.
        choices: tuple of str, the values that it may have.
    """
    limits = {"says": says, "low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata=limits)


def _width(agent, default):
    return option(default, f"Channels of the {agent}'s largest layer.", low=1, high=1024)


def _learning_rate(agent, default):
    return option(default, f"Adam's step size for the {agent}.", low=1e-8, high=1)


def _ema_decay(default):
    return option(default, "Decay of the averaged agents.", low=0, high=0.999999)


def _epsilon(default):
    says = "Radius of an attack's ball, as a share of the pixels' range."
    return option(default, says, low=0, high=1000)


def _norm(default):
    return option(default, "Norm of an attack's step and ball.", choices=NORMS)


def _attack_steps(default):
    return option(default, "Gradient steps of an attack, at most.", low=1, high=10_000)


def _step_size(default):
    says = "Length of such a step, as a share of the pixels' range."
    return option(default, says, low=1e-6, high=1000)


def _r1_gamma(default):
    says = "Weight of the discriminator's lazy gradient penalty."
    return option(default, says, low=0, high=1000)


def _translation(default):
    says = "Pixels that the images which are learned from are shifted by."
    return option(default, says, low=0, high=32)


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
    image_size: int | None = option(None, "Side that images are resized to.", low=8, high=256)
    preset: str = option("standard", "How long and how well to train.", choices=PRESET_NAMES)
    seed: int = option(0, "From which every random number is drawn.", low=0, high=1_000_000)
    steps: int = option(1000, "Length of the run in steps.", low=1, high=100_000_000)
    minutes: float | None = option(None, "Length of the run on the clock.", low=0.01, high=100_000)
    batch_size: int = option(64, "Images of a step, or of a grid.", low=2, high=65_536)

    def __post_init__(self):
        if self.game not in GAMES or not isinstance(self, GAMES[self.game]):
            raise ConfigError(f"--game {self.game}: must be one of {', '.join(GAMES)}")
        for field in dataclasses.fields(self):
            check([field], getattr(self, field.name))
        if self.image_size and not _halves_well(self.image_size):
            raise ConfigError(
                f"--image_size {self.image_size}: must be 4 to 7 times a power of two,"
                " for example 8, 28, 32, 48 or 64"
            )
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
    loss: str = option("non_saturating", "The adversarial loss.", choices=LOSSES)
    conditioning: str = option(
        "projection", "How the discriminator learns of the class.", choices=CONDITIONINGS
    )
    r1_gamma: float = _r1_gamma(0.1)
    spectral_norm: bool = option(False, "Bound the discriminator's slope by its weights.")
    translation: int = _translation(0)
    classifier_translation: int = option(
        2, "Pixels that the classifier's images are shifted by.", low=0, high=32
    )
    ema_decay: float = _ema_decay(0.999)
    # the agents
    latent_dim: int = option(64, "Length of a latent vector.", low=1, high=4096)
    generator_width: int = _width("generator", 32)
    discriminator_width: int = _width("discriminator", 48)
    classifier_width: int = _width("classifier", 32)
    generator_learning_rate: float = _learning_rate("generator", 5e-4)
    discriminator_learning_rate: float = _learning_rate("discriminator", 5e-4)
    classifier_learning_rate: float = _learning_rate("classifier", 1e-3)

    def __post_init__(self):
        super().__post_init__()
        if self.loss == "wasserstein" and self.spectral_norm:
            raise ConfigError(
                "--loss wasserstein with --spectral_norm: both bound the critic's slope; choose one"
            )


@dataclasses.dataclass(frozen=True)
class RobustConfig(Config):
    """Options of a classifier that learns under attack. Lengths are shares of the pixel range."""

    batch_size: int = option(128, "Images of a step.", low=2, high=65_536)
    loss: str = option("madry", "What is learned from attacked images.", choices=ROBUST_LOSSES)
    epsilon: float = _epsilon(0.3)
    norm: str = _norm("linf")
    attack_steps: int = _attack_steps(7)
    step_size: float | None = _step_size(None)
    trades_beta: float = option(
        6.0, "With --loss trades, weight of staying the same under attack.", low=0, high=1000
    )
    ramp_steps: int = option(
        1000, "Steps over which epsilon grows from 0 to what it is.", low=0, high=100_000_000
    )
    translation: int = _translation(0)
    contrast: float = option(
        5.0, "Steepness of the threshold that pixels first pass; 0 for none.", low=0, high=100
    )
    ema_decay: float = _ema_decay(0.999)
    classifier_width: int = _width("classifier", 32)
    classifier_learning_rate: float = _learning_rate("classifier", 1e-3)

    def __post_init__(self):
        super().__post_init__()
        steps = 1 if self.loss == "fast" else self.attack_steps
        _check_ball(self.epsilon, self.norm, self.step_size, steps)


@dataclasses.dataclass(frozen=True)
class AttackedConfig(Config):
    """Options of a discriminator that is attacked until noise looks real to it."""

    batch_size: int = option(100, "Images of a step, or of a grid.", low=2, high=65_536)
    epsilon: float | None = _epsilon(None)
    norm: str = _norm("l2")
    attack_steps: int = _attack_steps(25)
    first_steps: int = option(2, "Steps of an attack in the first round.", low=1, high=10_000)
    step_size: float = _step_size(0.5)
    pool_size: int = option(5000, "Fakes that are kept.", low=10, high=1_000_000)
    sampling_steps: int = option(200, "Steps from noise to a sample.", low=8, high=10_000)
    r1_gamma: float = _r1_gamma(0.05)
    ema_decay: float = _ema_decay(0.999)
    discriminator_width: int = _width("discriminator", 32)
    discriminator_learning_rate: float = _learning_rate("discriminator", 5e-4)

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


GAMES = {"trio": GANConfig, "gan": GANConfig, "robust": RobustConfig, "attacked": AttackedConfig}


def check(fields, value):
    """Refuses a value that no one of the fields of a name allows.

    Args:
        fields: list of dataclasses.Field, of one name.
        value: what a flag or a file says.
    Raises:
        ConfigError: one line that names the flag and what it may be.
    """
    problems = [_problem(field, value) for field in fields]
    if all(problems):
        raise ConfigError(f"--{fields[0].name} {value}: {problems[0]}")


def _problem(field, value):
    """What a field's `option` has against a value; None if nothing."""
    limits = field.metadata
    if not limits or (value is None and field.default is None):
        return None
    if limits["choices"] and value not in limits["choices"]:
        return f"must be one of {', '.join(limits['choices'])}"
    low, high = limits["low"], limits["high"]
    if low is not None and not (math.isfinite(value) and low <= value <= high):
        return f"must be from {low} to {high}"
    return None


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


def games_by_options():
    """The games, those with the same options together: list of tuples of str."""
    kinds = dict.fromkeys(GAMES.values())
    return [tuple(game for game in GAMES if GAMES[game] is kind) for kind in kinds]


# The options of all games, name -> the fields of that name.
GAME_OPTIONS: dict[str, list] = {}
for _game in GAMES:
    for _name, _field in game_options(_game).items():
        GAME_OPTIONS.setdefault(_name, []).append(_field)


def options_of(flags):
    """The options of a `Config` among all flags, by name; None where a flag was not given."""
    names = ("game", "seed", "steps", "minutes", "batch_size", "data_dir", *GAME_OPTIONS)
    return {name: getattr(flags, name) for name in names}


def from_record(options):
    """The Config whose `dataclasses.asdict` is given.

    Raises:
        ConfigError: if a value is out of range.
        TypeError, KeyError: if it is none of this version's.
    """
    return GAMES[options["game"]](**options)
