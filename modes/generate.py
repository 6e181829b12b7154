"""--mode generate and --mode interpolate."""

import pathlib

import numpy as np

import config as configs
import data
import pictures
import sampling
from modes.opening import open_run, output_folder, say

GRID = 64  # images, as its ancestor drew
KINDS = {None: "plain", "top": "nice", "drs": "rejection_sampled"}


def open_sampler(options, run):
    """A sampler of a run's agents."""
    return sampling.Sampler(
        run.load_agent("generator"), run.load_agent("discriminator"), options.truncation
    )


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
    images, scores = data.denormalize(drawn), sampler.score(drawn, labels)
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
    return 0


def interpolate(options):
    """--mode interpolate: the ways between latents and between classes; returns the exit status."""
    run, _ = open_run(options)
    sampler = open_sampler(options, run)
    rng = np.random.default_rng(options.seed or 0)
    sheet, film = (output_folder(options) / f"interpolation.{kind}" for kind in ("png", "gif"))
    rows = sampling.interpolation_rows(sampler, rng, columns=10)
    pictures.save_png(sheet, pictures.grid(data.denormalize(rows), 10))
    frames, columns = sampling.walk(sampler, rng, frames=60)
    sheets = [pictures.grid(data.denormalize(frame), columns) for frame in frames]
    pictures.save_gif(film, sheets, milliseconds=80)
    say(f"wrote {sheet} and {film}")
    return 0
