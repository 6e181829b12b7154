"""--mode attack."""

import pathlib

import numpy as np
from scipy.special import softmax

from attacks import (
    Attacker,
    AutoProjectedGradientDescent,
    ProjectedGradientDescent,
    Square,
    fast_gradient_sign,
)
from attacks.objectives import away_from, margin, towards
from cli.terminal import say
from evaluation import attack_plots, names
from evaluation.reference import predict
from games import OptionError
from images import datasets, pictures
from images.writing import save_arrays
from modes.selection import (
    check_places,
    chosen_ball,
    class_of,
    classifier_run,
    load_data,
    load_dataset,
    open_run,
    output_folder,
)
from training.loading import load_classifier

SAMPLES, ROWS = 1000, 10
STEPS = {"pgd": 40, "fgsm": 1, "apgd": 100, "square": 5000}  # of Square: queries


def attack(flags):
    """--mode attack: perturbs test images, or one picture, and draws the result.

    Takes the flags; returns the exit status, or raises OptionError or one of EXPECTED_ERRORS.
    """
    run, _ = open_run(flags, needs_data=not flags.image)
    holder = classifier_run(run)
    classifier, class_names = load_classifier(holder), run.class_names()
    label, target = (
        None if word is None else class_of(word, run, name)
        for name, word in (("label", flags.label), ("target", flags.target))
    )
    folder = output_folder(flags)
    arrays, altered, picture = (
        folder / name for name in ("attack.npz", "adversarial.png", "attack.png")
    )
    method = chosen_attack(flags, holder.read_config(), classifier.input.shape[1:])
    if flags.image:
        images, labels = own_picture(classifier, flags, label, run)
    else:
        images, labels = test_images(run, flags)
    written = (arrays, picture, altered) if flags.image else (arrays, picture)
    check_places(flags, *written, reads=[flags.image])
    say(f"{described(flags.attack or 'pgd', method)}")
    sources = datasets.normalize(images)
    adversarial = perturb(method, classifier, sources, labels, target, flags.seed or 0)
    adversarial = datasets.normalize(datasets.denormalize(adversarial))  # rounded as in a file
    before, after = (logits_of(classifier, batch) for batch in (sources, adversarial))
    if flags.image:
        report_picture(class_names, before[0], after[0], labels[0] if label is not None else None)
    else:
        report(labels, before.argmax(axis=1), after.argmax(axis=1), target)
    write_arrays(arrays, sources, adversarial, labels, before, after)
    if flags.image:
        pictures.save_png(altered, datasets.denormalize(adversarial[0]))
        say(f"wrote {altered}")
    rows = [
        {
            "original": (sources[place] + 1) / 2,
            "adversarial": (adversarial[place] + 1) / 2,
            "before": softmax(before[place]),
            "after": softmax(after[place]),
        }
        for place in shown(labels, before.argmax(axis=1))
    ]
    if line := names.legend(class_names):
        say(line)
    attack_plots.plot_attack(rows, class_names, described(flags.attack or "pgd", method), picture)
    say(f"wrote {picture}")
    return 0


def described(name, method):
    """An attack in words."""
    ball = f"{getattr(method, 'norm', 'linf')} epsilon {method.epsilon:g} on the [0, 1] pixel scale"
    return f"{name.upper()}-{method.steps}, {ball}"


def own_picture(classifier, flags, label, run):
    """The user's picture, uint8 (1, h, w, c), and its label, or else the class it is read as."""
    if flags.samples:
        raise OptionError("--samples with --image: one picture is attacked; choose one")
    path, (size, channels) = pathlib.Path(flags.image), classifier.input.shape[2:]
    images = datasets.load_picture(path, size, channels, announce=say)[None]
    if flags.invert:
        images = 255 - images
    elif images.shape[-1] == 1 and seems_inverted(images[0], run):
        say("beside the run's images its ink and paper seem swapped; if so, add --invert")
    if label is None:
        label = predict(classifier, images)[0].argmax()
    return images, np.array([label], np.int32)


def seems_inverted(picture, run):
    """Whether ink and paper of a grey picture seem swapped, as far as the run's data are there."""
    options = run.read_config()
    if options.dataset != "folder":  # of those that we know, grey ones have a dark ground
        return picture.mean() > 255 / 2
    try:
        dataset = load_dataset(options, announce=lambda line: None)
    except datasets.DataError:
        return False
    return datasets.looks_inverted(picture, dataset.train.images)


