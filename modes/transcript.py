"""--mode transcript."""

import pathlib

import numpy as np

from cli.terminal import say
from crypto.ciphers import words
from images.writing import save_arrays
from modes.cipher import need_bits, open_cipher
from modes.selection import check_places


def transcript(flags):
    """--mode transcript: writes plaintexts, random keys and ciphertexts, for your own attacks."""
    run, _, cipher = open_cipher(flags)
    need_bits(run.read_config(), "a transcript of bits")
    path = pathlib.Path(flags.output).expanduser()
    check_places(flags, path)
    count = flags.num_messages or 10_000
    rng = np.random.default_rng(flags.seed or 0)
    plaintext, key = (
        words(rng.integers(0, 2**bits, count), bits)
        for bits in (cipher.message_bits, cipher.key_bits)
    )
    arrays = {"plaintext": plaintext, "key": key, "ciphertext": cipher.encrypt(plaintext, key)}
    binary = {name: (array > 0).astype(np.uint8) for name, array in arrays.items()}
    save_arrays(path, binary)
    say(f"wrote {path}: {count} messages")
    return 0
