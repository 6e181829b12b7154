"""A batch that several devices share: what each of them draws, and what they put together.

Outside `tf.distribute` there is one device, which has the whole batch.
"""

import tensorflow as tf


def number():
    """int, how many devices share the batch of this step."""
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1


def own_rows(whole, axis=0):
    """This device's part of a tensor of the whole batch: one of equal parts along an axis."""
    if number() == 1:
        return whole
    share = tf.shape(whole)[axis] // number()
    first = share * tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)
    return tf.gather(whole, first + tf.range(share), axis=axis)


def all_rows(own):
    """The tensor of the whole batch, joined from the rows of every device."""
    if number() == 1:
        return own
    return tf.distribute.get_replica_context().all_gather(own, axis=0)


def uniform(shape, seed, *limits, axis=0, **options):
    """`tf.random.stateless_uniform` for this device's part of a batch.

    Each device draws for the whole batch and keeps its own rows, so that an example gets the
    same numbers however many devices there are.

    Args:
        shape: sequence of ints or int32 tensors, or an int32 tensor: that of this device's part.
        seed: int32 (2,), the same on every device.
        *limits, **options: of `tf.random.stateless_uniform`.
        axis: int, the axis of the batch.
    """
    return own_rows(
        tf.random.stateless_uniform(_whole(shape, axis), seed, *limits, **options), axis
    )


def normal(shape, seed):
    """`tf.random.stateless_normal`, as `uniform`; the batch is the first axis."""
    return own_rows(tf.random.stateless_normal(_whole(shape, 0), seed))


def _whole(shape, axis):
    """The shape of the whole batch, given the shape of this device's part."""
    if number() == 1:
        return shape
    sizes = tf.unstack(shape) if tf.is_tensor(shape) else list(shape)
    sizes[axis] *= number()
    return sizes
