"""Messages of any length from Alice, as Bob reads them, piece by piece. No TensorFlow."""

from crypto import keys, messages, pieces
from crypto.messages import MessageError


def receive_file(cipher, source, target, *, key, announce=print):
    """Decrypts a ciphertext file.

    Args:
        cipher: ciphers.Cipher, a binary one.
        source: files.Source, of a file that `send_file` wrote.
        target: writing.Target or files.StandardOutput.
        key: keys.HexKey or keys.KeyFile.
        announce: callable, given lines of progress.
    Returns:
        int, bytes of the message.
    Raises:
        MessageError: if the ciphertext or the key does not fit, or a file is in the way.
        OSError: if a file cannot be read or written.
    """
    target.check(source.path, key.path)
    length = read_length(cipher, source)
    with keys.opened(key, cipher, length) as stream, target.open(length) as file:
        key.received(source)
        progress = pieces.Progress("decrypted", length, announce)
        for piece in decrypted(cipher, source, stream, length):
            file.write(piece)
            progress.advance(len(piece))
    return length


def read_length(cipher, source):
    """Reads the header of a ciphertext: the message's length in bytes.

    Raises:
        MessageError: if it is not a whole ciphertext, or is of another cipher.
    """
    head = source.read(min(source.size, messages.HEADER.size))
    bits, key_bits, length = messages.read_header(head, source.size, source.name)
    if (bits, key_bits) != (cipher.message_bits, cipher.key_bits):
        raise MessageError(
            f"{source.name}: has blocks of {bits} bits and keys of {key_bits};"
            f" this cipher's have {cipher.message_bits} and {cipher.key_bits}"
        )
    return length


def decrypted(cipher, source, stream, length):
    """What Bob reads, piece by piece: bytes.

    Args:
        source: files.Source, whose header has been read.
        stream: of the key's bytes.
        length: int, bytes of the message.
    """
    bits, key_bits = cipher.message_bits, cipher.key_bits
    for piece in pieces.piece_lengths(length, bits):
        blocks = messages.num_blocks(piece, bits)
        packed = source.read(-(-blocks * bits // 8))
        ciphertext = messages.to_blocks(packed, bits)[:blocks]
        key = stream.read(messages.key_bytes(blocks, key_bits))
        heard = cipher.decrypt(ciphertext, messages.key_blocks(key, blocks, key_bits))
        yield messages.from_blocks(heard, piece)
