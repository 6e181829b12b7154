"""How the cost of the trio's step grows with the batch, the width and the size of its images.

python -m benchmarks.scaling                        each varied by itself, about the usual trio
python -m benchmarks.scaling --output FILE.json     the figures as a file
"""

import dataclasses
import functools
import os
import sys

from benchmarks import report
from cli import terminal
from cli.terminal import count, say
from devices import startup
from games import GAMES

USUAL = {"batch_size": 64, "width": 1.0, "image_size": 28}
VARIED = {"batch_size": (16, 32, 128), "width": (0.25, 0.5, 2.0), "image_size": (8, 16, 32, 56)}


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.scaling", __doc__)
    parser.add_argument("--steps", type=count, default=2, help="of a turn; default 2")
    report.add_flags(parser, rounds=3)
    report.add_threads(parser)
    options = parser.parse_args(argv)
    report.check_output(options.output)
    return options


def cases(usual=USUAL, varied=VARIED):
    """The usual trio, and trios that differ from it in one respect: list of dicts."""
    others = [{**usual, name: value} for name, values in varied.items() for value in values]
    return [usual, *others]


def config_of(case):
    """The trio of a case, without R1; all agents' widths are multiplied by its width."""
    # With R1 a sixteenth of the steps would be of another kind.
    usual = GAMES["trio"].options(game="trio", dataset="mnist", r1_gamma=0.0)
    widths = ("generator_width", "discriminator_width", "classifier_width")
    return dataclasses.replace(
        usual,
        batch_size=case["batch_size"],
        image_size=case["image_size"],
        **{name: round(case["width"] * getattr(usual, name)) for name in widths},
    )


def load_race(options):
    """The race, on the CPU, and the errors that it may raise; this imports TensorFlow."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    startup.load_tensorflow(options.threads, side_by_side=GAMES["trio"].side_by_side)
    from benchmarks import race, trio_race

    return functools.partial(start, race, trio_race), (OSError,)


def start(race, trio_race, options):
    """Races, prints the table and writes the file; returns the exit status."""
    compared = cases()
    tasks = [trio_race.Task(config_of(case), options.steps, options.threads) for case in compared]
    rows = {
        name_of(case): functools.partial(lambda task, _: trio_race.ours(task), task)
        for case, task in zip(compared, tasks, strict=True)
    }
    times, _, _ = race.run(None, rows, {}, rounds=options.rounds, announce=say)
    usual, figures = times[name_of(compared[0])], []
    for case, task in zip(compared, tasks, strict=True):
        each = times[name_of(case)]
        figures.append(
            {
                **case,
                **each,
                "flops_of_step": trio_race.flops.of_step(task.game(), case["batch_size"]),
                "step_seconds": race.spread([one / options.steps for one in each["seconds"]]),
                "times_the_usual": race.ratio(each["seconds"], usual["seconds"]),
                "cpu_times_the_usual": race.ratio(each["cpu_seconds"], usual["cpu_seconds"]),
            }
        )
    say(table(figures))
    settings, machine = report.settings(options), race.machine(options.threads, {})
    report.write(options.output, {"settings": settings, "machine": machine, "rows": figures})
    return 0


def name_of(case):
    """A case in words."""
    return ", ".join(f"{name} {value:g}" for name, value in case.items())


def table(rows):
    """The figures as text: a line per case, the usual one first."""
    lines = [("batch", "width", "pixels", "ms a step", "times the usual", "by CPU time", "FLOPs")]
    most = rows[0]["flops_of_step"]
    for row in rows:
        lines.append(
            (
                str(row["batch_size"]),
                f"{row['width']:g}",
                str(row["image_size"]),
                f"{1000 * row['step_seconds']['median']:.1f}",
                f"{row['times_the_usual']['median']:.2f}",
                f"{row['cpu_times_the_usual']['median']:.2f}",
                f"{row['flops_of_step'] / most:.2f}",
            )
        )
    return report.aligned(lines)


def main(argv):
    """Races; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.scaling", argv, parse=parse, load=load_race)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
