"""How good generated images are, judged by a classifier of real ones (see `reference.py`).

The metrics are pure functions of numpy arrays; `evaluate_generation` puts them into one report,
each beside the same figure for real images.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import pdist
from scipy.stats import norm
from sklearn.cluster import KMeans
from sklearn.metrics import confusion_matrix, roc_auc_score
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from evaluation.reference import judge_outputs, predict, train_judge

CHUNK = 1000  # rows of a distance matrix that are held at once
FEWEST_CAS_IMAGES, MOST_CAS_IMAGES = 6_000, 60_000
TAUGHT_PER_HELD_OUT = 12  # of the images for GAN-train, one in 13 only chooses the epoch


class Figure(NamedTuple):
    """A figure's name and unit for people; `better` is "higher", "lower" or "real" (as real's)."""

    title: str
    unit: str
    better: str


FIGURES = {
    "gan_train": Figure("GAN-train: taught by generated, reads real", "%", "higher"),
    "own_classifier": Figure("the game's classifier reads real", "%", "higher"),
    "gan_test": Figure("GAN-test: taught by real, reads generated", "%", "higher"),
    "frechet_distance": Figure("Frechet distance", "feature^2", "lower"),
    "kernel_distance": Figure("kernel distance", "MMD^2", "lower"),
    "precision": Figure("precision", "%", "higher"),
    "recall": Figure("recall", "%", "higher"),
    "density": Figure("density", "", "higher"),
    "coverage": Figure("coverage", "%", "higher"),
    "different_bins": Figure("statistically different bins", "%", "lower"),
    "diversity": Figure("diversity within a class, of real's", "%", "real"),
    "share_distance": Figure("class shares, asked against judged", "%", "lower"),
    "score_auc": Figure("discriminator's score finds readable ones", "AUC", "higher"),
}


# --- Metrics of labels


def share_with_error(hits):
    """A share, such as an accuracy, and its binomial standard error sqrt(p (1 - p) / n).

    Args:
        hits: bool (n,).
    Returns:
        (share in [0, 1], standard error in [0, 0.5]).
    """
    share = float(np.mean(hits))
    return share, _binomial_error(share, len(hits))


def _binomial_error(share, count):
    return float(np.sqrt(share * (1.0 - share) / count))


def confusion(requested, judged, num_classes):
    """How often each class was asked for and each class was seen.

    Args:
        requested, judged: int (n,), in [0, num_classes).
        num_classes: int.
    Returns:
        int (num_classes, num_classes): rows are requested, columns judged, the sum is n.
    """
    return confusion_matrix(requested, judged, labels=np.arange(num_classes))


def class_shares(labels, num_classes):
    """The share of each class: int (n,) -> float64 (num_classes,) that sum to 1."""
    return np.bincount(labels, minlength=num_classes) / len(labels)


def match_classes(confusion):
    """Names the classes that a game invented: one real class each, so that most images agree.

    Args:
        confusion: int (num_classes, num_classes), rows are requested, columns judged.
    Returns:
        int (num_classes,), a permutation: entry i is the judged class for requested class i.
    Source: Kuhn 1955, the Hungarian method; usual for clusterings, e.g. Xie et al. 2016,
        arXiv:1511.06335.
    """
    return linear_sum_assignment(confusion, maximize=True)[1]


def matched_accuracy(confusion):
    """The share in [0, 1] of images that are judged to be the class matched to the one asked."""
    return float(confusion[np.arange(len(confusion)), match_classes(confusion)].sum()) / float(
        confusion.sum()
    )


# --- Distances between two samples of features


def gaussian_frechet_distance(mean_a, covariance_a, mean_b, covariance_b):
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), also for singular covariances.

    The last trace is taken as the sum of the singular values of C_a^(1/2) C_b^(1/2), which are
    the square roots of the eigenvalues of C_a C_b.

    Args:
        mean_a, mean_b: float64 (d,).
        covariance_a, covariance_b: float64 (d, d), symmetric, positive semi-definite.
    Returns:
        float >= 0, squared units of the features.
    Source: Dowson & Landau 1982.
    """
    product = _square_root(covariance_a) @ _square_root(covariance_b)
    overlap = np.linalg.svd(product, compute_uv=False).sum()
    distance = np.sum((mean_a - mean_b) ** 2) + np.trace(covariance_a) + np.trace(covariance_b)
    return max(0.0, float(distance - 2.0 * overlap))


