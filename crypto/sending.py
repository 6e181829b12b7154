"""Messages of any length that Alice encrypts for Bob, piece by piece. No TensorFlow.

A learned Bob misreads a few blocks in a hundred thousand; which ones depends on their keys. If the
keys are fresh, Alice decrypts every block as Bob will and draws another key for those that he would
misread. That has a price: the key of a block is then uniform only among the keys under which Bob
reads this block. If he misreads it under a share e of all keys, the distribution that an
eavesdropper sees moves by at most e in total variation. An audit, which counts all keys, does not
include this.
"""

import contextlib
import dataclasses
import hashlib

import numpy as np

from crypto import messages, pieces
from crypto.keys import PRIVATE, USED, opened, record_line
from crypto.messages import MessageError
from images.writing import Target

TRIES = 100  # keys that are drawn for a block that Bob would misread
EVES_BATCH = 4096


@dataclasses.dataclass
class Tally:
    """How the blocks of a message fared.

    Attributes:
        blocks: int, so far.
        redrawn: int, keys drawn again because Bob would have misread a block.
        misread: int, blocks that Bob misreads all the same.
    """

    blocks: int = 0
    redrawn: int = 0
    misread: int = 0


@dataclasses.dataclass(frozen=True)
class Letter:
    """A piece of a message and its encryption: arrays (blocks, bits), whose signs count.

    Attributes:
        plaintext, key, ciphertext: float32, of -1 and +1.
        heard: float32, Bob's guess of the plaintext.
    """

    plaintext: np.ndarray
    key: np.ndarray
    ciphertext: np.ndarray
    heard: np.ndarray


def encrypt(cipher, content, key=None, tally=None):
    """Encrypts bytes, with a given key or with a fresh one that lets Bob read them.

    Args:
        cipher: ciphers.Cipher.
        content: bytes.
        key: bytes, or None for fresh keys, chosen as this module's docstring says.
        tally: Tally to add to, or None.
    Returns:
        Letter.
    Raises:
        MessageError: if the key does not have the length that the message needs.
    """
    blocks = messages.to_blocks(content, cipher.message_bits)
    fresh = key is None
    if fresh:
        key = messages.fresh_key(len(blocks), cipher.key_bits)
    keys = messages.key_blocks(key, len(blocks), cipher.key_bits)
    ciphertext = np.array(cipher.encrypt(blocks, keys))
    heard = np.array(cipher.decrypt(ciphertext, keys))
    wrong = _misread(blocks, heard, content)
    redrawn = 0
    for _ in range(TRIES if fresh else 0):
        if not len(wrong):
            break
        redrawn += len(wrong)
        another = messages.fresh_key(len(wrong), cipher.key_bits)
        keys[wrong] = messages.key_blocks(another, len(wrong), cipher.key_bits)
        ciphertext[wrong] = cipher.encrypt(blocks[wrong], keys[wrong])
        heard[wrong] = cipher.decrypt(ciphertext[wrong], keys[wrong])
        wrong = _misread(blocks, heard, content)
    if tally:
        tally.blocks += len(blocks)
        tally.redrawn += redrawn
        tally.misread += len(wrong)
    return Letter(blocks, keys, ciphertext, heard)


def encrypt_once(cipher, content, key, tally):
    """Encrypts bytes that fit into memory, as `encrypt`, and records the use of the key.

    Args:
        key: keys.HexKey or keys.KeyFile, or None for a fresh one.
    """
    if key is None:
        return encrypt(cipher, content, None, tally)
    with opened(key, cipher, len(content)) as stream, key.used() as note:
        blocks = messages.num_blocks(len(content), cipher.message_bits)
        letter = encrypt(
            cipher, content, stream.read(messages.key_bytes(blocks, cipher.key_bits)), tally
        )
        packed = messages.pack_ciphertext(letter.ciphertext, cipher.key_bits, len(content))
        note(hashlib.sha256(packed).hexdigest(), "shown")
    return letter


def overhear(eve, letter, *, protected):
    """What an Eve makes of a ciphertext if she is told the open bits.

    Args:
        eve: keras.Model of `parties.build_parties`; one with hints is told what is not protected.
        letter: Letter.
        protected: ints, indices of the bits of a block that she is to guess.
    Returns:
        float32 (blocks, bits), of which the signs count.
    """
    told = np.ones_like(letter.plaintext)
    told[:, list(protected)] = 0.0
    if not len(letter.ciphertext):
        return told
    hinted = len(eve.inputs) > 1
    inputs = [letter.ciphertext, letter.plaintext * told, told] if hinted else letter.ciphertext
    guess = eve.predict(inputs, batch_size=EVES_BATCH, verbose=0)
    return np.where(told > 0, letter.plaintext, guess)


