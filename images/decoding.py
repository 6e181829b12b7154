"""Picture files -> uint8 arrays: what a pixel means, however it is stored."""

import concurrent.futures
import contextlib
import hashlib
import io
import logging
import math
import os
import time
import warnings
from typing import NamedTuple

import numpy as np

from images import deep
from images.files import FIX, DataError, explaining, read_whole

__all__ = ["SUFFIXES", "decode", "read_pictures", "resize_images", "to_channels"]

# Formats that Pillow decodes by itself; EPS or PDF would start other programs. TGA has no magic
# number, so it comes last.
FORMATS = (
    *("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"),
    *("DIB", "PPM", "PCX", "JPEG2000", "TGA"),
)
SUFFIXES = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".gif"} | {
    *(".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".jp2", ".tga")
}
MEGAPIXELS = 50
MOST_BYTES = 400 * 2**20  # 50 megapixels of four 16-bit channels
GREY = (0.299, 0.587, 0.114)  # weights of red, green and blue, as Pillow's (ITU-R BT.601)
CHUNK = 64  # pictures that a thread reads in one go
SECONDS_BETWEEN_LINES = 5.0
MOST_NAMED = 10  # bad files in one message
COPIES = 2  # of the pictures while they are dealt into splits


class Picture(NamedTuple):
    """One picture: its pixels, and what is needed to interpret them."""

    pixels: np.ndarray  # (s, s) if grey, (s, s, 3) if not; uint8, or float32 if it has limits
    digest: bytes  # SHA-256 of the file
    limits: tuple[float, float] | None  # lowest and highest value, if of more than 8 bits
    is_cut_down: bool  # whether it had more than the 8 bits that are left


def read_pictures(paths, image_size, announce):
    """Reads pictures, several at a time, and names all that cannot be read.

    A picture is grey if its pixels are, however they are stored. Pictures of 16 bits or floats are
    scaled together, from 0 (or their lowest value, if negative) to their highest value.

    Args:
        paths: list of pathlib.Path.
        image_size: int, side in pixels of the square that each picture's middle becomes.
        announce: callable for lines of text on progress and on what was assumed.
    Returns:
        (images, digests): uint8 (n, image_size, image_size, c) with 1 channel if every picture is
        grey, else 3; list of bytes, SHA-256 of each file.
    Raises:
        DataError: if this machine cannot hold them, or if any picture cannot be read; names up to
            `MOST_NAMED` of them.
    """
    _check_memory(len(paths), image_size)
    images = np.empty((len(paths), image_size, image_size, 3), np.uint8)
    digests, coloured = [b""] * len(paths), np.zeros(len(paths), bool)
    of_more_bits: dict[int, Picture] = {}
    cut_down: list[int] = []
    faults: dict[int, DataError] = {}

    def read(places):
        for place in places:
            try:
                picture = _read(paths[place], image_size)
            except DataError as error:
                faults[place] = error
                continue
            digests[place] = picture.digest
            coloured[place] = picture.pixels.ndim == 3
            if picture.limits:
                of_more_bits[place] = picture
            else:
                images[place] = np.atleast_3d(picture.pixels)
            if picture.is_cut_down:
                cut_down.append(place)
        return len(places)

    _in_threads(read, len(paths), announce)
    _refuse(faults, len(paths))
    deep.scale(of_more_bits, images, announce)
    if cut_down:
        announce(
            f"{paths[min(cut_down)]}: its 16 bits a channel are read as 8, of which 255 is white,"
            f" as in {len(cut_down):,} TIFF files in all; save them as PNG to keep every bit"
        )
    if not coloured.any():
        return np.ascontiguousarray(images[..., :1]), digests
    if np.mean(coloured) < 0.1:
        first = paths[coloured.argmax()]
        announce(
            f"{coloured.sum():,} of {len(paths):,} pictures are coloured, so all get three"
            f" channels; the first is {first}"
        )
    return images, digests


def _check_memory(count, image_size):
    """Raises DataError if this machine cannot hold so many pictures."""
    needed, there = COPIES * count * 3 * image_size**2, memory()
    if needed > there:
        raise DataError(
            f"{count:,} pictures of {image_size} x {image_size} pixels take"
            f" {needed / 2**30:.1f} GB of memory, and this machine has {there / 2**30:.1f} GB in"
            " all; take a smaller --image_size, or fewer pictures"
        )


def memory():
    """The memory of this machine in bytes; without end where it cannot be asked for."""
    if not hasattr(os, "sysconf"):
        return math.inf
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _in_threads(read, count, announce):
    """Calls `read` on chunks of range(count), and announces progress now and then."""
    start = said = time.monotonic()
    done = 0
    pool = concurrent.futures.ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    try:
        with _quiet():
            chunks = [range(i, min(i + CHUNK, count)) for i in range(0, count, CHUNK)]
            for read_now in pool.map(read, chunks):
                done, now = done + read_now, time.monotonic()
                if now - said >= SECONDS_BETWEEN_LINES and done < count:
                    left = (now - start) / done * (count - done)
                    announce(f"read {done:,} of {count:,} pictures, {left:.0f} s left")
                    said = now
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C no further chunk is begun


@contextlib.contextmanager
def _quiet():
    """Silences Pillow, whose warnings name no file; unusable pictures are refused anyway."""
    logger = logging.getLogger("PIL")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _refuse(faults, count):
    """Raises one DataError about all the files that could not be read."""
    if len(faults) < 2:
        for error in faults.values():
            raise error
        return
    lines = [str(faults[place]).removesuffix(FIX) for place in sorted(faults)]
    more = f", and {len(lines) - MOST_NAMED:,} more" if len(lines) > MOST_NAMED else ""
    raise DataError(
        f"{len(lines):,} of {count:,} pictures cannot be used: {', '.join(lines[:MOST_NAMED])}"
        f"{more}; replace or delete them"
    )


def decode(content, name, image_size):
    """The picture in the bytes of a file, read as those of a folder are read.

    Args:
        content: bytes.
        name: str or path, what messages call it.
        image_size: int, side in pixels of the square that its middle becomes.
    Returns:
        uint8 (image_size, image_size, c), c of 1 if it is grey, else 3; above 8 bits its highest
        value is white.
    Raises:
        DataError: if it is not a picture, or too large.
    """
    with _quiet():
        picture = _decoded(content, name, image_size)
    pixels = np.atleast_3d(picture.pixels)
    if not picture.limits:
        return pixels
    image = np.empty((1, *pixels.shape), np.uint8)
    deep.scale({0: picture}, image, lambda line: None)
    return image[0]


def _read(path, image_size):
    """Reads one picture, as a `Picture`; raises DataError."""
    return _decoded(read_whole(path, MOST_BYTES), path, image_size)


def _decoded(content, path, image_size):
    """The `Picture` in the bytes of a file; raises DataError, which names the path."""
    from PIL import Image

    with explaining(path):
        try:
            opened = Image.open(io.BytesIO(content), formats=FORMATS)
        except Image.UnidentifiedImageError:
            raise DataError(f"{path} is not a picture{FIX}") from None
        except Image.DecompressionBombError:
            raise DataError(_too_large(path)) from None
        with opened as picture:
            if picture.width * picture.height > MEGAPIXELS * 10**6:
                raise DataError(_too_large(path))
            upright = _upright(picture, image_size)
            channels = deep.channels_of(picture, content)
            if channels:
                pixels, limits = _deep_pixels(channels, picture, image_size)
            else:
                pixels, limits = _pixels(upright, image_size), None
            cut_down = not limits and deep.is_cut_down(picture)
    return Picture(pixels, hashlib.sha256(content).digest(), limits, cut_down)


def _too_large(path):
    return f"{path} has more than {MEGAPIXELS} megapixels; shrink it or delete it"


def _upright(picture, image_size):
    """The decoded picture, turned as its EXIF data say, unless they are damaged."""
    from PIL import ImageOps

    picture.draft(None, (4 * image_size, 4 * image_size))  # decodes a large JPEG at a fraction
    picture.load()
    with contextlib.suppress(Exception):
        return ImageOps.exif_transpose(picture)
    return picture


def _pixels(picture, image_size):
    """The pixels of a PIL image of 8 bits a channel, as in `Picture`."""
    from PIL import Image

    if picture.has_transparency_data:
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture.convert("RGBA"))
    pixels = resize(picture.convert("L" if picture.mode in ("1", "L") else "RGB"), image_size)
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    return pixels


