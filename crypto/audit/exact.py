"""The exact audit: how many bits a ciphertext gives away to anyone, by counting all keys.

For a plaintext p and a uniform key, all 2^key_bits ciphertexts are counted, so H(C | p) is exact.
Then I(P; C) = H(C) - H(C | P), where P is uniform, lies between two numbers:

* at most m - mean H(C | p), since a ciphertext of m bits has no more than m bits of entropy;
* at least the information of the ciphertext on which of the M counted plaintexts was sent, as a
  mean over samples; it is never more than log2 M.

If all plaintexts are counted (`exhaustive`), I(P; C) itself is exact: a proof for that cipher.
"""

import math

import numpy as np

from crypto.ciphers import all_words, random_words, words

INVERTIBLE_KEYS = 32  # under which every plaintext is encrypted
USED_BEFORE = 16  # pairs of plaintexts that share a key, each counted under all keys


def entropy(counts):
    """Entropy of a distribution that was counted, in bits.

    Args:
        counts: ints; zeros are ignored.
    """
    counts = np.asarray(counts, np.float64)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0  # never -0.0


def count(cipher, codes):
    """How often each code occurs: an entry for each ciphertext that occurs, or could."""
    if cipher.binary:
        return np.bincount(codes)
    return np.unique(codes, return_counts=True)[1]


def variation(counts, size):
    """Total variation distance from uniform over `size` ciphertexts, from 0 to 1."""
    shares = np.asarray(counts, np.float64) / np.sum(counts)
    missing = (size - len(shares)) / size
    return float((np.abs(shares - 1.0 / size).sum() + missing) / 2.0)


def leak_of(cipher, counts):
    """How much the ciphertexts of one plaintext, counted under all keys, give away.

    Args:
        cipher: ciphers.Cipher.
        counts: ints (m,), of `count`.
    Returns:
        dict: "entropy", H(C | p); "leak", the ciphertext's bits less that, or all message_bits if
        it is real numbers, whose entropy has no bound; "total_variation" from uniform, None for
        real numbers.
    """
    bits, uncertain = cipher.message_bits, entropy(counts)
    return {
        "entropy": uncertain,
        "leak": max(0.0, bits - uncertain) if cipher.binary else float(bits),
        "total_variation": variation(counts, 2**bits) if cipher.binary else None,
    }


def exact_audit(
    cipher, *, messages=64, seed=0, exhaustive=False, keys_tried=INVERTIBLE_KEYS, announce=None
):
    """How secret a cipher is, with all keys counted.

    Args:
        cipher: ciphers.Cipher.
        messages: int, plaintexts to count; the figures are means over them.
        seed: int, of the plaintexts.
        exhaustive: bool, count all plaintexts instead.
        keys_tried: int, under which every plaintext is encrypted; 0 for none.
        announce: callable for one line of text now and then, or None.
    Returns:
        dict for `json.dumps`: "messages", "keys", "exhaustive"; "leak_at_least" and "leak_at_most",
        bits of I(P; C), equal if exhaustive; "largest_leak", of any of the plaintexts;
        "total_variation", "largest_total_variation", "bob_bits_wrong", and "invertible_keys", a
        share of "keys_tried", None if none were.
    """
    wanted = 2**cipher.message_bits if exhaustive else messages
    plaintexts = random_words(wanted, cipher.message_bits, seed)
    keys = all_words(cipher.key_bits)
    rows, wrong, total = [], [], Marginal(cipher)
    look = cipher.under(keys)
    for index, plaintext in enumerate(plaintexts):
        codes, bits_wrong = look(plaintext)
        rows.append(leak_of(cipher, count(cipher, codes)))
        wrong.append(bits_wrong)
        total.add(codes)
        if announce and index % 4096 == 4095:
            announce(f"{index + 1} of {len(plaintexts)} plaintexts counted")
    mean_entropy = float(np.mean([row["entropy"] for row in rows]))
    at_least = max(0.0, total.entropy() - mean_entropy)
    whole = len(plaintexts) == 2**cipher.message_bits
    variations = [row["total_variation"] for row in rows]
    return {
        "messages": len(plaintexts),
        "keys": len(keys),
        "exhaustive": whole,
        "leak_at_least": at_least,
        "leak_at_most": at_least if whole else float(np.mean([row["leak"] for row in rows])),
        "largest_leak": max(row["leak"] for row in rows),
        "total_variation": float(np.mean(variations)) if cipher.binary else None,
        "largest_total_variation": max(variations) if cipher.binary else None,
        "bob_bits_wrong": float(np.mean(wrong)),
        **invertible_keys(cipher, keys_tried),
    }


class Marginal:
    """How often each ciphertext occurred, over all plaintexts so far."""

    def __init__(self, cipher):
        self.cipher = cipher
        self.counts = np.zeros(0, np.int64)
        self.hashes = []

    def add(self, codes):
        """Counts the ciphertexts of one more plaintext."""
        if not self.cipher.binary:
            self.hashes.append(codes)
            return
        more = np.bincount(codes, minlength=len(self.counts))
        more[: len(self.counts)] += self.counts
        self.counts = more

    def entropy(self):
        """Bits of entropy of a ciphertext of any of these plaintexts."""
        if not self.cipher.binary:
            return entropy(count(self.cipher, np.concatenate(self.hashes)))
        return entropy(self.counts)


