"""--mode receive."""

from cli.terminal import say
from crypto import messages
from modes.cipher import given_key, need_bits, open_cipher, readable


def receive(flags):
    """--mode receive: decrypts a ciphertext file, or hexadecimal ciphertext on the line."""
    run, _, cipher = open_cipher(flags)
    options = run.read_config()
    need_bits(options, "a file")
    name = flags.input or "the ciphertext"
    if flags.input:
        packed = messages.read_bytes(flags.input)
    else:
        try:
            packed = bytes.fromhex(flags.text)
        except ValueError:
            raise messages.MessageError("the ciphertext: must be hexadecimal digits") from None
    ciphertext, key_bits, length = messages.unpack_ciphertext(packed, name)
    if (ciphertext.shape[1], key_bits) != (cipher.message_bits, cipher.key_bits):
        raise messages.MessageError(
            f"{name}: has blocks of {ciphertext.shape[1]} bits and keys of {key_bits};"
            f" this cipher's have {cipher.message_bits} and {cipher.key_bits}"
        )
    keys = messages.key_blocks(given_key(flags), len(ciphertext), cipher.key_bits)
    content = messages.from_blocks(cipher.decrypt(ciphertext, keys), length)
    if flags.output is None:
        say(f"Bob reads   {readable(content)}")
    else:
        messages.write_bytes(flags.output, content)
        say(f"wrote {flags.output}, {len(content)} bytes")
    return 0
