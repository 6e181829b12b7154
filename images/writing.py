"""Files that are written whole or not at all, where they may be, and how they are known as ours."""

import contextlib
import dataclasses
import errno
import json
import os
import pathlib
import stat
import tempfile
import zipfile

import numpy as np

MARK = "made by adversarial-games"  # in every file that can hold it; such a file may be replaced
MARKED_WITHIN = 4096  # bytes of its beginning or its end


class PlaceError(Exception):
    """A place where a file may not be written: one line that names it and the fix."""


@dataclasses.dataclass(frozen=True)
class Target:
    """A file to write.

    Attributes:
        path: pathlib.Path.
        overwrite: bool, whether an existing file may be replaced.
        mode: int, its permissions, or None for those of any new file.
        anew: bool, whether a file that this program made is replaced even without `overwrite`.
    """

    path: pathlib.Path
    overwrite: bool = False
    mode: int | None = None
    anew: bool = False

    @property
    def name(self):
        """Its name in messages."""
        return str(self.path)

    def check(self, *used):
        """Refuses, before any work, a place where this file cannot or must not be.

        Args:
            used: paths of the files that the work reads, or None; they are never replaced.
        Raises:
            PlaceError: if the file is one of them, is a link or already exists.
            OSError: if its folder cannot be written.
        """
        if self.path.is_symlink():
            raise PlaceError(f"{self.path}: is a symbolic link; name the file itself")
        exists = self.path.exists()
        for other in used:
            if other is not None and exists and self.path.samefile(other):
                raise PlaceError(
                    f"{self.path}: is read from, so it cannot be written to; choose another"
                    " --output"
                )
        if self.path.is_file() and not self.overwrite:
            if not self.anew:
                raise PlaceError(f"{self.path}: already exists; --overwrite replaces it")
            if not is_ours(self.path):
                raise PlaceError(
                    f"{self.path}: already exists, and does not say that this program made it;"
                    " --overwrite replaces it"
                )
        missing = [folder for folder in self.path.parents if not folder.exists()]
        with contextlib.suppress(_TriedError), self.open(0):
            raise _TriedError
        for folder in missing:  # the work may fail, and then there is nothing to put there
            with contextlib.suppress(OSError):
                folder.rmdir()

    @contextlib.contextmanager
    def open(self, size):
        """The file to write, with room for `size` bytes; it gets its name at the end.

        Raises:
            OSError: one that names this file, for instance if the disk lacks the room.
        """
        with whole_file(self.path, replace=self.overwrite or self.anew, mode=self.mode) as file:
            _reserve(file, size)
            yield file


class _TriedError(Exception):
    """Ends the test of a place, so that no file gets the name."""


def _reserve(file, size):
    """Reserves room for a file, if the file system can do so."""
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise


def is_ours(path):
    """Whether a file has the mark of those that this program makes."""
    with pathlib.Path(path).open("rb") as file:
        content = file.read(MARKED_WITHIN)
        file.seek(max(file.tell(), file.seek(0, os.SEEK_END) - MARKED_WITHIN))
        return MARK.encode() in content or MARK.encode() in file.read()


@contextlib.contextmanager
def whole_file(path, *, replace=True, mode=None):
    """Opens a file that gets its name when it is whole; until then it has a temporary name.

    The temporary file is new, beside the final one, readable by its owner alone and has an
    unpredictable name, so nobody can put a link or a file of their own in its place.

    Args:
        path: where the file is to be; its folder is made. A symbolic link is followed.
        replace: bool, whether a file that exists already is replaced.
        mode: int, permissions such as 0o600; None for those of the existing or of any new file.
    Yields:
        A binary file, open for writing; its `name` is the temporary path, which keeps the suffix.
    Raises:
        OSError: if it cannot be written, or exists and is not a regular file. The error names
            `path`, and nothing is left behind.
    """
    path = pathlib.Path(os.path.realpath(path))
    check_regular(path)
    if path.parent.exists() and not path.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent))
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        mode = _usual_mode(path)
    suffix = path.suffix if len(path.suffix) < 20 else ""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(suffix, f".{path.stem[:20]}-", path.parent)
        with os.fdopen(handle, "wb") as file:
            yield _Named(file, temporary)
            file.flush()
        with pathlib.Path(temporary).open("rb") as file:  # it may have been opened by name again
            os.fsync(file.fileno())
        pathlib.Path(temporary).chmod(mode)
        _give_name(temporary, path, replace)
    except BaseException as error:
        if temporary:
            pathlib.Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _about(path, temporary, error) from error
        raise


def check_regular(path):
    """Refuses the path of something that is not a regular file, such as a folder or a device.

    Raises:
        OSError: one that names it.
    """
    try:
        kind = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(kind):
        raise OSError(errno.EINVAL, "Not a regular file, and not replaced", str(path))


class _Named:
    """An open file with a name that can be passed on; `tempfile` only has its number."""

    def __init__(self, file, name):
        self.name, self.write, self.fileno = name, file.write, file.fileno


def _usual_mode(path):
    """The permissions of the file at `path`, or those that the umask leaves to a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0o077)  # it can only be read by setting it
    os.umask(mask)
    return 0o666 & ~mask


def _give_name(temporary, path, replace):
    """Gives a file its final name, in place of another file only if `replace`."""
    if not replace:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        except OSError:  # a file system without hard links
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        else:
            pathlib.Path(temporary).unlink()
            return
    pathlib.Path(temporary).replace(path)


def _about(path, temporary, error):
    """An error that names the file that the user asked for, not the temporary one."""
    if error.errno is None:
        return OSError(str(error).replace(temporary or "\0", str(path)))
    name = str(error.filename or "")
    ours = not name or pathlib.Path(name).name.startswith(f".{path.stem[:20]}-")
    return OSError(error.errno, error.strerror, str(path)) if ours else error


def save_atomically(path, write):
    """Lets `write` fill a temporary file beside `path`, then renames it: all or nothing.

    Args:
        path: where the file is to be; its folder is made.
        write: callable for the temporary path, which has the suffix of `path`.
    Raises:
        OSError: as `whole_file`.
    """
    with whole_file(path) as file:
        write(file.name)


def save_text(path, text):
    """Writes a text file, whole or not at all."""
    save_atomically(path, lambda temporary: pathlib.Path(temporary).write_text(text))


def save_report(path, report):
    """Writes a report, a dict, as JSON."""
    save_text(path, json.dumps({"software": MARK, **report}, indent=2) + "\n")


def save_arrays(path, arrays):
    """Writes arrays, a dict of them by name, as .npz."""

    def write(temporary):
        np.savez_compressed(temporary, **arrays)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.comment = MARK.encode()

    save_atomically(path, write)
