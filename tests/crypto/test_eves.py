"""Fresh Eves read what leaks, and nothing else; so do those that are no networks."""

import keras
import pytest

from crypto.audit import eves
from crypto.ciphers import Cipher


def pad(text, key):
    return -text * key


def test_no_eve_reads_a_one_time_pad(monkeypatch):
    monkeypatch.setattr(eves, "TREES_LEARNED", 2000)
    wrong = eves.other_eves(Cipher(8, 8, pad, pad))
    assert set(wrong) == {"linear", "quadratic", "parities", "trees"}
    assert all(each == pytest.approx(4.0, abs=0.1) for each in wrong.values())


def test_a_shared_key_bit_is_a_parity_that_is_found(monkeypatch):
    monkeypatch.setattr(eves, "TREES_LEARNED", 2000)

    def shared(text, key):
        key = key.copy()
        key[:, 7] = key[:, 2]
        return -text * key

    wrong = eves.other_eves(Cipher(8, 8, shared, shared))
    assert wrong["parities"] == 0.0
    assert wrong["linear"] == pytest.approx(4.0, abs=0.1)


def test_open_text_is_read_by_all(monkeypatch):
    monkeypatch.setattr(eves, "TREES_LEARNED", 2000)
    wrong = eves.other_eves(Cipher(4, 4, lambda text, key: text, lambda text, key: text))
    assert all(each == 0.0 for each in wrong.values())


def shared_bit_alice():
    """p xor k on four bits, the last two of which share a key bit; key of three bits."""
    plaintext, key = keras.Input((4,)), keras.Input((3,))
    keys = keras.layers.Concatenate()([key, key[:, 2:]])
    return keras.Model([plaintext, key], -plaintext * keys)


@pytest.mark.slow  # `test_selective.py` asks both kinds of Eve as well
def test_a_hinted_eve_finds_what_a_plain_one_cannot():
    alice = shared_bit_alice()
    plain, hinted = (
        eves.FreshEve(alice, range(4), rounds=400).learn(0, hinted=hinted)
        for hinted in (False, True)
    )
    assert plain == pytest.approx(2.0, abs=0.05)
    assert hinted < 1.9
