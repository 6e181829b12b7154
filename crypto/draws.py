"""What is drawn in a game: plaintexts, keys, what Eve is told, and noise on the wire.

All of it comes from random integers, which are the same with and without XLA; floats are not.
"""

import numpy as np
import tensorflow as tf

WORD, BYTES = 32, 4  # bits and bytes of a drawn number


def draw_words(shape, seed):
    """Random numbers, each of all 2^32 with equal probability: int32 of this shape."""
    whole = {"minval": None, "maxval": None, "dtype": tf.int32}
    return tf.random.stateless_uniform(shape, seed, **whole, alg="philox")


def draw_messages(batch, message_bits, key_bits, seed, protected):
    """Draws for a turn: plaintext, key, and 1 for each bit that Eve is told, else 0.

    The share of bits that she is told is itself drawn, uniformly, for each message. Drawing numbers
    takes time, so every bit of one is a bit of plaintext or key, and every byte of others is a
    level that decides whether a bit is told.

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
    """1 for the bits with these indices, else 0: float32 (bits,)."""
    return np.isin(np.arange(bits), indices).astype(np.float32)


def draw_flips(shape, seed, rate):
    """-1.0 where a noisy wire flips a bit, else 1.0: float32 of this shape.

    Args:
        shape: ints.
        seed: int32 (2,).
        rate: float32 scalar in [0, 1], the share of bits that are flipped.
    """
    drawn = draw_words(shape, seed)
    return tf.where(tf.cast(drawn, tf.float32) < (rate - 0.5) * 2.0**32, -1.0, 1.0)
