"""Collapse, counted: every loss with and without a penalty, on the ring and the grid.

The collapse watch looks on: in how many games it spoke of missing modes or of points too much
alike, in how many of these a mode was missing at that moment, and at which step in the median.

python -m benchmarks.collapse                            ten seeds a cell, all cores
python -m benchmarks.collapse --losses minimax relativistic --seeds 0 1 2 --steps 8000
python -m benchmarks.collapse --losses relativistic --gammas 0 0.001 0.01 0.1 1
python -m benchmarks.collapse --losses minimax --gammas 0 --bare     the plain game, uncured

A cell is a game of the preset of points with another loss and weight of R1; nothing else is tuned
for it. It is judged as by `--mode evaluate`. Of wasserstein, which has a penalty of its own, there
is one column.
"""

import argparse
import concurrent.futures
import itertools
import multiprocessing
import os
import statistics
import sys

from benchmarks import report
from cli import terminal
from cli.terminal import say
from devices import children, startup
from games.base import POINTS
from games.gan import GAN, LOSSES

GAMMAS = (0.0, GAN.points["quick"]["r1_gamma"])
SAMPLES = 2_500  # as PacGAN draws
AT_ONCE = 50  # steps in a call
LOOK_EVERY = 400  # steps, as in a run: an epoch of points
# The game before anybody looked for cures: momentum, no average generator, learning rates that do
# not fall and are half as high again as those of the points' preset.
BARE = {
    "beta_1": 0.5,
    "beta_2": 0.999,
    "ema_decay": 0.0,
    "falling": False,
    "generator_learning_rate": 6e-3,
    "discriminator_learning_rate": 6e-3,
}
COLLAPSE = ("classes", "diversity")  # the signs of the watch that say that something is missing


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.collapse", __doc__)
    add = parser.add_argument
    add("--datasets", choices=POINTS, nargs="+", default=list(POINTS), help="default both")
    add("--losses", choices=LOSSES, nargs="+", default=list(LOSSES), help="default all")
    add("--gammas", type=float, nargs="+", default=list(GAMMAS), help="weights of R1")
    add("--seeds", type=int, nargs="+", default=list(range(10)), help="default 0 to 9")
    add(
        "--steps",
        type=epochs,
        default=1_600,
        help=f"of each game, a multiple of {LOOK_EVERY} or less; default 1600",
    )
    add("--batch_size", "--batch-size", type=terminal.count, help="the preset's if not given")
    add(
        "--bare",
        action="store_true",
        help="with momentum, fast and steady learning rates, and no average generator",
    )
    report.add_output(parser)
    return parser.parse_args(argv)


def epochs(text):
    """A number of steps that is one epoch of points, or a number of whole ones."""
    steps = terminal.count(text)
    if steps > LOOK_EVERY and steps % LOOK_EVERY:
        raise argparse.ArgumentTypeError(f"{text} is no multiple of {LOOK_EVERY}")
    return steps


def cells(options):
    """(data set, loss, weight of R1) of each cell, in the table's order."""
    for dataset, loss in itertools.product(options.datasets, options.losses):
        gammas = options.gammas[:1] if loss == "wasserstein" else options.gammas
        yield from ((dataset, loss, gamma) for gamma in gammas)


def load_matrix(options):
    """The matrix, and the errors that it may end in; TensorFlow comes in the processes alone."""
    report.check_output(options.output)

    def start(options):
        say(title())
        with concurrent.futures.ProcessPoolExecutor(
            os.cpu_count(),
            multiprocessing.get_context("spawn"),
            initializer=get_ready,
        ) as processes:
            rows = []
            for row in fill(options, processes):
                rows.append(row)
                say(line(row))
        settings = {**vars(options), "output": None}
        report.write(options.output, {"settings": settings, "rows": rows})
        return 0

    return start, (OSError,)


def get_ready():
    """Begins a worker: it has one core, and ends with the process that it works for."""
    children.end_with_parent()
    startup.load_tensorflow(1)


