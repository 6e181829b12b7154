"""Pictures of more than 8 bits a channel: their values, and one scale for all of a folder."""

import contextlib

import numpy as np

WHITE = 65_535.0  # of 16 bits
ORIENTATION = 0x0112  # the EXIF tag that says how a picture was turned


def channels_of(picture, content):
    """The channels of a picture of more than 8 bits, as PIL images of mode "F"; else none.

    A picture whose channels are equal is grey, and has one.
    Pillow keeps grey pictures of 16 and 32 bits and of floats as they are, but cuts colour of 16
    bits down to 8; from PNG files TensorFlow reads all of them.

    Args:
        picture: PIL.Image.Image, decoded.
        content: bytes, of its file.
    Raises:
        ValueError: if some values are NaN or infinite.
    """
    if picture.mode[0] in "IF":
        values = np.asarray(picture).astype(np.float32)[..., np.newaxis]
    elif is_deep_png(content):
        values = _decode_png(content)
    else:
        return []
    if not np.isfinite(values).all():
        raise ValueError("some pixels are NaN or infinite")
    if (values == values[..., :1]).all():
        values = values[..., :1]
    from PIL import Image

    return [Image.fromarray(np.ascontiguousarray(channel)) for channel in np.moveaxis(values, 2, 0)]


def is_deep_png(content):
    """Whether a file is a PNG of 16 bits a channel, by its header."""
    return content.startswith(b"\x89PNG\r\n\x1a\n") and content[24:25] == b"\x10"


def is_cut_down(picture):
    """Whether Pillow has cut the colours of a picture down to 8 bits."""
    bits = getattr(picture, "tag_v2", {}).get(258, ()) if picture.format == "TIFF" else ()
    return picture.mode[0] not in "IF" and max(bits, default=8) > 8


def _decode_png(content):
    """The values of a PNG of 16 bits, over white paper: float32 (h, w, c), c of 1 or 3."""
    import tensorflow as tf

    values = tf.io.decode_png(content, dtype=tf.uint16).numpy().astype(np.float32)
    if values.shape[-1] in (1, 3):
        return values
    colours, opacity = values[..., :-1], values[..., -1:] / WHITE
    return colours * opacity + WHITE * (1 - opacity)


def turned(channel, picture):
    """A channel, turned as the EXIF data of its picture say."""
    from PIL import ImageOps

    with contextlib.suppress(Exception):  # the data may be damaged
        channel.getexif()[ORIENTATION] = picture.getexif()[ORIENTATION]
        return ImageOps.exif_transpose(channel)
    return channel


def scale(pictures, images, announce):
    """Writes deep pictures into `images`, all on one scale, and says which.

    Args:
        pictures: dict, place -> decoding.Picture with limits.
        images: uint8 (n, s, s, 3) to write to.
        announce: callable for a line of text.
    """
    if not pictures:
        return
    low = min(0.0, *(picture.limits[0] for picture in pictures.values()))
    high = max(picture.limits[1] for picture in pictures.values())
    for place, picture in pictures.items():
        shares = (np.atleast_3d(picture.pixels) - low) / max(high - low, 1e-12)
        images[place] = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    said = "a picture of more than 8 bits is scaled"
    if len(pictures) > 1:
        said = f"{len(pictures):,} pictures of more than 8 bits are scaled together"
    announce(f"{said}: {low:g} becomes black and {high:g}, the highest value, white")
