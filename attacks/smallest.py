"""The smallest change for which a classifier falls, image by image."""

import numpy as np
import tensorflow as tf

from attacks.objectives import away_from, margin
from attacks.pgd import ProjectedGradientDescent

RADII = 24  # tried at once; after two rounds what is left is 1 / RADII^2 of the largest
LARGEST = {"linf": 1.0, "l2": 12.0}
STEPS = 40


class SmallestRadius:
    """Finds the smallest radius at which projected gradient descent fools a classifier.

    Many radii are tried at once, as a batch of copies of the image; then those between the last
    that failed and the first that succeeded. What it finds is a bound from above, as with every
    attack: another might need less.

    Args:
        classify: callable, images -> class logits (batch, num_classes).
        norm: "linf" or "l2".
    """

    def __init__(self, classify, norm="linf"):
        self.largest = LARGEST[norm]
        attack = ProjectedGradientDescent(1.0, 2.5 / STEPS, STEPS, norm=norm)

        @tf.function(autograph=False, jit_compile=False, reduce_retracing=True)
        def fooled(images, labels, radii):
            objective = away_from(classify, labels, margin)  # cross-entropy would be flat
            found = attack(objective, images, scale=radii[:, None, None, None])
            return objective(found)[1]

        self._fooled = fooled

    def __call__(self, image, label):
        """The smallest radius, a share of the pixel range.

        Args:
            image: float32 (h, w, c) in [-1, 1].
            label: int, the class to leave.
        Returns:
            float, 0 if it is misread as it is; None if it stands at the largest radius.
        """
        low, high, found = 0.0, self.largest, None
        for _ in range(2):
            radii = np.linspace(low, high, RADII + 1, dtype=np.float32)
            images = np.broadcast_to(image, (len(radii), *image.shape))
            fooled = self._fooled(
                tf.constant(images), tf.fill([len(radii)], label), tf.constant(radii)
            ).numpy()
            if not fooled.any():  # the second time with luck alone: the random starts are others
                return found
            first = int(fooled.argmax())
            if first == 0:
                return float(radii[0])
            low = float(radii[first - 1])
            high = found = float(radii[first])
        return found
