"""The auditors on ciphers made by hand: those that are secret, and those that leak what we know."""

import numpy as np
import pytest

from crypto.audit.exact import discovered, entropy, exact_audit, key_use, variation
from crypto.ciphers import Cipher, all_words, random_words, words

BITS = 8


def made(encrypt, decrypt=None, bits=BITS, key_bits=None, **rules):
    return Cipher(bits, key_bits or bits, encrypt, decrypt or encrypt, **rules)


def one_time_pad(text, key):
    return -text * key


def identity(text, key):
    return text


def repeated_bit(text, key):
    return -text * np.concatenate([key[:, :-1], key[:, :1]], axis=1)


def constant_key(text, key):
    return -text * np.float32([1, -1] * (text.shape[1] // 2))


def first_bit_open(text, key):
    return np.concatenate([text[:, :1], -text[:, 1:] * key[:, 1:]], axis=1)


def parity_open(text, key):
    """The key's last bit is the parity of the others: so is the XOR of all that is seen."""
    last = np.prod(-key[:, :-1], axis=1, keepdims=True)
    return -text * np.concatenate([key[:, :-1], -last], axis=1)


LEAKS = {
    one_time_pad: 0.0,
    identity: BITS,
    repeated_bit: 1.0,
    constant_key: BITS,
    first_bit_open: 1.0,
    parity_open: 1.0,
}


@pytest.mark.parametrize("encrypt", LEAKS, ids=lambda f: f.__name__)
def test_the_leak_of_a_known_cipher(encrypt):
    exact = exact_audit(made(encrypt), exhaustive=True, keys_tried=16)
    assert exact["exhaustive"]
    assert exact["leak_at_most"] == exact["leak_at_least"]
    assert exact["leak_at_most"] == pytest.approx(LEAKS[encrypt], abs=1e-9)
    assert exact["largest_leak"] == pytest.approx(LEAKS[encrypt], abs=1e-9)
    assert exact["bob_bits_wrong"] == 0.0
    assert exact["invertible_keys"] == 1.0
    assert exact["total_variation"] == pytest.approx(1.0 - 2.0 ** -LEAKS[encrypt])


@pytest.mark.parametrize("encrypt", LEAKS, ids=lambda f: f.__name__)
def test_a_sample_of_plaintexts_gives_bounds(encrypt):
    exact = exact_audit(made(encrypt), messages=64)
    assert not exact["exhaustive"]
    assert exact["leak_at_least"] <= LEAKS[encrypt] + 1e-9
    assert exact["leak_at_most"] >= LEAKS[encrypt] - 1e-9
    assert exact["leak_at_most"] == pytest.approx(LEAKS[encrypt], abs=1e-9)


def test_sixteen_bits():
    assert exact_audit(made(one_time_pad, bits=16), messages=2)["leak_at_most"] == 0.0
    assert exact_audit(made(identity, bits=16), messages=2)["leak_at_most"] == 16.0


def test_a_constant_ciphertext_says_nothing_and_bob_learns_nothing():
    silent = made(lambda text, key: np.ones_like(text))
    exact = exact_audit(silent, exhaustive=True)
    assert exact["leak_at_most"] == 0.0
    assert exact["invertible_keys"] == 0.0
    assert exact["bob_bits_wrong"] == BITS / 2


def test_fewer_key_bits_than_message_bits_leak_the_difference():
    def encrypt(text, key):
        return -text * np.concatenate([key, key[:, :2]], axis=1)

    exact = exact_audit(made(encrypt, key_bits=BITS - 2), exhaustive=True)
    assert exact["leak_at_most"] == pytest.approx(2.0)


def test_real_numbers_that_name_the_plaintext_leak_all_that_can_be_seen():
    scaled = made(lambda text, key: text * (1.0 + 1e-3 * (key > 0)), binary=False)
    exact = exact_audit(scaled, exhaustive=True)
    assert exact["leak_at_most"] == pytest.approx(BITS)
    assert exact_audit(scaled, messages=16)["leak_at_least"] == pytest.approx(4.0)
    blurred = made(lambda text, key: -text * key * np.float32(0.5), binary=False)
    assert exact_audit(blurred, exhaustive=True)["leak_at_most"] == pytest.approx(0.0)


def test_entropy_and_variation_by_hand():
    assert entropy([1, 1, 0, 2]) == 1.5
    assert entropy([7]) == 0.0
    assert variation([1, 1, 1, 1], 4) == 0.0
    assert variation([4], 4) == 0.75
    assert variation([2, 2], 4) == 0.5


def test_the_use_of_the_key():
    use = key_use(made(one_time_pad))
    assert use["wrong_key_bits_wrong"] == pytest.approx(BITS / 2, abs=0.2)
    assert use["flipped_key_bits_wrong"] == [1.0] * BITS
    assert use["key_avalanche"] == use["plaintext_avalanche"] == [1.0] * BITS
    assert use["dead_key_bits"] == []
    assert use["reuse_leak_at_most"] == BITS
    dead = key_use(made(repeated_bit))
    assert dead["dead_key_bits"] == [BITS - 1]
    assert dead["key_avalanche"][0] == 2.0
    assert key_use(made(identity))["wrong_key_bits_wrong"] == 0.0


def test_the_xor_is_found():
    rules = discovered(made(lambda text, key: np.concatenate([-text * key, text * key], 1)))
    assert [rule["plaintext_bit"] for rule in rules] == [*range(BITS), *range(BITS)]
    assert [rule["key_bit"] for rule in rules] == [*range(BITS), *range(BITS)]
    assert [rule["inverted"] for rule in rules] == [False] * BITS + [True] * BITS
    assert all(rule["agreement"] == 1.0 for rule in rules)


def test_words():
    np.testing.assert_array_equal(words([6], 4), [[-1, 1, 1, -1]])
    assert len(np.unique(all_words(5), axis=0)) == 32
    assert len(np.unique(random_words(20, 5, seed=1), axis=0)) == 20
    assert len(random_words(99, 5, seed=1)) == 32
