"""Images from trained agents: plain ones and nice ones."""

import dataclasses
import functools
import time
from collections.abc import Callable

import keras
import numpy as np
from keras.layers import Embedding
from scipy.special import logsumexp

from agents import with_every_label
from attacks import ProjectedGradientDescent
from models.attacked_discriminator import Climber

BATCH = 256
PIECE = 16 * BATCH  # images that are held at a time, whole batches
SECONDS_BETWEEN = 10
NICE_FACTOR = 20  # nice images are the best of twenty: the top 5 %
DRS_BURN_IN = 2_000  # images by which the highest score is first estimated
DRS_PERCENTILE = 80  # decides the share that is kept, as in section 4 of the paper
DRS_ROUNDS = 200


def computed(model, inputs):
    """A model's outputs, batch by batch; those of a single batch before a graph would be traced.

    Args:
        model: keras.Model.
        inputs: array (n, ...), n > 0, or a list of one array an input.
    Returns:
        array (n, ...), or a list of one array an output.
    """
    if len(inputs[0] if isinstance(inputs, list) else inputs) > BATCH:
        return model.predict(inputs, batch_size=BATCH, verbose=0)
    return keras.tree.map_structure(np.asarray, model(inputs, training=False))


@dataclasses.dataclass(frozen=True)
class Sampler:
    """Draws images with a run's generator and scores them with its discriminator.

    Args:
        generator: keras.Model of `agents.build_generator`.
        discriminator: keras.Model of `agents.build_discriminator`.
        truncation: float > 0 or None; latents are drawn from a normal distribution cut off at
            plus and minus this many standard deviations (Brock et al. 2019, arXiv:1809.11096).
        nice_truncation: the same, for nice images alone, if `truncation` is None.
        announce: callable for one line of text, told how far a long drawing is.
    """

    generator: keras.Model
    discriminator: keras.Model
    truncation: float | None = None
    nice_truncation: float | None = None
    announce: Callable[[str], None] = lambda line: None

    @property
    def num_classes(self):
        """int, or None if the generator is told no class."""
        if len(self.generator.inputs) == 1:
            return None
        kinds = (layer for layer in self.generator.layers if isinstance(layer, Embedding))
        return next(kinds).input_dim

    def latents(self, count, rng):
        """Latent vectors float32 (count, latent_dim) from a numpy Generator."""
        shape = (count, self.generator.inputs[0].shape[-1])
        if self.truncation is None:
            return rng.standard_normal(shape, dtype=np.float32)
        from scipy import stats  # which takes longer to load than a picture to draw

        bound = self.truncation
        return stats.truncnorm.rvs(-bound, bound, size=shape, random_state=rng).astype(np.float32)

    def plain(self, labels, rng):
        """One image of each label, float32 (n, h, w, c) in [-1, 1].

        Args:
            labels: int32 (n,); ignored by a generator that is told no class.
            rng: numpy.random.Generator.
        """
        latents = self.latents(len(labels), rng)
        inputs = latents if self.num_classes is None else [latents, labels]
        return computed(self.generator, inputs)

    def score(self, images, labels):
        """The discriminator's realness logits float32 (n,) of images with these labels."""
        inputs = [images, labels] if len(self.discriminator.inputs) == 2 else images
        logits = computed(self.discriminator, inputs)
        return (logits[0] if isinstance(logits, list) else logits)[:, 0]

    def clarity(self, images, labels):
        """How much more real an image looks as its own class than as any other, float32 (n,).

        The discriminator's logit with the image's own label, less the log-sum-exp of those with the
        other labels. If the discriminator sees no labels, it is the realness.
        """
        sees_labels = len(self.discriminator.inputs) + len(self.discriminator.outputs) > 2
        if self.num_classes is None or not sees_labels:
            return self.score(images, labels)
        return _clarity(computed(self._every, images), labels)

    @functools.cached_property
    def _every(self):
        return with_every_label(self.discriminator)

    def nice(self, labels, rng):
        """The clearest of twenty images for each label, as the discriminator sees them.

        Args, Returns: as `plain`.
        """
        typical = dataclasses.replace(self, truncation=self.truncation or self.nice_truncation)
        many_labels = np.repeat(labels, NICE_FACTOR)
        images = np.zeros((len(labels), *self.generator.output.shape[1:]), np.float32)
        scores = np.full(len(labels), -np.inf, np.float32)
        progress = Progress(self.announce, len(many_labels))
        for start in range(0, len(many_labels), PIECE):
            drawn_labels = many_labels[start : start + PIECE]
            drawn = typical.plain(drawn_labels, rng)
            drawn_scores = self.clarity(drawn, drawn_labels)
            for name in np.unique(drawn_labels):
                _keep_best(
                    (images, scores, np.flatnonzero(labels == name)),
                    (drawn, drawn_scores, np.flatnonzero(drawn_labels == name)),
                )
            progress(start + len(drawn))
        return images

    def rejection_sampled(self, labels, rng):
        """Images that pass discriminator rejection sampling, one of each label.

        The probability of keeping an image grows with its estimated density ratio real/fake,
        relative to the largest one seen: fewer flaws, and more variety than the best 5 %.

        Args, Returns: as `plain`.
        Source: Azadi et al. 2019, algorithm 1, arXiv:1810.06758.
        """
        burn_in = rng.choice(labels, DRS_BURN_IN)
        scores = self.score(self.plain(burn_in, rng), burn_in)
        highest = scores.max()
        images = None
        missing = np.arange(len(labels))
        for _ in range(DRS_ROUNDS):
            drawn = self.plain(labels[missing], rng)
            scores = self.score(drawn, labels[missing])
            highest = max(highest, scores.max())
            kept = rng.random(len(missing)) < acceptance(scores, highest)
            if images is None:
                images = drawn.copy()  # so that all places are filled if the rounds run out
            images[missing[kept]] = drawn[kept]
            missing = missing[~kept]
            if not len(missing):
                break
        return images


