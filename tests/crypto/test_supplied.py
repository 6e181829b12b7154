"""The cipher that is supplied: it says what it is told, and keeps it to itself."""

import numpy as np
import pytest

from crypto import messages
from crypto.audit.exact import exact_audit
from crypto.ciphers import words
from tests.support.ciphers import load_cipher
from training import finding


@pytest.fixture(scope="module")
def cipher(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        run, supplied = finding.find("crypto", "secret")
    assert supplied and run.path.parent == finding.PRETRAINED
    return load_cipher(run)


def test_bob_reads_what_was_sent_and_a_wrong_key_does_not(cipher):
    content = "Grüße, 世界".encode() * 20
    blocks = messages.to_blocks(content, cipher.message_bits)
    rng = np.random.default_rng(0)
    key, wrong = (words(rng.integers(0, 2**16, len(blocks)), cipher.key_bits) for _ in range(2))
    ciphertext = cipher.encrypt(blocks, key)
    assert messages.from_blocks(cipher.decrypt(ciphertext, key), len(content)) == content
    assert cipher.bits_wrong(blocks, ciphertext, wrong).mean() == pytest.approx(8.0, abs=1.0)


def test_it_leaks_less_than_a_hundredth_of_a_bit(cipher):
    exact = exact_audit(cipher, messages=8, seed=7, keys_tried=0)
    assert 0.0 <= exact["leak_at_most"] <= 0.01
    assert 0.0 <= exact["bob_bits_wrong"] < 0.01
