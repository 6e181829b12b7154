"""Ranks a class's best defences and best attacks, on the small digits.

python -m course.leaderboard DIR          DIR/defences/*.keras and DIR/attacks/*.py

A defence is a saved keras.Model, digits of 8 x 8 pixels from -1 to 1 -> ten logits, with at most
350,000 parameters. It is worth its accuracy in the worst case of this project's attacks. An attack
is a Python file with a function attack(loss_fn, images, epsilon, seed); it is worth what it leaves
standing of a fixed robust classifier, in 100 passes for each image: then the loss is 0 for good.
It runs like a notebook that is graded, without the network and in an empty folder.
"""

import dataclasses
import pathlib
import sys

from cli import terminal
from cli.terminal import say
from course.points import ATTACK_MIME, CourseError

MOST_PARAMETERS = 350_000
EPSILON = 0.15  # a share of the pixel range, in the Linf norm
IMAGES = 200  # test images on which entries are compared
PASSES = 100  # that an attack has for each image
TARGET = pathlib.Path(__file__).parent / "target.keras"
JUDGE = "from course.leaderboard import judge_attack\n\njudge_attack(attack)"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A row of the table.

    Attributes:
        name: str, the file's.
        score: float, what the entry is ranked by; None if it was refused.
        says: str, the other figures, or why it was refused.
    """

    name: str
    score: float | None
    says: str


def test_images(count=IMAGES):
    """The first test digits: float32 (n, 8, 8, 1) in [-1, 1], and labels int32 (n,)."""
    from images import datasets

    test = datasets.load("digits").test
    return datasets.normalize(test.images[:count]), test.labels[:count]


def judge_defence(path, count=IMAGES, queries=1000):
    """The entry of a saved classifier.

    Args:
        path: pathlib.Path of a .keras file; it is read without trust: no code of its own runs.
        count, queries: ints, images, and queries of the square attack.
    """
    from attacks.attacker import check_classifier
    from evaluation.robustness import RobustnessOptions, Target, worst_case
    from training import reading

    images, labels = test_images(count)
    try:
        model = reading.load_model(path, "save it again with model.save")
        reading.check_agent(
            model, path, "classifier", "hand in a classifier of digits", image_shape=(8, 8, 1),
            num_classes=10,
        )  # fmt: skip
        if model.count_params() > MOST_PARAMETERS:
            raise ValueError(
                f"has {model.count_params():,} parameters; {MOST_PARAMETERS:,} at most"
            )
        check_classifier(model, images[:64], labels)
    except (reading.RunError, ValueError) as error:
        return Entry(path.name, None, terminal.one_line(error).removeprefix(f"{path}: "))
    target = Target(model, images, labels)
    options = RobustnessOptions(EPSILON, num_images=count, queries=queries)
    stands = worst_case(target, options)[-1]["value"]
    says = f"clean {target.right.mean():.1%}, {model.count_params():,} parameters"
    return Entry(path.name, stands, says)


def judge_attack(attack, count=IMAGES, passes=PASSES):
    """What an attack leaves standing of the fixed classifier; runs where the attack runs.

    Args:
        attack: callable (loss_fn, images, epsilon, seed) -> images; `loss_fn` takes images and
            returns the cross-entropy (batch,).
        count, passes: ints.
    Returns:
        An object that a notebook shows, with the share in it.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    from attacks.objectives import cross_entropy

    images, labels = test_images(count)
    target = keras.saving.load_model(TARGET)
    spent = tf.Variable(0, dtype=tf.int32)

    def loss_fn(some_images):
        many = tf.shape(some_images)[0]
        spent.assign_add(many)
        loss = cross_entropy(labels, target(some_images))
        return loss * tf.cast(spent <= passes * count, tf.float32)

    found = np.asarray(attack(loss_fn, tf.constant(images), EPSILON, 0), np.float32)
    if found.shape != images.shape:
        return Shown({"says": f"returns images of shape {found.shape}, not {images.shape}"})
    inside = np.abs(found - images).max(axis=(1, 2, 3)) <= 2 * EPSILON + 1e-5
    inside &= (np.abs(found) <= 1).all(axis=(1, 2, 3))  # NaN lies nowhere
    named = [np.argmax(target(each), axis=1) for each in (images, np.nan_to_num(found))]
    stands = (named[0] == labels) & ((named[1] == labels) | ~inside)
    says = f"{int(spent) / count:.0f} passes, {inside.mean():.1%} of the images inside the ball"
    return Shown({"score": float(stands.mean()), "says": says})


class Shown(dict):
    """A result that a notebook's output carries."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": str(dict(self)), ATTACK_MIME: dict(self)}


def run_attack(path, limit):
    """The entry of a Python file with an attack.

    Args:
        path: pathlib.Path.
        limit: int, seconds.
    """
    import nbformat

    from course import running

    try:
        sources = [path.read_text(), JUDGE]
    except (OSError, UnicodeDecodeError) as error:
        return Entry(path.name, None, terminal.one_line(error))
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    ended = running.run(notebook, limit=limit, cell_limit=limit, variables={}).ended
    shown = {"says": ended or "stops with an error; try it in a notebook first"}
    for output in notebook.cells[1].outputs:
        if output.output_type == "error":
            shown["says"] = terminal.one_line(f"{output.ename}: {output.evalue}")[:200]
        shown = output.get("data", {}).get(ATTACK_MIME, shown)
    score = shown.get("score")
    return Entry(path.name, score if isinstance(score, float) else None, str(shown["says"])[:200])


def table(title, entries, best_first):
    """Entries as text, the best first, the refused last."""
    ranked = sorted(
        entries, key=lambda entry: (entry.score is None, best_first(entry.score or 0), entry.name)
    )
    lines = [title]
    for place, entry in enumerate(ranked, 1):
        score = "refused" if entry.score is None else f"{entry.score:.1%}"
        lines.append(f"{place:4d}  {entry.name:<30}{score:>9}  {entry.says}")
    return "\n".join(lines)


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m course.leaderboard", __doc__)
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path, help="a class's entries")
    says = "seconds for an attack; default 300"
    parser.add_argument("--limit", type=terminal.count, default=300, help=says)
    return parser.parse_args(argv)


def rank(options):
    """Prints both tables; returns the exit status."""
    defences = sorted(options.folder.glob("defences/*.keras"))
    attacks = sorted(options.folder.glob("attacks/*.py"))
    if not defences + attacks:
        raise CourseError(f"{options.folder}: has no defences/*.keras and no attacks/*.py to rank")
    if defences:
        entries = [judge_defence(path) for path in defences]
        title = f"defences: accuracy in the worst case, Linf {EPSILON}"
        say(table(title, entries, lambda score: -score))
    if attacks:
        found = [run_attack(path, options.limit) for path in attacks]
        title = f"attacks: what they leave standing, Linf {EPSILON}, {PASSES} passes an image"
        say(table(title, found, lambda score: score))
    return 0


def load(options):
    """The work, and the errors that it may end in; with them comes TensorFlow."""
    from devices import startup

    startup.load_tensorflow()
    return rank, (CourseError, OSError)


def main(argv):
    """Ranks; returns the exit status, as `terminal.answer`."""
    return terminal.answer("course.leaderboard", argv, parse=parse, load=load)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