def _square_root(covariance):
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def frechet_distance(real, generated):
    """Frechet distance between Gaussians fitted to two samples: Heusel's FID in our features.

    It is biased upwards by about 1/n: compare it only between samples of the same size.

    Args:
        real, generated: float (n, d) and (m, d), features.
    Returns:
        float >= 0, squared units of the features, 0 for equal samples.
    Source: Heusel et al. 2017, arXiv:1706.08500.
    """
    moments = []
    for features in (real, generated):
        features = np.asarray(features, np.float64)
        moments += [features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))]
    return gaussian_frechet_distance(*moments)


def squared_mmd(real, generated):
    """Unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3.

    Args:
        real, generated: float (n, d) and (m, d), features.
    Returns:
        float, 0 on average for two samples of one distribution, then of either sign.
    Source: Gretton et al. 2012, lemma 6; Binkowski et al. 2018, arXiv:1801.01401.
    """
    real, generated = np.asarray(real, np.float64), np.asarray(generated, np.float64)

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1.0) ** 3

    def mean_of_pairs(a):
        matrix = kernel(a, a)
        return (matrix.sum() - np.trace(matrix)) / (len(a) * (len(a) - 1))

    return float(
        mean_of_pairs(real) + mean_of_pairs(generated) - 2.0 * kernel(real, generated).mean()
    )


def kernel_distance(real, generated, *, parts=10, seed=0):
    """Kernel distance (KID): the mean of `squared_mmd` over disjoint random parts.

    The parts are disjoint, where KID's usual subsets overlap, so that the standard error is
    honest. Unlike the Frechet distance it has no bias in the number of images.

    Args:
        real, generated: float (n, d) and (m, d), features; the larger sample is cut to the other.
        parts: int >= 2.
        seed: int.
    Returns:
        (float, its standard error); around 0 for two samples of one distribution.
    Raises:
        ValueError: if there are fewer than two images a part.
    Source: Binkowski et al. 2018, arXiv:1801.01401; parts: Zaremba et al. 2013, arXiv:1307.1954.
    """
    size = min(len(real), len(generated)) // parts
    if size < 2:
        raise ValueError(f"kernel_distance needs at least {2 * parts} images for {parts} parts")
    draw = np.random.default_rng(seed)
    real_parts = draw.permutation(len(real))[: parts * size].reshape(parts, size)
    generated_parts = draw.permutation(len(generated))[: parts * size].reshape(parts, size)
    values = [
        squared_mmd(real[a], generated[b]) for a, b in zip(real_parts, generated_parts, strict=True)
    ]
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(parts))


