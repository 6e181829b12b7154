"""A test of Rob-GAN's claim: is its fine-tuned discriminator as robust as with Madry's method?

python -m benchmarks.rob_gan                             MNIST, three seeds, --preset quick
python -m benchmarks.rob_gan --dataset digits --seeds 0
python -m benchmarks.rob_gan --fake_weight 0 0.3 1 3     the weight of generated images

Both are the same network, trained with equally many gradient passes: a pass is one batch through
it, forwards and backwards. Both are judged by the same attacks on the same images.
"""

import sys

from benchmarks import report
from cli import terminal
from cli.terminal import say
from devices import startup
from games.base import IMAGE_PRESETS


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.rob_gan", __doc__)
    report.add_data(parser)
    add = parser.add_argument
    add("--preset", choices=IMAGE_PRESETS, default="quick", help="of both steps; default quick")
    add("--images", type=terminal.count, default=500, help="that are attacked; default 500")
    add("--split", choices=("test", "validation"), default="test", help="whose images; test")
    add("--fake_weight", "--fake-weight", type=float, nargs="+", help="one or several to compare")
    report.add_output(parser)
    return parser.parse_args(argv)


def load_duel(options):
    """The duel, and the errors that it may raise; this imports TensorFlow."""
    report.check_output(options.output)
    startup.load_tensorflow()
    from benchmarks import duel
    from images import datasets

    def start(options):
        rows = []
        say(table([]))
        for seed in options.seeds:
            for row in duel.fight(options, seed):
                rows.append(row)
                say(table([row]).splitlines()[-1])
        summary = duel.summary(rows)
        for name, figures in summary.items():
            say(
                f"{name}: worst case {figures['mean']:.1%}, {figures['low']:.1%} to"
                f" {figures['high']:.1%}, of {figures['seeds']} seeds"
            )
        settings = {**vars(options), "output": None}
        report.write(options.output, {"settings": settings, "rows": rows, "summary": summary})
        return 0

    return start, (datasets.DataError, OSError)


def table(rows):
    """A line of titles and a line per row."""
    lines = [f"{'':32s}{'seed':>6s}{'passes':>9s}{'clean':>9s}{'worst case':>12s}"]
    for row in rows:
        lines.append(
            f"{row['who']:32s}{row['seed']:6d}{row['passes']:9d}"
            f"{row['clean']:9.1%}{row['worst_case']:12.1%}"
        )
    return "\n".join(lines)


def main(argv):
    """Fights; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.rob_gan", argv, parse=parse, load=load_duel)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
