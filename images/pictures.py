"""Grids and films of images as files, written whole or not at all."""

import math
import os
import pathlib

import numpy as np
from PIL import Image

PICTURE_SIZE = 56  # pixels an image is enlarged to, about


def save_atomically(path, write):
    """Lets `write` fill a temporary file beside `path`, then renames it: all or nothing.

    Args:
        path: where the file is to be; its folder is made.
        write: callable, given the temporary path, which keeps the suffix of `path`.
    Raises:
        OSError: if the folder cannot be written; then nothing is left behind.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        write(str(temporary))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
