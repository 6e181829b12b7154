"""Keys that a user gives, in hexadecimal or in a file, and the record of those that are used up.

No TensorFlow.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import stat

from crypto.files import open_source
from crypto.messages import MessageError, key_length_error, parse_key

PRIVATE = 0o600
USED = ".used"  # what the record of a key's use is called, after the key
PIECE = 1 << 20
WHITE = b" \t\r\n"
HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")


@dataclasses.dataclass(frozen=True)
class HexKey:
    """A key that was given as hexadecimal digits; nobody can remember whether it was used.

    Attributes:
        text: str.
    """

    text: str
    path: None = None

    @contextlib.contextmanager
    def open(self, needed):
        """A stream of the key's bytes.

        Raises:
            MessageError: if it is not hexadecimal, or has another length than `needed`.
        """
        key = parse_key(self.text)
        if len(key) != needed:
            raise key_length_error(f"{len(key)} bytes", needed)
        yield io.BytesIO(key)

    @contextlib.contextmanager
    def used(self):
        """As `KeyFile.used`, without a record."""
        yield lambda digest, name: None


@dataclasses.dataclass(frozen=True)
class KeyFile:
    """A key in a file: raw bytes, or hexadecimal digits as `send` prints them.

    Which of the two is told by the length, since the message says how long the key must be: n bytes
    are raw, 2n hexadecimal digits, white space aside, are digits. So no file is both.

    Attributes:
        path: pathlib.Path or str.
        reuse: bool, whether it may be used for another message.
        announce: callable, given warnings.
    """

    path: pathlib.Path
    reuse: bool = False
    announce: object = print

    @contextlib.contextmanager
    def open(self, needed):
        """A stream of the key's bytes.

        Raises:
            MessageError: if it is no regular file, or its length fits in neither way.
            OSError: if it cannot be read.
        """
        with open_source(pathlib.Path(self.path)) as source:
            mode = stat.S_IMODE(os.fstat(source.stream.fileno()).st_mode)
            if mode & 0o077:
                self.announce(  # type: ignore[operator]
                    f"warning: {self.path}: others may read this key (mode {mode:04o});"
                    f" chmod 600 {self.path}"
                )
            if source.size == needed:
                yield source
                return
            digits = _count_digits(source.stream) if source.size >= 2 * needed else None
            if digits != 2 * needed:
                found = f"{source.size} bytes" if digits is None else f"{digits} hexadecimal digits"
                raise key_length_error(found, needed, f"{self.path}: ")
            source.stream.seek(0)
            yield _Digits(source.stream)

    @contextlib.contextmanager
    def used(self):
        """Marks the key as used, for good if the block that encrypts with it ends well.

        Yields:
            callable (digest, name), which writes down the ciphertext that used it.
        Raises:
            MessageError: if it was used already, and `reuse` does not allow another message.
            OSError: if the record cannot be written.
        """
        record = pathlib.Path(os.path.realpath(pathlib.Path(self.path).expanduser()) + USED)
        try:
            handle = os.open(record, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
            first = True
        except FileExistsError:
            if not self.reuse:
                raise MessageError(
                    f"{self.path}: this key is used up ({record}); who has two messages under one"
                    " key can read both; leave the key out for a fresh one, or say --reuse_key"
                ) from None
            handle = os.open(record, os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW)
            first = False
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            try:
                yield lambda digest, name: file.write(record_line(digest, name))
            except BaseException:
                if first:
                    record.unlink(missing_ok=True)
                raise


def record_line(digest, name):
    """A line of the record of a key's use: the SHA-256 of a ciphertext, and its name."""
    return f"{digest}  {name}\n"


def _count_digits(stream):
    """How many hexadecimal digits a file holds, white space aside; None if there is more in it."""
    count = 0
    while piece := stream.read(PIECE):
        digits = piece.translate(None, WHITE)
        if not HEX_DIGITS.issuperset(digits):
            return None
        count += len(digits)
    return count


class _Digits:
    """The bytes that a stream of hexadecimal digits stands for."""

    def __init__(self, stream):
        self.stream, self.left = stream, b""

    def read(self, count):
        """The next so many bytes."""
        while len(self.left) < 2 * count and (piece := self.stream.read(PIECE)):
            self.left += piece.translate(None, WHITE)
        digits, self.left = self.left[: 2 * count], self.left[2 * count :]
        return bytes.fromhex(digits.decode("ascii"))
