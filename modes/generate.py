"""--mode generate and --mode interpolate."""

import pathlib

import numpy as np

from cli.terminal import say
from games import config as configs
from images import datasets, pictures
from models import building, sampling
from modes.opening import open_run, output_folder

GRID = 64  # images, as its ancestor drew
FOREIGN_FLAGS = {True: {"nice", "truncation"}, False: {"sampling_steps"}}  # by "attacked"?
KINDS = {None: "plain", "top": "nice", "drs": "rejection_sampled"}


def open_sampler(options, run):
    """A sampler of a run's agents.

    Raises:
        ConfigError: if a flag was given that means nothing to this game's agents.
    """
    config = run.read_config()
    foreign = FOREIGN_FLAGS[config.game == "attacked"]
    for name in foreign & options.given:
        raise configs.ConfigError(f"--{name}: has no meaning for --game {config.game}")
    discriminator = run.load_agent("discriminator")
    if config.game == "attacked":
        steps = options.sampling_steps or config.sampling_steps
        return sampling.AttackSampler(discriminator, building.image_attack(config), steps)
    return sampling.Sampler(run.load_agent("generator"), discriminator, options.truncation)


def generate(options):
    """--mode generate: a grid of images, plain or nice; returns the exit status."""
    run, _ = open_run(options)
    sampler = open_sampler(options, run)
    num_classes = sampler.num_classes or 1
    classes = options.digits or list(range(num_classes))
    if max(classes) >= num_classes:
        raise configs.ConfigError(
            f"--digits {max(classes)}: the classes of {run.path} are 0 to {num_classes - 1}"
        )
    count = options.batch_size or (8 * len(classes) if options.digits else GRID)
    labels = np.resize(np.array(classes, np.int32), count)
    drawn = getattr(sampler, KINDS[options.nice])(labels, np.random.default_rng(options.seed or 0))
    images, scores = datasets.denormalize(drawn), sampler.score(drawn, labels)
    if options.arrays:
        arrays = pathlib.Path(options.arrays).expanduser()
        pictures.save_atomically(
            arrays,
            lambda file: np.savez_compressed(file, images=images, labels=labels, scores=scores),
        )
        say(f"wrote {arrays}")
    picture = output_folder(options) / f"{'nice_' if options.nice else ''}generated_image.png"
    pictures.save_png(picture, pictures.grid(images, len(classes) if len(classes) > 1 else 8))
    say(f"wrote {picture}")
    if isinstance(sampler, sampling.AttackSampler):
        write_film(sampler, labels[: 2 * num_classes], options)
    return 0


def write_film(sampler, labels, options):
    """Writes noise_to_images.gif: the images on their way, which begins in noise."""
    frames = sampler.film(labels, np.random.default_rng(options.seed or 0))
    sheets = [pictures.grid(datasets.denormalize(frame), sampler.num_classes) for frame in frames]
    film = output_folder(options) / "noise_to_images.gif"
    pictures.save_gif(film, sheets, milliseconds=100, hold=2000)
    say(f"wrote {film}")


def interpolate(options):
    """--mode interpolate: the ways between latents and between classes; returns the exit status."""
    run, _ = open_run(options)
    sampler = open_sampler(options, run)
    rng = np.random.default_rng(options.seed or 0)
    sheet, film = (output_folder(options) / f"interpolation.{kind}" for kind in ("png", "gif"))
    rows = sampling.interpolation_rows(sampler, rng, columns=10)
    pictures.save_png(sheet, pictures.grid(datasets.denormalize(rows), 10))
    frames, columns = sampling.walk(sampler, rng, frames=60)
    sheets = [pictures.grid(datasets.denormalize(frame), columns) for frame in frames]
    pictures.save_gif(film, sheets, milliseconds=80)
    say(f"wrote {sheet} and {film}")
    return 0