def precision_recall_density_coverage(real, generated, *, neighbours=5):
    """Fidelity and variety from nearest neighbours: each image owns the ball to its k-th one.

    Precision is the share of generated images in some real ball, recall that of real images in
    some generated ball; density counts the real balls around a generated image, over k, and
    coverage is the share of real balls that hold a generated image.

    Args:
        real, generated: float (n, d) and (m, d), features.
        neighbours: int, k.
    Returns:
        dict of float: "precision", "recall" and "coverage" in [0, 1], "density" >= 0, around 1
        for two samples of one distribution.
    Raises:
        ValueError: if a sample has no more than k images.
    Source: Kynkaanniemi et al. 2019, arXiv:1904.06991; Naeem et al. 2020, arXiv:2002.09797.
    """
    if min(len(real), len(generated)) <= neighbours:
        raise ValueError(f"needs more than {neighbours} images of each kind")
    real, generated = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    real_radii, generated_radii = _radii(real, neighbours), _radii(generated, neighbours)
    balls_around = np.zeros(len(generated), np.int64)
    recalled = covered = 0
    for start in range(0, len(real), CHUNK):
        rows = slice(start, start + CHUNK)
        distances = euclidean_distances(real[rows], generated)  # (chunk, generated)
        inside = distances < real_radii[rows, None]
        balls_around += inside.sum(axis=0)
        covered += inside.any(axis=1).sum()
        recalled += (distances < generated_radii).any(axis=1).sum()
    return {
        "precision": float(np.mean(balls_around > 0)),
        "recall": float(recalled / len(real)),
        "density": float(balls_around.mean() / neighbours),
        "coverage": float(covered / len(real)),
    }


def _radii(points, neighbours):
    """The distance of each point to its k-th nearest other point, (n, d) -> (n,)."""
    # kneighbors() of no argument leaves each point itself out.
    index = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(points)
    return index.kneighbors()[0][:, -1]


def fit_bins(real, *, bins=100, seed=0):
    """Cuts the space of real images into bins, the cells of a k-means clustering.

    Args:
        real: float32 (n, d), pixels in the paper.
        bins: int; cut to one for 20 images, so that a bin's count means something.
        seed: int.
    Returns:
        sklearn.cluster.KMeans, whose `predict` says in which bin an image is.
    Source: Richardson & Weiss 2018, arXiv:1805.12462.
    """
    bins = int(np.clip(len(real) // 20, 2, bins))
    return KMeans(bins, n_init=1, max_iter=50, random_state=seed).fit(real)


def different_bins(binning, real, generated, *, significance=0.05):
    """NDB/K: the share of bins that the two samples fill differently, by a two-proportion z-test.

    Args:
        binning: what `fit_bins` returned.
        real, generated: float32 (n, d) and (m, d).
        significance: float, of each bin's two-sided test.
    Returns:
        float in [0, 1], around `significance` for two samples of one distribution.
    Source: Richardson & Weiss 2018, arXiv:1805.12462.
    """
    real_shares, generated_shares = (
        class_shares(binning.predict(sample), binning.n_clusters) for sample in (real, generated)
    )
    n, m = len(real), len(generated)
    pooled = (n * real_shares + m * generated_shares) / (n + m)
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m))
    threshold = norm.ppf(1.0 - significance / 2.0)
    return float(np.mean(np.abs(real_shares - generated_shares) > threshold * error))


def class_diversity(features, labels, num_classes):
    """The mean distance between two images of one class.

    Args:
        features: float (n, d).
        labels: int (n,), in [0, num_classes).
        num_classes: int.
    Returns:
        float64 (num_classes,), units of the features, >= 0; NaN for a class of under two images.
    Source: after the MS-SSIM between images of one class in Odena et al. 2017, arXiv:1610.09585.
    """
    classes = [features[labels == label] for label in range(num_classes)]
    return np.array([pdist(each).mean() if len(each) > 1 else np.nan for each in classes])


# --- The report


@dataclasses.dataclass(frozen=True)
class GenerationOptions:
    """How `evaluate_generation` is done.

    `num_judged` is the most images of each sample that are judged. `cas_images` teach GAN-train;
    None is as many as the real training images, within 6,000 and 60,000. `matched` is for a game
    that was told no class: each class it invented is first given the name that fits best.
    """

    num_judged: int = 10_000
    cas_images: int | None = None
    seed: int = 0
    matched: bool = False


