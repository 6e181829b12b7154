"""--mode generate and --mode interpolate."""

import pathlib

import numpy as np

from cli.terminal import say
from games import OptionError
from images import datasets, pictures
from images.views import view_of
from images.writing import save_arrays
from models import interpolation, sampling
from modes.selection import check_places, class_of, open_run, output_folder
from training.loading import load_sampler

FOREIGN_FLAGS = {True: {"nice", "truncation"}, False: {"sampling_steps"}}  # of "attacked"?
KINDS = {None: "plain", "top": "nice", "drs": "rejection_sampled"}


def open_sampler(flags, run):
    """A sampler of a run's agents.

    Raises:
        OptionError: for a flag that means nothing to this game's agents.
    """
    config = run.read_config()
    foreign = FOREIGN_FLAGS[config.game == "attacked"]
    for name in foreign & flags.given:
        raise OptionError(f"--{name}: has no meaning for --game {config.game}")
    return load_sampler(
        run, truncation=flags.truncation, sampling_steps=flags.sampling_steps, announce=say
    )


def generate(flags):
    """--mode generate: a grid of images, plain or nice; returns the exit status."""
    run, _ = open_run(flags)
    sampler = open_sampler(flags, run)
    if flags.classes and sampler.num_classes is None:
        raise OptionError(f"--classes: the generator of --game {flags.game} is told no class")
    num_classes = sampler.num_classes or 1
    classes = list(range(num_classes))
    if flags.classes:
        classes = [class_of(word, run, "classes") for word in flags.classes]
        say(f"drawing {', '.join(dict.fromkeys(run.class_names()[label] for label in classes))}")
    picture = output_folder(flags) / f"{'nice_' if flags.nice else ''}generated_image.png"
    film = output_folder(flags) / "noise_to_images.gif"
    arrays = pathlib.Path(flags.arrays).expanduser() if flags.arrays else None
    is_by_attack = isinstance(sampler, sampling.AttackSampler)
    written = {picture: True, film: is_by_attack, arrays: arrays}
    check_places(flags, *(path for path, is_written in written.items() if is_written))
    view = view_of(run.read_config().dataset)
    count = flags.samples or (view.per_class * len(classes) if flags.classes else view.many)
    labels = np.resize(np.array(classes, np.int32), count)
    drawn = getattr(sampler, KINDS[flags.nice])(labels, np.random.default_rng(flags.seed or 0))
    if arrays:
        scores = sampler.score(drawn, labels)
        named = {view.name: view.array(drawn), "labels": labels, "scores": scores}
        save_arrays(arrays, named)
        say(f"wrote {arrays}")
    pictures.save_png(picture, view.sheet(drawn, len(classes) if len(classes) > 1 else 8))
    say(f"wrote {picture}")
    if is_by_attack:
        write_film(sampler, labels[: 2 * num_classes], flags, film)
    return 0


def write_film(sampler, labels, flags, path):
    """Writes noise_to_images.gif: the way from noise to the images."""
    frames = sampler.film(labels, np.random.default_rng(flags.seed or 0))
    sheets = [pictures.grid(datasets.denormalize(frame), sampler.num_classes) for frame in frames]
    pictures.save_gif(path, sheets, milliseconds=100, hold=2000)
    say(f"wrote {path}")


def interpolate(flags):
    """--mode interpolate: the ways between latents and between classes; returns the exit status."""
    run, _ = open_run(flags)
    sampler = open_sampler(flags, run)
    rng = np.random.default_rng(flags.seed or 0)
    sheet, film = (output_folder(flags) / f"interpolation.{kind}" for kind in ("png", "gif"))
    check_places(flags, sheet, film)
    rows = interpolation.interpolation_rows(sampler, rng, columns=10)
    pictures.save_png(sheet, pictures.grid(datasets.denormalize(rows), 10))
    frames, columns = interpolation.walk(sampler, rng, frames=60)
    sheets = [pictures.grid(datasets.denormalize(frame), columns) for frame in frames]
    pictures.save_gif(film, sheets, milliseconds=80)
    say(f"wrote {sheet} and {film}")
    return 0
