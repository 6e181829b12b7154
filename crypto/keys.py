"""Keys that a user gives, in hexadecimal or in a file, and the record of those already used.

No TensorFlow.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import stat

from crypto.files import open_source
from crypto.messages import MessageError, key_bytes, key_length_error, num_blocks, parse_key

PRIVATE = 0o600
USED = ".used"  # suffix of the record of a key's use
PIECE = 1 << 20
RECORD_BYTES = 1 << 20  # that are read of a record
WHITE = b" \t\r\n"
HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")


@dataclasses.dataclass(frozen=True)
class HexKey:
    """A key that was given as hexadecimal digits; there is no record of its use.

    Attributes:
        text: str.
    """

    text: str
    path: None = None

    @contextlib.contextmanager
    def open(self, needed):
        """A stream of the key's bytes.

        Raises:
            MessageError: if it is not hexadecimal, or not of the length `needed`.
        """
        key = parse_key(self.text)
        if len(key) != needed:
            raise key_length_error(f"{len(key)} bytes", needed)
        yield io.BytesIO(key)

    @contextlib.contextmanager
    def used(self):
        """As `KeyFile.used`, without a record."""
        yield lambda digest, name: None

    def received(self, source):
        """As `KeyFile.received`, without a record."""


@dataclasses.dataclass(frozen=True)
class KeyFile:
    """A key in a file: raw bytes, or hexadecimal digits as `send` prints them.

    The length tells which, since the message determines the length n of the key: a file of n bytes
    is raw; 2n hexadecimal digits, not counting white space, are digits. No file is both.

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
            MessageError: if it is not a regular file, or has neither of the two lengths.
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
        """Marks the key as used; the mark is removed again if the block fails.

        Yields:
            callable (digest, name), which records the ciphertext that used the key.
        Raises:
            MessageError: if the key was used before and `reuse` does not allow another use.
            OSError: if the record cannot be written.
        """
        record = self.record
        try:
            handle = os.open(record, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
            first = True
        except FileExistsError:
            if not self.reuse:
                raise MessageError(
                    f"{self.path}: this key was already used ({record}); whoever has two messages"
                    " under one key can read both; leave it out for a fresh one, or add --reuse_key"
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

    @property
    def record(self):
        """pathlib.Path of the record of its use, beside the file itself."""
        return pathlib.Path(os.path.realpath(pathlib.Path(self.path).expanduser()) + USED)

    def received(self, source):
        """Records that a ciphertext is read with this key, and warns if another one was.

        It refuses nothing, since to read does no harm; but `send` will not take this key.

        Args:
            source: files.Source, the ciphertext.
        """
        digest, record = source.digest(), self.record
        flags = os.O_CREAT | os.O_APPEND | os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            with os.fdopen(os.open(record, flags, PRIVATE), "rb+", buffering=0) as file:
                known = file.read(RECORD_BYTES).decode(errors="replace").splitlines()
                if any(line.startswith(digest) for line in known):
                    return
                file.write(record_line(digest, source.name).encode(errors="backslashreplace"))
        except OSError as error:
            self.announce(  # type: ignore[operator]
                f"warning: {record}: the use of the key cannot be recorded ({error.strerror});"
                " do not use it again"
            )
            return
        if known:
            self.announce(  # type: ignore[operator]
                f"warning: {self.path}: this key was used for another message ({record}); whoever"
                " has both can read both"
            )


def opened(key, cipher, length):
    """A context manager for the stream of a message's key, as `KeyFile.open`; `length` in bytes."""
    blocks = num_blocks(length, cipher.message_bits)
    return key.open(key_bytes(blocks, cipher.key_bits))


def record_line(digest, name):
    """A line of the record of a key's use: the SHA-256 of a ciphertext, and its name."""
    return f"{digest}  {name}\n"


def _count_digits(stream):
    """How many hexadecimal digits a file holds besides white space; None if it holds more."""
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
        """The next bytes, at most this many."""
        while len(self.left) < 2 * count and (piece := self.stream.read(PIECE)):
            self.left += piece.translate(None, WHITE)
        digits, self.left = self.left[: 2 * count], self.left[2 * count :]
        return bytes.fromhex(digits.decode("ascii"))
