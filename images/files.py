"""Opens other people's files: regular ones only, up to a limit, with one line for every fault."""

import contextlib
import stat

__all__ = ["FIX", "DataError", "explaining", "open_regular", "read_whole"]

FIX = "; replace it or delete it"


class DataError(Exception):
    """Data that cannot be used: one line that names the file and the fix."""


@contextlib.contextmanager
def explaining(path):
    """Turns whatever error a bad file causes in a reader into one line about that file."""
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
        # With an errno the system complains, about a disk say; without one the reader does.
        reason, fix = (error.strerror, "") if error.errno else (error, FIX)
        raise DataError(f"{path} cannot be read ({_line(reason)}){fix}") from error
    except Exception as error:
        reason = _line(error) or type(error).__name__
        raise DataError(f"{path} cannot be read ({reason}){FIX}") from error


def _line(text):
    return " ".join(str(text).split())


def open_regular(path):
    """Opens a file for reading bytes, but refuses pipes, sockets and devices: they may never end.

    Args:
        path: pathlib.Path.
    Returns:
        A binary file.
    Raises:
        DataError: if it is not a regular file; OSError as `open`.
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
        DataError: if it is larger, is not a regular file, or cannot be read.
    """
    with explaining(path), open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise DataError(f"{path} is larger than {most / 2**20:,.0f} MB{FIX}")
    return content
