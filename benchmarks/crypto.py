"""Ten ciphers and how secret they are; also rounds a second, compared with usual Keras code.

python -m benchmarks.crypto                      the table of seeds 0 to 9
python -m benchmarks.crypto --seeds 0 --eves 5   one seed, with fresh and other Eves
python -m benchmarks.crypto --preset paper       the published game, and how often it succeeds
python -m benchmarks.crypto --speed              rounds a second
"""

import pathlib
import sys

from benchmarks import report
from cli import terminal
from cli.modes import MODES
from cli.terminal import count
from devices import startup
from games import GAMES, OptionError
from games.option import check


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.crypto", __doc__)
    add = parser.add_argument
    add("--preset", choices=GAMES["crypto"].presets, default="secret", help="default secret")
    add("--seeds", type=int, nargs="+", default=list(range(10)), help="default 0 to 9")
    add("--rounds", type=int, help="of an attempt; the preset's if not given")
    add("--batch_size", type=int, help="messages of a turn; the preset's if not given")
    add("--messages", type=count, default=128, help="plaintexts that are counted; default 128")
    add("--eves", type=int, default=0, help="fresh Eves of each kind; default 0")
    add("--speed", action="store_true", help="measure rounds a second instead")
    report.add_output(parser)
    add("--picture", type=pathlib.Path, metavar="FILE", help="a PNG of all the trainings")
    add("--threads", type=count, default=1, help="of TensorFlow; default 1")
    options = parser.parse_args(argv)
    report.check_output(options.output)
    check([MODES["audit"].flags["eves"]], options.eves)
    if options.picture is not None and options.picture.suffix != ".png":
        raise OptionError(f"--picture {options.picture}: must end in .png")
    for seed in options.seeds:
        GAMES["crypto"].from_preset(
            options.preset, seed=seed, rounds=options.rounds, batch_size=options.batch_size
        )
    return options


def load_measurement(options):
    """The measurement, and the errors that it may raise; this imports TensorFlow."""
    startup.load_tensorflow(options.threads, xla=True)
    from benchmarks.ciphers import measure

    return measure, (OSError,)


def main(argv):
    """Measures; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.crypto", argv, parse=parse, load=load_measurement)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
