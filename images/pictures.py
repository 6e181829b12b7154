"""Grids and films of images, and plots, as files that say that this program made them."""

import math

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from images.writing import MARK, save_atomically

PICTURE_SIZE = 56  # pixels an image is enlarged to, about
MOST_PIXELS = 50_000_000  # of a sheet of enlarged images


def grid(images, columns):
    """Lays images out row by row, enlarged without blurring, one black pixel around each.

    If there are so many that the sheet would have over `MOST_PIXELS`, they are enlarged less.

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
    most = math.isqrt(MOST_PIXELS * channels // sheet.size)
    scale = max(1, min(round(PICTURE_SIZE / height), most))
    return sheet.repeat(scale, axis=0).repeat(scale, axis=1)


def to_pillow(sheet):
    """A PIL image of a sheet, uint8 (h, w, c)."""
    return Image.fromarray(sheet[..., 0] if sheet.shape[-1] == 1 else sheet)


def save_png(path, sheet):
    """Writes a sheet, uint8 (h, w, c), as PNG."""
    mark = PngInfo()
    mark.add_text("Software", MARK)
    picture = to_pillow(sheet)
    save_atomically(path, lambda temporary: picture.save(temporary, pnginfo=mark))


def save_figure(path, figure, **how):
    """Writes a figure of matplotlib as PNG; `how` as the arguments of its `savefig`."""
    how["metadata"] = {"Software": MARK}
    save_atomically(path, lambda temporary: figure.savefig(temporary, **how))


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
            temporary,
            save_all=True,
            append_images=frames[1:],
            duration=times,
            loop=0,
            comment=MARK.encode(),
        ),
    )


def load_sheet(path):
    """Reads a PNG that `save_png` wrote: uint8 (h, w, c)."""
    with Image.open(path) as picture:
        sheet = np.asarray(picture)
    return sheet[..., None] if sheet.ndim == 2 else sheet
