"""The losses of Alice, Bob and Eve: pure functions, one value per example; bits are -1 and +1.

An ancestor of this project gave up on this point: Alice's loss is not about her own output at all.
It is Bob's error, plus what Eve understands of Alice's ciphertext.
"""

import math

from keras import ops

LN2 = math.log(2.0)


def bits_wrong(plaintext, guess):
    """How far a guess is from the plaintext: |p - guess| / 2, summed over the bits.

    For guesses of -1 and +1 it counts the wrong bits; a guess of 0 is half wrong.

    Args:
        plaintext: float32 (batch, bits) of -1 and +1.
        guess: float32 (batch, bits) in [-1, 1].
    Returns:
        float32 (batch,), bits, from 0 to the number of bits.
    Source: Abadi & Andersen 2016, section 2.3, arXiv:1610.06918.
    """
    return ops.sum(ops.abs(plaintext - guess), axis=-1) / 2.0


def published_secrecy_loss(bits_wrong_by_eve, message_bits):
    """Alice and Bob's penalty for an Eve who is better, or worse, than chance.

    ((N / 2 - Eve's bits wrong) / (N / 2))^2: an Eve who is always wrong need only flip her bits.

    Args:
        bits_wrong_by_eve: float32 scalar, the batch's mean.
        message_bits: int, N.
    Returns:
        float32 scalar, from 0 (chance) to 1.
    Source: Abadi & Andersen 2016, section 2.5, arXiv:1610.06918.
    """
    half = message_bits / 2.0
    return ops.square((half - bits_wrong_by_eve) / half)


def bit_cross_entropy(plaintext, logits):
    """-log of the probability that a guess gives to each true bit: softplus(-p * logit).

    Args:
        plaintext: float32 (batch, bits) of -1 and +1.
        logits: float32 (batch, bits), log-odds of +1.
    Returns:
        float32 (batch, bits), nats, >= 0; ln 2 where the guess is undecided.
    """
    return ops.softplus(-plaintext * logits)


def hidden_mean(values, hidden):
    """The mean of values over the bits that Eve was not told.

    Args:
        values: float32 (batch, bits).
        hidden: float32 (batch, bits) of 0 and 1, 1 where a bit was not told.
    Returns:
        float32 scalar; 0 if every bit was told.
    """
    return ops.sum(values * hidden) / ops.maximum(ops.sum(hidden), 1.0)


def secrecy_loss(cross_entropy_of_eve):
    """Alice and Bob's penalty for what Eve knows: max(0, ln 2 - her cross-entropy).

    By the chain rule I(P; C) is the sum over i of I(p_i; C | p_<i), and ln 2 less the cross-entropy
    of a guess of p_i is a lower bound of its term. So an Eve who may be told any of the other bits
    is at chance only if nothing leaks. A guess worse than chance gives no reward.

    Args:
        cross_entropy_of_eve: float32 scalar, nats per hidden bit.
    Returns:
        float32 scalar, nats per hidden bit, from 0 to ln 2.
    """
    return ops.relu(LN2 - cross_entropy_of_eve)
