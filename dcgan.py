"""Adversarial games on images: train the agents, look at what they make, measure how good it is.

  python dcgan.py --mode train                  three agents play; runs/trio-mnist holds the result
  python dcgan.py --mode generate --nice        a grid of their best digits
  python dcgan.py --mode interpolate            a film of digits that turn into each other
  python dcgan.py --mode evaluate               how good they are, in figures
"""

import contextlib
import dataclasses
import os
import pathlib
import sys
import tempfile

from absl import flags

import config as configs

MODES = ("train", "generate", "interpolate", "evaluate")
INTERRUPTED = 130  # what a shell reports for Ctrl-C
FLAGS = flags.FLAGS

flags.DEFINE_enum("mode", None, MODES, "What to do.")
flags.DEFINE_enum(
    "game", "trio", configs.GAMES, "The trio, or the two-agent game without classes."
)
flags.DEFINE_string(
    "dataset",
    "auto",
    "auto, mnist, fashion_mnist, cifar10, digits or folder; auto is MNIST where it can be had.",
)
flags.DEFINE_string("data_dir", None, "Folder with the data: mnist.npz, IDX files, or CLASS/*.png.")
flags.DEFINE_string("path", None, "The run folder; runs/<game>-<dataset> if not given.")
flags.DEFINE_integer("seed", None, "From which every random number is drawn; 0 if not given.")
flags.DEFINE_integer("batch_size", None, "Images of a step, or of a grid.")

flags.DEFINE_enum("preset", "standard", configs.PRESET_NAMES, "How long and how well to train.")
flags.DEFINE_integer("epochs", None, "Length of the run in epochs.")
flags.DEFINE_integer("steps", None, "Length of the run in steps.")
flags.DEFINE_float("minutes", None, "Length of the run on the clock.")
flags.DEFINE_boolean("resume", False, "Go on with the run in the folder.")
flags.DEFINE_boolean("overwrite", False, "Start anew in a folder that holds a run.")
flags.DEFINE_enum("loss", None, configs.LOSSES, "The adversarial loss.")
flags.DEFINE_enum(
    "conditioning", None, configs.CONDITIONINGS, "How the discriminator learns of the class."
)
flags.DEFINE_float("r1_gamma", None, "Weight of the discriminator's lazy gradient penalty.")
flags.DEFINE_boolean("spectral_norm", None, "Bound the discriminator's slope by its weights.")
flags.DEFINE_integer("translation", None, "Pixels that the discriminator's images are shifted by.")
flags.DEFINE_integer(
    "classifier_translation", None, "Pixels that the classifier's images are shifted by."
)
flags.DEFINE_float("ema_decay", None, "Decay of the averaged generator and classifier.")
flags.DEFINE_integer("image_size", None, "Side that images are resized to.")
flags.DEFINE_integer("latent_dim", None, "Length of a latent vector.")
for _agent in ("generator", "discriminator", "classifier"):
    flags.DEFINE_integer(f"{_agent}_width", None, f"Channels of the {_agent}'s largest layer.")
    flags.DEFINE_float(f"{_agent}_learning_rate", None, f"Adam's step size for the {_agent}.")

flags.DEFINE_enum(
    "nice", None, ("top", "drs"), "Keep the best 5 %, or =drs, discriminator rejection sampling."
)
flags.DEFINE_list("digits", None, "The classes to draw, such as 3,1,4.")
flags.DEFINE_float("truncation", None, "Cut the latents off at this many standard deviations.")
flags.DEFINE_string("arrays", None, "Also write images, labels and scores to this .npz file.")
flags.DEFINE_string("output", None, "Folder for pictures; the current one if not given.")
flags.DEFINE_integer("samples", None, "Images that are judged; 10000 if not given.")

GENERAL_FLAGS = ("mode", "game", "dataset", "path", "seed")
CONFIG_FLAGS = (
    "loss conditioning r1_gamma spectral_norm translation classifier_translation ema_decay"
    " image_size latent_dim generator_width discriminator_width classifier_width"
    " generator_learning_rate discriminator_learning_rate classifier_learning_rate"
).split()
MODE_FLAGS = {
    "train": "data_dir batch_size preset epochs steps minutes resume overwrite".split()
    + CONFIG_FLAGS,
    "generate": "batch_size nice digits truncation arrays output".split(),
    "interpolate": "truncation output".split(),
    "evaluate": "data_dir samples truncation".split(),
}


class UsageError(Exception):
    """Flags that cannot be: one line that names the flag and the fix."""


def say(line):
    """Prints a line at once, also into a file or a pipe."""
    print(line, flush=True)


# Flags


