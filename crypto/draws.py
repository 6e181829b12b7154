"""What is drawn in a game: plaintexts, keys, what Eve is told of them, and noise on the wire.

All is made of integers, which are the same with XLA and without; floating-point draws are not.
"""

import numpy as np
import tensorflow as tf


def draw_messages(batch, message_bits, key_bits, seed, protected):
    """What is drawn for a turn: plaintext, key, and 1 for each bit that Eve is told, else 0.

    The share of bits that are told is itself drawn, uniformly, for each message.

    Args:
        batch, message_bits, key_bits: int.
        seed: int32 (2,).
        protected: ints, indices of the bits that may be hidden; the others are always told.
    Returns:
        float32 (batch, message_bits), (batch, key_bits) and (batch, message_bits).
    """
    sizes = (message_bits, key_bits, message_bits, 1)
    drawn = tf.random.stateless_uniform(
        (batch, sum(sizes)), seed, minval=None, maxval=None, dtype=tf.int32, alg="philox"
    )
    plaintext, key, told, share = tf.split(drawn, sizes, axis=1)
    plaintext, key = (tf.where(each < 0, -1.0, 1.0) for each in (plaintext, key))
    told = tf.cast(told < share, tf.float32)
    return plaintext, key, tf.maximum(told, 1.0 - chosen(protected, message_bits))


def chosen(indices, bits):
    """1 for each of these bits of so many, else 0: float32 (bits,)."""
    return np.isin(np.arange(bits), indices).astype(np.float32)


def draw_flips(shape, seed, rate):
    """-1.0 where a bit of a noisy wire is turned, else 1.0: float32 of a shape.

    Args:
        shape: ints.
        seed: int32 (2,).
        rate: float32 scalar in [0, 1], the share that is turned.
    """
    drawn = tf.random.stateless_uniform(
        shape, seed, minval=None, maxval=None, dtype=tf.int32, alg="philox"
    )
    return tf.where(tf.cast(drawn, tf.float32) < (rate - 0.5) * 2.0**32, -1.0, 1.0)