class Side(NamedTuple):
    """Images with the class that was asked for (or is true), and what the judge makes of them."""

    images: np.ndarray  # uint8 (n, h, w, c)
    labels: np.ndarray  # int (n,)
    judged: np.ndarray  # int (n,)
    features: np.ndarray  # float32 (n, d)

    @classmethod
    def seen_by(cls, reference, images, labels):
        logits, features = judge_outputs(reference, images)
        return cls(images, np.asarray(labels), logits.argmax(axis=-1), features)

    def part(self, count, seed):
        """`count` of the images, at random."""
        chosen = np.random.default_rng(seed).permutation(len(self.labels))[:count]
        return Side(*(array[chosen] for array in self))

    def pixels(self):
        return self.images.reshape(len(self.images), -1).astype(np.float32) / 255.0


def evaluate_generation(
    samples, dataset, reference, *, training_source=None, classifier=None, options=None
):
    """Judges generated images, each figure beside the same one for real images.

    The real side of every distance is the test split, which is read here and chooses nothing. A
    distance's "real" is that of equally many training images to it: the noise floor, what a
    perfect generator would get. (The reference has learned those images, so the floor is rather
    too high than too low.) "real" of an accuracy is the reference's own on the test split.

    Args:
        samples: dict of name -> (images uint8 (n, h, w, c), labels int32 (n,) as asked for), and
            optionally a third entry, the discriminator's scores float (n,). "plain" must be there
            and gets every figure; others, such as "nice", get those that need no training.
            Most figures are comparable only between samples of equal size.
        dataset: `data.Dataset`.
        reference: keras.Model, of `reference_classifier`.
        training_source: callable (n, seed) -> (images uint8, labels int32), or such a pair, of
            plain images that teach GAN-train (of a pair, all of them); None leaves it out.
        classifier: keras.Model that the game taught, or None.
        options: `GenerationOptions`.
    Returns:
        dict ready for JSON. "samples" is name -> {"images": n judged, "compared": n on each side
        of a distance, "figures": {name in `FIGURES`: {"value", "standard_error" (where there is
        one), "real"}}, "per_class": {name: list}, "confusion": requested by judged}.
    Raises:
        ValueError: if "plain" is missing, or a sample's images or labels do not fit.
    """
    options = options or GenerationOptions()
    samples = {
        name: _checked(name, sample, dataset, options.num_judged)
        for name, sample in samples.items()
    }
    if "plain" not in samples:
        raise ValueError('samples must hold "plain": (images, labels)')
    test = Side.seen_by(reference, dataset.test.images, dataset.test.labels)
    sides = {name: Side.seen_by(reference, *sample[:2]) for name, sample in samples.items()}
    matching = np.arange(dataset.num_classes)
    if options.matched:
        plain = sides["plain"]
        matching = match_classes(confusion(plain.labels, plain.judged, dataset.num_classes))

    report = {
        "dataset": dataset.name,
        "class_names": list(dataset.class_names),
        "options": dataclasses.asdict(options),
        "class_matching": matching.tolist() if options.matched else None,
        "samples": {},
    }
    floors = {}  # real against real, for each number of images
    for name, side in sides.items():
        side = side._replace(labels=matching[side.labels])
        count = min(len(side.labels), len(test.labels), len(dataset.train.labels))
        if count not in floors:
            floors[count] = _Floor(test, dataset, reference, count, options.seed)
        report["samples"][name] = _sample_report(side, test, floors[count], samples[name][2:])
    report["samples"]["plain"]["figures"] |= _taught_figures(
        dataset, test, matching, training_source, classifier, options
    )
    return report


def _checked(name, sample, dataset, most):
    """The sample's first images, labels (and scores), once they are found to fit together."""
    images, labels = np.asarray(sample[0]), np.asarray(sample[1])
    shape = dataset.test.images.shape[1:]
    if images.dtype != np.uint8 or images.shape[1:] != shape:
        raise ValueError(
            f"{name} images must be uint8 of {shape}, not {images.dtype} of {images.shape[1:]}"
        )
    if any(len(array) != len(images) for array in sample[1:]) or not len(images):
        raise ValueError(f"{name} must hold at least one image, and a label (and score) for each")
    if labels.min() < 0 or labels.max() >= dataset.num_classes:
        raise ValueError(f"{name} labels must be in [0, {dataset.num_classes})")
    return tuple(np.asarray(array)[:most] for array in sample)


