"""Where a message comes from and where it goes: regular files, standard input and output.

Only regular files are opened, their size is known before they are read, and a file is replaced only
if the user says so. No TensorFlow.
"""

import contextlib
import dataclasses
import errno
import hashlib
import io
import os
import pathlib
import shutil
import stat
import sys
import tempfile
from typing import Any

from crypto.messages import MessageError
from images.writing import Target

STANDARD = "-"
IN_MEMORY = 1 << 24  # bytes of standard input; longer input goes to a temporary file


@dataclasses.dataclass(frozen=True)
class Source:
    """Bytes to read, and how many there are.

    Attributes:
        stream: a binary file.
        size: int, bytes.
        name: str, for messages.
        path: pathlib.Path, or None if this is not a file.
    """

    stream: Any
    size: int
    name: str
    path: pathlib.Path | None = None

    def read(self, count):
        """Exactly this many bytes.

        Raises:
            MessageError: if there are fewer, because the file has changed.
            OSError: if the file, which it names, cannot be read.
        """
        try:
            content = self.stream.read(count)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.name) from error
        if len(content) < count:
            raise MessageError(f"{self.name}: became shorter while it was read")
        return content

    def digest(self):
        """The SHA-256 of all its bytes, in hexadecimal; reading goes on where it was."""
        place = self.stream.tell()
        self.stream.seek(0)
        digest = hashlib.file_digest(self.stream, "sha256").hexdigest()
        self.stream.seek(place)
        return digest


def given(content, name="the text"):
    """A source of bytes that are already in memory."""
    return Source(io.BytesIO(content), len(content), name)


@contextlib.contextmanager
def open_source(path):
    """Opens a regular file, or standard input for a path of "-".

    Yields:
        Source.
    Raises:
        MessageError: if the name is empty or not that of a regular file.
        OSError: if it cannot be opened.
    """
    if str(path) == STANDARD:
        with _standard_input() as source:
            yield source
        return
    if not str(path):
        raise MessageError("the name of a file is empty; give one")
    path = pathlib.Path(path).expanduser()
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else a FIFO would wait for a writer
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise MessageError(f"{path}: is not a regular file; pipe it in with --input -")
        yield Source(stream, status.st_size, str(path), path)


@contextlib.contextmanager
def _standard_input():
    """Standard input, read to its end: in memory if it is short, else in a nameless file."""
    if sys.stdin is None:
        raise MessageError("standard input: is closed")
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as stream:
        try:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        except OSError as error:
            where = f"standard input, kept in {tempfile.gettempdir()}"
            raise OSError(error.errno, error.strerror, where) from error
        size = stream.tell()
        stream.seek(0)
        yield Source(stream, size, "standard input")


@dataclasses.dataclass(frozen=True)
class StandardOutput:
    """Standard output as a target, as it is when this object is made: for raw bytes alone.

    Attributes:
        stream: a binary file.
    """

    stream: Any = dataclasses.field(default_factory=lambda: sys.stdout.buffer)
    name = "standard output"

    def check(self, *used):
        """Does nothing: standard output replaces no file."""

    @contextlib.contextmanager
    def open(self, size):
        """The stream to write to.

        Raises:
            OSError: if nobody reads it any more.
        """
        try:
            yield self.stream
            self.stream.flush()
        except BrokenPipeError as error:
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), self.stream.fileno()
            )  # for Python's last flush
            raise OSError(error.errno, error.strerror, self.name) from error


def target(path, *, overwrite=False):
    """The target that a user means by a path, "-" being standard output."""
    if not str(path):
        raise MessageError("--output: is empty; name a file")
    if str(path) == STANDARD:
        return StandardOutput()
    return Target(pathlib.Path(path).expanduser(), overwrite)