def chosen_attack(flags, options, shape):
    """The attack that the flags ask for, in their ball or else in that of the run's training.

    Args:
        flags: the namespace of `cli.flags.parse`.
        options: frozen options of the run.
        shape: (h, w, c) of the images.
    Raises:
        OptionError: for instance, if its steps cannot reach the edge of the ball.
    """
    ball, name = chosen_ball(flags, options, shape), flags.attack or "pgd"
    steps = flags.attack_steps or STEPS[name]
    if flags.step_size is not None and name != "pgd":
        raise OptionError(f"--step_size: is for --attack pgd; {name} needs none")
    if name == "fgsm" and steps != 1:
        raise OptionError(f"--attack_steps {steps}: fgsm is a single step; see --attack pgd")
    if name in ("fgsm", "square") and ball.norm != "linf":
        raise OptionError(
            f"--norm {ball.norm}: is for --attack pgd and apgd; {name} knows linf alone"
        )
    try:
        if name == "fgsm":
            return fast_gradient_sign(ball.epsilon)
        if name == "apgd":
            return AutoProjectedGradientDescent(ball.epsilon, steps, norm=ball.norm)
        if name == "square":
            return Square(ball.epsilon, steps)
        step_size = flags.step_size or max(2.5 * ball.epsilon / steps, 1e-6)
        return ProjectedGradientDescent(ball.epsilon, step_size, steps, norm=ball.norm)
    except ValueError as error:
        raise OptionError(f"--{error}") from None


def perturb(method, classifier, sources, labels, target, seed):
    """Adversarial images float32 (n, h, w, c): away from the labels, or towards a target."""
    aim, wanted = away_from, labels
    if target is not None:
        aim, wanted = towards, np.full_like(labels, target)
    loss = {"loss": margin} if isinstance(method, Square) and target is None else {}
    attacker = Attacker(method, lambda batch: classifier(batch, training=False), aim=aim, **loss)
    try:
        return attacker(sources, wanted, seed=seed)
    except ValueError as error:
        raise OptionError(f"--attack: {error}") from None


def test_images(run, flags):
    """The first test images, uint8, and their labels."""
    if flags.label is not None:
        raise OptionError("--label: says what --image FILE shows; test images have labels")
    split = load_data(run, flags, fewest=1).test
    count = min(flags.samples or SAMPLES, len(split.labels))
    return split.images[:count], split.labels[:count]


def logits_of(classifier, images):
    """Class logits (n, num_classes) of images in [-1, 1]."""
    return np.concatenate(
        [classifier(images[i : i + 500], training=False) for i in range(0, len(images), 500)]
    )


def report(labels, before, after, target):
    """Says how often the attack succeeded, among the images that it had to change."""
    say(
        f"classified correctly: {np.mean(before == labels):.1%}, under attack"
        f" {np.mean(after == labels):.1%} of {len(labels)}"
    )
    if target is None:
        tried, won = before == labels, after != labels
    else:
        tried, won = before != target, after == target
    if tried.any():
        say(f"success rate of the attack: {np.mean(won[tried]):.1%} of {tried.sum()}")
    else:
        say("the attack had nothing to do: every image already was what it is meant to become")


def report_picture(class_names, before, after, label):
    """Says what a picture is read as, before and after; judges it only if its label is known."""
    for when, logits in (("as it is", before), ("attacked", after)):
        named = int(logits.argmax())
        say(f"{when}, it is read as {class_names[named]} ({softmax(logits)[named]:.1%})")
    if label is not None and before.argmax() != label:
        say(f"--label says that it is {class_names[label]}, so there was nothing to attack")
    elif before.argmax() == after.argmax():
        say("the attack did not change that")


def write_arrays(path, sources, adversarial, labels, before, after):
    """Writes the images before and after the attack, pixels as uint8, to a .npz file."""
    arrays = {
        "images": datasets.denormalize(sources),
        "adversarial_images": datasets.denormalize(adversarial),
        "labels": labels,
        "class_logits": before,
        "adversarial_class_logits": after,
    }
    save_arrays(path, arrays)
    say(f"wrote {path}")


def shown(labels, before):
    """Indices of the images to draw: of each class the first one classified correctly, if any."""
    places = []
    for name in np.unique(labels):
        of_class = np.flatnonzero(labels == name)
        right = of_class[before[of_class] == name]
        places.append(right[0] if len(right) else of_class[0])
    return places[:ROWS]
