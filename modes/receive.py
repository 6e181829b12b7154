"""--mode receive."""

import contextlib
import sys

from cli.terminal import say
from crypto import files, keys, messages, receiving
from modes.cipher import existing, given_key, need_bits, open_cipher, readable


def receive(flags):
    """--mode receive: decrypts a ciphertext file, or a hexadecimal ciphertext given as a word."""
    if flags.output is None:
        return show(flags)
    target = files.target(flags.output, overwrite=flags.overwrite)
    target.check(*existing(flags.input, flags.key_file))  # before there is any work
    aside = isinstance(target, files.StandardOutput)  # which gets nothing but the message
    with contextlib.redirect_stdout(sys.stderr) if aside else contextlib.nullcontext():
        key, cipher = given_key(flags), binary_cipher(flags)
        with opened_ciphertext(flags) as source:
            length = receiving.receive_file(cipher, source, target, key=key, announce=say)
        say(f"wrote {target.name}, {length} bytes")
    return 0


def show(flags):
    """Shows what Bob reads, or at least its beginning."""
    key, cipher = given_key(flags), binary_cipher(flags)
    with opened_ciphertext(flags) as source:
        length = receiving.read_length(cipher, source)
        with keys.opened(key, cipher, length) as stream:
            key.received(source)
            first = next(receiving.decrypted(cipher, source, stream, length), b"")
    more = f"... ({length} bytes; --output FILE writes them all)" if len(first) < length else ""
    say(f"Bob reads   {readable(first)}{more}")
    return 0


def binary_cipher(flags):
    """The cipher that the user means, whose ciphertexts must be bits.

    Raises:
        RunError: if there is none, or its ciphertexts are real numbers.
    """
    run, _, cipher = open_cipher(flags)
    need_bits(run.read_config(), "a file")
    return cipher


def opened_ciphertext(flags):
    """The ciphertext to receive: a context manager of a files.Source."""
    if flags.text is None:
        return files.open_source(flags.input)
    try:
        packed = bytes.fromhex(flags.text)
    except ValueError:
        raise messages.MessageError("the ciphertext: must be hexadecimal digits") from None
    return contextlib.nullcontext(files.given(packed, "the ciphertext"))
