"""Opening other people's files: regular ones only, within a bound, every fault in one line."""

import contextlib
import stat

__all__ = ["FIX", "DataError", "explaining", "open_regular", "read_whole"]

FIX = "; replace it or delete it"


class DataError(Exception):
    """One line that names the file and the fix."""


@contextlib.contextmanager
def explaining(path):
    """Turns whatever a bad file makes a reader raise into one line about that file."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except PermissionError:
        raise DataError(f"{path}: permission denied; make it readable") from None
    except MemoryError:
        raise DataError(f"{path} does not fit into this machine's memory") from None
    except OSError as error:
        # With an errno the system complains, of a disk say; without one the reader, of the bytes.
        reason, fix = (error.strerror, "") if error.errno else (error, FIX)
        raise DataError(f"{path} cannot be read ({_line(reason)}){fix}") from error
    except Exception as error:
        reason = _line(error) or type(error).__name__
        raise DataError(f"{path} cannot be read ({reason}){FIX}") from error


def _line(text):
    return " ".join(str(text).split())


def open_regular(path):
    """Opens a file for reading bytes, but no pipe, socket or device, which might never end.

    Args:
        path: pathlib.Path.
    Returns:
        A binary file.
    Raises:
        DataError: if it is anything but a regular file; OSError as `open`.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise DataError(f"{path} is a folder; a file is needed here")
    if not stat.S_ISREG(mode):
        raise DataError(f"{path} is a pipe, socket or device instead of a regular file; delete it")
    return path.open("rb")


def read_whole(path, most):
    """Reads a regular file of at most `most` bytes.

    Args:
        path: pathlib.Path.
        most: int, bytes.
    Returns:
        bytes.
    Raises:
        DataError: if it is larger, or no regular file, or cannot be read.
    """
    with explaining(path), open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise DataError(f"{path} is larger than {most / 2**20:,.0f} MB{FIX}")
    return content
