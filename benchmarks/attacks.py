"""How many images a second projected gradient descent attacks on the CPU: ours and its peers.

python -m benchmarks.attacks                            the supplied robust classifier, MNIST
python -m benchmarks.attacks --weights FILE.keras       another one
python -m benchmarks.attacks --output FILE.json         the figures as a file

Peers that are not installed are named and left out; README.md says how to install them all.
"""

import argparse
import functools
import math
import os
import pathlib
import sys

from benchmarks import report
from cli import terminal
from cli.terminal import count, say
from devices import startup
from games import OptionError

ROOT = pathlib.Path(__file__).parents[1]
WEIGHTS = pathlib.Path("assets", "pretrained", "robust-mnist", "classifier.keras")
DATASETS = ("mnist", "fashion_mnist", "cifar10", "digits")
STEP_SIZE = 0.01


def parse(argv):
    """Reads the flags.

    Args:
        argv: list of str, without the program.
    Returns:
        Namespace.
    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.attacks", __doc__)
    add = parser.add_argument
    add("--weights", type=pathlib.Path, help=f"a classifier; default {WEIGHTS}", metavar="FILE")
    add("--dataset", choices=DATASETS, default="mnist", help="whose test images; default mnist")
    add("--data_dir", "--data-dir", metavar="FOLDER", help="where the data set's files are")
    add("--images", type=count, default=1000, help="how many; default 1000")
    add(
        "--batch_size",
        "--batch-size",
        type=count,
        default=250,
        help="of all rows; default 250",
    )
    add("--steps", type=count, default=40, help="of each attack; default 40")
    add("--epsilon", type=share, default=0.3, help="Linf, pixels in [0, 1]; default 0.3")
    add("--step_size", "--step-size", type=share, help=f"{STEP_SIZE}, or as far as steps need")
    report.add_flags(parser, rounds=5)
    report.add_threads(parser)
    options = parser.parse_args(argv)
    if options.step_size is None:
        options.step_size = max(STEP_SIZE, options.epsilon / options.steps)
    if options.weights is None:
        options.weights = ROOT / WEIGHTS
        if not options.weights.is_file():
            raise OptionError(f"{WEIGHTS} is not there; name a classifier with --weights FILE")
    if not options.weights.is_file():
        raise OptionError(f"--weights {options.weights}: no such file")
    report.check_output(options.output)
    return options


def share(text):
    """A number above 0 and at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and at most 1")
    return value


def load_race(options):
    """The race, on the CPU, and the errors that it may raise; this imports TensorFlow."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    startup.load_tensorflow(options.threads)
    with startup.silenced_stderr():
        from benchmarks import attack_race

    return functools.partial(start, attack_race), (*attack_race.EXPECTED_ERRORS, OSError)


def table(rows):
    """The figures as text: a line per row.

    Args:
        rows: list of dicts, of `race.run`.
    Returns:
        str of several lines.
    """
    lines = [(*report.SPEEDS, "success", "")]
    for row in rows:
        why_not = "" if row["counts"] else f"does not count: {row['why_not']}"
        lines.append((*report.speeds(row), f"{100 * row['success']:.1f} %", why_not))
    return report.aligned(lines)


def main(argv):
    """Races; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.attacks", argv, parse=parse, load=load_race)


def start(race, options):
    """Races, prints the table and writes the file; returns the exit status."""
    task = race.prepare(options)
    say(
        f"PGD-{options.steps}, Linf {options.epsilon:g}, steps of {options.step_size:g}, on"
        f" {options.images} test images of {options.dataset} by {options.batch_size},"
        f" {report.with_threads(options.threads)}"
    )
    figures = {"settings": report.settings(options), **race.run(task, options.rounds, say)}
    figures["machine"] = race.machine(options.threads)
    say(table(figures["rows"]))
    report.write(options.output, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
