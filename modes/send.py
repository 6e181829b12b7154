"""--mode send."""

import numpy as np

from cli.terminal import say
from crypto import messages
from crypto.draws import chosen
from modes.cipher import given_key, need_bits, open_cipher, readable, shorten


def send(flags):
    """--mode send: encrypts a text, or a file, with fresh key bits for every block."""
    if flags.output is not None:
        return send_file(flags)
    run, _, cipher = open_cipher(flags)
    options = run.read_config()
    content = messages.read_bytes(flags.input) if flags.input else flags.text.encode()
    key = given_key(flags)
    blocks = messages.to_blocks(content, cipher.message_bits)
    key = messages.fresh_key(len(blocks), cipher.key_bits) if key is None else key
    keys = messages.key_blocks(key, len(blocks), cipher.key_bits)
    ciphertext = cipher.encrypt(blocks, keys)
    heard = cipher.decrypt(ciphertext, keys)
    guesses = {"Bob reads": heard, "Eve guesses": overhear(run, options, ciphertext, blocks)}
    asked = {"Bob reads": blocks.size, "Eve guesses": len(blocks) * len(options.protected)}
    say(f"key         {shorten(key.hex())}")
    if cipher.binary:
        packed = messages.pack_ciphertext(ciphertext, cipher.key_bits, len(content))
        say(f"ciphertext  {shorten(packed.hex())}")
    else:
        say(f"ciphertext  {shorten(' '.join(f'{value:+.2f}' for value in ciphertext.ravel()))}")
    for name, guess in guesses.items():
        wrong = int((np.where(guess > 0, 1, -1) != blocks).sum())
        read = readable(messages.from_blocks(guess, len(content)))
        say(f"{name:11s} {read}  ({wrong} of {asked[name]} bits wrong)")
    return 0


def send_file(flags):
    """Encrypts into a ciphertext file, and its key into another beside it unless it was given."""
    run, _, cipher = open_cipher(flags)
    options = run.read_config()
    need_bits(options, "a file")
    content = messages.read_bytes(flags.input) if flags.input else flags.text.encode()
    blocks = messages.to_blocks(content, cipher.message_bits)
    key = given_key(flags)
    fresh = key is None
    key = messages.fresh_key(len(blocks), cipher.key_bits) if fresh else key
    keys = messages.key_blocks(key, len(blocks), cipher.key_bits)
    packed = messages.pack_ciphertext(cipher.encrypt(blocks, keys), cipher.key_bits, len(content))
    key_file = f"{flags.output}.key"
    messages.write_sent(flags.output, packed, *([key_file, key] if fresh else []))
    say(f"wrote {flags.output}, {len(packed)} bytes" + (f", and {key_file}" if fresh else ""))
    return 0


def overhear(run, options, ciphertext, plaintext):
    """What the Eve of the training makes of a ciphertext, told what is not protected.

    Returns:
        float32 (blocks, bits), of which the signs count.
    """
    eve = run.load_agent("eve")
    told = np.ones_like(plaintext) * (1.0 - chosen(options.protected, options.message_bits))
    inputs = [ciphertext, plaintext * told, told] if options.preset == "secret" else ciphertext
    if not len(ciphertext):
        return told
    return np.where(told > 0, plaintext, eve.predict(inputs, batch_size=4096, verbose=0))
