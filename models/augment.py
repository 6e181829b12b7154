"""Random, differentiable changes to images, drawn from stateless seeds."""

import tensorflow as tf

from devices import shared_batch


def random_translation(images, max_shift, seed):
    """Shifts each image by its own whole numbers of pixels and fills up with the darkest value.

    Applied to both real and generated images, it keeps the discriminator from learning a small
    data set by heart (DiffAugment's translation; Zhao et al. 2020, arXiv:2006.10738).

    Args:
        images: float32 (batch, h, w, c) in [-1, 1].
        max_shift: int >= 0, largest shift in pixels along each axis; 0 returns the images.
        seed: int32 (2,), a stateless seed.
    Returns:
        float32 (batch, h, w, c); the gradient of a pixel flows back to where it came from.
    """
    if max_shift == 0:
        return images
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    shifts = shared_batch.uniform(
        (2, batch, 1), seed, -max_shift, max_shift + 1, dtype=tf.int32, axis=1
    )
    margin = [[0, 0], [max_shift, max_shift], [max_shift, max_shift], [0, 0]]
    padded = tf.pad(images, margin, constant_values=-1.0)
    rows = tf.range(height) + max_shift + shifts[0]  # (batch, height)
    columns = tf.range(width) + max_shift + shifts[1]  # (batch, width)
    shifted = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.gather(shifted, columns, axis=2, batch_dims=1)


def random_flip(images, seed):
    """Mirrors each image left to right with a probability of one half.

    Args:
        images: float32 (batch, h, w, c).
        seed: int32 (2,), a stateless seed.
    Returns:
        float32 (batch, h, w, c).
    """
    heads = shared_batch.uniform((tf.shape(images)[0], 1, 1, 1), seed) < 0.5
    return tf.where(heads, tf.reverse(images, axis=[2]), images)
