"""The watch that says when a game collapses."""

from collections.abc import Set

import keras
import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from images import datasets


class CollapseWatch(keras.callbacks.Callback):
    """Says in one line when a game goes wrong and what usually helps.

    A sign that two looks in a row have shown is told, once.

    It compares the average generator's images with held-out real ones: the share of each class as
    judged by the nearest real image, whether that is the class asked for, how widely images of a
    class spread, and the discriminator's balance. It only looks; nothing learns from it.

    Args:
        images: uint8 (n, h, w, c), held-out real images.
        labels: int32 (n,).
        helps: str, what usually helps.
        conditional: bool, whether the generator is told a class; else images spread as a whole.
        named: bool, whether an image should show the very class that was asked for.
        announce: callable for one line of text.
        samples: int, images of a look; fewer for a game that takes long to draw one.
        after: int, steps that an untrained game is given before the first look.
        seed: int.
    Attributes:
        seen: list of str, the names of the signs that were seen.
    """

    SMALLEST_SHARE = 0.2  # of the share that real images have
    SMALLEST_AGREEMENT = 0.5  # of the agreement with their labels that real images have
    SMALLEST_DIVERSITY = 0.4  # of the diversity that real images have
    CERTAIN = 0.97  # D(x) above it and D(G(z)) below 1 - it: the discriminator has won

    def __init__(
        self,
        images,
        labels,
        *,
        helps,
        conditional,
        announce,
        named=False,
        samples=500,
        after=1000,
        seed=0,
    ):
        super().__init__()
        self.named, self.helps = named, f"what usually helps: {helps}"
        self.announce, self.samples, self.after, self.seed = announce, samples, after, seed
        self.seen: list[str] = []
        self.suspected: Set[str] = set()
        pixels = _flatten(images)
        half = len(pixels) // 2
        self.judge = KNeighborsClassifier(n_neighbors=1).fit(pixels[:half], labels[:half])
        real, real_labels = pixels[half:][:samples], labels[half:][:samples]
        self.classes = np.unique(labels)
        judged = self.judge.predict(real)
        self.real_shares = self._shares(judged)
        self.real_agreement = np.mean(judged == real_labels)
        groups = real_labels if conditional else np.zeros(len(real))
        self.real_diversity = _diversity(real, groups)

    def on_epoch_end(self, epoch, logs=None):
        if self.model.step < self.after:
            return
        images, labels = self.model.sample(self.samples, self.seed)
        signs = dict(self.look(datasets.denormalize(images), labels, logs or {}))
        for sign in signs.keys() & self.suspected - set(self.seen):
            self.seen.append(sign)
            self.announce(f"warning: {signs[sign]}")
        self.suspected = signs.keys()

    def look(self, images, labels, logs):
        """Yields (name, text) of each sign of collapse.

        Args:
            images: uint8 (n, h, w, c), generated.
            labels: int (n,), the classes asked for.
            logs: dict, with "D(x)" and "D(G(z))" where they are known.
        """
        pixels = _flatten(images)
        judged = self.judge.predict(pixels)
        shares = self._shares(judged)
        missing = [
            str(name)
            for name, share, real in zip(self.classes, shares, self.real_shares, strict=True)
            if share < self.SMALLEST_SHARE * real
        ]
        if missing:
            yield (
                "classes",
                f"few images look like class {', '.join(missing)} (mode collapse); {self.helps}",
            )
        agreement = np.mean(judged == labels)
        if self.named and agreement < self.SMALLEST_AGREEMENT * self.real_agreement:
            yield (
                "labels",
                f"only {agreement:.0%} of the images look like the class asked for; {self.helps}",
            )
        diversity = _diversity(pixels, labels)
        if diversity < self.SMALLEST_DIVERSITY * self.real_diversity:
            share = diversity / self.real_diversity
            yield (
                "diversity",
                f"images of a class vary {share:.0%} as much as real ones (collapse); {self.helps}",
            )
        real_score, fake_score = logs.get("D(x)", 0.5), logs.get("D(G(z))", 0.5)
        if real_score > self.CERTAIN and fake_score < 1 - self.CERTAIN:
            yield (
                "balance",
                (
                    f"the discriminator is sure of everything, D(x) {real_score:.2f}, D(G(z))"
                    f" {fake_score:.2f}; {self.helps}, a lower --discriminator_learning_rate"
                ),
            )

    def _shares(self, judged):
        return np.array([(judged == name).mean() for name in self.classes])


def _flatten(images):
    return images.reshape(len(images), -1).astype(np.float32) / 255.0


def _diversity(pixels, labels):
    """Mean over classes of the root mean squared distance of an image from its class's mean."""
    spreads = [pixels[labels == name].var(axis=0).sum() for name in np.unique(labels)]
    return float(np.sqrt(spreads).mean())
