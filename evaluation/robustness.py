"""How robust a classifier is: accuracy under attacks, and whether that figure can be believed."""

import dataclasses

import numpy as np
import tensorflow as tf

from attacks import Attacker, AutoProjectedGradientDescent, ProjectedGradientDescent, Square
from attacks.ball import Ball
from attacks.objectives import away_from, away_to, cross_entropy, margin
from attacks.outcome import judge_with_gradient
from evaluation.reference import predict
from images.datasets import normalize

CURVE = {"linf": np.linspace(0, 0.4, 9), "l2": np.linspace(0, 4, 9)}
COLOUR_CURVE = np.array([0, 1, 2, 4, 8, 16]) / 255  # for balls of less than 0.1
CHECKED = 200  # images on which the honesty checks are made
BLACK_BOX_GAIN = 0.01  # a share that chance and a longer search may explain
OUTSIDE = 1e-5  # of the pixel range: rounding that may leave the ball


@dataclasses.dataclass(frozen=True)
class RobustnessOptions:
    """What is measured.

    Args:
        epsilon: float > 0, radius of the ball as a share of the pixel range.
        norm: "linf" or "l2".
        num_images: int, test images that are attacked; all of them measure clean accuracy.
        restarts: int, of PGD-100.
        queries: int, of the square attack.
        seed: int.
    """

    epsilon: float = 0.3
    norm: str = "linf"
    num_images: int = 1000
    restarts: int = 10
    queries: int = 5000
    seed: int = 0


def evaluate_robustness(classifier, split, options, announce=lambda line: None):
    """Attacks a classifier in every way that `attacks` offers.

    Args:
        classifier: keras.Model, images in [-1, 1] -> class logits (n, num_classes).
        split: datasets.Split of held-out images; nothing learns from them.
        options: RobustnessOptions.
        announce: callable for one line of text, which says what is being measured.
    Returns:
        dict for `json.dumps`: accuracies as {"value", "error"}, shares with the standard error
        of a binomial; "curve", "worst_case" attack by attack, "checks" and "warnings".
    """
    clean = predict(classifier, split.images)[0].argmax(axis=1) == split.labels
    chosen = np.random.default_rng(options.seed).permutation(len(split.labels))
    chosen = np.sort(chosen[: options.num_images])
    target = Target(classifier, normalize(split.images[chosen]), split.labels[chosen])
    announce(f"attacking {len(chosen)} test images within {options.norm} {options.epsilon:g}")
    report = {
        "options": {**dataclasses.asdict(options), "num_images": len(chosen)},
        "clean_accuracy": share(clean),
        "clean_accuracy_of_attacked": share(target.right),
        "pgd": _pgd_accuracies(target, options),
    }
    announce("measuring accuracy against epsilon")
    report["curve"] = [
        {"epsilon": float(epsilon), **share(target.withstands(_pgd(epsilon, 40, options)))}
        for epsilon in epsilons(options)
    ]
    report["worst_case"] = worst_case(target, options, announce)
    announce("checking that these figures can be believed")
    report["checks"] = _checks(target, options, report)
    report["warnings"] = [check["says"] for check in report["checks"] if not check["passed"]]
    return report


def epsilons(options):
    """The radii of the curve of accuracy against epsilon."""
    colour = options.norm == "linf" and options.epsilon < 0.1
    return COLOUR_CURVE if colour else CURVE[options.norm]


def share(marks):
    """A share of marks (n,) and the standard error of a binomial, in one dict."""
    value = float(np.mean(marks))
    return {"value": value, "error": float(np.sqrt(value * (1 - value) / len(marks)))}


class Target:
    """A classifier and the images on which it is attacked.

    Args:
        classifier: keras.Model, images -> class logits.
        images: float32 (n, h, w, c) in [-1, 1].
        labels: int32 (n,).
    Attributes:
        right: bool (n,), whether each image is classified correctly without an attack.
    """

    def __init__(self, classifier, images, labels):
        self.classifier, self.images, self.labels = classifier, images, labels
        self.num_classes = classifier.outputs[0].shape[-1]
        self.right = self.named(images).argmax(axis=1) == labels
        self._attackers: dict = {}

    def named(self, images):
        """Class logits of images, float32 (n, num_classes)."""
        starts = range(0, len(images), 500)
        return np.concatenate([self.classify(tf.constant(images[i : i + 500])) for i in starts])

    def classify(self, images):
        """The classifier as attacks call it: for inference, as a function of images alone."""
        return self.classifier(images, training=False)

    def withstands(self, attack, among=None, *, targets=None, seed=0, **aim):
        """Which images are still classified correctly after an attack.

        It trusts no attack: it classifies the returned images again, and checks their ball.

        Args:
            attack: one of `attacks`.
            among: bool (n,), the images to attack; the others count as fallen, and so do those that
                are classified wrongly without an attack.
            targets: int32 (n,), the classes to head for, if the aim takes them.
            seed: int, of the random starts.
            **aim: `aim` and `loss` of `attacks.Attacker`.
        Returns:
            bool (n,).
        Raises:
            AssertionError: if an attack left its ball.
        """
        standing = self.right if among is None else self.right & among
        places = np.flatnonzero(standing)
        if not len(places):
            return standing
        attacker = self._attacker(attack, aim)
        targets = None if targets is None else targets[places]
        found = attacker(self.images[places], self.labels[places], targets, seed=seed)
        far = lengths(found - self.images[places], attack).max()
        low, high = attack.bounds
        if not (far <= attack.epsilon + OUTSIDE and low <= found.min() <= found.max() <= high):
            raise AssertionError(f"{attack} left its ball")  # or returned what is no image
        still = np.zeros_like(standing)
        still[places] = self.named(found).argmax(axis=1) == self.labels[places]
        return still

    def _attacker(self, attack, aim):
        """The attacker that was made for this attack and aim before, which is traced, or a new one.

        Restarts and targets repeat an attack; to trace it takes longer than to carry it out.
        """
        made_for = (attack, *sorted(aim.items()))
        if made_for not in self._attackers:
            self._attackers[made_for] = Attacker(attack, self.classify, **aim)
        return self._attackers[made_for]


