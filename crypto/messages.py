"""Text, bytes, keys and files, and the blocks of -1 and +1 that Alice and Bob know. No TensorFlow.

A ciphertext file is a header (magic, bits of a block, bits of a block's key, bytes of the message),
then all ciphertext bits, eight to a byte. Every block has key bits of its own: a key is used once.
"""

import errno
import os
import pathlib
import secrets
import struct

import numpy as np

from images.pictures import save_atomically

MAGIC = b"ABE1"
HEADER = struct.Struct(">4sHHQ")


class MessageError(Exception):
    """A key, text or file that cannot serve: one line that names it and the fix."""


def to_blocks(content, bits):
    """Cuts bytes into blocks, the last one filled up with zeros.

    Args:
        content: bytes.
        bits: int >= 1, of a block.
    Returns:
        float32 (blocks, bits) of -1 and +1; no blocks for no bytes.
    """
    flat = np.unpackbits(np.frombuffer(content, np.uint8))
    flat = np.pad(flat, (0, -len(flat) % bits))
    return flat.reshape(-1, bits) * np.float32(2.0) - np.float32(1.0)


def from_blocks(blocks, length=None):
    """The bytes in blocks: the inverse of `to_blocks`.

    Args:
        blocks: numbers (blocks, bits), of which only the signs count.
        length: int, bytes to return; as many as are whole if not given.
    """
    content = np.packbits(np.asarray(blocks).ravel() > 0).tobytes()
    return content[: blocks.size // 8 if length is None else length]


def num_blocks(length, bits):
    """How many blocks so many bytes fill."""
    return -(-8 * length // bits)


def key_bytes(blocks, key_bits):
    """How many bytes hold the key of so many blocks."""
    return -(-blocks * key_bits // 8)


def fresh_key(blocks, key_bits):
    """Key bytes for so many blocks, of the operating system's randomness."""
    return secrets.token_bytes(key_bytes(blocks, key_bits))


def key_blocks(key, blocks, key_bits):
    """The key of each block: float32 (blocks, key_bits) of -1 and +1.

    Raises:
        MessageError: if the key has another length than these blocks need.
    """
    needed = key_bytes(blocks, key_bits)
    if len(key) != needed:
        raise MessageError(
            f"the key has {len(key)} bytes and {blocks} blocks of {key_bits} key bits need"
            f" {needed}; every block needs fresh key bits, {2 * needed} hex digits in all"
        )
    return to_blocks(key, key_bits)[:blocks]


def parse_key(text):
    """The bytes of a key that was given in hexadecimal.

    Raises:
        MessageError: if it is none.
    """
    try:
        return bytes.fromhex(text)
    except ValueError:
        shown = text if len(text) <= 20 else text[:20] + "..."
        raise MessageError(
            f"--key {shown}: must be an even number of hexadecimal digits, such as 0fa4"
        ) from None


def read_bytes(path):
    """What a file holds.

    Raises:
        OSError: if it cannot be read.
    """
    return pathlib.Path(path).expanduser().read_bytes()


def write_bytes(path, content, *, private=False):
    """Writes a file, whole or not at all; a private one can be read by its owner only."""

    def write(temporary):
        if private:
            os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))
        pathlib.Path(temporary).write_bytes(content)

    save_atomically(pathlib.Path(path).expanduser(), write)


def write_sent(path, packed, key_path=None, key=None):
    """Writes a ciphertext file and its key: both, or neither.

    Args:
        path, key_path: where to; nothing is written for a key_path of None.
        packed, key: bytes.
    Raises:
        OSError: if one of the two cannot be written; then no file has changed.
    """
    for each in (path, key_path):
        if each is not None and pathlib.Path(each).expanduser().is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(each))

    def write(temporary):
        pathlib.Path(temporary).write_bytes(packed)
        if key_path is not None:  # its only copy: before the ciphertext has its name
            write_bytes(key_path, key, private=True)

    save_atomically(pathlib.Path(path).expanduser(), write)


def pack_ciphertext(ciphertext, key_bits, length):
    """A ciphertext file's content.

    Args:
        ciphertext: float32 (blocks, bits) of -1 and +1.
        key_bits: int, of a block.
        length: int, bytes of the message.
    """
    header = HEADER.pack(MAGIC, ciphertext.shape[-1], key_bits, length)
    return header + np.packbits(ciphertext.ravel() > 0).tobytes()


def unpack_ciphertext(content, name):
    """What `pack_ciphertext` packed: (ciphertext, key_bits, length).

    Args:
        content: bytes.
        name: str, of the file, for messages.
    Raises:
        MessageError: if it is no ciphertext file, or not all of one.
    """
    if len(content) < HEADER.size or content[: len(MAGIC)] != MAGIC:
        raise MessageError(f"{name}: is not a ciphertext file of --mode send")
    _, bits, key_bits, length = HEADER.unpack_from(content)
    if not bits or not key_bits:
        raise MessageError(f"{name}: is damaged (blocks without bits)")
    blocks = num_blocks(length, bits)
    body = content[HEADER.size :]
    if len(body) != -(-blocks * bits // 8):
        raise MessageError(
            f"{name}: is damaged or cut off: {len(body)} bytes of ciphertext,"
            f" and {blocks} blocks of {bits} bits take {-(-blocks * bits // 8)}"
        )
    return to_blocks(body, bits)[:blocks], key_bits, length
