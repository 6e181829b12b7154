"""Figures for generated images: pure functions of labels or features, arrays -> numbers."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import pdist
from scipy.stats import norm
from sklearn.cluster import KMeans
from sklearn.metrics import confusion_matrix
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors

CHUNK = 1000  # rows of a distance matrix that are held at once


def share_with_error(hits):
    """A share, such as an accuracy, and its binomial standard error sqrt(p (1 - p) / n).

    Args:
        hits: bool (n,).
    Returns:
        (share in [0, 1], standard error in [0, 0.5]).
    """
    share = float(np.mean(hits))
    return share, binomial_error(share, len(hits))


def binomial_error(share, count):
    """The standard error sqrt(p (1 - p) / n) of a share p of n."""
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
    """Matches the classes that a game invented with real ones so that most images agree.

    Args:
        confusion: int (num_classes, num_classes), rows are requested, columns judged.
    Returns:
        int (num_classes,), a permutation: entry i is the judged class for requested class i.
    Source: Kuhn 1955, the Hungarian method; usual for clusterings, e.g. Xie et al. 2016,
        arXiv:1511.06335.
    """
    return linear_sum_assignment(confusion, maximize=True)[1]


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
    """Frechet distance between Gaussians fitted to two samples: FID with our own features.

    It is biased upwards by about 1/n, so compare it only between samples of the same size.

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

    The parts are disjoint, unlike KID's usual subsets, so the standard error is honest. Unlike the
    Frechet distance it is unbiased for any number of images.

    Args:
        real, generated: float (n, d) and (m, d), features; the larger sample is cut to the size of
            the smaller.
        parts: int >= 2.
        seed: int.
    Returns:
        (float, its standard error); around 0 for two samples of one distribution.
    Raises:
        ValueError: if a part has fewer than two images.
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
    """Fidelity and variety from nearest neighbours: an image's ball reaches to its k-th one.

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
        ValueError: if a sample has k images or fewer.
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
    # Without an argument, kneighbors() leaves out each point itself.
    index = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(points)
    return index.kneighbors()[0][:, -1]


def fit_bins(real, *, bins=100, seed=0):
    """Cuts the space of real images into bins, the cells of a k-means clustering.

    Args:
        real: float32 (n, d), pixels in the paper.
        bins: int; reduced to one per 20 images, so that counts are meaningful.
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
        float64 (num_classes,), units of the features, >= 0; NaN for a class of fewer than two.
    Source: after the MS-SSIM between images of one class in Odena et al. 2017, arXiv:1610.09585.
    """
    classes = [features[labels == label] for label in range(num_classes)]
    return np.array([pdist(each).mean() if len(each) > 1 else np.nan for each in classes])