def parse(argv):
    """Reads the flags, `--batch-size` as `--batch_size`, and refuses what no mode uses.

    Args:
        argv: list of str, the program first.
    Raises:
        UsageError: for a bad flag, a stray word, a bad value, or a flag of another mode.
    """
    words = [argv[0]]
    for word in argv[1:]:
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            word = "--" + name[2:].replace("-", "_") + equals + value
        words.append("--nice=top" if word == "--nice" else word)
    try:
        stray = FLAGS(words)[1:]
    except flags.Error as error:
        raise UsageError(" ".join(str(error).split())) from None
    if stray:
        raise UsageError(f"{stray[0]}: a word that belongs to no flag; see --help")
    if FLAGS.mode is None:
        raise UsageError(f"--mode: say one of {', '.join(MODES)}; see --help")
    for name in (name for names in MODE_FLAGS.values() for name in names):
        if FLAGS[name].present and name not in MODE_FLAGS[FLAGS.mode]:
            owners = [mode for mode, names in MODE_FLAGS.items() if name in names]
            raise UsageError(f"--{name}: is for --mode {' or '.join(owners)}, not {FLAGS.mode}")
    if FLAGS.dataset not in configs.DATASETS:
        raise UsageError(f"--dataset {FLAGS.dataset}: must be one of {', '.join(configs.DATASETS)}")
    _check_values()


def _check_values():
    lengths = [name for name in ("epochs", "steps", "minutes") if FLAGS[name].value is not None]
    if len(lengths) > 1:
        raise UsageError(f"--{lengths[0]} with --{lengths[1]}: a run has one length; choose one")
    if FLAGS.resume and FLAGS.overwrite:
        raise UsageError("--resume with --overwrite: go on or start anew; choose one")
    limits = {
        "epochs": (1, 1_000_000),
        "batch_size": (1, 65_536),
        "seed": (0, 1_000_000),
        "samples": (100, 1_000_000),
    }
    for name, (low, high) in limits.items():
        value = FLAGS[name].value
        if value is not None and not low <= value <= high:
            raise UsageError(f"--{name} {value}: must be from {low} to {high}")
    if FLAGS.truncation is not None and not 0.01 <= FLAGS.truncation <= 10:
        raise UsageError(f"--truncation {FLAGS.truncation}: must be from 0.01 to 10")
    if FLAGS.arrays is not None and not FLAGS.arrays.endswith(".npz"):
        raise UsageError(f"--arrays {FLAGS.arrays}: must end in .npz")
    if FLAGS.digits is not None and not (
        FLAGS.digits and all(word.strip().isdecimal() for word in FLAGS.digits)
    ):
        raise UsageError(f"--digits {','.join(FLAGS.digits)}: must be numbers, such as 3,1,4")


def help_text():
    """The text of --help: what there is to do, and the flags of each mode."""
    lines = [__doc__]
    groups = {"every mode": GENERAL_FLAGS, **{f"--mode {m}": n for m, n in MODE_FLAGS.items()}}
    for title, names in groups.items():
        lines.append(f"Flags of {title}:")
        for name in names:
            flag = FLAGS[name]
            default = "" if flag.default in (None, False) else f" Default: {flag.default}."
            lines.append(f"  --{name}  {flag.help}{default}")
        lines.append("")
    return "\n".join(lines)


# Modes


def train():
    """--mode train: plays the game into the run folder."""
    given = {name: FLAGS[name].value for name in CONFIG_FLAGS + ["seed", "batch_size", "data_dir"]}
    given |= {"game": FLAGS.game, "steps": FLAGS.steps, "minutes": FLAGS.minutes}
    configs.from_preset(FLAGS.preset, FLAGS.dataset, **given)  # bad values end here, at once

    import data

    name = data.resolve(FLAGS.dataset, FLAGS.data_dir, announce=say)
    config = configs.from_preset(FLAGS.preset, name, **given)
    import_tensorflow()
    import runs
    import training

    run = runs.Run(FLAGS.path or runs.default_path(config.game, config.dataset))
    if run.exists:
        runs.refuse_other(run, config.game, config.dataset if FLAGS.dataset != "auto" else "auto")
    if FLAGS.resume:
        config = resumed_config(run)
    elif run.exists and not FLAGS.overwrite:
        raise runs.RunError(
            f"{run.path}: already holds a run; --resume goes on with it, --overwrite replaces it,"
            " another --path leaves it alone"
        )
    dataset = data.load(
        config.dataset, data_dir=config.data_dir, image_size=config.image_size, seed=config.seed
    )
    if FLAGS.epochs:
        per_epoch = config.steps_per_epoch(len(dataset.train.images))
        config = dataclasses.replace(config, steps=FLAGS.epochs * per_epoch, minutes=None)
    with run.locked():
        if FLAGS.overwrite:
            run.clear()
        say(f"training the {config.game} on {config.dataset} into {run.path}")
        game, stopped_by = training.train(
            run,
            config,
            dataset,
            resume=FLAGS.resume,
            show_bar=sys.stdout.isatty(),
            announce=say,
        )
    return report_end(run, game, stopped_by)


def resumed_config(run):
    """The config of the run to go on with, with the new length if one was given.

    Raises:
        UsageError: if a flag says something else than the run's own config.
    """
    config = run.read_config()
    for name in CONFIG_FLAGS + ["seed", "batch_size", "preset"]:
        if FLAGS[name].present and FLAGS[name].value != getattr(config, name):
            raise UsageError(
                f"--{name} {FLAGS[name].value}: the run in {run.path} has {getattr(config, name)};"
                " a resumed run keeps its options, only its length may change"
            )
    if FLAGS.data_dir:
        config = dataclasses.replace(config, data_dir=FLAGS.data_dir)
    if FLAGS.steps or FLAGS.minutes:
        config = dataclasses.replace(
            config, steps=FLAGS.steps or config.steps, minutes=FLAGS.minutes
        )
    return config


