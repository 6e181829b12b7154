"""From an image back to latents: those whose image is nearest to it."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

STARTS = 4  # of each class
PARTS, STEPS = 6, 25  # steps of a part
LEARNING_RATE = 0.1
PRIOR = 1e-3  # weight of the latents' mean square, which keeps them where the generator learned


class Guess(NamedTuple):
    """Latents that make an image like one that was asked for."""

    latents: np.ndarray  # float32 (latent_dim,)
    label: int
    image: np.ndarray  # float32 (h, w, c) in [-1, 1]
    error: float  # mean squared difference, on the [-1, 1] scale


def invert(generator, image, *, num_classes=None, seed=0):
    """Descends from several latents of each class to those whose image is nearest.

    Args:
        generator: keras.Model, latents or [latents, labels] -> images.
        image: float32 (h, w, c) in [-1, 1].
        num_classes: int, or None of a generator that is told no class.
        seed: int, of the latents to start from.
    Yields:
        Guess, the best so far, after each of `PARTS` parts of the way.
    Source: Zhu et al. 2016, section 3.1, arXiv:1609.03552.
    """
    labels = tf.repeat(tf.range(num_classes or 1), STARTS)
    shape = (len(labels), generator.inputs[0].shape[-1])
    latents = tf.Variable(tf.random.stateless_normal(shape, (seed, 0)))
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    optimizer.build([latents])

    def look():
        inputs = latents if num_classes is None else [latents, labels]
        images = generator(inputs, training=False)
        return images, tf.reduce_mean(tf.square(images - image), axis=(1, 2, 3))

    def step(index):
        with tf.GradientTape() as tape:
            _, errors = look()
            loss = tf.reduce_sum(errors + PRIOR * tf.reduce_mean(tf.square(latents), axis=1))
        optimizer.apply([tape.gradient(loss, latents)], [latents])
        return [index + 1]

    @tf.function(autograph=False, jit_compile=False)
    def play():
        tf.while_loop(lambda index: index < STEPS, step, [0])
        return look()

    for _ in range(PARTS):
        images, errors = play()
        best = int(tf.argmin(errors))
        yield Guess(
            latents.numpy()[best], int(labels[best]), images.numpy()[best], float(errors[best])
        )
