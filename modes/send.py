"""--mode send."""

import contextlib
import os

import numpy as np

from cli.terminal import say
from crypto import files, messages, sending
from modes.cipher import existing, given_key, need_bits, open_cipher, readable, shorten

LONGEST_SHOWN = 1 << 18  # bytes of a message that is shown instead of written to a file


def send(flags):
    """--mode send: encrypts a text, or a file, with fresh key bits for every block."""
    if flags.output is not None:
        return send_file(flags)
    run, _, cipher = open_cipher(flags)
    with opened_message(flags) as source:
        if source.size > LONGEST_SHOWN:
            raise messages.MessageError(
                f"{source.name}: has {source.size} bytes, too many to show; use --output FILE"
            )
        content = source.read(source.size)
    tally = sending.Tally()
    letter = sending.encrypt_once(cipher, content, given_key(flags), tally)
    show(run, cipher, letter, content)
    if tally.misread:
        say(f"Bob misreads {tally.misread} of {tally.blocks} blocks under these keys")
    return 0


def opened_message(flags):
    """The text or the file to send: a context manager of a files.Source."""
    if flags.text is None:
        return files.open_source(flags.input)
    return contextlib.nullcontext(files.given(os.fsencode(flags.text)))


def show(run, cipher, letter, content):
    """Shows a message's key and ciphertext, what Bob reads and what Eve guesses."""
    options, blocks = run.read_config(), letter.plaintext
    guesses = {
        "Bob reads": letter.heard,
        "Eve guesses": sending.overhear(run.load_agent("eve"), letter, protected=options.protected),
    }
    asked = {"Bob reads": blocks.size, "Eve guesses": len(blocks) * len(options.protected)}
    say(f"key         {shorten(messages.packed_bits(letter.key).hex())}")
    if cipher.binary:
        packed = messages.pack_ciphertext(letter.ciphertext, cipher.key_bits, len(content))
        say(f"ciphertext  {shorten(packed.hex())}")
    else:
        values = " ".join(f"{value:+.2f}" for value in letter.ciphertext.ravel())
        say(f"ciphertext  {shorten(values)}")
    for name, guess in guesses.items():
        wrong = int((np.where(guess > 0, 1, -1) != blocks).sum())
        read = readable(messages.from_blocks(guess, len(content)))
        say(f"{name:11s} {read}  ({wrong} of {asked[name]} bits wrong)")


def send_file(flags):
    """Encrypts into a ciphertext file, and its key into another beside it unless it was given."""
    key = given_key(flags)
    target = files.target(flags.output, overwrite=flags.overwrite)
    target.check(*existing(flags.input, flags.key_file))  # before there is any work
    run, _, cipher = open_cipher(flags)
    need_bits(run.read_config(), "a file")
    with opened_message(flags) as source:
        tally = sending.send_file(cipher, source, target, key=key, lossy=flags.lossy, announce=say)
    say(f"wrote {target.name}" + ("" if key else f", and {target.name}.key, to be used only once"))
    if tally.redrawn:
        say(f"drew {tally.redrawn} keys again, because Bob would have misread a block under them")
    if tally.misread:
        say(f"Bob will misread {tally.misread} of {tally.blocks} blocks")
    return 0
