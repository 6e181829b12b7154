"""Ciphers to audit, learned or made by hand: two functions on arrays of -1 and +1."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

BATCH = 65_536


def words(numbers, bits):
    """The binary digits of numbers, lowest first: float32 (n, bits) of -1 and +1."""
    digits = (np.asarray(numbers)[:, None] >> np.arange(bits)) & 1
    return (2 * digits - 1).astype(np.float32)


def all_words(bits):
    """Every word of this many bits, in order: float32 (2^bits, bits)."""
    return words(np.arange(2**bits), bits)


def random_words(count, bits, seed):
    """Different random words, or all words if there are no more: float32 (n, bits).

    Args:
        count: int >= 1.
        bits: int.
        seed: int.
    """
    if count >= 2**bits:
        return all_words(bits)
    rng = np.random.default_rng(seed)
    return words(np.sort(rng.choice(2**bits, count, replace=False)), bits)


@dataclasses.dataclass(frozen=True)
class Cipher:
    """What Alice and Bob do, batch by batch.

    Attributes:
        message_bits, key_bits: int.
        encrypt: callable (plaintext (n, message_bits), key (n, key_bits)) -> ciphertext (n, m).
        decrypt: callable (ciphertext, key) -> guess (n, message_bits), whose signs count.
        binary: bool, whether a ciphertext is message_bits of -1 and +1; if not, it is real numbers.
        prepare: None, or a faster way to do what `under` does; see there.
    """

    message_bits: int
    key_bits: int
    encrypt: Callable
    decrypt: Callable
    binary: bool = True
    prepare: Callable | None = None

    def under(self, keys):
        """What Alice and Bob do with a plaintext under all of these keys, (n, key_bits).

        Returns:
            callable, plaintext (message_bits,) -> the ciphertexts' codes (n,), and Bob's wrong bits
            as a mean over the keys, float.
        """
        if self.prepare is not None:
            return self.prepare(keys)

        def look(plaintext):
            ciphertext = self.encrypt_words(plaintext[None], keys)
            return self.codes(ciphertext), self.bits_wrong(plaintext, ciphertext, keys).mean()

        return look

    def encrypt_words(self, plaintext, key):
        """Ciphertexts of plaintexts under keys; a single word goes with all of the other side."""
        return self.encrypt(*_matched(plaintext, key))

    def decrypt_words(self, ciphertext, key):
        """Guesses of plaintexts, float32 (n, message_bits) of -1 and +1."""
        guess = self.decrypt(*_matched(ciphertext, key))
        return np.where(np.asarray(guess) > 0, np.float32(1), np.float32(-1))

    def bits_wrong(self, plaintext, ciphertext, key):
        """Wrong bits of each of Bob's guesses: int (n,)."""
        return (self.decrypt_words(ciphertext, key) != plaintext).sum(axis=1)

    def codes(self, ciphertext):
        """A number for each ciphertext (n, m), equal for equal ones: int64 or uint64 (n,)."""
        ciphertext = np.ascontiguousarray(ciphertext, np.float32)
        if self.binary:
            return (ciphertext > 0) @ (1 << np.arange(ciphertext.shape[1]))
        rng = np.random.default_rng(0)  # a 64-bit hash of the floats' bits
        factors = rng.integers(1, 2**63, ciphertext.shape[1], dtype=np.uint64) * 2 + 1
        hashed = (ciphertext.view(np.uint32).astype(np.uint64) * factors).sum(axis=1)
        return hashed ^ (hashed >> np.uint64(29))


def _matched(left, right):
    """Two arrays with equally many words: a single word is repeated."""
    count = max(len(left), len(right))
    return tuple(
        np.broadcast_to(side, (count, side.shape[1])) if len(side) == 1 else side
        for side in (left, right)
    )


def learned_cipher(alice, bob, *, binary):
    """The cipher that Alice and Bob have learned.

    Args:
        alice, bob: keras.Models of `parties.build_parties`; the cipher follows later changes.
        binary: bool, as `Cipher.binary`.
    """
    message_bits, key_bits = (shape[-1] for shape in alice.input_shape)
    ways = (_in_batches(alice), _in_batches(bob))
    return Cipher(
        message_bits, key_bits, *ways, binary, _under_keys(alice, bob) if binary else None
    )


def _under_keys(alice, bob):
    """As `Cipher.under`, for gated parties: their layers for the keys are computed only once.

    Parties without biases turn the opposite key into the opposite ciphertext, rounding included,
    and Bob's guess stays the same. So only half of the keys are tried if each has its opposite
    among them, as in the list of all keys.
    """
    odd = not any(
        agent.get_layer(name).use_bias
        for agent, last in ((alice, "values"), (bob, "logits"))
        for name in ("of_text", "of_key", last)
    )

    @tf.function(jit_compile=True)
    def run(plaintext, keys_of_alice, keys_of_bob):
        product = alice.get_layer("of_text")(plaintext) * keys_of_alice  # (keys, width)
        values = alice.get_layer("values")(product)
        ciphertext = alice.get_layer("wire")(values)
        guess = bob.get_layer("logits")(bob.get_layer("of_text")(ciphertext) * keys_of_bob)
        wrong = tf.cast((guess > 0.0) != (plaintext > 0.0), tf.float32)
        places = 2.0 ** tf.range(plaintext.shape[1], dtype=tf.float32)
        codes = tf.linalg.matvec(tf.cast(ciphertext > 0.0, tf.float32), places)  # exact to 2^24
        undecided = tf.reduce_any(values == 0.0)  # 0 and its opposite give the same bit
        return tf.cast(codes, tf.int32), tf.reduce_mean(tf.reduce_sum(wrong, axis=1)), undecided

    def prepare(keys):
        half = len(keys) // 2 if odd and np.array_equal(keys, -keys[::-1]) else len(keys)
        of_keys = [agent.get_layer("of_key")(keys) for agent in (alice, bob)]
        of_half = [each[:half] for each in of_keys]

        def look(plaintext):
            text = tf.constant(plaintext[None])
            codes, wrong, undecided = run(text, *of_half)
            if half == len(keys):
                return codes.numpy(), float(wrong)
            if undecided:
                codes, wrong, _ = run(text, *of_keys)
                return codes.numpy(), float(wrong)
            opposite = 2 ** len(plaintext) - 1 - codes.numpy()[::-1]
            return np.concatenate([codes, opposite]), float(wrong)

        return look

    return prepare


def _in_batches(agent):
    """The agent as a function on arrays of any length, compiled once."""

    @tf.function(reduce_retracing=True)
    def call(left, right):
        return agent([left, right])

    def run(left, right):
        outputs = [
            call(tf.constant(left[at : at + BATCH]), tf.constant(right[at : at + BATCH])).numpy()
            for at in range(0, len(left), BATCH)
        ]
        return np.concatenate(outputs) if outputs else np.zeros((0, agent.output_shape[-1]))

    return run