def report_end(run, game, stopped_by):
    """Says how the training ended and what to type next; returns the exit status."""
    command = f"python dcgan.py --mode train --game {FLAGS.game} --path {run.path} --resume"
    if stopped_by == "not finite":
        say(
            f"stopped: a loss became infinite or not a number at step {game.step}; the last good"
            f" checkpoint is {run.checkpoint_file}; start anew with a lower learning rate,"
            " --r1_gamma 1 or --loss hinge"
        )
        return 1
    if stopped_by == "signal":
        say(f"interrupted at step {game.step}; saved {run.checkpoint_file}; go on with: {command}")
        return INTERRUPTED
    say(
        f"done, {game.step} steps; see {run.film_file}; next:"
        f" python dcgan.py --mode generate --nice --game {FLAGS.game} --path {run.path}"
    )
    return 0


def open_sampler():
    """The run that the user means, and a sampler of its agents."""
    import_tensorflow()
    import runs
    import sampling

    run, supplied = runs.find(FLAGS.game, FLAGS.dataset, FLAGS.path)
    say(f"using the {'supplied' if supplied else 'trained'} agents of {run.path}")
    sampler = sampling.Sampler(
        run.load_agent("generator"), run.load_agent("discriminator"), FLAGS.truncation
    )
    return run, sampler


def output_folder():
    """Where pictures go."""
    return pathlib.Path(FLAGS.output or ".").expanduser()


def generate():
    """--mode generate: a grid of images, plain or nice."""
    run, sampler = open_sampler()
    import numpy as np

    import data
    import pictures

    num_classes = sampler.num_classes or 1
    digits = [int(word) for word in FLAGS.digits] if FLAGS.digits else list(range(num_classes))
    if max(digits) >= num_classes:
        raise UsageError(
            f"--digits {max(digits)}: the classes of {run.path} are 0 to {num_classes - 1}"
        )
    count = FLAGS.batch_size or (8 * len(digits) if FLAGS.digits else 64)
    labels = np.resize(np.array(digits, np.int32), count)
    rng = np.random.default_rng(FLAGS.seed or 0)
    draw = {None: sampler.plain, "top": sampler.nice, "drs": sampler.rejection_sampled}[FLAGS.nice]
    drawn = draw(labels, rng)
    images, scores = data.denormalize(drawn), sampler.score(drawn, labels)
    if FLAGS.arrays:
        arrays = pathlib.Path(FLAGS.arrays).expanduser()
        pictures.save_atomically(
            arrays,
            lambda temporary: np.savez_compressed(
                temporary, images=images, labels=labels, scores=scores.astype(np.float32)
            ),
        )
        say(f"wrote {arrays}")
    file = output_folder() / ("nice_generated_image.png" if FLAGS.nice else "generated_image.png")
    columns = len(digits) if len(digits) > 1 else 8
    pictures.save_png(file, pictures.grid(images, columns))
    say(f"wrote {file}")


def interpolate():
    """--mode interpolate: the ways between latents and between classes."""
    _, sampler = open_sampler()
    import numpy as np

    import data
    import pictures
    import sampling

    rng = np.random.default_rng(FLAGS.seed or 0)
    sheet = pictures.grid(data.denormalize(sampling.interpolation_rows(sampler, rng)), 10)
    pictures.save_png(output_folder() / "interpolation.png", sheet)
    frames, columns = sampling.walk(sampler, rng, frames=60)
    sheets = [pictures.grid(data.denormalize(frame), columns) for frame in frames]
    pictures.save_gif(output_folder() / "interpolation.gif", sheets, milliseconds=80)
    say(f"wrote {output_folder() / 'interpolation.png'} and {output_folder() / 'interpolation.gif'}")


COMMANDS = {"train": train, "generate": generate, "interpolate": interpolate}


# The process


def import_tensorflow():
    """Imports TensorFlow without its start-up chatter, which it would write past Python."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with silenced_stderr():
        import tensorflow as tf

        tf.constant(0)  # the devices are looked for, and talked of, at the first tensor


@contextlib.contextmanager
def silenced_stderr():
    """Keeps what is written to file descriptor 2 and shows it only if the block fails."""
    with tempfile.TemporaryFile() as kept:
        saved = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(saved, kept.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def main(argv):
    """Runs one mode; returns the exit status: 0, 1 for bad data or files, 2 for bad flags."""
    try:
        if any(word in ("--help", "-h", "-help", "--helpfull") for word in argv[1:]):
            say(help_text())
            return 0
        parse(argv)
        return COMMANDS[FLAGS.mode]() or 0
    except (UsageError, configs.ConfigError) as error:
        print(f"dcgan.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("dcgan.py: interrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        print(f"dcgan.py: {name}{error.strerror or error}", file=sys.stderr)
        return 1
    except Exception as error:
        if type(error).__name__ not in ("DataError", "RunError"):
            raise
        print(f"dcgan.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
