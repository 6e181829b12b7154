"""What the modes of the cipher share: the cipher of a run, keys, and text for a terminal."""

import pathlib

from cli.terminal import say
from crypto import files, keys
from crypto.ciphers import learned_cipher
from modes.selection import open_run
from training.attempts import WARNING
from training.run_folder import RunError

SHOWN = 400  # characters of a line that shows a message


def open_cipher(flags):
    """The run that the user means, whether its agents are supplied ones, and its cipher.

    Returns:
        (Run, bool, crypto.ciphers.Cipher).
    Raises:
        RunError: as `finding.find`, or if an agent is missing or damaged.
    """
    run, supplied = open_run(flags)
    say(WARNING)
    alice, bob = run.load_agent("alice"), run.load_agent("bob")
    return run, supplied, learned_cipher(alice, bob, binary=run.read_config().preset == "secret")


def need_bits(options, what):
    """Refuses a cipher whose wire carries real numbers if bits are needed.

    Raises:
        RunError: one line.
    """
    if options.preset != "secret":
        raise RunError(
            f"--preset {options.preset}: its ciphertexts are real numbers, which {what} cannot"
            " hold; use --preset secret"
        )


def given_key(flags):
    """The key of --key or --key_file, a keys.HexKey or keys.KeyFile; None if neither was given."""
    if flags.key is not None:
        return keys.HexKey(flags.key)
    if flags.key_file is not None:
        return keys.KeyFile(flags.key_file, flags.mode == "send" and flags.reuse_key, say)
    return None


def existing(*names):
    """The paths of those files that were given and exist."""
    given = [name for name in names if name and name != files.STANDARD]
    return [path for path in (pathlib.Path(name).expanduser() for name in given) if path.exists()]


def readable(content):
    """Bytes as text for a terminal, with unprintable ones escaped."""
    text = content.decode("utf-8", errors="backslashreplace")
    return shorten("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))


def shorten(text):
    """The beginning of a text that is too long to show."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"
