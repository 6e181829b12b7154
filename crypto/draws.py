"""What is drawn in a game: plaintexts, keys, what Eve is told of them, and noise on the wire.

All is made of integers, which are the same with XLA and without; floating-point draws are not.
"""

import numpy as np
import tensorflow as tf

WORD, BYTES = 32, 4  # bits and bytes of a drawn number


def draw_words(shape, seed):
    """Any of the 2^32 numbers, all as likely: int32 of a shape."""
    whole = {"minval": None, "maxval": None, "dtype": tf.int32}
    return tf.random.stateless_uniform(shape, seed, **whole, alg="philox")


def draw_messages(batch, message_bits, key_bits, seed, protected):
    """What is drawn for a turn: plaintext, key, and 1 for each bit that Eve is told, else 0.

    The share of bits that are told is itself drawn, uniformly, for each message. Every bit of a
    drawn number is a bit of plaintext or key, and every byte a level that decides whether one is
    told: numbers are what takes time.

    Args:
        batch, message_bits, key_bits: int.
        seed: int32 (2,).
        protected: ints, indices of the bits that may be hidden; the others are always told.
    Returns:
        float32 (batch, message_bits), (batch, key_bits) and (batch, message_bits).
    """
    bits, levels = message_bits + key_bits, message_bits + 1
    bit_words, level_words = -(-bits // WORD), -(-levels // BYTES)
    drawn = draw_words((batch, bit_words + level_words), seed)
    shifted = tf.bitwise.right_shift(drawn[:, :bit_words, None], tf.range(WORD))
    signs = tf.reshape(1.0 - 2.0 * tf.cast(shifted & 1, tf.float32), (batch, -1))
    of_bytes = tf.cast(tf.bitcast(drawn[:, bit_words:], tf.uint8), tf.int32)
    level = tf.reshape(of_bytes, (batch, -1))
    told = tf.cast(level[:, :message_bits] < level[:, message_bits:levels], tf.float32)
    told = tf.maximum(told, 1.0 - chosen(protected, message_bits))
    return signs[:, :message_bits], signs[:, message_bits:bits], told


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
    drawn = draw_words(shape, seed)
    return tf.where(tf.cast(drawn, tf.float32) < (rate - 0.5) * 2.0**32, -1.0, 1.0)