def invertible_keys(cipher, tried, seed=0):
    """The share of keys under which no two plaintexts have the same ciphertext."""
    keys = random_words(tried, cipher.key_bits, seed)
    plaintexts = all_words(cipher.message_bits)
    good = [
        len(np.unique(cipher.codes(cipher.encrypt_words(plaintexts, key[None])))) == len(plaintexts)
        for key in keys
    ]
    share = float(np.mean(good)) if good else None
    return {"invertible_keys": share, "keys_tried": len(keys)}


def key_use(cipher, *, samples=4096, seed=0):
    """Whether Alice and Bob use the key, and what its second use gives away.

    Args:
        cipher: ciphers.Cipher.
        samples: int, random pairs of plaintext and key.
        seed: int.
    Returns:
        dict for `json.dumps`: "wrong_key_bits_wrong", Bob's with another key;
        "flipped_key_bits_wrong", Bob's with each key bit flipped; "key_avalanche" and
        "plaintext_avalanche", how many ciphertext bits change when one bit does, for each bit;
        "dead_key_bits", indices of those that change nothing; "reuse_leak_at_most", bits.
    """
    rng = np.random.default_rng(seed)
    plaintext, key, other = (
        words(rng.integers(0, 2**bits, samples), bits)
        for bits in (cipher.message_bits, cipher.key_bits, cipher.key_bits)
    )
    ciphertext = cipher.encrypt_words(plaintext, key)
    flips = [_flipped(key, bit) for bit in range(cipher.key_bits)]
    changed = [cipher.encrypt_words(plaintext, flipped) for flipped in flips]
    moved = [
        cipher.encrypt_words(_flipped(plaintext, bit), key) for bit in range(cipher.message_bits)
    ]
    avalanche = [_changes(ciphertext, each) for each in changed]
    return {
        "wrong_key_bits_wrong": float(cipher.bits_wrong(plaintext, ciphertext, other).mean()),
        "flipped_key_bits_wrong": [
            float(cipher.bits_wrong(plaintext, ciphertext, flipped).mean()) for flipped in flips
        ],
        "key_avalanche": avalanche,
        "plaintext_avalanche": [_changes(ciphertext, each) for each in moved],
        "dead_key_bits": [bit for bit, change in enumerate(avalanche) if change == 0.0],
        "reuse_leak_at_most": reuse_leak(cipher, seed) if cipher.binary else None,
    }


def _flipped(some_words, bit):
    flipped = some_words.copy()
    flipped[:, bit] *= -1.0
    return flipped


def _changes(before, after):
    """Ciphertext bits, or signs of real values, that differ, as a mean."""
    return float(((before > 0) != (after > 0)).sum(axis=1).mean())


def reuse_leak(cipher, seed=0):
    """Bits that two ciphertexts under one key give away of their plaintexts, at most.

    2 message_bits - H(C, C' | p, p'), a mean over pairs of plaintexts: at least 2 message_bits -
    key_bits for any cipher, since one key has no more entropy than that.
    """
    keys = all_words(cipher.key_bits)
    rng = np.random.default_rng(seed)
    leaks = []
    for pair in rng.integers(0, 2**cipher.message_bits, (USED_BEFORE, 2)):
        first, second = (
            cipher.codes(cipher.encrypt_words(plaintext[None], keys)).astype(np.int64)
            for plaintext in words(pair, cipher.message_bits)
        )
        both = np.unique(first + (second << 24), return_counts=True)[1]
        leaks.append(2 * cipher.message_bits - entropy(both))
    return float(np.mean(leaks))


def discovered(cipher, *, samples=4096, seed=0):
    """The XOR of one plaintext and one key bit that each ciphertext bit is most like.

    Returns:
        list of dict for `json.dumps`, one per ciphertext bit: "plaintext_bit" and "key_bit", which
        is None for plaintext in the clear, "inverted", and "agreement", the share of random
        messages and keys for which it holds.
    """
    rng = np.random.default_rng(seed)
    plaintext, key = (
        words(rng.integers(0, 2**bits, samples), bits)
        for bits in (cipher.message_bits, cipher.key_bits)
    )
    signs = np.where(cipher.encrypt_words(plaintext, key) > 0, 1.0, -1.0)
    partners = np.column_stack([key, -np.ones(samples)])  # XOR with 0 leaves a bit as it is
    rules = []
    for column in signs.T:
        correlation = plaintext.T @ (column[:, None] * partners) / samples
        best = np.unravel_index(np.abs(correlation).argmax(), correlation.shape)
        rules.append(
            {
                "plaintext_bit": int(best[0]),
                "key_bit": int(best[1]) if best[1] < cipher.key_bits else None,
                "inverted": bool(correlation[best] > 0),  # -1 * -1 is +1: a product is not XOR
                "agreement": math.floor((1.0 + abs(float(correlation[best]))) * 5e4) / 1e5,
            }
        )
    return rules
