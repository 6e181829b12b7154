"""Do the trio's images help a classifier that has few real ones to withstand attacks?

python -m benchmarks.few_images                          MNIST; 1,000, 5,000 and all; three seeds
python -m benchmarks.few_images --real 1000 --images own --seeds 0

One network learns by Madry's method, in as many steps of as many images. Its batches are real
images alone, or half of them are a trio's: its own, which the same real images taught and no
others, or the supplied one, which has seen all. The gap is accuracy under PGD-40 on images that it
learned from, minus that on test images.
"""

import sys

from benchmarks import report
from cli import terminal
from cli.terminal import say
from devices import startup
from games import GAMES, kind_of

ALL = 0  # of the real images, as --real says it
SOURCES = ("none", "own", "supplied")
DRAWN = 50_000  # images of a trio
SWIFT = {"batch_size": 64, "classifier_width": 16}  # half of the preset's: 24 classifiers learn
FIGURES = ("clean", "worst_case", "learned", "held_out", "gap")


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.few_images", __doc__)
    report.add_data(parser)
    add = parser.add_argument
    add("--real", type=number, nargs="+", default=[1_000, 5_000, ALL], help="images; 0: all")
    add("--images", choices=SOURCES, nargs="+", default=list(SOURCES), help="the trio's; all three")
    add("--steps", type=terminal.count, default=1_500, help="of a classifier; default 1500")
    add("--attacked", type=terminal.count, default=300, help="images that are; default 300")
    report.add_output(parser)
    return parser.parse_args(argv)


def number(text):
    """How many real images there are, as --real says it; the error as `terminal.count`."""
    return ALL if text == str(ALL) else terminal.count(text)


def load_comparison(options):
    """The comparison, and the errors that it may end in; with them comes TensorFlow."""
    report.check_output(options.output)
    startup.load_tensorflow()
    from images import datasets
    from training.run_folder import RunError

    def start(options):
        rows = []
        say(title())
        for real in options.real:
            for source in options.images:
                if real == ALL and source == "own":
                    continue  # the supplied one is
                seeds = [judge(options, real, source, seed) for seed in options.seeds]
                rows.append({"real": real, "images": source, "seeds": seeds})
                say(line(rows[-1]))
        report.write(options.output, {"settings": report.settings(options), "rows": rows})
        return 0

    return start, (datasets.DataError, RunError, OSError)


def judge(options, real, source, seed):
    """Trains one classifier and attacks it.

    Args:
        options: Namespace of `parse`.
        real: int, how many real images there are; `ALL` for all.
        source: str, of `SOURCES`.
        seed: int, of the choice of images, of the trio and of the classifier.
    Returns:
        dict: `FIGURES`, shares.
    """
    import dataclasses

    import models
    from attacks import ProjectedGradientDescent
    from benchmarks import duel
    from images import datasets

    dataset = datasets.load(options.dataset, data_dir=options.data_dir)
    if real != ALL:
        dataset = dataclasses.replace(dataset, train=some(dataset.train, real, seed))
    kind, shared = kind_of(options.dataset), {"dataset": options.dataset, "seed": seed}
    drawn = drawn_by(source, dataset, kind, shared)
    rules = GAMES["robust"].from_preset("quick", kind, **shared, **SWIFT, steps=options.steps)
    game = models.build_game(rules, dataset)
    lessons = lessons_of(dataset.train, drawn, rules.batch_size, seed)
    game.fit(lessons, steps_per_epoch=rules.steps, shuffle=False, verbose=0)

    attack = ProjectedGradientDescent(rules.epsilon, 2.5 * rules.epsilon / 40, 40)
    learned, held_out = (
        duel.target(game.average_classifier, split, options.attacked)
        for split in (dataset.train, dataset.test)
    )
    figures = duel.judged(held_out, rules.epsilon)
    for name, target in {"learned": learned, "held_out": held_out}.items():
        figures[name] = float(target.withstands(attack).mean())
    return {**figures, "gap": figures["learned"] - figures["held_out"]}


def some(split, count, seed):
    """That many images of a split, chosen by a seed."""
    import numpy as np

    from images.splits import Split

    chosen = np.random.default_rng(seed).permutation(len(split.labels))[:count]
    return Split(split.images[chosen], split.labels[chosen])


def drawn_by(source, dataset, kind, shared):
    """A Split of a trio's images and the classes asked for; None of the source "none".

    Args:
        source: str, of `SOURCES`.
        dataset: Dataset, whose training images teach a trio of its own.
        kind: as `games.kind_of` returns it.
        shared: dict of options.
    """
    import numpy as np

    import models
    from benchmarks import duel
    from images import datasets
    from images.splits import Split
    from training import finding
    from training.loading import load_sampler
    from training.run_folder import Run

    if source == "none":
        return None
    labels = np.arange(DRAWN, dtype=np.int32) % dataset.num_classes
    if source == "supplied":
        run = Run(finding.PRETRAINED / f"trio-{dataset.name}")
        images = load_sampler(run).plain(labels, np.random.default_rng(0))
        return Split(datasets.denormalize(images), labels)
    rules = GAMES["trio"].from_preset("quick", kind, **shared)
    game = duel.play(models.build_game(rules, dataset), rules, dataset)
    pieces = [game.sample(1_000, seed)[0] for seed in range(DRAWN // 1_000)]
    return Split(datasets.denormalize(np.concatenate(pieces)), labels)


def lessons_of(real, drawn, batch_size, seed):
    """Batches of real images, or half of each drawn: (float32 images, int32 labels)."""
    import tensorflow as tf

    from images import datasets

    if drawn is None:
        return datasets.batches(real, batch_size, seed=seed)
    halves = [datasets.batches(split, batch_size // 2, seed=seed) for split in (real, drawn)]
    return tf.data.Dataset.zip(*halves).map(
        lambda one, other: tuple(tf.concat(pair, axis=0) for pair in zip(one, other, strict=True))
    )


def title():
    """The line above the rows."""
    names = ("clean, %", "worst case, %", "PGD, learned", "PGD, test", "gap, points")
    return f"{'real':>6s}  {'drawn':10s}" + "".join(f"{name:>22s}" for name in names)


def line(row):
    """A row in words: each figure's mean over the seeds and, of several, the lowest and highest."""
    cells = [report.over_seeds([100 * each[name] for each in row["seeds"]]) for name in FIGURES]
    start = f"{row['real'] or 'all':>6}  {row['images']:10s}"
    return start + "".join(f"{cell:>22s}" for cell in cells)


def main(argv):
    """Plays all rows; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.few_images", argv, parse=parse, load=load_comparison)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
