"""Linear classifiers, for which it is known exactly what no attack can do to them."""

import dataclasses

import keras
import numpy as np
from keras import layers

from evaluation.robustness import RobustnessOptions, Target
from images import datasets

SHAPE = (3, 3, 1)
PIXELS = 9
TINY = RobustnessOptions(epsilon=0.1, num_images=30, restarts=2, queries=50)


def classifier_of(weights, before=lambda flat: flat, scale=1.0):
    """A keras.Model of logits scale * (before(pixels) @ weights)."""
    images = keras.Input(SHAPE)
    head = layers.Dense(weights.shape[1], use_bias=False)
    model = keras.Model(images, head(layers.Lambda(before)(layers.Flatten()(images))) * scale)
    head.set_weights([weights.astype(np.float32)])
    return model


@dataclasses.dataclass
class Known:
    """A linear classifier, images of which some are labelled wrongly, and what is known of them."""

    weights: np.ndarray
    split: datasets.Split

    def right_within(self, epsilon, norm="linf"):
        """bool (n,), which images no perturbation within epsilon can have misclassified.

        The worst one for each other class goes straight up its logit and down the label's.
        """
        flat = datasets.normalize(self.split.images).reshape(-1, PIXELS).astype(np.float64)
        right = np.ones(len(flat), bool)
        for other in range(self.weights.shape[1]):
            slope = self.weights[:, self.split.labels].T - self.weights[:, [other]].T
            if norm == "linf":
                worst = np.clip(flat - 2 * epsilon * np.sign(slope), -1, 1)
            else:  # as long as the box is not reached
                unit = np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)
                worst = flat - 2 * epsilon * slope / unit
            right &= ((worst * slope).sum(axis=1) > 0) | (self.split.labels == other)
        return right

    def accuracy(self, epsilon, norm="linf"):
        return self.right_within(epsilon, norm).mean()


def known(num_classes, count=30, low=0, high=255, seed=0):
    """A random classifier of `count` images with pixels from low to high, a tenth named wrongly."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(PIXELS, num_classes))
    images = rng.integers(low, high + 1, (count, *SHAPE)).astype(np.uint8)
    labels = (datasets.normalize(images).reshape(-1, PIXELS) @ weights).argmax(axis=1)
    labels[::10] = (labels[::10] + 1) % num_classes
    return Known(weights, datasets.Split(images, labels.astype(np.int32)))


def target_of(known, **options):
    """The classifier and its images, as an attack sees them; options as `classifier_of`."""
    classifier = classifier_of(known.weights, **options)
    return Target(classifier, datasets.normalize(known.split.images), known.split.labels)


@dataclasses.dataclass(frozen=True)
class Moved:
    """An attack that adds a constant to every pixel."""

    by: float
    epsilon: float | None = 0.1
    norm: str = "linf"
    bounds: tuple[float, float] = (-1.0, 1.0)

    def __call__(self, loss_fn, images, *, seed):
        return images + self.by
