"""Grids and films of images; files that are written whole or not at all."""

import contextlib
import errno
import math
import os
import pathlib
import stat
import tempfile

import numpy as np
from PIL import Image

PICTURE_SIZE = 56  # pixels an image is enlarged to, about


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


def grid(images, columns):
    """Lays images out row by row, enlarged without blurring, one black pixel around each.

    Args:
        images: uint8 (n, h, w, c), c of 1 or 3.
        columns: int >= 1.
    Returns:
        uint8 ((rows * (h + 1) + 1) * scale, (columns * (w + 1) + 1) * scale, c); cells without
        an image are black.
    """
    count, height, width, channels = images.shape
    rows = math.ceil(count / columns)
    cells = np.zeros((rows * columns, height + 1, width + 1, channels), np.uint8)
    cells[:count, 1:, 1:] = images
    cells = cells.reshape(rows, columns, height + 1, width + 1, channels).swapaxes(1, 2)
    sheet = cells.reshape(rows * (height + 1), columns * (width + 1), channels)
    sheet = np.pad(sheet, [(0, 1), (0, 1), (0, 0)])
    scale = max(1, round(PICTURE_SIZE / height))
    return sheet.repeat(scale, axis=0).repeat(scale, axis=1)


def to_pillow(sheet):
    """A PIL image of a sheet, uint8 (h, w, c)."""
    return Image.fromarray(sheet[..., 0] if sheet.shape[-1] == 1 else sheet)


def save_png(path, sheet):
    """Writes a sheet, uint8 (h, w, c), as PNG."""
    save_atomically(path, to_pillow(sheet).save)


def save_gif(path, sheets, milliseconds, hold=0):
    """Writes sheets, each uint8 (h, w, c), as a looping film.

    Args:
        path: ends in .gif.
        sheets: sequence of frames, at least one.
        milliseconds: int, time of a frame.
        hold: int, further milliseconds on the last frame.
    """
    frames = [to_pillow(sheet) for sheet in sheets]
    times = [milliseconds] * (len(frames) - 1) + [milliseconds + hold]
    save_atomically(
        path,
        lambda temporary: frames[0].save(
            temporary, save_all=True, append_images=frames[1:], duration=times, loop=0
        ),
    )


def load_sheet(path):
    """Reads a PNG that `save_png` wrote: uint8 (h, w, c)."""
    with Image.open(path) as picture:
        sheet = np.asarray(picture)
    return sheet[..., None] if sheet.ndim == 2 else sheet