def lengths(perturbations, attack):
    """Norms (n,) of perturbations (n, h, w, c), as shares of the attack's pixel range."""
    flat = perturbations.reshape(len(perturbations), -1) / (attack.bounds[1] - attack.bounds[0])
    order = 2 if getattr(attack, "norm", "linf") == "l2" else np.inf
    return np.linalg.norm(flat, ord=order, axis=1)


def _pgd(epsilon, steps, options):
    step_size = max(2.5 * epsilon / steps, 1e-6)
    return ProjectedGradientDescent(float(epsilon), step_size, steps, norm=options.norm)


def _pgd_accuracies(target, options):
    """Accuracy under PGD-40, and under PGD-100 where any of the restarts may win."""
    standing = target.withstands(_pgd(options.epsilon, 40, options))
    accuracies = {"PGD-40": share(standing)}
    standing = target.right
    for restart in range(options.restarts):
        seed = options.seed + 1 + restart
        standing = target.withstands(_pgd(options.epsilon, 100, options), standing, seed=seed)
    accuracies[f"PGD-100, {options.restarts} restarts"] = share(standing)
    return accuracies


def worst_case(target, options, announce=lambda line: None):
    """Accuracy after each attack of the ensemble; an image has fallen if any attack fooled it.

    As in AutoAttack, each attack is tried on the images that the previous ones left standing.
    """
    rows, standing = [], target.right

    def after(name, standing):
        rows.append({"attack": name, **share(standing)})
        announce(f"  {name}: {share(standing)['value']:.1%} left standing")
        return standing

    apgd = AutoProjectedGradientDescent(options.epsilon, norm=options.norm)
    standing = after("APGD-CE", target.withstands(apgd, standing, loss=cross_entropy))
    if target.num_classes < 4:
        standing = after("APGD-margin", target.withstands(apgd, standing, loss=margin))
    else:
        ranks = np.argsort(-target.named(target.images), axis=1)
        for place in range(1, min(target.num_classes, 10)):
            nearest = _nth_other(ranks, target.labels, place)
            standing = target.withstands(apgd, standing, targets=nearest, aim=away_to)
        after("APGD-DLR, targeted", standing)
    if options.norm == "linf":
        square = Square(options.epsilon, options.queries)
        after("Square", target.withstands(square, standing, loss=margin))
    return rows


def _nth_other(ranks, labels, place):
    """The `place`-th class (n,), counted from 1, among those that are not the label."""
    others = ranks[ranks != labels[:, None]].reshape(len(labels), -1)
    return others[:, place - 1].astype(np.int32)


def _checks(target, options, report):
    """Checks whether weak attacks explain the figures, each {"name", "passed", "says"}.

    Source: Carlini et al. 2019, section 3, arXiv:1902.06705; Athalye et al. 2018,
        arXiv:1802.00420.
    """
    few = np.zeros_like(target.right)
    few[:CHECKED] = True
    unbounded = float(np.sqrt(target.images[0].size)) if options.norm == "l2" else 1.0
    left = target.withstands(_pgd(unbounded, 100, options), few).sum() / few.sum()
    one_step = share(target.withstands(_pgd(options.epsilon, 1, options)))["value"]
    many_steps = report["pgd"]["PGD-40"]["value"]
    still = _without_gradient(target, options)
    rows = report["worst_case"]
    black_box = rows[-2]["value"] - rows[-1]["value"] if rows[-1]["attack"] == "Square" else 0.0
    explained = max(BLACK_BOX_GAIN, 2.5 / len(target.right))  # two images prove nothing
    masking = "gradients are masked, and the true robustness may be lower"
    return [
        _check("unbounded", left == 0, f"{left:.1%} withstand an unbounded attack: {masking}"),
        _check(
            "black box",
            black_box <= explained,
            f"a black-box attack fools {black_box:.1%} that white-box attacks did not: {masking}",
        ),
        _check("gradient", still == 0, f"{still:.1%} have a gradient of zero: {masking}"),
        _check(
            "iterations",
            many_steps <= one_step,
            f"40 steps leave {many_steps:.1%}, one leaves {one_step:.1%}: steps that do not help"
            f" mean that {masking}",
        ),
    ]


def _check(name, passed, says):
    return {"name": name, "passed": bool(passed), "says": says}


def _without_gradient(target, options):
    """Share of images for which the loss has no gradient at a random start in the ball."""
    images, labels = target.images[:CHECKED], tf.constant(target.labels[:CHECKED])
    ball = Ball(options.epsilon, options.norm)
    start = ball.random_start(tf.constant(images), tf.constant((options.seed, 0)))
    _, gradient = judge_with_gradient(away_from(target.classify, labels), start)
    return float(np.mean(~np.any(gradient.numpy() != 0, axis=(1, 2, 3))))
