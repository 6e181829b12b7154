"""--mode train."""

import dataclasses
import functools
import importlib
import os
import pathlib
import sys

import games
import models
from cli import terminal
from cli.terminal import command, say
from devices import hardware
from devices.distribution import Devices, lost_worker
from games import GAMES, ImageOptions, OptionError
from games.option import check_reach
from images import datasets
from modes.selection import data_of, load_dataset
from training import finding, run_folder
from training.accessories import Teller
from training.callbacks import is_signal, status_of

# Data sets whose names are written otherwise in a sentence.
NAMES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}


def train(flags):
    """--mode train: plays the game into the run folder.

    Takes the flags; returns the exit status, or raises OptionError or one of EXPECTED_ERRORS.
    """
    game = GAMES[flags.game]
    which = getattr(flags, game.options.TELLS_APART) or game.preset_of(flags)
    on_images = issubclass(game.options, ImageOptions)
    if on_images and not (flags.resume and flags.path is not None):
        which = datasets.resolve(which, flags.data_dir, announce=say)
    path = finding.default_path(game.name, which) if flags.path is None else flags.path
    run = run_folder.Run(path)
    if flags.resume:
        run.refuse_to_resume(game.name)
    if run.exists and not (flags.overwrite and run.is_damaged):
        meant = "auto" if flags.resume and game.options.TELLS_APART not in flags.given else which
        finding.refuse_other(run, game.name, meant)
    if flags.resume:
        return resume(run, flags)
    if on_images:
        options, dataset = new_on_images(game, which, flags)
    else:
        options, dataset = game.from_preset(game.preset_of(flags), **game.given(flags)), None
    return play(run, options, dataset, flags)


def resume(run, flags, build=models.build_game):
    """Goes on with a run, on the data that it started with; arguments as `play`."""
    options = resumed_options(run, flags)
    dataset = None
    if isinstance(options, ImageOptions):
        dataset = data_of(run, options)
    return play(run, options, dataset, flags, build=build)


def new_on_images(game, name, flags):
    """The options of a new run on images, which depend on the data set's images, and the data set.

    Raises:
        OptionError: as the game's options.
        DataError: if the data are not available.
    """
    given = {**game.given(flags), "dataset": name}
    if flags.data_dir:
        given["data_dir"] = os.path.abspath(pathlib.Path(flags.data_dir).expanduser())  # noqa: PTH100
    given = hardware.suited(
        given, xla=game.xla, gpu=hardware.has_gpu(), shared=flags.distribute != "none"
    )
    preset = game.preset_of(flags)
    # Built before the data are read, to refuse impossible options, and once more for their kind.
    dataset = load_dataset(game.from_preset(preset, games.kind_of(name), **given))
    kind = games.kind_of(name, dataset.image_size, dataset.channels)
    options = narrowed(game, game.from_preset(preset, kind, **given), dataset.image_size, given)
    if hasattr(options, "epsilon"):
        check_reach(options.epsilon, options.norm, dataset.train.images.shape[1:])
    return options, dataset


def narrowed(game, options, image_size, given):
    """The options with widths that suit large images, but for those that the user gave."""
    widths = game.narrower(options, image_size)
    widths = {name: width for name, width in widths.items() if given.get(name) is None}
    if widths:
        shown = ", ".join(f"--{name} {width}" for name, width in widths.items())
        say(f"{shown}: narrower than usual, for images of {image_size} pixels a side")
    return dataclasses.replace(options, **widths)


def play(run, options, dataset, flags, build=models.build_game):
    """Plays a game into a free folder, or into one that --resume or --overwrite allows.

    Args:
        run: run_folder.Run.
        options: frozen options of the run.
        dataset: images.datasets.Dataset, or None for a game without images.
        flags: the namespace of `cli.flags.parse`.
        build: callable, (options, dataset) -> the game to start with.
    Returns:
        int, the exit status.
    Raises:
        OptionError, or one of EXPECTED_ERRORS.
    """
    if not flags.resume:
        run.refuse_to_replace(flags.overwrite)
    on_images = isinstance(options, ImageOptions)
    loop = importlib.import_module("training.loop" if on_images else "training.attempts")
    tell = Teller(terminal.tell)
    start = functools.partial(loop.train, resume=flags.resume, announce=tell)
    devices = flags.devices or Devices()
    if on_images:
        if flags.epochs:
            per_epoch = options.steps_per_epoch(len(dataset.train.images))
            options = dataclasses.replace(options, steps=flags.epochs * per_epoch, minutes=None)
        devices.check(options.batch_size)
        start = functools.partial(
            start,
            dataset=dataset,
            show_bar=sys.stdout is not None and sys.stdout.isatty(),
            build=build,
            devices=devices,
        )
    if not devices.is_chief:
        run = run_folder.Onlooker(run.path)
    with run.locked():
        if devices.is_chief and not flags.resume:
            run.refuse_to_replace(flags.overwrite)  # another training may just have ended here
        where = "" if flags.distribute == "none" else f" on {devices}"
        title = GAMES[options.game].title or f"the {options.game}"
        tell(f"training {title} {taught_by(options)}{where} into {run.path}")
        try:
            game, stopped_by = start(run, options)
        except devices.losses as error:
            raise run_folder.RunError(
                f"{lost_worker(error)} was lost, so the run ends here; the last checkpoint is"
                f" {run.checkpoint_file}; start all workers again with --resume"
            ) from None
    return report_end(run, options, game.step, stopped_by, flags.distribute, tell)


