"""How good generated images are: a report, with each figure beside the same one for real images.

The judge is a classifier of real images (`reference.py`); `metrics.py` computes the figures and
`table.py` prints them.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from evaluation import metrics
from evaluation.reference import gan_train_judge, judge_outputs, predict


@dataclasses.dataclass(frozen=True)
class GenerationOptions:
    """How `evaluate_generation` is done.

    At most `num_judged` images of each sample are judged. GAN-train learns from `cas_images`; None
    means as many as there are real training images, but 6,000 to 60,000. `matched` is for a game
    that invents its own classes: each of them first gets the real name that fits best.
    """

    num_judged: int = 10_000
    cas_images: int | None = None
    seed: int = 0
    matched: bool = False


class Side(NamedTuple):
    """Images with the class that was asked for (or is true), and the judge's answers."""

    images: np.ndarray  # uint8 (n, h, w, c)
    labels: np.ndarray  # int (n,)
    judged: np.ndarray  # int (n,)
    features: np.ndarray  # float32 (n, d)

    @classmethod
    def seen_by(cls, reference, images, labels):
        """The judge's view of images; if labels are None, the judged classes replace them."""
        logits, features = judge_outputs(reference, images)
        judged = logits.argmax(axis=-1)
        return cls(images, judged if labels is None else np.asarray(labels), judged, features)

    def part(self, count, seed):
        """`count` of the images, at random."""
        chosen = np.random.default_rng(seed).permutation(len(self.labels))[:count]
        return Side(*(array[chosen] for array in self))

    def pixels(self):
        return self.images.reshape(len(self.images), -1).astype(np.float32) / 255.0


def evaluate_generation(
    samples,
    dataset,
    reference,
    *,
    training_source=None,
    classifier=None,
    inception=None,
    options=None,
):
    """Judges generated images, each figure beside the same one for real images.

    The real side of every distance is the test split, which is read here and chooses nothing. The
    "real" value of a distance is that of equally many training images: the noise floor, which a
    perfect generator would reach. (The reference has learned those images, so the floor is too high
    rather than too low.) The "real" value of an accuracy is the reference's own on the test split.

    A generator that is told no class has no labels. The judged classes replace them, for real
    images too, and figures that need the class asked for are left out: "gan_test", "score_auc",
    "confusion", and by class "gan_test" and "requested_share". "share_distance" compares the judged
    class shares with the wanted ones: as asked for or, without labels, as in the test split.

    Args:
        samples: dict of name -> (images uint8 (n, h, w, c), labels int32 (n,) as asked for, or
            None in all samples), and optionally a third entry, the discriminator's scores
            float (n,). "plain" is required and gets every figure; others, such as "nice", get the
            figures that need no training. Compare figures only between samples of equal size.
        dataset: `data.Dataset`.
        reference: keras.Model, of `reference_classifier`.
        training_source: callable (n, seed) -> (images uint8, labels int32), or such a pair: plain
            images for GAN-train, which uses all of a pair; None leaves GAN-train out.
        classifier: keras.Model that learned in the game, or None.
        inception: inception.Inception, for colour images, or None to leave FID out.
        options: `GenerationOptions`.
    Returns:
        dict ready for JSON. "reference_accuracy" is {"value", "standard_error"}, on the test
        split. "samples" is name -> {"images": n judged, "compared": n on each side of a distance,
        "figures": {name in `table.FIGURES`: {"value", "standard_error" (where there is one),
        "real"}}, "per_class": {name: list}, "confusion": requested by judged}.
    Raises:
        ValueError: if "plain" is missing, or the samples' images or labels do not fit.
    """
    options = options or GenerationOptions()
    samples = _checked(samples, dataset, options)
    labelled = samples["plain"][1] is not None
    test = Side.seen_by(reference, dataset.test.images, dataset.test.labels)
    accuracy = metrics.share_with_error(test.judged == test.labels)
    sides = {name: Side.seen_by(reference, *sample[:2]) for name, sample in samples.items()}
    matching = np.arange(dataset.num_classes)
    if options.matched:
        plain = sides["plain"]
        counts = metrics.confusion(plain.labels, plain.judged, dataset.num_classes)
        matching = metrics.match_classes(counts)

    entries, floors = {}, {}  # floors: real against real, for each number of images
    for name, side in sides.items():
        side = side._replace(labels=matching[side.labels])
        count = min(len(side.labels), len(test.labels), len(dataset.train.labels))
        if count not in floors:
            floors[count] = _Floor(
                test, dataset, reference, inception, count, seed=options.seed, labelled=labelled
            )
        entries[name] = _sample_entry(side, test, floors[count])
        if labelled:
            _add_what_was_asked(entries[name], side, test, samples[name][2:])
    entries["plain"]["figures"] |= _taught_figures(
        dataset, accuracy[0], matching, training_source, classifier, options
    )
    return {
        "dataset": dataset.name,
        "class_names": list(dataset.class_names),
        "options": dataclasses.asdict(options),
        "class_matching": matching.tolist() if options.matched else None,
        "reference_accuracy": _figure(accuracy),
        "samples": entries,
    }