def fill(options, executor):
    """Yields the rows in order, while an executor's workers play the games, one each."""
    games = {
        cell: [
            executor.submit(
                play,
                *cell,
                seed=seed,
                steps=options.steps,
                batch_size=options.batch_size,
                bare=options.bare,
            )
            for seed in options.seeds
        ]
        for cell in cells(options)
    }
    for cell, played in games.items():
        yield summary(cell, [game.result() for game in played])


def play(dataset, loss, gamma, *, seed, steps, batch_size, bare):
    """Plays one game to its end, under the eyes of the collapse watch.

    Args: as `cells` yields, and the flags; `batch_size` may be None.
    Returns:
        dict: as `evaluation.points.measure`, of the points that a run would show; "spoke", the
        step at which the watch spoke of a collapse, or None; and "rightly", whether it was one.
    """
    import models
    from evaluation.points import measure
    from images import datasets, points
    from training.collapse import CollapseWatch

    options = GAN.from_preset(
        "quick",
        "points",
        dataset=dataset,
        loss=loss,
        r1_gamma=gamma,
        seed=seed,
        steps=steps,
        batch_size=batch_size,
        **(BARE if bare else {}),
    )
    loaded = datasets.load(dataset)
    game = models.build_game(options, loaded)
    spoke: list[tuple[int, bool]] = []  # each time: the step, and whether a mode was missing

    def judge():
        return measure(game.sample(SAMPLES, seed=1)[0], points.MIXTURES[dataset])

    def note(text):
        if watch.seen[-1] in COLLAPSE:
            found = judge()
            spoke.append((game.step, found["modes"] < found["of_modes"]))

    seen = loaded.validation.images, loaded.validation.labels
    watch = CollapseWatch(*seen, helps="", conditional=False, announce=note, seed=seed)
    epoch = min(LOOK_EVERY, steps)
    game.compile(steps_per_execution=min(AT_ONCE, epoch))
    batches = datasets.batches(loaded.train, options.batch_size, seed=seed)
    fit = {"steps_per_epoch": epoch, "epochs": steps // epoch, "callbacks": [watch]}
    game.fit(batches, **fit, shuffle=False, verbose=0)
    first, rightly = spoke[0] if spoke else (None, None)
    return {**judge(), "spoke": first, "rightly": rightly}


def summary(cell, played):
    """A row: the cell, the means over its games, the worst of them, and what the watch said."""
    names = ("modes", "good", "kl")
    means = {name: statistics.mean(each[name] for each in played) for name in names}
    spoke = [each for each in played if each["spoke"]]
    return {
        **dict(zip(("dataset", "loss", "gamma"), cell, strict=True)),
        **means,
        "fewest": min(each["modes"] for each in played),
        "least_good": min(each["good"] for each in played),
        "collapsed": sum(each["modes"] < each["of_modes"] for each in played),
        "spoke": len(spoke),
        "rightly": sum(each["rightly"] for each in spoke),
        "first": statistics.median(each["spoke"] for each in spoke) if spoke else None,
    }


def title():
    """The line above the rows."""
    names = ("R1", "modes", "fewest", "good", "least", "KL", "lost", "watch", "rightly", "step")
    return f"{'':6s}{'loss':>16s}" + "".join(f"{name:>8s}" for name in names)


def line(row):
    """A row in words."""
    first = "-" if row["first"] is None else f"{row['first']:.0f}"
    return (
        f"{row['dataset']:6s}{row['loss']:>16s}{row['gamma']:8g}{row['modes']:8.1f}"
        f"{row['fewest']:8d}{row['good']:8.1%}{row['least_good']:8.1%}{row['kl']:8.3f}"
        f"{row['collapsed']:8d}{row['spoke']:8d}{row['rightly']:8d}{first:>8s}"
    )


def main(argv):
    """Fills the matrix; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.collapse", argv, parse=parse, load=load_matrix)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