class _Floor:
    """`count` real test images, and the figures of as many training images against them."""

    def __init__(self, test, dataset, reference, count, seed):
        self.count, self.seed, self.num_classes = count, seed, dataset.num_classes
        self.real = test.part(count, seed)
        self.binning = fit_bins(self.real.pixels(), seed=seed)
        self.diversity = class_diversity(self.real.features, self.real.labels, self.num_classes)
        chosen = np.random.default_rng(seed + 1).permutation(len(dataset.train.labels))[:count]
        train = Side.seen_by(reference, dataset.train.images[chosen], dataset.train.labels[chosen])
        self.figures, self.diversity_of_train = self.compare(train)

    def compare(self, side):
        """Each two-sample figure of a side, as (value, standard error or None), and the diversity
        of each class as a ratio to the real one."""
        side = side.part(self.count, self.seed + 2)
        figures = {
            "frechet_distance": (frechet_distance(self.real.features, side.features), None),
            "kernel_distance": kernel_distance(self.real.features, side.features, seed=self.seed),
        }
        shares = precision_recall_density_coverage(self.real.features, side.features)
        for name, share in shares.items():
            # Of these, the two that are means over one side while the other is held fixed.
            has_error = name in ("precision", "recall")
            figures[name] = (share, _binomial_error(share, self.count) if has_error else None)
        bins = different_bins(self.binning, self.real.pixels(), side.pixels())
        figures["different_bins"] = (bins, None)
        diversity = class_diversity(side.features, side.labels, self.num_classes) / self.diversity
        figures["diversity"] = (np.nanmean(diversity), None)
        return figures, diversity


def _sample_report(side, test, floor, scores):
    """All that needs no training: figures, lists by class, the confusion."""
    num_classes = floor.num_classes
    right = side.judged == side.labels
    figures = {"gan_test": _figure(share_with_error(right), np.mean(test.judged == test.labels))}
    compared, diversity = floor.compare(side)
    for name, measured in compared.items():
        figures[name] = _figure(measured, floor.figures[name][0])
    asked, judged, real_asked, real_judged = (
        class_shares(labels, num_classes)
        for labels in (side.labels, side.judged, test.labels, test.judged)
    )
    figures["share_distance"] = _figure(
        (np.abs(asked - judged).sum() / 2, None), np.abs(real_asked - real_judged).sum() / 2
    )
    if scores and right.any() and not right.all():
        figures["score_auc"] = _figure((roc_auc_score(right, scores[0]), None))
    counts = confusion(side.labels, side.judged, num_classes)
    return {
        "images": len(side.labels),
        "compared": floor.count,
        "figures": figures,
        "per_class": {
            "gan_test": _numbers(np.diag(counts) / np.maximum(1, counts.sum(axis=1))),
            "requested_share": _numbers(asked),
            "judged_share": _numbers(judged),
            "real_judged_share": _numbers(real_judged),
            "diversity": _numbers(diversity),
            "real_diversity": _numbers(floor.diversity_of_train),
        },
        "confusion": counts.tolist(),
    }


def _taught_figures(dataset, test, matching, training_source, classifier, options):
    """Accuracies on real test images of classifiers that generated images taught."""
    figures = {}
    real = np.mean(test.judged == test.labels)
    if training_source is not None:
        judge = gan_train_judge(training_source, dataset, matching, options)
        right = judge_outputs(judge, test.images)[0].argmax(axis=-1) == test.labels
        figures["gan_train"] = _figure(share_with_error(right), real)
    if classifier is not None:
        logits = predict(classifier, test.images)[0]
        right = matching[logits.argmax(axis=-1)] == test.labels
        figures["own_classifier"] = _figure(share_with_error(right), real)
    return figures


