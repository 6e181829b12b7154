"""--mode attack."""

import pathlib

import numpy as np
from scipy.special import softmax

from attacks import Attacker, ProjectedGradientDescent
from attacks.objectives import away_from, towards
from cli.terminal import say
from evaluation import attack_plots
from evaluation.reference import predict
from games import config as configs
from images import datasets
from modes.opening import (
    chosen_ball,
    classifier_run,
    load_classifier,
    load_data,
    open_run,
    output_folder,
)

SAMPLES, ROWS = 1000, 10
STEPS = 40


def attack(options):
    """--mode attack: perturbs test images, or a picture, and draws what came of it.

    Takes the flags; returns the exit status, or raises ConfigError or one of EXPECTED_ERRORS.
    """
    run, _ = open_run(options, needs_data=not options.image)
    holder = classifier_run(run)
    classifier, class_names = load_classifier(holder), run.class_names()
    check_classes(options, run, len(class_names))
    method = chosen_attack(options, holder.read_config())
    images, labels = (
        own_picture(classifier, options) if options.image else test_images(run, options)
    )
    say(
        f"{method.norm} attack within epsilon {method.epsilon:g}, {method.steps} steps of"
        f" {method.step_size:.4g}"
    )
    sources = datasets.normalize(images)
    aim, wanted = (
        (away_from, labels)
        if options.target is None
        else (towards, np.full_like(labels, options.target))
    )
    attacker = Attacker(method, lambda batch: classifier(batch, training=False), aim=aim)
    adversarial = attacker(sources, wanted, seed=options.seed or 0)
    before, after = (logits_of(classifier, batch) for batch in (sources, adversarial))
    report(labels, before.argmax(axis=1), after.argmax(axis=1), options.target)
    rows = [
        {
            "original": (sources[place] + 1) / 2,
            "adversarial": (adversarial[place] + 1) / 2,
            "before": softmax(before[place]),
            "after": softmax(after[place]),
        }
        for place in shown(labels, before.argmax(axis=1))
    ]
    title = f"PGD-{method.steps}, {method.norm} epsilon {method.epsilon:g} of the pixel range"
    picture = output_folder(options) / "attack.png"
    attack_plots.plot_attack(rows, class_names, title, picture)
    say(f"wrote {picture}")
    return 0


def check_classes(options, run, num_classes):
    """Raises ConfigError if --label or --target is none of the classifier's classes."""
    for name in ("label", "target"):
        value = getattr(options, name)
        if value is not None and value >= num_classes:
            raise configs.ConfigError(
                f"--{name} {value}: the classes of {run.path} are 0 to {num_classes - 1}"
            )


def own_picture(classifier, options):
    """The user's picture, uint8 (1, h, w, c), and what it shows, or is said to show."""
    if options.samples:
        raise configs.ConfigError("--samples with --image: one picture is attacked; choose one")
    images = datasets.load_picture(pathlib.Path(options.image), *classifier.input.shape[2:])[None]
    if options.label is not None:
        return images, np.array([options.label], np.int32)
    return images, predict(classifier, images)[0].argmax(axis=1).astype(np.int32)


def chosen_attack(options, config):
    """The attack that the flags ask for, or else the one that the run was trained against.

    Raises:
        ConfigError: if its steps cannot reach the ball's edge, say.
    """
    ball = chosen_ball(options, config)
    steps = options.attack_steps or STEPS
    step_size = options.step_size or max(2.5 * ball.epsilon / steps, 1e-6)
    try:
        return ProjectedGradientDescent(ball.epsilon, step_size, steps, norm=ball.norm)
    except ValueError as error:
        raise configs.ConfigError(f"--{error}") from None


def test_images(run, options):
    """The first test images, uint8, and their labels."""
    if options.label is not None:
        raise configs.ConfigError("--label: says what --image FILE shows; test images know theirs")
    split = load_data(run, options).test
    count = min(options.samples or SAMPLES, len(split.labels))
    return split.images[:count], split.labels[:count]


def logits_of(classifier, images):
    """Class logits (n, num_classes) of images in [-1, 1]."""
    return np.concatenate(
        [classifier(images[i : i + 500], training=False) for i in range(0, len(images), 500)]
    )


def report(labels, before, after, target):
    """Says how often the attack succeeded, among the images where it had anything to do."""
    say(
        f"classified rightly: {np.mean(before == labels):.1%}, under attack"
        f" {np.mean(after == labels):.1%} of {len(labels)}"
    )
    if target is None:
        tried, won = before == labels, after != labels
    else:
        tried, won = before != target, after == target
    rate = np.mean(won[tried]) if tried.any() else 0.0
    say(f"success rate of the attack: {rate:.1%} of {tried.sum()}")


def shown(labels, before):
    """Places of the images to draw: of each class the first one that was classified rightly."""
    places = []
    for name in np.unique(labels):
        of_class = np.flatnonzero(labels == name)
        right = of_class[before[of_class] == name]
        places.append(right[0] if len(right) else of_class[0])
    return places[:ROWS]
