"""Bytes, the blocks of -1 and +1 that Alice and Bob handle, and the format of ciphertext files.

A ciphertext file is a header (magic, bits of a block, bits of a block's key, bytes of the message),
then all ciphertext bits, eight to a byte. Every block has key bits of its own: a key is used once.
No TensorFlow.
"""

import secrets
import struct

import numpy as np

MAGIC = b"ABE1"
HEADER = struct.Struct(">4sHHQ")


class MessageError(Exception):
    """A key, text or file that cannot be used: one line that names it and the fix."""


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
        length: int, bytes to return; None for all whole ones.
    """
    content = np.packbits(np.asarray(blocks).ravel() > 0).tobytes()
    return content[: blocks.size // 8 if length is None else length]


def num_blocks(length, bits):
    """How many blocks a message of `length` bytes fills."""
    return -(-8 * length // bits)


def key_bytes(blocks, key_bits):
    """How many bytes the key of this many blocks takes."""
    return -(-blocks * key_bits // 8)


def fresh_key(blocks, key_bits):
    """Key bytes for this many blocks, from the operating system's random source."""
    return secrets.token_bytes(key_bytes(blocks, key_bits))


def key_blocks(key, blocks, key_bits):
    """The key of each block: float32 (blocks, key_bits) of -1 and +1.

    Raises:
        MessageError: if the key does not have the length that these blocks need.
    """
    needed = key_bytes(blocks, key_bits)
    if len(key) != needed:
        raise key_length_error(f"{len(key)} bytes", needed)
    return to_blocks(key, key_bits)[:blocks]


def key_length_error(found, needed, name=""):
    """The refusal of a key that does not fit its message.

    Args:
        found: str, how long it is.
        needed: int, bytes.
        name: str, of its file, with a colon.
    """
    return MessageError(
        f"{name}the key has {found} and this message needs {needed} bytes; every block needs fresh"
        f" key bits, {2 * needed} hex digits in all"
    )


def parse_key(text):
    """The bytes of a key that was given in hexadecimal.

    Raises:
        MessageError: if it is not hexadecimal.
    """
    try:
        return bytes.fromhex(text.removeprefix("0x").replace(":", ""))
    except ValueError:
        shown = text if len(text) <= 20 else text[:20] + "..."
        raise MessageError(
            f"--key {shown}: must be an even number of hexadecimal digits, such as 0fa4"
        ) from None


def pack_ciphertext(ciphertext, key_bits, length):
    """A ciphertext file's content.

    Args:
        ciphertext: float32 (blocks, bits) of -1 and +1.
        key_bits: int, of a block.
        length: int, bytes of the message.
    """
    return header_bytes(ciphertext.shape[-1], key_bits, length) + packed_bits(ciphertext)


def packed_bits(blocks):
    """All bits of blocks, eight to a byte, the last byte filled up with zeros."""
    return np.packbits(np.asarray(blocks).ravel() > 0).tobytes()


def header_bytes(bits, key_bits, length):
    """The header of a ciphertext file."""
    return HEADER.pack(MAGIC, bits, key_bits, length)


def read_header(content, size, name):
    """What the header of a ciphertext file says, checked against the size of the file.

    Args:
        content: bytes, the first `HEADER.size` ones of the file, or all if it has fewer.
        size: int, bytes of the whole file.
        name: str, of the file, for messages.
    Returns:
        (bits, key_bits, length): bits of a block and of its key, and bytes of the message.
    Raises:
        MessageError: if it is not a ciphertext file, or an incomplete one.
    """
    if len(content) < HEADER.size or content[: len(MAGIC)] != MAGIC:
        raise MessageError(f"{name}: is not a ciphertext file of --mode send")
    _, bits, key_bits, length = HEADER.unpack_from(content)
    if not bits or not key_bits:
        raise MessageError(f"{name}: is damaged (blocks without bits)")
    blocks = num_blocks(length, bits)
    needed = -(-blocks * bits // 8)
    if size - HEADER.size != needed:
        raise MessageError(
            f"{name}: is damaged or cut off: {size - HEADER.size} bytes of ciphertext,"
            f" where {blocks} blocks of {bits} bits take {needed}"
        )
    return bits, key_bits, length