def gan_train_judge(training_source, dataset, matching, options):
    """Teaches a fresh judge with generated images alone, for the classification accuracy score.

    Args:
        training_source: as `evaluate_generation`.
        dataset: `data.Dataset`, of which only the sizes are looked at.
        matching: int (num_classes,), the real class that each requested one stands for.
        options: `GenerationOptions`.
    Returns:
        keras.Model, as `train_judge`; its epoch is chosen on generated images as well.
    Source: Shmelkov et al. 2018 (GAN-train), arXiv:1807.09499; Ravuri & Vinyals 2019 (CAS),
        arXiv:1905.10887.
    """
    if callable(training_source):
        taught = options.cas_images or int(
            np.clip(len(dataset.train.labels), FEWEST_CAS_IMAGES, MOST_CAS_IMAGES)
        )
        training_source = training_source(taught + taught // TAUGHT_PER_HELD_OUT, options.seed)
    images, labels = (np.asarray(array) for array in training_source)
    order = np.random.default_rng(options.seed).permutation(len(labels))
    held_out, taught = np.split(order, [max(1, len(order) // (TAUGHT_PER_HELD_OUT + 1))])
    return train_judge(
        images[taught],
        matching[labels[taught]],
        held_out=(images[held_out], matching[labels[held_out]]),
        num_classes=dataset.num_classes,
        seed=options.seed,
    )


def _figure(measured, real=None):
    """An entry of the report, of (value, standard error or None) and the same for real images."""
    entries = {"value": measured[0], "standard_error": measured[1], "real": real}
    return {name: float(entry) for name, entry in entries.items() if entry is not None}


def _numbers(array):
    """A list for JSON, which knows no NaN."""
    return [float(value) if np.isfinite(value) else None for value in array]


# --- For the terminal

ARROWS = {"higher": "↑", "lower": "↓", "real": "="}


def format_table(report):
    """The report as text: a row a figure, a column a sample and one for real images.

    Args:
        report: dict, of `evaluate_generation`.
    Returns:
        str of several lines, in a fixed-width layout.
    """
    samples = report["samples"]
    rows = [["", "", "", *samples, "real"]]
    for name, figure in FIGURES.items():
        entries = [sample["figures"].get(name, {}) for sample in samples.values()]
        if not any(entries):
            continue
        cells = [_cell(e.get("value"), figure.unit, e.get("standard_error")) for e in entries]
        real = next((_cell(e["real"], figure.unit) for e in entries if "real" in e), "")
        rows.append([figure.title, figure.unit, ARROWS[figure.better], *cells, real])
    sizes = ", ".join(
        f"{name} {sample['images']} (in distances {sample['compared']})"
        for name, sample in samples.items()
    )
    legend = "↑ higher is better, ↓ lower, = near real's; ± one standard error"
    return "\n".join(
        [f"{report['dataset']}, images: {sizes}", legend, "", *_aligned(rows), ""]
        + _aligned(_class_rows(report))
    )


def _class_rows(report):
    """One row a class of the plain sample, in percent."""
    columns = report["samples"]["plain"]["per_class"]
    titles = [
        "class, %",
        "GAN-test",
        "asked",
        "judged",
        "real judged",
        "diversity",
        "real diversity",
    ]
    rows = [
        [str(class_name), *(_cell(value, "%") for value in values)]
        for class_name, *values in zip(report["class_names"], *columns.values(), strict=True)
    ]
    return [titles, *rows]


def _cell(value, unit, standard_error=None):
    if value is None:
        return ""
    if unit == "%":
        error = "" if standard_error is None else f" ± {100 * standard_error:.2f}"
        return f"{100 * value:.2f}{error}"
    return f"{value:.4f}" + ("" if standard_error is None else f" ± {standard_error:.4f}")


def _aligned(rows):
    """Lines of equally wide columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
