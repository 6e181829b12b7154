"""Notebook 6: what Alice and Bob want, Eve's turn, and what a cipher gives away, counted."""

import numpy as np
import tensorflow as tf

from course.checks import toys
from course.checks.report import CLOSE, WrongError, array, check, expect, near, require
from crypto import losses
from crypto.audit import exact
from crypto.ciphers import Cipher, all_words

RATE = 0.1


def _guesses():
    plaintext = tf.sign(toys.normal(0, 9, 4))
    return plaintext, tf.tanh(2 * toys.normal(1, 9, 4)), tf.tanh(toys.normal(2, 9, 4))


@check
def bits_wrong(work):
    plaintext, guess, _ = _guesses()
    right = losses.bits_wrong(plaintext, guess)
    expect(
        array(work(plaintext, guess), (9,), "the number of wrong bits"),
        right,
        "this is not the sum over the bits of |p - guess| / 2",
        {
            "a wrong bit counts twice: from -1 to 1 the distance is 2": 2 * right,
            "this is the share of wrong bits: sum over the bits of a message, not the mean": right
            / 4,
            "squares count an undecided guess too low: take the absolute difference": (
                tf.reduce_sum((plaintext - guess) ** 2, axis=1) / 4
            ),
            "this counts the right bits": 4 - right,
        },
    )


@check
def secrecy(work):
    for wrong in (0.0, 1.0, 2.0, 3.5, 8.0):
        wrong_bits = tf.constant([wrong - 0.5, wrong + 0.5])
        right = losses.published_secrecy_loss(wrong, 8)
        found = array(work(wrong_bits, 8), (), "the penalty")
        require(
            not (wrong == 8.0 and near(found, 0)),
            "an Eve who is always wrong knows everything: she need only flip her bits; the penalty"
            " is smallest at half of the bits wrong",
        )
        expect(
            found,
            right,
            "this is not ((N / 2 - mean of Eve's wrong bits) / (N / 2)) squared",
            {
                "an Eve who is always wrong is rewarded, although she need only flip her bits: the"
                " distance from N / 2 counts, squared": (4.0 - wrong) / 4,
                "chance is half of the bits, not all of them": ((8.0 - wrong) / 8) ** 2,
                "divide by N / 2, so that an Eve who knows everything costs 1": (4.0 - wrong) ** 2,
                "the square of each message was taken before the mean: single messages lie above or"
                " below chance by luck; first the mean, then the square": (right + 0.25 / 16),
                "the distance itself is not smooth at its lowest point: square it": (
                    abs(4.0 - wrong) / 4
                ),
            },
        )


@check
def alice_and_bob_loss(work):
    plaintext, guess, overheard = _guesses()
    of_bob = tf.reduce_mean(losses.bits_wrong(plaintext, guess))
    of_eve = tf.reduce_mean(losses.bits_wrong(plaintext, overheard))
    penalty = losses.published_secrecy_loss(of_eve, 4)
    expect(
        array(work(plaintext, guess, overheard), (), "the loss, a single number,"),
        of_bob + penalty,
        "this is not the mean of Bob's wrong bits plus the penalty of secrecy",
        {
            "Eve is missing: nothing keeps Alice from sending the plaintext": of_bob,
            "Bob is missing: Alice may send noise": penalty,
            "the secrecy is subtracted: the loss rewards an Eve who knows": of_bob - penalty,
            "Eve's errors are subtracted, without an end: that rewards an Eve who is always wrong,"
            " and she need only flip her bits": of_bob - of_eve,
            "Bob and Eve are mixed up": of_eve + losses.published_secrecy_loss(of_bob, 4),
            "what Eve knows is added as an error to be made small: the loss helps Eve": (
                of_bob + of_eve
            ),
        },
    )


@check
def eve_turn(work):
    alice, eve = toys.network(8, 4, 0), toys.network(4, 4, 1, activation="tanh")
    optimizer = toys.Recorder(RATE, "eve", [])
    plaintext, key = tf.sign(toys.normal(2, 16, 4)), tf.sign(toys.normal(3, 16, 4))

    def encrypt(inputs, training=False):
        return tf.tanh(alice(tf.concat(inputs, axis=1)))

    encrypt.trainable_variables = alice.trainable_variables  # type: ignore[attr-defined]

    def loss_of_eve():
        return tf.reduce_mean(losses.bits_wrong(plaintext, eve(encrypt([plaintext, key]))))

    right = toys.descended(eve, loss_of_eve, RATE)
    before, alice_before = toys.flat(eve), toys.flat(alice)
    toys.call(work, encrypt, eve, optimizer, plaintext, key)
    require(
        near(toys.flat(alice), alice_before, 1e-7),
        "Alice moves in Eve's turn: she would help her enemy",
    )
    toys.require_descent(eve, before, right, "Eve")


@check
def entropy(work):
    for counts in ([4, 4, 4, 4], [8, 4, 2, 1, 1], [5, 0, 3], [7], [1, 2, 3, 4]):
        right = exact.entropy(counts)
        found = array(work(np.array(counts)), (), f"the entropy of {counts}")
        total, values = np.sum(counts), np.array(counts, float)
        expect(
            found,
            right,
            f"the entropy of {counts} is {right:.3f} bits, not {found:.3f}",
            {
                "this is in nats: a bit needs the logarithm to base 2": right * np.log(2),
                "the sign is turned: the logarithm of a share is negative": -right,
                "counts are no shares: divide by their sum first": (
                    -np.sum(values * np.log2(np.maximum(values, 1)))
                ),
                "this is the largest entropy that so many values could have": np.log2(len(counts)),
                "this is the mean of the logarithms: weigh each with its share": (
                    -np.mean(np.log2(np.maximum(values, 1) / total))
                ),
            },
        )


def _tables():
    """(name, codes of every plaintext under every key) of ciphers of four bits."""
    texts, keys = np.arange(16)[:, None], np.arange(16)[None, :]
    shuffled = np.random.default_rng(0).integers(0, 16, (16, 16))
    return {
        "exclusive or with the key": texts ^ keys,
        "the plaintext itself": texts + 0 * keys,
        "a cipher that sends the same for all": 0 * texts + 0 * keys,
        "exclusive or with the key's lower three bits": texts ^ (keys & 7),
        "the key instead of the text": 0 * texts + keys,
        "a random table": shuffled,
    }


def true_leak(table):
    """I(P; C) in bits by the project's audit, of a table of codes (plaintexts, keys)."""

    def number(word):
        return (word > 0) @ (1 << np.arange(4))

    def encrypt(plaintext, key):
        codes = table[number(np.asarray(plaintext)), number(np.asarray(key))]
        return all_words(4)[codes]

    cipher = Cipher(4, 4, encrypt, lambda ciphertext, key: ciphertext)
    return exact.exact_audit(cipher, exhaustive=True, keys_tried=0)["leak_at_least"]


@check
def leak(work):
    for name, table in _tables().items():
        right = true_leak(table)
        left = np.mean([exact.entropy(np.bincount(row)) for row in table])
        found = float(array(work(table), (), f"the leak of {name}"))
        says = f"the leak of {name} is {right:.3f} bits, not {found:.3f}"
        if abs(found - right) > CLOSE:
            require(
                abs(found - left) > CLOSE,
                says + "; this is the entropy that is left, H(C | P): the leak is H(C) less that",
            )
            raise WrongError(says)