def _checked(samples, dataset, options):
    """The first images, labels and scores of each sample, checked to fit together."""
    if "plain" not in samples:
        raise ValueError('samples must hold "plain": (images, labels)')
    if len({labels is None for _, labels, *_ in samples.values()}) > 1:
        raise ValueError("either all samples have labels, or none has")
    if options.matched and samples["plain"][1] is None:
        raise ValueError("matched: there are no labels to match with classes")
    shape, num_classes = dataset.test.images.shape[1:], dataset.num_classes
    for name, (images, labels, *scores) in samples.items():
        if images.dtype != np.uint8 or images.shape[1:] != shape:
            raise ValueError(
                f"{name} images must be uint8 of {shape}, not {images.dtype} of {images.shape[1:]}"
            )
        beside = scores if labels is None else [labels, *scores]
        if any(len(array) != len(images) for array in beside) or not len(images):
            raise ValueError(f"{name} must hold at least one image, a label (and score) for each")
        if labels is not None and not 0 <= np.min(labels) <= np.max(labels) < num_classes:
            raise ValueError(f"{name} labels must be in [0, {num_classes})")
    return {
        name: [None if array is None else np.asarray(array)[: options.num_judged] for array in each]
        for name, each in samples.items()
    }


class _Floor:
    """`count` real test images, and the figures of as many training images against them."""

    def __init__(self, test, dataset, reference, inception, count, *, seed, labelled):
        self.count, self.seed, self.num_classes = count, seed, dataset.num_classes
        chosen = np.random.default_rng(seed + 1).permutation(len(dataset.train.labels))[:count]
        train = Side.seen_by(reference, dataset.train.images[chosen], dataset.train.labels[chosen])
        if not labelled:
            test, train = (side._replace(labels=side.judged) for side in (test, train))
        self.real = test.part(count, seed)
        self.binning = metrics.fit_bins(self.real.pixels(), seed=seed)
        self.diversity = metrics.class_diversity(
            self.real.features, self.real.labels, self.num_classes
        )
        self.inception = inception
        if inception:
            self.inception_features = inception.features(self.real.images)
        self.train_shares = metrics.class_shares(train.judged, self.num_classes)
        self.figures, self.diversity_of_train = self.compare(train)

    def compare(self, side):
        """Each two-sample figure of a side, as (value, standard error or None), and the diversity
        of each class, relative to real images."""
        side = side.part(self.count, self.seed + 2)
        real, generated = self.real.features, side.features
        figures = {
            "frechet_distance": (metrics.frechet_distance(real, generated), None),
            "kernel_distance": metrics.kernel_distance(real, generated, seed=self.seed),
        }
        for name, share in metrics.precision_recall_density_coverage(real, generated).items():
            # Only these two are means over one side while the other is fixed.
            has_error = name in ("precision", "recall")
            figures[name] = (
                share,
                metrics.binomial_error(share, self.count) if has_error else None,
            )
        if self.inception:
            seen = self.inception.features(side.images)
            distance = self.inception.distance(self.inception_features, seen)
            figures["inception_distance"] = (distance, None)
        bins = metrics.different_bins(self.binning, self.real.pixels(), side.pixels())
        figures["different_bins"] = (bins, None)
        diversity = metrics.class_diversity(generated, side.labels, self.num_classes)
        diversity = diversity / self.diversity
        figures["diversity"] = (np.nanmean(diversity), None)
        return figures, diversity


