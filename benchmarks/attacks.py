"""Images a second that projected gradient descent attacks on the CPU: ours and its peers'.

python -m benchmarks.attacks                            the supplied robust classifier, MNIST
python -m benchmarks.attacks --weights FILE.keras       another one
python -m benchmarks.attacks --output FILE.json         the figures as a file

Peers that are not installed are named and left out; README.md says how to have them all.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
WEIGHTS = pathlib.Path("assets", "pretrained", "robust-mnist", "classifier.keras")
DATASETS = ("mnist", "fashion_mnist", "cifar10", "digits")
STEP_SIZE = 0.01
INTERRUPTED = 130  # what a shell reports for Ctrl-C


class UsageError(Exception):
    """Flags that cannot be raced with, in one line."""


class Parser(argparse.ArgumentParser):
    """A parser that refuses in one line."""

    def error(self, message):
        raise UsageError(message)


def parse(argv):
    """Reads the flags.

    Args:
        argv: list of str, without the program.
    Returns:
        Namespace.
    Raises:
        UsageError: one line that names the flag.
    """
    parser = Parser(
        "python -m benchmarks.attacks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--weights", type=pathlib.Path, help=f"a classifier; default {WEIGHTS}", metavar="FILE")
    add("--dataset", choices=DATASETS, default="mnist", help="whose test images; default mnist")
    add("--data_dir", "--data-dir", metavar="FOLDER", help="where the data set's files are")
    add("--images", type=count, default=1000, help="how many; default 1000")
    add("--batch_size", "--batch-size", type=count, default=250, help="of all rows; default 250")
    add("--rounds", type=count, default=5, help="timed attacks of each row; default 5")
    add("--steps", type=count, default=40, help="of each attack; default 40")
    add("--epsilon", type=share, default=0.3, help="Linf, pixels in [0, 1]; default 0.3")
    add("--step_size", "--step-size", type=share, help=f"{STEP_SIZE}, or as far as steps need")
    add("--threads", type=count, default=cores(), help="of each row; default: all this may use")
    add("--output", type=pathlib.Path, metavar="FILE", help="a JSON file for the figures")
    options = parser.parse_args(argv)
    if options.step_size is None:
        options.step_size = max(STEP_SIZE, options.epsilon / options.steps)
    if options.weights is None:
        options.weights = ROOT / WEIGHTS
        if not options.weights.is_file():
            raise UsageError(f"{WEIGHTS} is not there; name a classifier with --weights FILE")
    if not options.weights.is_file():
        raise UsageError(f"--weights {options.weights}: no such file")
    if options.output is not None and options.output.is_dir():
        raise UsageError(f"--output {options.output}: is a folder; name a file")
    return options


def count(text):
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def share(text):
    """A number above 0 and at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and at most 1")
    return value


def cores():
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def quiet():
    """Keeps what libraries say to file descriptor 2 while they load, unless they fail."""
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


def load_race(threads):
    """Imports the race, and with it TensorFlow, on the CPU and without its start-up chatter."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with quiet():
        import tensorflow as tf

        from benchmarks import race

        tf.get_logger().setLevel("ERROR")
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.constant(0)  # the devices are looked for, and talked of, at the first tensor
    return race


def table(rows):
    """The figures as text: a line a row.

    Args:
        rows: list of dicts, of `race.run`.
    Returns:
        str of several lines.
    """
    lines = [("", "images/s", "lowest to highest", "of ours", "lowest to highest", "success", "")]
    for row in rows:
        speed, ratio = row["images_per_second"], row["ratio_to_ours"]
        lines.append(
            (
                row["name"],
                f"{speed['median']:.1f}",
                f"{speed['low']:.1f} to {speed['high']:.1f}",
                f"{ratio['median']:.2f}",
                f"{ratio['low']:.2f} to {ratio['high']:.2f}",
                f"{100 * row['success']:.1f} %",
                "" if row["counts"] else f"does not count: {row['why_not']}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        line[0].ljust(widths[0])
        + "".join(
            f"  {cell:>{width}}" for cell, width in zip(line[1:-1], widths[1:-1], strict=True)
        )
        + f"  {line[-1]}".rstrip()
        for line in lines
    )


def main(argv):
    """Races; returns the exit status: 0, 1 for bad data or files, 2 for bad flags."""
    try:
        options = parse(argv)
        race = load_race(options.threads)
        try:
            return start(race, options)
        except (*race.EXPECTED_ERRORS, OSError) as error:
            return fail(" ".join(str(error).split()), 1)
    except UsageError as error:
        return fail(error, 2)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)


def start(race, options):
    """Races, prints the table and writes the file; returns the exit status."""
    from pictures import save_text

    task = race.prepare(options)
    settings = {name: getattr(options, name) for name in vars(options) if name != "output"}
    settings["weights"] = str(options.weights)
    say(
        f"PGD-{options.steps}, Linf {options.epsilon:g}, steps of {options.step_size:g}, on"
        f" {options.images} test images of {options.dataset} by {options.batch_size},"
        f" with {options.threads} {'thread' if options.threads == 1 else 'threads'}"
    )
    report = {"settings": settings, **race.run(task, options.rounds, say)}
    report["machine"] = race.machine(options.threads)
    say(table(report["rows"]))
    if options.output is not None:
        save_text(options.output, json.dumps(report, indent=2) + "\n")
    return 0


def say(line):
    """Prints a line at once, also into a file or a pipe."""
    print(line, flush=True)


def fail(message, status):
    """Prints one line to standard error and returns the exit status."""
    print(f"benchmarks.attacks: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