def taught_by(options):
    """What a game learns from, in words: its data set or, without images, its preset."""
    which = getattr(options, options.TELLS_APART)
    if not isinstance(options, ImageOptions):
        return f"with --preset {which}"
    return "on a folder of pictures" if which == "folder" else f"on {NAMES.get(which, which)}"


def resumed_options(run, flags):
    """The options of the run that is resumed, with its new length if one was given.

    A longer preset can go on with the run of a shorter one if they differ only in length.

    Raises:
        OptionError: if a flag contradicts the run's own options.
    """
    options = run.read_config()
    changeable = {"game", "preset", *options.PLACES, *options.LENGTHS}
    for name in GAMES[options.game].fields.keys() - changeable:
        if name in flags.given and getattr(flags, name) != getattr(options, name):
            raise OptionError(
                f"--{name} {getattr(flags, name)}: the run in {run.path} has"
                f" {getattr(options, name)}; only the length of a resumed run may change"
            )
    names = [*options.LENGTHS, *(name for name in options.PLACES if name != options.TELLS_APART)]
    given = {name: getattr(flags, name) for name in names if getattr(flags, name) is not None}
    if "preset" in flags.given and flags.preset != options.preset:
        given = {
            "preset": flags.preset,
            "steps": steps_of_longer(flags.preset, run, options),
            **given,
        }
    if given.keys() & {"steps", "minutes"} or flags.epochs:
        given = {"minutes": None, **given}
    return dataclasses.replace(options, **given)


def steps_of_longer(preset, run, options):
    """How many steps a preset plays, if a run of another preset can go on with it.

    What the run has otherwise than its own preset counts as given with the other one as well.

    Raises:
        OptionError: if the two differ in more than their length.
    """
    if not isinstance(options, ImageOptions):
        raise OptionError(
            f"--preset {preset}: the run has {options.preset}; start a new run for it"
        )
    kind = games.kind_of(options.dataset, *(run.image_shape() or ())[1:])

    def of(name, **given):
        return dataclasses.asdict(GAMES[options.game].from_preset(name, kind, **given))

    plain, own = of(options.preset), dataclasses.asdict(options)
    own = {name: own[name] for name in own.keys() - {"game", "preset", *options.LENGTHS}}
    changed = {name: value for name, value in own.items() if value != plain[name]}
    wanted, played = (of(name, **changed) for name in (preset, options.preset))
    for name in sorted(wanted.keys() - {"preset", "steps"}):
        if wanted[name] != played[name]:
            raise OptionError(
                f"--preset {preset}: differs in {name} from {options.preset}, the run's preset;"
                " lengthen the run with --steps, or start a new one"
            )
    return wanted["steps"]


def report_end(run, options, step, stopped_by, distribute, tell):
    """Says how the training ended and what to type next; returns the exit status."""
    game = GAMES[options.game]
    name, path = game.name, run.path
    if game.parent is not None:
        name, path = game.parent, run.path.parent
    if stopped_by == "not finite":
        remedy = " or --r1_gamma 1" if hasattr(options, "r1_gamma") else ""
        raise run_folder.RunError(
            f"a loss became infinite or not a number at step {step}; the last good checkpoint is"
            f" {run.checkpoint_file}; start a new run with a lower learning rate{remedy}"
        )
    where = ("--game", name, "--path", path)
    if is_signal(stopped_by):
        again = () if distribute == "none" else ("--distribute", distribute)
        tell(f"interrupted at step {step}, and saved; to go on:")
        tell(f"  {run.command(*again, '--resume')}")
        return status_of(stopped_by)
    film = f"; the film is {run.film_file}" if run.film_file.exists() else ""
    tell(f"done, {step} steps{film}; next:")
    tell(f"  {command('--mode', *game.next_mode.split(), *where)}")
    return status_of("SIGPIPE") if tell.closed else 0
