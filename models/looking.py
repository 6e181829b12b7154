"""What a discriminator looks at: the slope of its realness at an image."""

import tensorflow as tf


def realness(discriminator, images, labels):
    """Realness logits (n,) of images as ones of their labels, whatever kind of discriminator it is.

    Args:
        discriminator: keras.Model of `agents`: with labels as an input, with a logit per class, or
            with a realness logit first.
        images: float32 (n, h, w, c).
        labels: int32 (n,).
    """
    images, labels = (tf.convert_to_tensor(each) for each in (images, labels))
    inputs = [images, labels] if len(discriminator.inputs) == 2 else images
    logits = discriminator(inputs, training=False)
    if isinstance(logits, list):
        return logits[0][:, 0]
    if logits.shape[-1] == 1:
        return logits[:, 0]
    return tf.gather(logits, labels, batch_dims=1)


def slope(discriminator, images, labels):
    """The gradient of each image's realness at its pixels: float32 (n, h, w, c).

    Args: as `realness`.
    Source: Simonyan et al. 2014, section 3, arXiv:1312.6034.
    """
    images = tf.convert_to_tensor(images, tf.float32)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        total = tf.reduce_sum(realness(discriminator, images, labels))
    return tape.gradient(total, images).numpy()