def _misread(blocks, heard, content):
    """Indices of the blocks in which Bob misreads a bit of the message."""
    wrong = ((heard > 0) != (blocks > 0)).reshape(-1)
    wrong[8 * len(content) :] = False  # padding of the last block, no part of the message
    return np.flatnonzero(wrong.reshape(blocks.shape).any(axis=1))


def send_file(cipher, source, target, *, key=None, lossy=False, announce=print):
    """Encrypts a message into a ciphertext file, and its fresh key into another beside it.

    Either both files are written whole or neither. The key, `target`.key, is to be used only once,
    which `target`.key.used records.

    Args:
        cipher: ciphers.Cipher, a binary one.
        source: files.Source, the message.
        target: writing.Target.
        key: keys.HexKey or keys.KeyFile; None for a fresh one, under which Bob reads every block.
        lossy: bool, whether to write the message even if Bob will misread some of it.
        announce: callable, given lines of progress.
    Returns:
        Tally.
    Raises:
        MessageError: if Bob would misread a block and not `lossy`; if the key does not fit or has
            been used; if a file is in the way.
        OSError: if a file cannot be read or written.
    """
    if not isinstance(target, Target):
        raise MessageError("--output -: --mode send writes a key beside the file; name a file")
    blocks = messages.num_blocks(source.size, cipher.message_bits)
    size = messages.HEADER.size + messages.key_bytes(blocks, cipher.message_bits)
    key_size = messages.key_bytes(blocks, cipher.key_bits)
    if key is not None:
        target.check(source.path, key.path)
        with key.open(key_size) as keys, key.used() as note, target.open(size) as file:
            tally, digest = _write_letters(cipher, source, file, keys, None, announce)
            _refuse_misread(tally, lossy, fresh=False)
            note(digest, target.name)
        return tally
    kept, used = _beside(target, ".key"), _beside(target, ".key" + USED, overwrite=True)
    for each in (target, kept, used):
        each.check(source.path)
    with _both_or_neither(kept, used), target.open(size) as file:
        with kept.open(key_size) as key_file:
            tally, digest = _write_letters(cipher, source, file, None, key_file, announce)
            _refuse_misread(tally, lossy, fresh=True)
        with used.open(0) as record:
            record.write(record_line(digest, target.name).encode(errors="backslashreplace"))
    return tally


def _beside(target, ending, overwrite=None):
    """A private file beside a target."""
    path = target.path.with_name(target.path.name + ending)
    return Target(path, target.overwrite if overwrite is None else overwrite, PRIVATE)


@contextlib.contextmanager
def _both_or_neither(*targets):
    """Removes those of these files that are new if the block fails."""
    new = [target.path for target in targets if not target.path.exists()]
    try:
        yield
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise


def _refuse_misread(tally, lossy, *, fresh):
    """Refuses a message that Bob would misread, unless `lossy`."""
    if tally.misread and not lossy:
        what = f"any of {TRIES} keys; train this cipher longer" if fresh else "this key"
        advice = "" if fresh else "; a fresh key is chosen so that he reads everything"
        raise MessageError(
            f"nothing was written: Bob misreads {tally.misread} of {tally.blocks} blocks under"
            f" {what}{advice}, or --lossy sends them as they are"
        )


def _write_letters(cipher, source, file, keys, key_file, announce):
    """Encrypts a message piece by piece.

    Args:
        file, key_file: binary files to write; no key_file where the key was given.
        keys: stream of the key's bytes, or None for fresh ones.
    Returns:
        (Tally, str): the tally, and the SHA-256 of what was written to `file`.
    """
    tally, digest = Tally(), hashlib.sha256()
    progress = pieces.Progress("encrypted", source.size, announce)
    header = messages.header_bytes(cipher.message_bits, cipher.key_bits, source.size)
    file.write(header)
    digest.update(header)
    for length in pieces.piece_lengths(source.size, cipher.message_bits):
        blocks = messages.num_blocks(length, cipher.message_bits)
        key = keys.read(messages.key_bytes(blocks, cipher.key_bits)) if keys else None
        letter = encrypt(cipher, source.read(length), key, tally)
        packed = messages.packed_bits(letter.ciphertext)
        file.write(packed)
        digest.update(packed)
        if key_file:
            key_file.write(messages.packed_bits(letter.key))
        progress.advance(length)
    return tally, digest.hexdigest()
