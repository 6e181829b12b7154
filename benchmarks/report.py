"""What the benchmarks share: flags, tables and files of figures."""

import pathlib
import statistics

from cli.terminal import count
from devices.startup import cores
from games import OptionError
from images.writing import is_ours, save_report


def add_flags(parser, *, rounds):
    """Gives a parser the flags of every race; `rounds` is how many it runs by default."""
    add = parser.add_argument
    add("--rounds", type=count, default=rounds, help=f"timed turns of each row; default {rounds}")
    add_output(parser)


def add_data(parser):
    """Gives a parser the flags of the data set and of the seeds."""
    add = parser.add_argument
    add("--dataset", choices=("mnist", "digits"), default="mnist", help="default mnist")
    add("--data_dir", "--data-dir", metavar="FOLDER", help="where the data set's files are")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default 0 1 2")


def add_output(parser):
    """Gives a parser the flag of the file for the figures."""
    says = "a JSON file for the figures"
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", help=says)


def add_threads(parser):
    """Gives a parser the flag of the number of threads."""
    says = "of each row; default: all this may use"
    parser.add_argument("--threads", type=count, default=cores(), help=says)


def check_output(path):
    """Refuses a file for the figures that cannot be one.

    Raises:
        OptionError: one line that names the flag.
    """
    if path is not None and path.is_dir():
        raise OptionError(f"--output {path}: is a folder; name a file")
    if path is not None and path.is_file() and not is_ours(path):
        raise OptionError(
            f"--output {path}: exists, and does not say that this program made it; name another"
        )


def with_threads(number):
    """The number of threads, in words."""
    return f"with {number} {'thread' if number == 1 else 'threads'}"


SPEEDS = ("", "images/s", "lowest to highest", "of ours", "lowest to highest")  # of `speeds`


def speeds(row):
    """A row's name, its speed and its ratio to ours, as cells of a table under `SPEEDS`.

    Args:
        row: dict, of `race.summary`.
    """
    speed, ratio = row["images_per_second"], row["ratio_to_ours"]
    return (
        row["name"],
        f"{speed['median']:.1f}",
        f"{speed['low']:.1f} to {speed['high']:.1f}",
        f"{ratio['median']:.2f}",
        f"{ratio['low']:.2f} to {ratio['high']:.2f}",
    )


def aligned(lines):
    """A table as text.

    Args:
        lines: list of tuples of str; the first and the last cell are aligned left, others right.
    Returns:
        str of several lines.
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        line[0].ljust(widths[0])
        + "".join(
            f"  {cell:>{width}}" for cell, width in zip(line[1:-1], widths[1:-1], strict=True)
        )
        + f"  {line[-1]}".rstrip()
        for line in lines
    )


def over_seeds(values):
    """A figure in words: the mean over the seeds and, of several, the lowest and the highest."""
    low, mean, high = (
        f"{each:.1f}" for each in (min(values), statistics.mean(values), max(values))
    )
    return mean if len(values) == 1 else f"{mean} ({low}, {high})"


def settings(options):
    """The flags of a run for its file, by name."""
    kept = {name: value for name, value in vars(options).items() if name != "output"}
    return {name: str(v) if isinstance(v, pathlib.Path) else v for name, v in kept.items()}


def write(path, report):
    """Writes the figures where the flag says, if it was given.

    Raises:
        OSError: if the file cannot be written.
    """
    if path is not None:
        save_report(path, report)
