"""What `dcgan.py --mode ...` does, once the flags are known to be good."""

import dataclasses
import json
import pathlib
import signal
import sys

import numpy as np

import config as configs
import data
import downloads
import pictures
import runs
import sampling
import training
from evaluation import generation, plots, reference, table

EXPECTED_ERRORS = (data.DataError, runs.RunError, OSError)
INTERRUPTED = 128 + signal.SIGINT
GRID = 64  # images, as its ancestor drew
FEWEST_TEST_IMAGES = 100
KINDS = {None: "plain", "top": "nice", "drs": "rejection_sampled"}


def say(line):
    """Prints a line at once, also into a file or a pipe."""
    print(line, flush=True)


def one_line(error):
    """The text of an expected error, in one line."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def train(options):
    """--mode train: plays the game into the run folder.

    Args:
        options: the namespace of `dcgan.parse`.
    Returns:
        int, the exit status.
    Raises:
        ConfigError, or one of EXPECTED_ERRORS.
    """
    name = options.dataset
    if options.resume and options.path:
        name = runs.Run(options.path).read_config().dataset if name == "auto" else name
    name = data.resolve(name, options.data_dir, announce=say)
    config = configs.from_preset(options.preset, name, **configs.options_of(options))
    run = runs.Run(options.path or runs.default_path(config.game, config.dataset))
    if run.exists:
        runs.refuse_other(run, config.game, config.dataset)
    if options.resume:
        config = resumed_config(run, options)
    elif run.exists and not options.overwrite:
        raise runs.RunError(
            f"{run.path}: already holds a run; --resume goes on with it, --overwrite replaces it,"
            " another --path leaves it alone"
        )
    dataset = data.load(
        config.dataset, data_dir=config.data_dir, image_size=config.image_size, seed=config.seed
    )
    if options.epochs:
        per_epoch = config.steps_per_epoch(len(dataset.train.images))
        config = dataclasses.replace(config, steps=options.epochs * per_epoch, minutes=None)
    with run.locked():
        if options.overwrite:
            run.clear()
        say(f"training the {config.game} on {config.dataset} into {run.path}")
        game, stopped_by = training.train(
            run,
            config,
            dataset,
            resume=options.resume,
            show_bar=sys.stdout.isatty(),
            announce=say,
        )
        plots.plot_losses(run.read_stats(), run.path / "losses.png")
    return report_end(run, config, game.step, stopped_by)


def resumed_config(run, options):
    """The config of the run to go on with, with the new length if one was given.

    A longer preset goes on with a shorter one's run, for presets differ in length alone.

    Raises:
        ConfigError: if a flag says something else than the run's own config.
    """
    config = run.read_config()
    for name in (*configs.GAME_OPTIONS, "seed", "batch_size"):
        if name in options.given and getattr(options, name) != getattr(config, name):
            raise configs.ConfigError(
                f"--{name} {getattr(options, name)}: the run in {run.path} has"
                f" {getattr(config, name)}; only the length of a resumed run may change"
            )
    length = {"steps": options.steps, "minutes": options.minutes, "data_dir": options.data_dir}
    given = {name: value for name, value in length.items() if value is not None}
    if "preset" in options.given:
        steps = configs.from_preset(options.preset, config.dataset, data_dir=config.data_dir).steps
        given = {"preset": options.preset, "steps": steps, **given}
    if given.keys() & {"steps", "minutes"} or options.epochs:
        config = dataclasses.replace(config, minutes=None)
    return dataclasses.replace(config, **given)


def report_end(run, config, step, stopped_by):
    """Says how the training ended and what to type next; returns the exit status."""
    where = f"--game {config.game} --path {run.path}"
    if stopped_by == "not finite":
        raise runs.RunError(
            f"a loss became infinite or not a number at step {step}; the last good checkpoint is"
            f" {run.checkpoint_file}; start anew with a lower learning rate or --r1_gamma 1"
        )
    if stopped_by == "signal":
        say(f"interrupted at step {step}, and saved; to go on:")
        say(f"  python dcgan.py --mode train {where} --resume")
        return INTERRUPTED
    say(f"done, {step} steps; the film is {run.film_file}; next:")
    say(f"  python dcgan.py --mode generate --nice {where}")
    return 0


def open_run(options):
    """The run that the user means, and a sampler of its agents."""
    run, supplied = runs.find(options.game, options.dataset, options.path)
    if supplied and options.dataset == "auto" and options.mode == "evaluate":
        name = data.resolve("auto", options.data_dir, announce=say)  # of data that can be had
        run, supplied = runs.find(options.game, name, options.path)
    say(f"using the {'supplied' if supplied else 'trained'} agents of {run.path}")
    sampler = sampling.Sampler(
        run.load_agent("generator"), run.load_agent("discriminator"), options.truncation
    )
    return run, supplied, sampler


def generate(options):
    """--mode generate: a grid of images, plain or nice; returns the exit status."""
    run, _, sampler = open_run(options)
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
    _, _, sampler = open_run(options)
    rng = np.random.default_rng(options.seed or 0)
    sheet, film = (output_folder(options) / f"interpolation.{kind}" for kind in ("png", "gif"))
    rows = sampling.interpolation_rows(sampler, rng, columns=10)
    pictures.save_png(sheet, pictures.grid(data.denormalize(rows), 10))
    frames, columns = sampling.walk(sampler, rng, frames=60)
    sheets = [pictures.grid(data.denormalize(frame), columns) for frame in frames]
    pictures.save_gif(film, sheets, milliseconds=80)
    say(f"wrote {sheet} and {film}")
    return 0


def evaluate(options):
    """--mode evaluate: a table of figures, evaluation.json and plots; returns the exit status."""
    run, supplied, sampler = open_run(options)
    config = run.read_config()
    dataset = data.load(
        config.dataset,
        data_dir=options.data_dir or config.data_dir,
        image_size=config.image_size,
        seed=config.seed,
    )
    if len(dataset.test.labels) < FEWEST_TEST_IMAGES:
        raise data.DataError(
            f"the test split of {config.dataset} holds {len(dataset.test.labels)} images, too few"
            f" to measure by; {FEWEST_TEST_IMAGES} or more are needed"
        )
    conditional = sampler.num_classes is not None
    count, seed = options.samples or 10_000, options.seed or 0
    say("judging by a classifier of real images, which is trained first unless it is cached")
    judge = reference.reference_classifier(
        dataset, downloads.cache_folder().with_name("adversarial-games")
    )
    labels = np.resize(np.arange(sampler.num_classes or 1, dtype=np.int32), count)

    def draw(kind, labels, seed):
        return getattr(sampler, kind)(labels, np.random.default_rng(seed))

    def sample(kind):
        drawn = draw(kind, labels, seed)
        if not conditional:
            return data.denormalize(drawn), None
        return data.denormalize(drawn), labels, sampler.clarity(drawn, labels)

    def teaching_images(size, seed):
        asked = np.resize(labels, size)
        return data.denormalize(draw("plain", asked, seed + 1)), asked

    say(f"drawing {count} plain images, and as many nice ones out of {sampling.NICE_FACTOR} each")
    samples = {kind: sample(kind) for kind in KINDS.values()}
    say("measuring; the last figure trains a fresh classifier on generated images alone")
    report = generation.evaluate_generation(
        samples,
        dataset,
        judge,
        training_source=teaching_images if conditional else None,
        classifier=run.load_agent("classifier") if conditional else None,
        options=generation.GenerationOptions(
            num_judged=count, seed=seed, matched=conditional and config.conditioning == "none"
        ),
    )
    say(table.format_table(report))
    folder = output_folder(
        options, runs.default_path(config.game, config.dataset) if supplied else run.path
    )
    pictures.save_text(folder / "evaluation.json", json.dumps(report, indent=2) + "\n")
    plots.plot_report(report, folder)
    say(f"wrote {folder / 'evaluation.json'} and the plots beside it")
    return 0


def output_folder(options, usual="."):
    """Where what a mode makes is written: --output, or else the usual place."""
    return pathlib.Path(options.output or usual).expanduser()
