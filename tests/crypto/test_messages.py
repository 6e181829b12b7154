"""Bytes to bits and back, keys, and ciphertext files that are not what they should be."""

import os
import stat

import numpy as np
import pytest

from crypto import messages
from crypto.messages import MessageError

AWKWARD = [b"", b"\0", b"x", "Grüße, 世界".encode(), bytes(range(256)), os.urandom(1 << 20)]


@pytest.mark.parametrize("bits", [4, 7, 16])
@pytest.mark.parametrize("content", AWKWARD, ids=len)
def test_bytes_survive(content, bits):
    blocks = messages.to_blocks(content, bits)
    assert blocks.shape == (messages.num_blocks(len(content), bits), bits)
    assert blocks.dtype == np.float32
    assert set(np.unique(blocks)) <= {-1.0, 1.0}
    assert messages.from_blocks(blocks, len(content)) == content


@pytest.mark.parametrize("bits", [4, 7, 16])
@pytest.mark.parametrize("content", AWKWARD, ids=len)
def test_a_one_time_pad_by_file_survives(content, bits):
    blocks = messages.to_blocks(content, bits)
    keys = messages.key_blocks(messages.fresh_key(len(blocks), bits), len(blocks), bits)
    packed = messages.pack_ciphertext(-blocks * keys, bits, len(content))
    ciphertext, key_bits, length = messages.unpack_ciphertext(packed, "it")
    assert (key_bits, length) == (bits, len(content))
    assert messages.from_blocks(-ciphertext * keys, length) == content


def test_the_bits_of_a_byte_are_those_of_its_number():
    np.testing.assert_array_equal(messages.to_blocks(b"\x05", 4), [[-1] * 4, [-1, 1, -1, 1]])


@pytest.mark.parametrize("text", ["0fx4", "0fa", "xyzzy" * 10])
def test_a_key_must_be_hexadecimal(text):
    with pytest.raises(MessageError, match="hexadecimal"):
        messages.parse_key(text)


def test_a_key_must_fit():
    assert messages.key_blocks(b"\x00\xff", 1, 16).tolist() == [[-1.0] * 8 + [1.0] * 8]
    with pytest.raises(MessageError, match="3 bytes .* need 4; .* 8 hex digits"):
        messages.key_blocks(b"abc", 2, 16)


def test_damaged_files_are_named():
    packed = messages.pack_ciphertext(np.ones((3, 16), np.float32), 16, 6)
    for damaged in (b"", b"ABE1", b"PNG" + packed[3:], packed[:-1], packed + b"x"):
        with pytest.raises(MessageError, match="^letter"):
            messages.unpack_ciphertext(damaged, "letter")
    with pytest.raises(MessageError, match="without bits"):
        messages.unpack_ciphertext(messages.HEADER.pack(messages.MAGIC, 0, 16, 0), "letter")


def test_a_private_file_is_private(tmp_path):
    messages.write_bytes(tmp_path / "key", b"secret", private=True)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert messages.read_bytes(tmp_path / "key") == b"secret"


@pytest.mark.parametrize("folder", ["letter", "letter.key"])
def test_a_ciphertext_and_its_key_are_written_both_or_neither(tmp_path, folder):
    (tmp_path / folder).mkdir()
    letter, key = tmp_path / "letter", tmp_path / "letter.key"
    with pytest.raises(IsADirectoryError, match=folder):
        messages.write_sent(letter, b"packed", key, b"key")
    assert [path.name for path in tmp_path.iterdir()] == [folder]


def test_a_key_that_cannot_be_written_leaves_no_ciphertext(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "letter.key")

    monkeypatch.setattr(messages, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        messages.write_sent(tmp_path / "letter", b"packed", tmp_path / "letter.key", b"key")
    assert not list(tmp_path.iterdir())


def test_a_ciphertext_and_its_key_are_written(tmp_path):
    messages.write_sent(tmp_path / "letter", b"packed", tmp_path / "letter.key", b"key")
    assert (tmp_path / "letter").read_bytes() == b"packed"
    assert (tmp_path / "letter.key").read_bytes() == b"key"
    assert stat.S_IMODE((tmp_path / "letter.key").stat().st_mode) == 0o600
