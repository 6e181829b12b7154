"""Rob-GAN rule by rule: from the game of version 0.8 to today's, what does each change do?

python -m benchmarks.ablation                            MNIST, three seeds, 1,500 steps a game
python -m benchmarks.ablation --rows before classes all --seeds 0 --steps 3000

Each row is the row above with one rule changed. A game's generator is judged as by `--mode
evaluate`, its class head under PGD on validation images.
"""

import sys

from benchmarks import report
from cli import terminal
from cli.terminal import say
from devices import startup
from games.base import kind_of
from games.robgan import BEFORE, ROBGAN

# What each row changes in the one above it.
CHANGES: dict[str, tuple[str, ...]] = {
    "before": (),  # realness and class are attacked together; G is paid for both
    "classes": ("attacked",),  # only the class is attacked; realness sees images as they are
    "projection": ("conditioning", "class_weight"),  # G is paid for realness, given the class
    "pairs": ("relativistic",),  # each fake is compared with a real image; R1 and R2
    "eyes": ("realness_width",),  # realness has convolutions of its own
    "all": ("generator",),  # the trio's generator: today's game
}
FIGURES = ("gan_test", "recall", "frechet_distance", "diversity")


def rules_of(row):
    """The options of a row, by its name, that differ from today's."""
    changed: set[str] = set()
    for name, rules in CHANGES.items():
        changed |= set(rules)
        if name == row:
            break
    return {name: value for name, value in BEFORE.items() if name not in changed}


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.ablation", __doc__)
    report.add_data(parser)
    add = parser.add_argument
    add("--rows", choices=CHANGES, nargs="+", default=list(CHANGES), help="default all")
    add("--steps", type=terminal.count, default=1_500, help="of each game; default 1500")
    add("--images", type=terminal.count, default=3_000, help="that are judged; default 3000")
    report.add_output(parser)
    return parser.parse_args(argv)


def load_ablation(options):
    """The ablation, and the errors that it may end in; with them comes TensorFlow."""
    report.check_output(options.output)
    startup.load_tensorflow()
    from images import datasets

    def start(options):
        rows = []
        say(title())
        for row in options.rows:
            played = [play(row, seed, options) for seed in options.seeds]
            rows.append({"row": row, "rules": rules_of(row), "seeds": played})
            say(line(row, played))
        settings = {**vars(options), "output": None}
        report.write(options.output, {"settings": settings, "rows": rows})
        return 0

    return start, (datasets.DataError, OSError)


def play(row, seed, options):
    """Plays one game to its end.

    Returns:
        dict: FIGURES of the average generator's images and `robust`, each a float.
    """
    import tensorflow as tf

    import models
    from evaluation import generation, reference
    from images import datasets, downloads

    dataset = datasets.load(options.dataset, data_dir=options.data_dir, seed=seed)
    judge = reference.reference_classifier(
        dataset, downloads.cache_folder().with_name("adversarial-games")
    )
    given = {"dataset": options.dataset, "steps": options.steps, "seed": seed, **rules_of(row)}
    rules = ROBGAN.from_preset("quick", kind_of(options.dataset), **given)
    game = models.build_game(rules, dataset)
    batches = datasets.batches(dataset.train, rules.batch_size, seed=seed)
    game.fit(batches, steps_per_epoch=rules.steps, shuffle=False, verbose=0)

    images, labels = game.sample(options.images, seed=1)
    judged = generation.evaluate_generation(
        {"plain": (datasets.denormalize(images), labels)}, dataset, judge
    )
    figures = judged["samples"]["plain"]["figures"]
    held_out = dataset.validation.images[:1000], dataset.validation.labels[:1000]
    logs = game.test_step((tf.constant(datasets.normalize(held_out[0])), tf.constant(held_out[1])))
    robust = float(logs["robust_accuracy"])
    return {**{name: figures[name]["value"] for name in FIGURES}, "robust": robust}


def title():
    """The line above the rows."""
    names = ("GAN-test", "recall", "Fréchet", "diversity", "robust")
    return f"{'':12s}" + "".join(f"{name:>22s}" for name in names)


def line(row, played):
    """A row in words: the mean over the seeds and, of several, the lowest and the highest."""
    cells = []
    for name in (*FIGURES, "robust"):
        values = [each[name] for each in played]
        percent = name != "frechet_distance"
        cells.append(report.over_seeds([100 * value if percent else value for value in values]))
    return f"{row:12s}" + "".join(f"{cell:>22s}" for cell in cells)


def main(argv):
    """Plays all rows; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.ablation", argv, parse=parse, load=load_ablation)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
