"""Seconds until a command line answers, in fresh processes, compared with importing Keras.

python -m benchmarks.startup                    --help, and the first picture
python -m benchmarks.startup --output FILE.json the figures as a file
"""

import functools
import os
import pathlib
import subprocess
import sys
import tempfile

from benchmarks import report
from cli import terminal
from cli.terminal import say
from devices import startup

ROOT = pathlib.Path(__file__).parents[1]
DCGAN = str(ROOT / "dcgan.py")
SUPPLIED = str(ROOT / "assets" / "pretrained" / "trio-mnist")
FLOOR = "import tensorflow, keras"
COMMANDS = {
    FLOOR: ("-c", FLOOR),
    "dcgan.py --help": (DCGAN, "--help"),
    "crypto --help": ("-m", "crypto", "--help"),
    "dcgan.py --mode generate": (DCGAN, "--mode", "generate", "--path", SUPPLIED),
}


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.startup", __doc__)
    report.add_flags(parser, rounds=5)
    options = parser.parse_args(argv)
    report.check_output(options.output)
    return options


def load_race(options):
    """The race, and the errors that it may raise."""
    from benchmarks import race

    return functools.partial(start, race), (OSError, RuntimeError)


def start(race, options):
    """Races, prints the table and writes the file; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        rows = {name: functools.partial(starter, words) for name, words in COMMANDS.items()}
        times, _, _ = race.run(folder, rows, {}, rounds=options.rounds, announce=say)
    figures = [
        {
            "name": name,
            **each,
            "wall": race.spread(each["seconds"]),
            "cpu": race.spread(each["cpu_seconds"]),
            "ratio_to_floor": race.ratio(each["seconds"], times[FLOOR]["seconds"]),
        }
        for name, each in times.items()
    ]
    say(table(figures))
    machine = race.machine(startup.cores(), {})
    settings = report.settings(options)
    report.write(options.output, {"settings": settings, "machine": machine, "rows": figures})
    return 0


def starter(words, folder):
    """A callable that runs a command of Python in a folder, from its start to its end.

    Raises:
        RuntimeError: one line, when it is called, if the command fails.
    """

    def run():
        finished = subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        if finished.returncode:
            last = (finished.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise RuntimeError(f"{' '.join(words)}: fails: {last}")

    return run


def table(rows):
    """The figures as text: a line per row, in seconds."""
    lines = [("", "wall s", "lowest to highest", "CPU s", "of the import")]
    for row in rows:
        wall = row["wall"]
        lines.append(
            (
                row["name"],
                f"{wall['median']:.2f}",
                f"{wall['low']:.2f} to {wall['high']:.2f}",
                f"{row['cpu']['median']:.2f}",
                f"{row['ratio_to_floor']['median']:.2f}",
            )
        )
    return report.aligned(lines)


def main(argv):
    """Races; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.startup", argv, parse=parse, load=load_race)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
