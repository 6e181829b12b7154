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


def random_warp(images, most, seed):
    """Turns, stretches and slants each image about its middle by its own random linear map.

    The map is the identity with a number from -most to most added to each of its four entries, so
    that 0.3 turns by up to 17 degrees. Pixels are interpolated between their four neighbours, and
    what comes from outside has the darkest value.

    Args:
        images: float32 (batch, h, w, c) in [-1, 1].
        most: float >= 0; 0 returns the images.
        seed: int32 (2,), a stateless seed.
    Returns:
        float32 (batch, h, w, c) in [-1, 1]; the gradient flows back to where a pixel came from.
    """
    if most == 0:
        return images
    batch, (height, width, channels) = tf.shape(images)[0], images.shape[1:]
    maps = tf.eye(2) + shared_batch.uniform((batch, 2, 2), seed, -most, most)
    middle = tf.constant([height - 1, width - 1], tf.float32) / 2
    rows, columns = tf.meshgrid(tf.range(height), tf.range(width), indexing="ij")
    places = tf.cast(tf.reshape(tf.stack([rows, columns], -1), (-1, 2)), tf.float32)  # (h * w, 2)
    sources = middle + tf.einsum("bij,nj->bni", maps, places - middle)
    # A dark frame: places outside the image come from it.
    limits = tf.constant([height, width], tf.float32)
    sources = 1.0 + tf.clip_by_value(sources, -1.0, limits)  # in the framed image
    first = tf.minimum(tf.floor(sources), limits)
    near = sources - first  # how far to the next row and column
    framed = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=-1.0)
    pixels = tf.reshape(framed, (batch, (height + 2) * (width + 2), channels))
    corner = tf.cast(first, tf.int32)
    corner = corner[..., 0] * (width + 2) + corner[..., 1]
    warped = 0.0
    for down, share_of_rows in ((0, 1.0 - near[..., 0]), (1, near[..., 0])):
        for right, share_of_columns in ((0, 1.0 - near[..., 1]), (1, near[..., 1])):
            there = tf.gather(pixels, corner + down * (width + 2) + right, batch_dims=1)
            warped += (share_of_rows * share_of_columns)[..., None] * there
    return tf.reshape(warped, (batch, height, width, channels))
