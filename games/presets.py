"""How long and by which rules each game is played, by the name of a preset and of a data set."""

from games.config import GAME_OPTIONS, GAMES, PRESET_NAMES, GANConfig, game_options
from games.fields import ConfigError

# Small changes of a colour picture already show: the usual radius for CIFAR-10, and no threshold.
COLOUR: dict = {"epsilon": 8 / 255, "contrast": 0.0}
# Three channels of 32 pixels take thrice the time of MNIST's: narrower agents, shorter attacks.
COLOUR_ROBGAN: dict = {
    **COLOUR,
    "attack_steps": 3,
    "generator_width": 12,
    "discriminator_width": 16,
}

# What gets furthest with grey images in half an hour: narrow agents, a generator that does not
# refine its images, small batches. In two hours the usual ones get further.
SWIFT = {
    "generator_width": 16,
    "discriminator_width": 24,
    "classifier_width": 16,
    "refine": False,
    "batch_size": 32,
}
USUAL = {name: getattr(GANConfig, name) for name in SWIFT}
# What colour pictures change, of the games that it changes.
COLOURED = {"trio": USUAL, "gan": USUAL, "robust": COLOUR, "robgan": COLOUR_ROBGAN}

# A preset is a length; a data set of few and small images also has rules of its own: a stronger
# penalty, lest they be learned by heart, and shifts that leave 8 pixels something to show.
GAN_PRESETS = {
    "quick": {**SWIFT, "steps": 8_000},
    "standard": {**SWIFT, "steps": 28_000},
    "best": {"steps": 30_000},
}
ROBUST_PRESETS = {
    "quick": {"steps": 2_000},
    "standard": {"steps": 6_000},
    "best": {"steps": 10_000},
}
ATTACKED_PRESETS = {
    "quick": {"steps": 1_000},
    "standard": {"steps": 2_000},
    "best": {"steps": 5_000},
}
ROBGAN_PRESETS: dict[str, dict] = {
    "quick": {"steps": 500, "ramp_steps": 200, "discriminator_learning_rate": 1e-3},
    "standard": {"steps": 4_000},
    "best": {"steps": 8_000},
}
FINETUNE_PRESETS: dict[str, dict] = {
    "quick": {"steps": 1_500, "classifier_learning_rate": 1e-3},
    "standard": {"steps": 2_000},
    "best": {"steps": 4_000},
}
# The published code's rules, as far as they are what makes it collapse.
RECIPES: dict[str | None, dict] = {
    "stable": {},
    "original": {
        "discriminator_steps": 5,
        "r1_gamma": 0.0,
        "pooling": "sum",
        "batch_norm": True,
    },
}
PRESETS: dict[str, dict] = {
    "trio": GAN_PRESETS,
    "gan": GAN_PRESETS,
    "robust": ROBUST_PRESETS,
    "attacked": ATTACKED_PRESETS,
    "robgan": ROBGAN_PRESETS,
    "finetune": FINETUNE_PRESETS,
}

SMALL_IMAGES = {"r1_gamma": 1.0, "classifier_translation": 1}
SMALL_GAN_PRESETS = {
    "quick": {**SMALL_IMAGES, "steps": 3_000},
    "standard": {**SMALL_IMAGES, "steps": 6_000},
    "best": {**SMALL_IMAGES, "steps": 20_000},
}
# Eight pixels across, a change of 0.3 can turn a digit into another for a person, too.
SMALL_ROBUST_PRESETS = {
    name: {**options, "epsilon": 0.1} for name, options in ROBUST_PRESETS.items()
}
SMALL_ATTACKED_PRESETS = {
    name: {**options, "step_size": 0.15, "pool_size": 2000}
    for name, options in ATTACKED_PRESETS.items()
}
SMALL_ROBGAN_PRESETS = {
    "quick": {"steps": 1_000, "epsilon": 0.1, "ramp_steps": 300},
    "standard": {"steps": 4_000, "epsilon": 0.1},
    "best": {"steps": 8_000, "epsilon": 0.1},
}
SMALL_FINETUNE_PRESETS: dict[str, dict] = {**FINETUNE_PRESETS, "quick": {"steps": 500}}
SMALL_PRESETS: dict[str, dict] = {
    "trio": SMALL_GAN_PRESETS,
    "gan": SMALL_GAN_PRESETS,
    "robust": SMALL_ROBUST_PRESETS,
    "attacked": SMALL_ATTACKED_PRESETS,
    "robgan": SMALL_ROBGAN_PRESETS,
    "finetune": SMALL_FINETUNE_PRESETS,
}


def from_preset(preset, dataset, *, game="trio", **given):
    """The preset's options for a game on a dataset, overruled by those given.

    Args:
        preset: one of `config.PRESET_NAMES`.
        dataset: str, the name of a dataset.
        game: one of `GAMES`.
        **given: fields of any game's config; None means not given.
    Returns:
        Config, of the game's class.
    Raises:
        ConfigError: as `Config`; if the preset is unknown; if an option is another game's.
    """
    if preset not in PRESET_NAMES:
        raise ConfigError(f"--preset {preset}: must be one of {', '.join(PRESET_NAMES)}")
    if game not in GAMES:
        raise ConfigError(f"--game {game}: must be one of {', '.join(GAMES)}")
    options = (SMALL_PRESETS if dataset == "digits" else PRESETS)[game][preset]
    given = {name: value for name, value in given.items() if value is not None}
    if dataset in ("cifar10", "folder"):
        options = {**options, **COLOURED.get(game, {})}
    if game == "robgan":
        options = {**options, **RECIPES.get(given.get("recipe"), {})}
    for name in given.keys() & GAME_OPTIONS.keys() - game_options(game).keys():
        owners = [owner for owner in GAMES if name in game_options(owner)]
        raise ConfigError(f"--{name}: is for --game {' or '.join(owners)}, not {game}")
    return GAMES[game](**{**options, **given, "game": game, "preset": preset, "dataset": dataset})
