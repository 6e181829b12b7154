"""How much of a mixture a generator has found: modes, good samples, evenness.

Source: PacGAN, Lin et al. 2018, section 4.1, arXiv:1712.04086.
"""

from typing import Any

import numpy as np

from images.points import GOOD_WITHIN


def divergence(counts, shares):
    """The Kullback-Leibler divergence of a histogram from the shares of real data, in nats.

    Args:
        counts: int (modes,), at least one of them positive.
        shares: float (modes,), all positive where counts are.
    """
    found = np.asarray(counts, np.float64) / np.sum(counts)
    present = found > 0
    return float(max(0.0, (found[present] * np.log(found[present] / shares[present])).sum()))


def kl_from_uniform(counts):
    """The Kullback-Leibler divergence of a histogram from evenness, in nats, >= 0.

    Args:
        counts: int (modes,), at least one of them positive.
    """
    return divergence(counts, np.full(len(counts), 1 / len(counts)))


def measure(points, mixture, labels=None):
    """Counts what points have of a mixture.

    Args:
        points: float (n, 2), as networks see them, n >= 1.
        mixture: images.points.Mixture.
        labels: int (n,), the modes asked for, or None.
    Returns:
        dict: "modes" with a good sample of "of_modes"; "good", the share of samples within three
        standard deviations of the nearest mode; "kl", how uneven the nearest modes of all samples
        are; "spread", the standard deviation of good samples in the mixture's, 0.97 of real ones;
        "per_mode", how many samples are nearest to each; with labels also "asked", the share of
        samples that are good ones of the mode that was asked for.
    """
    distances = mixture.distances(points)
    nearest, away = distances.argmin(axis=1), distances.min(axis=1)
    good = away <= GOOD_WITHIN
    counts = np.bincount(nearest, minlength=distances.shape[1])
    report = {
        "samples": len(nearest),
        "modes": len(np.unique(nearest[good])),
        "of_modes": distances.shape[1],
        "good": float(good.mean()),
        "kl": kl_from_uniform(counts),
        "spread": float(np.sqrt(np.square(away[good]).mean() / 2)) if good.any() else None,
        "per_mode": counts.tolist(),
    }
    if labels is not None:
        report["asked"] = float((good & (nearest == labels)).mean())
    return report


def evaluate_points(samples, mixture, test, classifier=None):
    """The report of a run on points.

    Args:
        samples: dict of kind -> (points (n, 2), the modes asked for or None).
        mixture: images.points.Mixture.
        test: images.splits.Split of real points, which say what is possible.
        classifier: keras.Model, points -> logits, which has seen none of them; None of a game
            without classes.
    Returns:
        dict of JSON: "samples", kind -> `measure`, with the kind "real"; with a classifier also
        "classifier_accuracy" on the real points.
    """
    asked = None if classifier is None else test.labels
    kinds = {"real": (test.images, asked), **samples}
    measured = {kind: measure(drawn, mixture, labels) for kind, (drawn, labels) in kinds.items()}
    report: dict[str, Any] = {"samples": measured}
    if classifier is not None:
        logits = classifier.predict(test.images, batch_size=1000, verbose=0)
        report["classifier_accuracy"] = float((logits.argmax(axis=1) == test.labels).mean())
    return report


def format_points(report):
    """The report as a table for the terminal."""
    lines = [f"{'sample':<20}{'modes':>9}{'good':>9}{'KL':>9}{'spread':>9}{'asked':>9}"]
    for kind, row in report["samples"].items():
        modes = f"{row['modes']}/{row['of_modes']}"
        spread = "-" if row["spread"] is None else f"{row['spread']:.2f}"
        asked = f"{row['asked']:.1%}" if "asked" in row else "-"
        lines.append(
            f"{kind:<20}{modes:>9}{row['good']:>9.1%}{row['kl']:>9.4f}{spread:>9}{asked:>9}"
        )
    if "classifier_accuracy" in report:
        lines.append(f"real points that the classifier reads: {report['classifier_accuracy']:.2%}")
    return "\n".join(lines)
