"""What several modes share: which run is meant, its data, where results go."""

import dataclasses
import pathlib

from attacks.ball import Ball
from cli.terminal import say
from games import GAMES, OptionError
from games.base import POINTS
from games.option import check_reach
from images import datasets
from images.writing import Target
from training import finding, loading

FEWEST_TEST_IMAGES = 100
FILE_ENDINGS = (".png", ".gif", ".npz", ".json", ".jpg", ".onnx", ".tflite")
NEEDS_IMAGES = ("interpolate", "attack", "export")
USUAL_EPSILON = {"linf": 0.3, "l2": 2.0}  # for grey images; CIFAR-10's is in its run's options


def open_run(flags, needs_data=False):
    """The run that the user means.

    Args:
        flags: the namespace of `cli.flags.parse`.
        needs_data: bool, whether supplied agents must be those of an available data set.
    Returns:
        (Run, bool): the run, and whether its agents are supplied ones.
    Raises:
        RunError: as `finding.find`.
    """
    game = GAMES[flags.game]
    which = getattr(flags, game.options.TELLS_APART)
    if which is None:
        which = "auto" if flags.path else game.preset_of(flags)
    run, supplied = finding.find(game.name, which, flags.path)
    if supplied and which == "auto" and needs_data:
        name = datasets.resolve("auto", flags.data_dir, announce=say)
        run, supplied = finding.find(game.name, name, flags.path)
    refuse_points(flags.mode, run)
    say(f"using the {'supplied' if supplied else 'trained'} agents of {run.path}")
    return run, supplied


def refuse_points(mode, run):
    """Refuses a mode that needs images if the run is on points.

    Raises:
        OptionError: one line.
    """
    name = getattr(run.read_config(), "dataset", None)
    if name in POINTS and mode in NEEDS_IMAGES:
        raise OptionError(f"--mode {mode}: is for images, not for the points of --dataset {name}")


def classifier_run(run):
    """As `loading.classifier_holder`; says so if that is another run."""
    holder = loading.classifier_holder(run)
    if holder is not run:
        say(f"its classifier is the fine-tuned one of {holder.path}")
    return holder


def class_of(word, run, name):
    """The label that a word means: the name of a class, or its number from 0.

    Args:
        word: str.
        run: run_folder.Run, which knows the names of its classes.
        name: str, of the flag, for the message.
    Raises:
        OptionError: one line that names the classes.
    """
    names = run.class_names()
    if word in names:
        return names.index(word)
    folded = [each.casefold() for each in names]
    if word.casefold() in folded:
        return folded.index(word.casefold())
    if word.isdecimal() and int(word) < len(names):
        return int(word)
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    raise OptionError(
        f"--{name} {word}: is not a class of {run.path}; those are 0 to {len(names) - 1}: {shown}"
    )


def chosen_ball(flags, options, shape):
    """The ball that the flags ask for, or else that of the attacks that the run was trained under.

    Args:
        flags: the namespace of `cli.flags.parse`.
        options: frozen options of the run.
        shape: (h, w, c) of the images.
    Returns:
        attacks.ball.Ball.
    Raises:
        OptionError: if there cannot be such a ball.
    """
    attacked = GAMES[options.game].under_attack
    norm = flags.norm or (options.norm if attacked else "linf")
    epsilon = flags.epsilon
    if epsilon is None:
        epsilon = options.epsilon if attacked and norm == options.norm else USUAL_EPSILON[norm]
    check_reach(flags.epsilon, norm, shape)
    try:
        return Ball(epsilon, norm)
    except ValueError as error:
        raise OptionError(f"--{error}") from None


def load_dataset(options, announce=say):
    """The data set that a run's options name; `announce` is told what was read and left out."""
    return datasets.load(
        options.dataset,
        data_dir=options.data_dir,
        image_size=options.image_size,
        labelled=GAMES[options.game].labelled,
        seed=options.seed,
        announce=announce,
    )


def data_of(run, options):
    """The data set of a run, compared with the one that the run learned from.

    Args:
        run: run_folder.Run, which has recorded its classes and channels.
        options: frozen options that say where the data are.
    Returns:
        images.datasets.Dataset, with the run's channels and order of classes.
    Raises:
        DataError: if it is not available, or has other classes.
    """
    dataset = load_dataset(options)
    if dataset.is_points:
        return dataset  # it is drawn, so there is no other copy of it
    shape = run.image_shape() or (None, None, dataset.channels)
    names = run.class_names() if GAMES[options.game].labelled else dataset.class_names
    return datasets.matched(dataset, names, shape[2])


def load_data(run, flags, fewest=FEWEST_TEST_IMAGES):
    """The data set of a run, whose test split must be large enough to measure with.

    Raises:
        DataError: if it is not available or has too few test images.
    """
    options = run.read_config()
    if flags.data_dir:
        options = dataclasses.replace(options, data_dir=flags.data_dir)
    dataset = data_of(run, options)
    if len(dataset.test.labels) < fewest:
        raise datasets.DataError(
            f"the test split of {options.dataset} holds {len(dataset.test.labels)} images, too few"
            f" to compare images with; {fewest} or more are needed (--robustness and --mode attack"
            " do with fewer)"
        )
    return dataset


def output_folder(flags, usual="."):
    """Where the results of a mode go: --output, or else the usual place.

    Raises:
        OptionError: if the name is that of a file.
    """
    folder = pathlib.Path(flags.output or usual).expanduser()
    if folder.suffix in FILE_ENDINGS and not folder.is_dir():
        raise OptionError(
            f"--output {flags.output}: --mode {flags.mode} writes files of its own names into a"
            " folder; name the folder"
        )
    return folder


def check_places(flags, *paths, reads=()):
    """Refuses, before there is any work, places where results cannot or must not be written.

    A file that this program made is replaced; any other only with --overwrite, and none that is
    read.

    Args:
        flags: the namespace of `cli.flags.parse`.
        *paths: pathlib.Path of each file.
        reads: names of files that are read.
    Raises:
        PlaceError, OSError: one line that names the file.
    """
    read = [pathlib.Path(name).expanduser() for name in reads if name]
    for path in paths:
        Target(path, flags.overwrite, anew=True).check(*(each for each in read if each.exists()))


def report_folder(flags, run, supplied):
    """Where a report goes: into the run folder or, for supplied agents, where one would be."""
    options = run.read_config()
    which = getattr(options, options.TELLS_APART)
    usual = finding.default_path(options.game, which) if supplied else run.path
    return output_folder(flags, usual)
