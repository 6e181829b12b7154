"""Frozen options of a run, and the presets that fill them. No TensorFlow here."""

import dataclasses
import math

GAMES = ("trio", "gan")
DATASETS = ("auto", "mnist", "fashion_mnist", "cifar10", "digits", "folder")
LOSSES = ("non_saturating", "minimax", "hinge", "least_squares", "wasserstein", "relativistic")
CONDITIONINGS = ("projection", "auxiliary", "none")
PRESET_NAMES = ("quick", "standard", "best")

# The options of `Config` that a run keeps for life and that a flag of the same name sets.
GAME_OPTIONS = (
    *("loss", "conditioning", "r1_gamma", "spectral_norm", "translation"),
    *("classifier_translation", "ema_decay", "image_size", "latent_dim"),
    *("generator_width", "discriminator_width", "classifier_width"),
    *("generator_learning_rate", "discriminator_learning_rate", "classifier_learning_rate"),
)

SMALLEST_EPOCH = 200  # steps


class ConfigError(ValueError):
    """An option that cannot be: one line that names the flag and what it may be."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that decides what a training run computes; validated when built.

    Pixels and shifts are in pixels of the image, learning rates are Adam's. The length of the
    run is `steps`, unless `minutes` is given: then the clock ends it.

    Raises:
        ConfigError: if a value is out of range or two contradict each other.
    """

    game: str = "trio"
    dataset: str = "mnist"
    data_dir: str | None = None
    image_size: int | None = None
    preset: str = "standard"
    seed: int = 0
    steps: int = 1000
    minutes: float | None = None
    batch_size: int = 64
    # the game
    loss: str = "non_saturating"
    conditioning: str = "projection"
    r1_gamma: float = 0.1
    spectral_norm: bool = False
    translation: int = 0
    classifier_translation: int = 2
    ema_decay: float = 0.999
    # the agents
    latent_dim: int = 64
    generator_width: int = 32
    discriminator_width: int = 48
    classifier_width: int = 32
    generator_learning_rate: float = 5e-4
    discriminator_learning_rate: float = 5e-4
    classifier_learning_rate: float = 1e-3

    def __post_init__(self):
        self._one_of("game", GAMES)
        self._one_of("loss", LOSSES)
        self._one_of("conditioning", CONDITIONINGS)
        self._one_of("preset", PRESET_NAMES)
        self._between("seed", 0, 1_000_000)
        self._between("steps", 1, 100_000_000)
        self._between("minutes", 0.01, 100_000)
        self._between("batch_size", 2, 65_536)
        self._between("image_size", 8, 256)
        self._between("r1_gamma", 0, 1000)
        self._between("translation", 0, 32)
        self._between("classifier_translation", 0, 32)
        self._between("ema_decay", 0, 0.999999)
        self._between("latent_dim", 1, 4096)
        for agent in ("generator", "discriminator", "classifier"):
            self._between(f"{agent}_width", 1, 1024)
            self._between(f"{agent}_learning_rate", 1e-8, 1)
        if self.image_size and not _halves_well(self.image_size):
            raise ConfigError(
                f"--image_size {self.image_size}: must be 4 to 7 times a power of two,"
                " for example 8, 28, 32, 48 or 64"
            )
        if self.dataset == "folder" and not self.data_dir:
            raise ConfigError("--dataset folder: needs --data_dir, the folder of train/CLASS/*.png")
        if self.loss == "wasserstein" and self.spectral_norm:
            raise ConfigError(
                "--loss wasserstein with --spectral_norm: both bound the critic's slope; choose one"
            )

    def _one_of(self, name, choices):
        value = getattr(self, name)
        if value not in choices:
            raise ConfigError(f"--{name} {value}: must be one of {', '.join(choices)}")

    def _between(self, name, low, high):
        value = getattr(self, name)
        if value is not None and not (math.isfinite(value) and low <= value <= high):
            raise ConfigError(f"--{name} {value}: must be from {low} to {high}")

    def steps_per_epoch(self, num_images):
        """Steps of an epoch: as many whole passes over the images as fill 200 steps."""
        passes = math.ceil(SMALLEST_EPOCH * self.batch_size / num_images)
        return max(1, passes * num_images // self.batch_size)


def _halves_well(size):
    while size % 2 == 0 and size > 7:
        size //= 2
    return 4 <= size <= 7


def options_of(flags):
    """The options of a `Config` among all flags, by name; None where a flag was not given."""
    names = ("game", "seed", "steps", "minutes", "batch_size", "data_dir", *GAME_OPTIONS)
    return {name: getattr(flags, name) for name in names}


# A preset is a length; a data set of few and small images also has rules of its own: a stronger
# penalty, lest they be learned by heart, and shifts that leave 8 pixels something to show.
PRESETS = {
    "quick": {"steps": 2_000},
    "standard": {"steps": 10_000},
    "best": {"steps": 30_000},
}
SMALL_IMAGES = {"r1_gamma": 1.0, "classifier_translation": 1}
SMALL_PRESETS = {
    "quick": {**SMALL_IMAGES, "steps": 3_000},
    "standard": {**SMALL_IMAGES, "steps": 6_000},
    "best": {**SMALL_IMAGES, "steps": 20_000},
}


def from_preset(preset, dataset, **given):
    """The preset's options for a dataset, overruled by those given.

    Args:
        preset: one of `PRESET_NAMES`.
        dataset: str, the name of a dataset.
        **given: fields of `Config`; None means not given.
    Returns:
        Config.
    Raises:
        ConfigError: as `Config`, or if the preset is unknown.
    """
    if preset not in PRESET_NAMES:
        raise ConfigError(f"--preset {preset}: must be one of {', '.join(PRESET_NAMES)}")
    options = (SMALL_PRESETS if dataset == "digits" else PRESETS)[preset]
    given = {name: value for name, value in given.items() if value is not None}
    return Config(**{**options, **given, "preset": preset, "dataset": dataset})
