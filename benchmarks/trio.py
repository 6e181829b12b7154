"""How many images a second the trio learns from on the CPU, beside other ways to write its step.

python -m benchmarks.trio                       networks and batch of `--mode train`, 28 x 28 pixels
python -m benchmarks.trio --preset best         those of another preset
python -m benchmarks.trio --dataset cifar10     in colour, 32 x 32 pixels
python -m benchmarks.trio --output FILE.json    the figures as a file

PyTorch's rows are left out if it is not installed; README.md says how to install it.
"""

import functools
import os
import sys

from benchmarks import report
from cli import terminal
from cli.terminal import count, say
from devices import startup
from games import GAMES, kind_of
from images.datasets import SHAPES

WIDTHS = ("generator_width", "discriminator_width", "classifier_width")
DATASETS = ("mnist", "cifar10")


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.trio", __doc__)
    add = parser.add_argument
    add("--preset", default="standard", help="whose networks and batch; default standard")
    add(
        "--dataset",
        choices=DATASETS,
        default="mnist",
        help="whose presets and shape; default mnist",
    )
    for name in ("batch_size", *WIDTHS):
        add(
            f"--{name}", f"--{name.replace('_', '-')}", type=count, help="the preset's if not given"
        )
    add("--image_size", "--image-size", type=count, help="in pixels; the data set's if not given")
    add("--steps", type=count, default=64, help="of a turn; default 64, four of them with R1")
    report.add_flags(parser, rounds=5)
    report.add_threads(parser)
    options = parser.parse_args(argv)
    options.image_size = options.image_size or SHAPES[options.dataset][0]
    report.check_output(options.output)
    config_of(options)
    return options


def config_of(options):
    """The trio that the flags describe.

    Raises:
        OptionError: if they describe none.
    """
    given = ("dataset", "batch_size", "image_size", *WIDTHS)
    chosen = {name: getattr(options, name) for name in given}
    return GAMES["trio"].from_preset(options.preset, kind_of(options.dataset), **chosen)


def load_race(options):
    """The race, on the CPU, and the errors that it may raise; this imports TensorFlow."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    startup.load_tensorflow()  # to count with; the rows load it as each needs it
    from benchmarks import trio_race

    return functools.partial(start, trio_race), (RuntimeError, OSError)


def start(race, options):
    """Races, prints the tables and writes the file; returns the exit status."""
    config = config_of(options)
    say(
        f"the trio's step on {config.batch_size} images of {options.image_size} pixels,"
        f"{' in colour,' if kind_of(options.dataset) == 'colour' else ''}"
        f" {report.with_threads(options.threads)}"
    )
    task = race.Task(config, options.steps, options.threads)
    figures = {"settings": report.settings(options), **race.run(task, options.rounds, say)}
    say(passes_table(figures["passes"]))
    say(table(figures["rows"]))
    share, cpu_share = (figures["share_of_limit"][clock] for clock in ("seconds", "cpu_seconds"))
    say(
        f"the step takes {figures['flops_of_step'] / 1e9:.1f} GFLOP; the matrix product runs at"
        f" {figures['limit_gflops']['median']:.0f} GFLOP/s, and the step at"
        f" {share['median']:.0%} of that ({share['low']:.0%} to {share['high']:.0%}),"
        f" {cpu_share['median']:.0%} by CPU time"
    )
    report.write(options.output, figures)
    return 0


def passes_table(passes):
    """The passes of a step, a line each."""
    lines = [("turn", "agent", "times", "M multiply-adds", "pass")]
    for one in passes:
        amount = f"{one['multiply_adds'] / 1e6:.2f}"
        lines.append((one["turn"], one["agent"], f"{one['times']:g}", amount, one["what"]))
    total = sum(one["times"] * one["multiply_adds"] for one in passes)
    lines.append(("an image", "", "", f"{total / 1e6:.2f}", "in all"))
    return report.aligned(lines)


def table(rows):
    """The figures as text: a line per row."""
    lines = [(*report.SPEEDS, "by CPU time")]
    for row in rows:
        lines.append((*report.speeds(row), f"{row['cpu_ratio_to_ours']['median']:.2f}"))
    return report.aligned(lines)


def main(argv):
    """Races; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.trio", argv, parse=parse, load=load_race)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
