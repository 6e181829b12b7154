"""An attack on one classifier, for arrays: inputs are checked, the graph is traced once."""

import numpy as np
import tensorflow as tf

from attacks.objectives import away_from

PROBES = 64  # images whose outputs tell logits from probabilities


class Attacker:
    """Attacks a classifier batch by batch.

    `Attacker(ProjectedGradientDescent(0.3, 0.01, 40), classifier)(images, labels)`

    Args:
        attack: one of `attacks`' attacks.
        classify: callable, images -> class logits (batch, num_classes); a `keras.Model` is called
            as it is for inference.
        aim: (classify, labels) -> objective: `away_from` or `towards` of `attacks.objectives`, or
            `away_to`, which takes (classify, labels, targets).
        loss: what the aim climbs; None for its default.
        batch_size: int, images attacked at once.
    """

    def __init__(self, attack, classify, *, aim=away_from, loss=None, batch_size=250):
        self.attack = attack
        self.classify = classify
        self.batch_size = batch_size
        choice = {} if loss is None else {"loss": loss}

        @tf.function(reduce_retracing=True, autograph=False, jit_compile=False)
        def perturb(images, seed, *labels):
            return attack(aim(classify, *labels, **choice), images, seed=seed)

        self._perturb = perturb

    def __call__(self, images, labels, targets=None, *, seed=0):
        """Adversarial images, float32 (n, h, w, c).

        Args:
            images: float (n, h, w, c) in the attack's bounds.
            labels: int (n,): the classes to leave, or with `towards` the classes to reach.
            targets: int (n,), the classes to head for, if the aim takes them.
            seed: int.
        Raises:
            ValueError: one line, if a pixel is not finite or out of bounds, if labels and images do
                not match, if a label is not a class, or if the classifier returns probabilities.
        """
        images = np.asarray(images, np.float32)
        named = [np.asarray(names, np.int32) for names in (labels, targets) if names is not None]
        check_images(images, self.attack.bounds)
        for names in named:
            if names.shape != (len(images),):
                raise ValueError(f"labels have shape {names.shape}, not ({len(images)},)")
        if not len(images):
            return images
        check_classifier(self.classify, images[:PROBES], np.concatenate(named))
        parts = []
        for start in range(0, len(images), self.batch_size):
            batch = slice(start, start + self.batch_size)
            parts.append(
                self._perturb(
                    tf.constant(images[batch]),
                    tf.constant((seed, start), tf.int32),
                    *(tf.constant(names[batch]) for names in named),
                )
            )
        return np.concatenate(parts)


def check_images(images, bounds=(-1.0, 1.0)):
    """Refuses anything but a batch of valid images.

    Raises:
        ValueError: one line that names what is wrong.
    """
    if images.ndim != 4:
        raise ValueError(f"images have shape {images.shape}, not (n, height, width, channels)")
    if not np.isfinite(images).all():
        raise ValueError("images hold NaN or infinite pixels")
    if len(images) and (images.min() < bounds[0] - 1e-6 or images.max() > bounds[1] + 1e-6):
        raise ValueError(
            f"images hold pixels from {images.min():.4g} to {images.max():.4g}; they must be"
            f" within {bounds[0]:g} and {bounds[1]:g}"
        )


def check_classifier(classify, images, labels):
    """Refuses labels that are not classes of a classifier, and probabilities instead of logits.

    Args:
        classify: callable, images -> (batch, num_classes).
        images: float32 (n, h, w, c), some images, to look at the outputs.
        labels: int (m,).
    Raises:
        ValueError: one line that names what is wrong.
    """
    outputs = np.asarray(tf.cast(classify(tf.constant(images)), tf.float32))
    num_classes = outputs.shape[-1]
    if num_classes < 2:
        raise ValueError(
            "the classifier has a single output, where attacks need a logit for each class: make"
            " them of its logit z, as (0, z)"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(f"label {wrong}: the classes are 0 to {num_classes - 1}")
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=-1), 1.0, atol=0.02):
        raise ValueError(
            "the classifier returns probabilities (they sum to 1), but attacks need logits:"
            " saturated probabilities hide the gradient; remove its softmax"
        )