@dataclasses.dataclass(frozen=True)
class AttackSampler:
    """Draws images with a discriminator alone, by attacking it from fresh noise.

    Args:
        discriminator: keras.Model of `agents.build_class_discriminator`.
        attack: attacks.ProjectedGradientDescent, whose norm and step size are used.
        steps: int, from noise to image.
    """

    discriminator: keras.Model
    attack: ProjectedGradientDescent
    steps: int

    @property
    def num_classes(self):
        """int."""
        return self.discriminator.output.shape[-1]

    def noise(self, labels, rng):
        """Where images start: uniform noise in [-1, 1], float32 (n, h, w, c), one per label."""
        shape = (len(labels), *self.discriminator.input.shape[1:])
        return rng.uniform(-1, 1, shape).astype(np.float32)

    def plain(self, labels, rng):
        """One image of each label, float32 (n, h, w, c) in [-1, 1]; arguments as `Sampler`'s."""
        noise, climber = self.noise(labels, rng), Climber(self.discriminator, self.attack)
        tops = [
            climber.top(noise[i : i + BATCH], labels[i : i + BATCH], self.steps)
            for i in range(0, len(labels), BATCH)
        ]
        return np.concatenate(tops)

    def film(self, labels, rng):
        """The way from the noise to the images of `plain`: list of float32 (n, h, w, c)."""
        noise = self.noise(labels, rng)
        path = Climber(self.discriminator, self.attack).path(noise, labels, self.steps)
        return [noise, *(images.numpy() for images in path)]

    def score(self, images, labels):
        """The realness logits float32 (n,) of images as these labels."""
        logits = computed(self.discriminator, images)
        return logits[np.arange(len(labels)), labels]

    def clarity(self, images, labels):
        """As `Sampler.clarity`: the logit of the own class less the log-sum-exp of the others."""
        logits = computed(self.discriminator, images)
        return _clarity(logits, labels)


def _keep_best(kept, drawn):
    """Replaces in place what was kept by better ones that were drawn, the best first.

    Args:
        kept, drawn: (images, scores, places), of which only the places count.
    """
    (images, scores, places), (others, their_scores, candidates) = kept, drawn
    all_scores = np.concatenate([scores[places], their_scores[candidates]])
    best = np.argsort(-all_scores, kind="stable")[: len(places)]
    all_images = np.concatenate([images[places], others[candidates]])
    images[places], scores[places] = all_images[best], all_scores[best]


class Progress:
    """Says every few seconds how much of something long is done, and how long the rest takes.

    Args:
        announce: callable for one line of text.
        total: int.
        clock: callable without arguments -> float, seconds.
    """

    def __init__(self, announce, total, clock=time.monotonic):
        self.announce, self.total, self.clock = announce, total, clock
        self.began = self.said = clock()

    def __call__(self, done):
        now = self.clock()
        if now - self.said >= SECONDS_BETWEEN and done < self.total:
            left = (now - self.began) * (self.total - done) / done
            self.announce(f"{done:,} of {self.total:,} drawn, {left / 60:.1f} min left")
            self.said = now


def _clarity(logits, labels):
    own = np.arange(logits.shape[1]) == labels[:, None]
    return logits[own] - logsumexp(np.where(own, -np.inf, logits), axis=1)


def acceptance(scores, highest):
    """Probability (n,) of keeping images in discriminator rejection sampling.

    Args:
        scores: float (n,), realness logits.
        highest: float, the largest logit seen so far, >= every score.
    Source: Azadi et al. 2019, equation 8, arXiv:1810.06758.
    """
    below = np.minimum(scores - highest, -1e-6).astype(np.float64)
    relative = below - np.log1p(-np.exp(below))
    threshold = np.percentile(relative, DRS_PERCENTILE)
    return 1.0 / (1.0 + np.exp(np.clip(threshold - relative, -500, 500)))
