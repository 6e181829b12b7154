"""The collapse watch: says when a game goes wrong, and what usually helps."""

from collections.abc import Set

import keras
import numpy as np
import tensorflow as tf

from images import datasets

BELIEFS = ("D(x)", "D(G(z))")


class CollapseWatch(keras.callbacks.Callback):
    """Says in one line that a game goes wrong, and what usually helps.

    It reports a sign of trouble once, after two looks in a row have shown it.

    Every 100 steps it takes a glance, so that nobody has to wait for the end of an epoch if a game
    is lost at once: do the images vary at all, and has the discriminator won? At the end of an
    epoch it takes a look, which compares the average generator's images with held-out real ones:
    the share of each class as judged by the nearest real image, whether that is the class asked
    for, how widely the images of a class spread, and the discriminator's balance. No agent learns
    from it. Where the nearest image tells little of the class, as in photographs, classes are not
    judged: of digits it names 95 % rightly, of the pictures of CIFAR-10 26 %.

    The limits of a glance lie between what healthy and what lost games showed at steps 100 to 400,
    on digits and MNIST. The variance of all images, as a share of that of real ones: GAN 0.26 or
    more, trio 0.28, Rob-GAN 0.12; with agents that learn far too fast 0.00 to 0.05, and 0.00 in a
    trio on pictures of CIFAR-10 that drew one texture. D(x) and D(G(z)): at most 0.75 and at least
    0.27 in healthy games; 0.88 and 0.11, or further apart, once the discriminator had won.

    Args:
        images: uint8 (n, h, w, c), held-out real images, or points float32 (n, 2).
        labels: int32 (n,).
        helps: str, what usually helps.
        conditional: bool, whether the generator is told a class; if not, the spread is that of all
            images together.
        named: bool, whether an image should show the class that was asked for.
        announce: callable for one line of text.
        samples: int, images of a look; fewer if a game takes long to draw one.
        after: int, steps before the first look at a game.
        seed: int.
    Attributes:
        seen: list of str, the names of the signs that were reported.
    """

    ABLE_JUDGE = 0.7  # agreement with the labels of real images, below which no class is judged
    SMALLEST_SHARE = 0.2  # of the share that real images have
    SMALLEST_AGREEMENT = 0.5  # of the agreement with their labels that real images have
    SMALLEST_DIVERSITY = 0.4  # of the diversity that real images have
    CERTAIN = 0.97  # D(x) above it and D(G(z)) below 1 - it: the discriminator has won
    CERTAIN_EARLY = 0.85  # the same for a young game, which could not yet be so sure
    GLANCE_EVERY = 100  # steps
    SMALLEST_VARIANCE = 0.05  # of the variance that real images have

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
        self.glimpsed: Set[str] = set()
        self.first_step = 0
        self.earlier: tuple[int, dict] = (0, {})
        pixels = _flatten(images)
        half = len(pixels) // 2
        self.references = pixels[:half], labels[:half]
        real, real_labels = pixels[half:][:samples], labels[half:][:samples]
        self.classes = np.unique(labels)
        judged = self._judged(real)
        self.real_shares = self._shares(judged)
        self.real_agreement = np.mean(judged == real_labels)
        self.judges_classes = self.real_agreement >= self.ABLE_JUDGE
        groups = real_labels if conditional else np.zeros(len(real))
        self.real_diversity = _diversity(real, groups)
        self.real_variance = real.var(axis=0).sum()

    def on_epoch_begin(self, epoch, logs=None):
        self.first_step, self.earlier = self.model.step, (0, {})

    def on_train_batch_end(self, batch, logs=None):
        played, logs = batch + 1, logs or {}  # a call may have played several batches
        before, means = self.earlier
        step = self.first_step + played
        if step // self.GLANCE_EVERY == (self.first_step + before) // self.GLANCE_EVERY:
            return
        # The logs are means over the epoch so far; what counts is the time since the last glance.
        recent = {
            name: (played * logs[name] - before * means.get(name, 0.0)) / (played - before)
            for name in BELIEFS
            if name in logs
        }
        self.earlier = (played, {name: logs[name] for name in recent})
        images, _ = self.model.sample(max(2, self.samples // 5), self.seed)
        signs = dict(self.glance(images, recent, step))
        self.glimpsed = self._tell(signs, self.glimpsed)

    def glance(self, images, logs, step):
        """Yields (name, text) for each sign that a game is lost, whatever its age.

        Args:
            images: as those of `look`, of all classes.
            logs: dict, with recent means of "D(x)" and "D(G(z))" if they are known.
            step: int, of the game.
        """
        share = _flatten(images).var(axis=0).sum() / self.real_variance
        if share < self.SMALLEST_VARIANCE:
            yield (
                "diversity",
                f"all images look alike, whatever their latents and class: they vary {share:.1%} as"
                f" much as real ones (collapse); {self.helps}",
            )
        certain = self.CERTAIN_EARLY if step < self.after else self.CERTAIN
        yield from self._balance(logs, certain)

    def _tell(self, signs, suspected):
        """Announces signs that were already suspected; returns what to suspect from now on."""
        for sign in signs.keys() & suspected - set(self.seen):
            self.seen.append(sign)
            self.announce(f"warning: {signs[sign]}")
        return signs.keys()

    def on_epoch_end(self, epoch, logs=None):
        if self.model.step < self.after:
            return
        images, labels = self.model.sample(self.samples, self.seed)
        signs = dict(self.look(images, labels, logs or {}))
        self.suspected = self._tell(signs, self.suspected)

    def look(self, images, labels, logs):
        """Yields (name, text) for each sign of collapse.

        Args:
            images: float32 (n, h, w, c) in [-1, 1], or points (n, 2), generated; uint8 too.
            labels: int (n,), the classes asked for.
            logs: dict, with "D(x)" and "D(G(z))" if they are known.
        """
        pixels = _flatten(images)
        if self.judges_classes:
            yield from self._classes(self._judged(pixels), labels)
        diversity = _diversity(pixels, labels)
        if diversity < self.SMALLEST_DIVERSITY * self.real_diversity:
            share = diversity / self.real_diversity
            yield (
                "diversity",
                f"images of a class vary {share:.0%} as much as real ones (collapse); {self.helps}",
            )
        yield from self._balance(logs, self.CERTAIN)

    def _judged(self, pixels):
        """The classes of images, flattened: of each, that of the nearest real image."""
        # The square of the distance, less what all distances of an image share. scikit-learn would
        # do, but to import it takes two seconds of every training.
        real, labels = self.references
        distances = np.square(real).sum(axis=1) - 2 * tf.matmul(pixels, real, transpose_b=True)
        return labels[tf.argmin(distances, axis=1)]

    def _classes(self, judged, labels):
        """Signs that classes are missing, or are not those that were asked for."""
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

    def _balance(self, logs, certain):
        real_score, fake_score = logs.get("D(x)", 0.5), logs.get("D(G(z))", 0.5)
        if real_score > certain and fake_score < 1 - certain:
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
    return datasets.normalize(images).reshape(len(images), -1)


def _diversity(pixels, labels):
    """Mean over classes of the root mean squared distance of an image from its class's mean."""
    spreads = [pixels[labels == name].var(axis=0).sum() for name in np.unique(labels)]
    return float(np.sqrt(spreads).mean())
