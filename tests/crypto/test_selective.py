"""Some bits are protected, the others open: what is drawn and counted, and who is asked what."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from crypto.audit import eves
from crypto.audit.exact import discovered, exact_audit
from crypto.audit.report import audit_cipher, format_audit
from crypto.audit.selective import selective_audit
from crypto.ciphers import Cipher, learned_cipher
from crypto.draws import chosen, draw_messages
from games import OptionError
from games.crypto import parse_bits
from models import build_game
from tests.support.ciphers import from_preset, last_audit, load_cipher
from training import attempts
from training.run_folder import Run

BITS, PROTECTED = 8, (0, 2, 3, 6)
OPEN = (1, 4, 5, 7)
TINY = {"message_bits": 4, "key_bits": 2, "protect": "0,1", "batch_size": 64}


def encrypted(text, key, key_bit_of, masked_by=()):
    """Each bit XOR its key bit, XOR another bit of text; bits not named are in the clear."""
    outputs = np.array(text)
    for bit, key_bit in key_bit_of.items():
        outputs[:, bit] *= -key[:, key_bit]
    for bit, other in dict(masked_by).items():
        outputs[:, bit] *= -text[:, other]
    return outputs


def made(key_bit_of, masked_by=(), key_bits=4):
    def encrypt(text, key):
        return encrypted(text, key, key_bit_of, masked_by)

    return Cipher(BITS, key_bits, encrypt, encrypt)


PAD = {0: 0, 2: 1, 3: 2, 6: 3}
CIPHERS = {
    "pad": (made(PAD), 0.0),
    "two protected bits share a key bit": (made({**PAD, 6: 2}), 1.0),
    "all of them do": (made(dict.fromkeys(PAD, 0)), 3.0),
    "masked by an open bit": (made({0: 0, 2: 1, 3: 2}, {6: 7}), 1.0),
    "an open bit shares a key bit": (made({**PAD, 7: 3}), 1.0),
    "open bits have keys of their own": (made({**PAD, 7: 4, 1: 5}, key_bits=6), 0.0),
    "open bits masked by the pad": (made(PAD, {7: 1}), 0.0),
    "no key": (made({}), 4.0),
}


@pytest.mark.parametrize("name", CIPHERS)
def test_the_leak_of_a_known_cipher(name):
    cipher, leak = CIPHERS[name]
    audit = selective_audit(cipher, PROTECTED, exhaustive=True)
    assert audit["exhaustive"]
    assert (audit["settings"], audit["messages"]) == (16, 16)
    assert audit["bits"] == list(PROTECTED)
    assert audit["leak_at_least"] == audit["leak_at_most"] == pytest.approx(leak, abs=1e-9)
    assert audit["largest_leak"] == pytest.approx(leak, abs=1e-9)
    some = selective_audit(cipher, PROTECTED, settings=3)
    assert not some["exhaustive"] and some["settings"] == 3
    assert some["leak_at_most"] == pytest.approx(leak, abs=1e-9)


@pytest.mark.parametrize("name", CIPHERS)
def test_few_words_bound_the_leak_from_both_sides(name):
    cipher, leak = CIPHERS[name]
    few = selective_audit(cipher, PROTECTED, pairs=4 << cipher.key_bits)
    assert few["messages"] == 4
    assert few["leak_at_least"] <= leak + 1e-9 <= few["leak_at_most"] + 2e-9
    assert few["leak_at_least"] <= 2.0


def test_the_open_bits_are_no_secret_and_count_for_nothing():
    """The whole ciphertext says four bits; of the protected ones, none."""
    cipher, _ = CIPHERS["pad"]
    assert exact_audit(cipher, exhaustive=True)["leak_at_most"] == pytest.approx(4.0)
    assert selective_audit(cipher, PROTECTED)["leak_at_most"] == pytest.approx(0.0, abs=1e-9)


def test_the_largest_leak_is_that_of_the_worst_setting():
    """A bit is in the clear whenever an open one is set: half of the settings leak a bit."""

    def encrypt(text, key):
        outputs = encrypted(text, key, PAD)
        outputs[:, 6] = np.where(text[:, 7] > 0, text[:, 6], outputs[:, 6])
        return outputs

    audit = selective_audit(Cipher(BITS, 4, encrypt, encrypt), PROTECTED, exhaustive=True)
    assert audit["leak_at_most"] == pytest.approx(0.5)
    assert audit["largest_leak"] == pytest.approx(1.0)


def test_bob_is_asked_for_all_bits():
    cipher, _ = CIPHERS["pad"]
    deaf = Cipher(BITS, 4, cipher.encrypt, lambda text, key: np.where(chosen([1], 8), -1.0, text))
    wrong = selective_audit(deaf, PROTECTED, exhaustive=True)["bob_bits_wrong"]
    assert wrong == pytest.approx(0.5 + len(PROTECTED) / 2)


def test_a_bit_in_the_clear_is_found():
    cipher = made(PAD)
    rules = discovered(cipher)
    assert [rules[bit]["key_bit"] for bit in range(BITS)] == [PAD.get(bit) for bit in range(BITS)]
    assert [rule["plaintext_bit"] for rule in rules] == list(range(BITS))
    assert not any(rule["inverted"] for rule in rules)
    assert all(rule["agreement"] == 1.0 for rule in rules)


def test_eve_is_told_all_open_bits_and_some_of_the_others():
    plaintext, key, told = draw_messages(4096, BITS, 4, (1, 2), PROTECTED)
    told = told.numpy()
    assert (told[:, list(OPEN)] == 1.0).all()
    assert told[:, list(PROTECTED)].mean() == pytest.approx(0.5, abs=0.02)
    assert told.all(axis=1).any() and (told.sum(axis=1) == len(OPEN)).any()
    everything = draw_messages(4096, BITS, 4, (1, 2), range(BITS))
    np.testing.assert_array_equal(plaintext, everything[0])
    np.testing.assert_array_equal(key, everything[1])
    np.testing.assert_array_equal(
        told[:, list(PROTECTED)], everything[2].numpy()[:, list(PROTECTED)]
    )


def test_only_a_game_with_open_bits_has_a_constant_beside_the_key():
    for protect, weights in ((None, 1), ("0-2", 2)):
        game = build_game(from_preset("secret", message_bits=4, protect=protect), None)
        for agent in (game.alice, game.bob):
            assert len(agent.get_layer("of_key").get_weights()) == weights


def test_eve_pays_for_protected_bits_only():
    game = build_game(from_preset("secret", **TINY), None)
    plaintext, _, told = game.deal(game.eve)
    right, wrong = 9.0 * plaintext, -9.0 * plaintext
    mixed = tf.where(chosen((0, 1), 4) > 0, right, wrong)
    assert float(game.eve_loss(plaintext, mixed, 1.0 - told)) < 0.01
    assert float(game.count(plaintext, mixed, 1.0 - told)) == 0.0
    assert float(game.count(plaintext, wrong, 1.0 - told)) == 2.0
    assert float(game.count(plaintext, mixed)) == 2.0  # Bob is asked for all


def test_a_checkpoint_keeps_what_is_protected(tmp_path):
    game = build_game(from_preset("secret", **TINY), None)
    game.save(tmp_path / "game.keras")
    again = keras.saving.load_model(tmp_path / "game.keras")
    assert again.protected == (0, 1)
    np.testing.assert_array_equal(game.deal(game.eve)[2], again.deal(again.eve)[2])


def sharing_alice():
    """Two bits, p xor k, that share a key bit."""
    plaintext, key = keras.Input((2,)), keras.Input((1,))
    return keras.Model([plaintext, key], -plaintext * key)


def test_fresh_eves_are_asked_for_the_protected_bits_and_told_the_open_ones():
    found = eves.fresh_eves(sharing_alice(), (0,), count=1, rounds=200)
    assert found["plain"] == [pytest.approx(0.5, abs=0.01)]
    assert found["hinted"] == [pytest.approx(0.0, abs=0.01)]


def test_other_eves_know_the_open_bits(monkeypatch):
    monkeypatch.setattr(eves, "TREES_LEARNED", 2000)
    wrong = eves.other_eves(made({0: 0, 2: 1, 3: 2}, {6: 7}), PROTECTED)
    assert wrong["linear"] == pytest.approx(2.0, abs=0.05)
    assert wrong["quadratic"] == pytest.approx(1.5, abs=0.05)
    padded = eves.other_eves(made(PAD), PROTECTED)
    assert all(each == pytest.approx(2.0, abs=0.05) for each in padded.values())
    assert "parities" not in eves.other_eves(made(PAD), (0,))


@pytest.mark.parametrize(
    ("text", "bits"), [("0-7", tuple(range(8))), ("3", (3,)), ("5-7, 0,3", (0, 3, 5, 6, 7))]
)
def test_lists_of_bits(text, bits):
    assert parse_bits(text, 16) == bits


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "bits from 0 to 15"),
        ("x", "bits from 0 to 15"),
        ("0,,1", "bits from 0 to 15"),
        ("-1", "bits from 0 to 15"),
        ("16", "bits from 0 to 15"),
        ("5-2", "bits from 0 to 15"),
        ("0-99999999", "bits from 0 to 15"),
        ("3,1-4", "twice"),
        ("0-15", "all 16 bits"),
    ],
)
def test_bad_lists_of_bits(text, named):
    with pytest.raises(OptionError, match=f"^--protect {text}: .*{named}"):
        from_preset("secret", protect=text)


def test_published_presets_protect_all():
    with pytest.raises(OptionError, match="--preset secret, not paper"):
        from_preset("paper", protect="0-7")


@pytest.mark.slow  # quick: the whole message of as many bits becomes a secret in `test_training.py`
def test_two_key_bits_keep_two_of_four_bits(tmp_path):
    run = Run(tmp_path)
    config = from_preset("secret", **TINY, attempts=4)
    game, stopped_by = attempts.train(run, config, resume=False, announce=lambda line: None)
    assert stopped_by is None
    assert attempts.good(last_audit(run))
    exact = selective_audit(load_cipher(run), (0, 1), exhaustive=True, keys_tried=4)
    assert exact["exhaustive"]
    assert exact["leak_at_most"] <= 0.01
    assert exact["bob_bits_wrong"] <= 0.01
    assert exact["invertible_keys"] == 1.0
    cipher = learned_cipher(game.alice, game.bob, binary=True)
    assert exact_audit(cipher, exhaustive=True)["leak_at_most"] >= 2.0 - 0.01  # no key for more
    assert run.read_stats()[-1]["leak_at_most"] <= attempts.TARGET_LEAK


def test_the_table_names_what_was_counted():
    game = build_game(from_preset("secret", **TINY), None)
    report = audit_cipher(
        game.alice,
        learned_cipher(game.alice, game.bob, binary=True),
        protected=(0, 1),
        messages=8,
        exhaustive=True,
        eves=0,
        announce=lambda line: None,
    )
    table = format_audit(report)
    assert "I(P protected; C | P open), bits" in table
    assert "4 settings of the 2 open bits x 4 words x 4 keys, all there are: a proof" in table
