"""What every game declares about itself, and the options that every run has."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from games.option import OptionError, check, option

DATASETS = ("auto", "mnist", "fashion_mnist", "cifar10", "digits", "folder")
POINTS = ("ring", "grid")  # Gaussians in the plane, for games that can do without images
DISTRIBUTIONS = ("none", "mirrored", "multiworker")
PRECISIONS = ("float32", "bfloat16")
IMAGE_PRESETS = ("quick", "standard", "best")
IMAGE_MODES = ("train", "generate", "interpolate", "attack", "evaluate", "export")
STACKED = "stacked_mnist"  # three digits a picture, for a game that needs no classes
# What a game is played with, on which its presets depend, if not grey images of the usual size.
KINDS = {
    "small": "grey images of at most 16 x 16, as digits",
    "colour": "colour pictures",
    "stacked": STACKED,
    "points": " and ".join(POINTS),
}
SMALLEST_EPOCH = 200  # steps
SMALLEST_BASE = 4  # pixels, side of an agent's deepest map
WIDEST = 768  # channels of it


@dataclasses.dataclass(frozen=True)
class Game:
    """A game as data: all there is to say about it, apart from how it is played.

    Attributes:
        name: str, what --game says.
        says: str, a line of --help: who plays against whom.
        title: str, its name in a sentence, if that is not "the" and its name.
        options: the class of a run's options, a subclass of `Options`.
        model: str, the module that plays it; its `build(options, dataset)` returns the game.
        players: names of the agents that a run leaves behind.
        listeners: names of agents that only the game's own modes use, and that are not exported.
        modes: the modes that know this game.
        presets: preset -> options, for grey images of the usual size, or for a game without
            images.
        small, colour, stacked, points: preset -> options that differ for small grey images, colour
            pictures, stacked digits and points in the plane.
        adapt: callable, (the options that were given, the preset's) -> further options that follow
            from them, in place of the preset's.
        classifier: name of the player that names classes; None if no player does.
        labelled: bool, whether the game needs the classes of the real images.
        next_mode: str, what to type once it is trained.
        collapse_help: str, what usually helps when it collapses.
        points_help: str, the same for a game of points in the plane.
        side_by_side: int, turns that a CPU can play at the same time.
        xla: bool, whether XLA can compile it.
        parent: name of the game whose agents it goes on with; None for a game of its own.
        before: option -> its value in records of older versions, which did not have it, where that
            is another than today's default.
    """

    name: str
    says: str
    options: Any
    model: str
    players: tuple[str, ...]
    presets: Mapping[str, Mapping]
    title: str = ""
    listeners: tuple[str, ...] = ()
    modes: tuple[str, ...] = IMAGE_MODES
    small: Mapping[str, Mapping] = dataclasses.field(default_factory=dict)
    colour: Mapping[str, Mapping] = dataclasses.field(default_factory=dict)
    stacked: Mapping[str, Mapping] = dataclasses.field(default_factory=dict)
    points: Mapping[str, Mapping] = dataclasses.field(default_factory=dict)
    adapt: Callable[[Mapping, Mapping], Mapping] = lambda given, preset: {}
    classifier: str | None = "classifier"
    labelled: bool = True
    next_mode: str = "evaluate"
    collapse_help: str = ""
    points_help: str = ""
    side_by_side: int = 1
    xla: bool = True
    parent: str | None = None
    before: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def fields(self):
        """Its options: name -> dataclasses.Field."""
        return {field.name: field for field in dataclasses.fields(self.options)}

    @property
    def rules(self):
        """The options that a run keeps for life: name -> dataclasses.Field."""
        free = ("game", "preset", "seed", "batch_size", *self.options.PLACES, *self.options.LENGTHS)
        return {name: field for name, field in self.fields.items() if name not in free}

    @property
    def under_attack(self):
        """Whether a classifier is attacked while it learns; its run then records the ball."""
        return self.classifier == "classifier" and "epsilon" in self.fields

    def narrower(self, options, image_size):
        """The widths with which no agent's deepest map has more than `WIDEST` channels.

        An agent doubles its channels whenever it halves the side, so that its parameters grow with
        the square of the side; `WIDEST` keeps them below some eight million.

        Args:
            options: frozen options of this game.
            image_size: int, side of the images.
        Returns:
            dict, name -> int, of the widths in `options` that are too large.
        """
        halvings = 0
        while image_size % 2 == 0 and image_size >= 2 * SMALLEST_BASE:
            image_size, halvings = image_size // 2, halvings + 1
        most = WIDEST // 2**halvings
        widths = (name for name in self.fields if name.endswith("_width"))
        return {name: most for name in widths if getattr(options, name) > most}

    def given(self, flags):
        """The options of a run among all flags: name -> value, None where a flag was not given."""
        names = self.fields.keys() - {"game", "preset"}
        return {name: getattr(flags, name, None) for name in names}

    def preset_of(self, flags):
        """The preset that the flags ask for, or the game's usual one."""
        return flags.preset or self.fields["preset"].default

    def presets_of(self, kind):
        """The presets for a kind of data.

        Args:
            kind: str, "grey" or a key of `KINDS`.
        Returns:
            dict, preset -> dict of the options that it sets.
        """
        others = {} if kind == "grey" else getattr(self, kind)
        return {name: {**usual, **others.get(name, {})} for name, usual in self.presets.items()}

    def from_preset(self, preset, kind="grey", **given):
        """The options of a preset, with those given in place of its own.

        Args:
            preset: str, a key of `presets`.
            kind: str, what the game is played with, "grey" or a key of `KINDS`.
            **given: options by name, of any game; None means not given.
        Returns:
            An instance of `options`.
        Raises:
            OptionError: if the preset is unknown, an option is another game's or out of range.
        """
        if preset not in self.presets:
            raise OptionError(f"--preset {preset}: must be one of {', '.join(self.presets)}")
        given = {name: value for name, value in given.items() if value is not None}
        for name in given.keys() - self.fields.keys():
            owners = " or ".join(owner for owner in GAMES if name in GAMES[owner].fields)
            raise OptionError(f"--{name}: is for --game {owners}, not {self.name}")
        chosen = self.presets_of(kind)[preset]
        chosen |= {**self.adapt(given, chosen), **given}
        return self.options(**{**chosen, "game": self.name, "preset": preset})


# The games by name, in the order in which --help names them.
GAMES: dict[str, Game] = {}


def register(game):
    """Adds a game to those that the program plays."""
    GAMES[game.name] = game


def from_record(record):
    """The options that `dataclasses.asdict` turned into this record.

    Raises:
        OptionError: if a value is out of range.
        TypeError, KeyError: if they are not the options of this version.
    """
    if "game" not in record and "message_bits" in record:  # a cipher's record until version 0.7
        record = {"game": "crypto", **record}
    game = GAMES[record["game"]]
    others = {name for other in GAMES.values() for name in other.fields} - game.fields.keys()
    # Until version 0.7 a GAN's record also held the options of the trio.
    known = {name: value for name, value in record.items() if name not in others}
    return game.options(**{**game.before, **known})


@dataclasses.dataclass(frozen=True)
class Options:
    """The options that every run has, checked when built. Each game adds its own.

    Raises:
        OptionError: if a value is out of range or two contradict each other.
    """

    PLACES: ClassVar[tuple[str, ...]] = ()  # where a run's data are
    LENGTHS: ClassVar[tuple[str, ...]] = ()  # what may change when a run is resumed
    TELLS_APART: ClassVar[str] = "preset"  # the option after which a run's folder is named

    game: str = ""
    preset: str = option("standard", "How long and how well to train.")
    seed: int = option(0, "Seed of every random number.", low=0, high=1_000_000)

    def __post_init__(self):
        if self.game not in GAMES or not isinstance(self, GAMES[self.game].options):
            raise OptionError(f"--game {self.game}: must be one of {', '.join(GAMES)}")
        if self.preset not in GAMES[self.game].presets:
            presets = ", ".join(GAMES[self.game].presets)
            raise OptionError(f"--preset {self.preset}: must be one of {presets}")
        for field in dataclasses.fields(self):
            check([field], getattr(self, field.name))


@dataclasses.dataclass(frozen=True)
class ImageOptions(Options):
    """The options that every game on images has.

    A run ends after `steps` or, if `minutes` is given, by the clock.
    """

    PLACES: ClassVar = ("dataset", "data_dir")
    LENGTHS: ClassVar = ("steps", "minutes")
    TELLS_APART: ClassVar = "dataset"

    dataset: str = option(
        "mnist", "auto is MNIST if it is available, else digits.", choices=DATASETS
    )
    data_dir: str | None = option(
        None, "Folder with the data: mnist.npz, IDX files, or pictures in a folder per class."
    )
    image_size: int | None = option(None, "Side that images are resized to.", low=8, high=256)
    steps: int = option(1000, "Length of the run in steps.", low=1, high=100_000_000)
    minutes: float | None = option(None, "Length of the run in minutes.", low=0.01, high=100_000)
    precision: str = option(
        "float32", "Of the agents' hidden layers; the device decides.", choices=PRECISIONS
    )
    jit: bool = option(False, "Compile the step with XLA; the device decides.")

    def __post_init__(self):
        super().__post_init__()
        if self.image_size and not _halves_well(self.image_size):
            raise OptionError(
                f"--image_size {self.image_size}: must be 4 to 7 times a power of two,"
                " for example 8, 28, 32, 48 or 64"
            )
        if self.jit and not GAMES[self.game].xla:
            raise OptionError(f"--jit: XLA cannot compile --game {self.game}; leave the flag out")
        if self.dataset == "folder" and not self.data_dir:
            raise OptionError("--dataset folder: needs --data_dir, the folder of the pictures")

    def steps_per_epoch(self, num_images):
        """Steps of an epoch: as many whole passes over the images as make at least 200 steps."""
        batch_size: Any = getattr(self, "batch_size")  # noqa: B009  each game has its own
        passes = math.ceil(SMALLEST_EPOCH * batch_size / num_images)
        return max(1, passes * num_images // batch_size)


def kind_of(dataset, image_size=None, channels=None):
    """The kind of a data set, on which presets depend.

    Args:
        dataset: str, its name.
        image_size, channels: ints, or None where not yet known; a folder then counts as colour.
    Returns:
        str, "grey" or a key of `KINDS`.
    """
    if dataset in POINTS:
        return "points"
    if dataset == STACKED:
        return "stacked"
    if channels == 3 or (channels is None and dataset in ("cifar10", "folder")):
        return "colour"
    small = dataset == "digits" if image_size is None else image_size <= 16
    return "small" if small else "grey"


def _halves_well(size):
    while size % 2 == 0 and size > 7:
        size //= 2
    return 4 <= size <= 7