def _deep_pixels(channels, picture, image_size):
    """(pixels, limits) of the channels of a deep picture, as in `Picture`."""
    lowest, highest = zip(*(channel.getextrema() for channel in channels), strict=True)
    small = [resize(deep.turned(channel, picture), image_size) for channel in channels]
    pixels = small[0] if len(small) == 1 else np.stack(small, axis=-1)
    return pixels, (float(min(lowest)), float(max(highest)))


def to_channels(images, channels):
    """Images with the wanted number of channels: grey is repeated, colours become grey.

    Args:
        images: uint8 (..., c), c of 1 or 3.
        channels: int, 1 or 3.
    Returns:
        uint8 (..., channels).
    """
    if channels == 1 and images.shape[-1] == 3:
        return np.rint(images @ np.array(GREY, np.float32)).astype(np.uint8)[..., np.newaxis]
    return np.broadcast_to(images, (*images.shape[:-1], channels))


def resize_images(images, image_size):
    """Scales uint8 (n, h, w, c) to (n, image_size, image_size, c), as `resize` does."""
    from PIL import Image

    squeezed = images[..., 0] if images.shape[3] == 1 else images
    resized = np.stack([resize(Image.fromarray(image), image_size) for image in squeezed])
    return resized.reshape(*resized.shape[:3], -1)


def resize(picture, image_size):
    """Crops a PIL image to its middle square and scales it, antialiased; returns its array.

    Source: Parmar et al. 2022, arXiv:2104.11222, on which resizing to trust.
    """
    from PIL import Image, ImageOps

    size = (image_size, image_size)
    return np.asarray(ImageOps.fit(picture, size, method=Image.Resampling.BICUBIC))