def _sample_entry(side, test, floor):
    """Everything that needs neither a training nor the class asked for."""
    judged, real_judged = (metrics.class_shares(s.judged, floor.num_classes) for s in (side, test))
    compared, diversity = floor.compare(side)
    figures = {
        name: _figure(measured, floor.figures[name][0]) for name, measured in compared.items()
    }
    figures["smallest_class_share"] = _figure((judged.min(), None), real_judged.min())
    figures["largest_class_share"] = _figure((judged.max(), None), real_judged.max())
    figures["share_distance"] = _figure(
        (_distance(judged, real_judged), None), _distance(floor.train_shares, real_judged)
    )
    return {
        "images": len(side.labels),
        "compared": floor.count,
        "figures": figures,
        "per_class": {
            "judged_share": _numbers(judged),
            "real_judged_share": _numbers(real_judged),
            "diversity": _numbers(diversity),
            "real_diversity": _numbers(floor.diversity_of_train),
        },
    }


def _add_what_was_asked(entry, side, test, scores):
    """Adds what depends on the class that each image was asked to show."""
    figures, by_class = entry["figures"], entry["per_class"]
    num_classes = len(by_class["judged_share"])
    right = side.judged == side.labels
    figures["gan_test"] = _figure(
        metrics.share_with_error(right), np.mean(test.judged == test.labels)
    )
    if scores and right.any() and not right.all():
        figures["score_auc"] = _figure((roc_auc_score(right, scores[0]), None))
    asked, real_asked = (metrics.class_shares(s.labels, num_classes) for s in (side, test))
    figures["share_distance"] = _figure(
        (_distance(asked, by_class["judged_share"]), None),
        _distance(real_asked, by_class["real_judged_share"]),
    )
    counts = metrics.confusion(side.labels, side.judged, num_classes)
    by_class["gan_test"] = _numbers(np.diag(counts) / np.maximum(1, counts.sum(axis=1)))
    by_class["requested_share"] = _numbers(asked)
    entry["confusion"] = counts.tolist()


def _taught_figures(dataset, real, matching, training_source, classifier, options):
    """Accuracies on real test images of classifiers that learned from generated images."""
    figures = {}
    images, labels = dataset.test.images, dataset.test.labels
    if training_source is not None:
        judge = gan_train_judge(training_source, dataset, matching, options)
        right = predict(judge, images)[0].argmax(axis=-1) == labels
        figures["gan_train"] = _figure(metrics.share_with_error(right), real)
    if classifier is not None:
        right = matching[predict(classifier, images)[0].argmax(axis=-1)] == labels
        figures["own_classifier"] = _figure(metrics.share_with_error(right), real)
    return figures


def _distance(shares, other_shares):
    """The total variation distance: the share of images that would have to change class."""
    return np.abs(np.subtract(shares, other_shares)).sum() / 2


def _figure(measured, real=None):
    """An entry of the report, from (value, standard error or None) and the real value."""
    entries = {"value": measured[0], "standard_error": measured[1], "real": real}
    return {name: float(entry) for name, entry in entries.items() if entry is not None}


def _numbers(array):
    """A list for JSON, which knows no NaN."""
    return [float(value) if np.isfinite(value) else None for value in array]
