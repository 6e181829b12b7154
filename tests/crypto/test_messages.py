"""Bytes to bits and back, keys, and headers that are not what they should be."""

import os

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
    header = messages.read_header(packed, len(packed), "it")
    assert header == (bits, bits, len(content))
    ciphertext = messages.to_blocks(packed[messages.HEADER.size :], bits)[: len(blocks)]
    assert messages.from_blocks(-ciphertext * keys, len(content)) == content


def test_the_bits_of_a_byte_are_those_of_its_number():
    np.testing.assert_array_equal(messages.to_blocks(b"\x05", 4), [[-1] * 4, [-1, 1, -1, 1]])


@pytest.mark.parametrize("text", ["0fx4", "0fa", "xyzzy" * 10])
def test_a_key_must_be_hexadecimal(text):
    with pytest.raises(MessageError, match="hexadecimal"):
        messages.parse_key(text)


def test_a_key_must_fit():
    assert messages.key_blocks(b"\x00\xff", 1, 16).tolist() == [[-1.0] * 8 + [1.0] * 8]
    with pytest.raises(MessageError, match="3 bytes .* needs 4 bytes; .* 8 hex digits"):
        messages.key_blocks(b"abc", 2, 16)


def test_damaged_files_are_named():
    packed = messages.pack_ciphertext(np.ones((3, 16), np.float32), 16, 6)
    assert messages.read_header(packed, len(packed), "letter") == (16, 16, 6)
    for damaged in (b"", b"ABE1", b"PNG" + packed[3:], packed[:-1], packed + b"x"):
        with pytest.raises(MessageError, match="^letter"):
            messages.read_header(damaged, len(damaged), "letter")
    empty = messages.HEADER.pack(messages.MAGIC, 0, 16, 0)
    with pytest.raises(MessageError, match="without bits"):
        messages.read_header(empty, len(empty), "letter")
