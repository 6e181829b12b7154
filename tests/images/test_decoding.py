"""Pictures: what a pixel means, however it is stored, and what is refused."""

import os
import socket
import struct
import threading
import time
import warnings
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from images import datasets, decoding
from images.datasets import DataError
from tests.support.files import refusal, write_classes, write_picture


def read(*paths, size=4, announce=lambda line: None):
    return decoding.read_pictures(list(paths), size, announce)[0]


@pytest.mark.parametrize("suffix", sorted(suffix[1:] for suffix in decoding.SUFFIXES))
def test_formats(tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    kind = {"jfif": "JPEG", "pgm": "PPM"}.get(suffix)
    Image.new(
        "L" if suffix == "pgm" else "RGB", (9, 9), 100 if suffix == "pgm" else (100,) * 3
    ).save(path, kind)
    assert np.abs(read(path).astype(int) - 100).max() <= 2
    assert datasets.load_picture(path, 4, 3).shape == (4, 4, 3)


def test_sizes_and_formats_may_be_mixed(tmp_path):
    paths = [tmp_path / name for name in ("0.png", "1.JPG", "2.jpeg")]
    write_picture(paths[0], size=(9, 40))
    write_picture(paths[1], size=(50, 7), format="JPEG")
    write_picture(paths[2], "L", size=(1, 1))
    mixed = read(*paths, size=16)
    assert mixed.shape == (3, 16, 16, 1)
    assert np.all(np.abs(mixed.astype(int) - 100) <= 2)


@pytest.mark.parametrize("mode", ["L", "1", "LA", "RGB", "RGBA", "P", "CMYK"])
def test_grey_is_what_is_grey_however_stored(tmp_path, mode):
    path = tmp_path / ("grey.tif" if mode == "CMYK" else "grey.png")
    Image.new("RGB", (4, 4), (200,) * 3).convert(mode).save(path)
    assert Image.open(path).mode == mode
    images = read(path)
    assert images.shape == (1, 4, 4, 1)
    # Dithering makes it black and white, and a palette has no 200: their mean is near.
    assert images.mean() == pytest.approx(200, abs=40 if mode == "1" else 4)


def test_one_colour_picture_makes_all_of_them_rgb_and_is_named(tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(12)]
    for path in paths:
        write_picture(path)
    Image.new("RGB", (4, 4), "red").save(paths[7])
    said: list[str] = []
    images = read(*paths, announce=said.append)
    assert images.shape == (12, 4, 4, 3)
    assert np.all(images[0] == 100) and images[7, 0, 0].tolist() == [255, 0, 0]
    assert len(said) == 1 and str(paths[7]) in said[0] and "1 of 12" in said[0]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(tmp_path, mode):
    path = tmp_path / "clear.png"
    if mode == "P":
        Image.new("P", (4, 4)).save(path, transparency=0)
    else:
        Image.new(mode, (4, 4), 0).save(path)
    assert np.all(read(path) == 255)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_twelve_bits_are_scaled_by_the_highest_of_all(tmp_path, suffix):
    paths = [tmp_path / f"{value}.{suffix}" for value in (0, 1024, 4096)]
    for path in paths:
        Image.fromarray(np.full((4, 4), int(path.stem), np.uint16)).save(path)
    said: list[str] = []
    images = read(*paths, announce=said.append)
    assert images.shape == (3, 4, 4, 1)
    assert images[:, 0, 0, 0].tolist() == [0, 64, 255]
    assert len(said) == 1 and "4096" in said[0]
    assert np.all(datasets.load_picture(paths[1], 4, 1) == 255)  # alone, its highest is white


def write_deep_png(path, *colours):
    """Writes a PNG of 16 bits a channel, one colour a row."""
    pixels = np.tile(np.array(colours, np.uint16)[:, None], (1, len(colours), 1))
    path.write_bytes(tf.io.encode_png(pixels).numpy())


def write_deep_tiff(path, value):
    """Writes a TIFF of one colour, 16 bits a channel, which Pillow cannot write."""
    tags = {256: 4, 257: 4, 259: 1, 262: 2, 273: 8, 277: 3, 278: 4, 279: 96}
    entries = [struct.pack("<HHII", tag, 4, 1, number) for tag, number in tags.items()]
    entries.insert(2, struct.pack("<HHII", 258, 3, 3, 104))  # bits a channel, after the pixels
    content = b"II*\0" + struct.pack("<I", 110) + struct.pack("<48H", *[value] * 48)
    content += struct.pack("<3H", 16, 16, 16) + struct.pack("<H", len(entries))
    path.write_bytes(content + b"".join(entries) + bytes(4))


def test_colour_of_twelve_bits_is_scaled_as_grey_is(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    write_deep_png(paths[0], *[(0, 1024, 4096)] * 4)
    write_deep_png(paths[1], *[(0, 4096, 0, 32_768)] * 4)  # half transparent, over white paper
    Image.fromarray(np.full((4, 4), 1024, np.uint16)).save(paths[2])
    said: list[str] = []
    assert read(paths[0], announce=said.append)[0, 0, 0].tolist() == [0, 64, 255]
    assert len(said) == 1 and "4096" in said[0]
    images = read(*paths, announce=said.append)
    assert images.shape == (3, 4, 4, 3)
    assert images[:, 0, 0, 1].tolist() == [8, 255, 8]  # of 2048 + 32768, the highest value
    write_deep_png(paths[0], *[(7, 7, 7)] * 4)
    assert read(paths[0]).shape == (1, 4, 4, 1)  # grey is what is grey


def test_colours_that_pillow_cuts_down_are_named(tmp_path):
    write_deep_tiff(tmp_path / "deep.tif", 0x80FF)
    write_picture(tmp_path / "flat.tif")
    said: list[str] = []
    images = read(tmp_path / "flat.tif", tmp_path / "deep.tif", announce=said.append)
    assert images[:, 0, 0, 0].tolist() == [100, 128]
    assert len(said) == 1 and "read as 8" in said[0] and "deep.tif" in said[0]


def test_floats_are_scaled_and_nan_is_refused(tmp_path):
    low, high, bad = (tmp_path / name for name in ("low.tif", "high.tif", "bad.tif"))
    Image.fromarray(np.full((4, 4), -1.0, np.float32)).save(low)
    Image.fromarray(np.full((4, 4), 1.0, np.float32)).save(high)
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(bad)
    assert read(low, high)[:, 0, 0, 0].tolist() == [0, 255]
    with pytest.raises(DataError, match=r"bad\.tif .*NaN"):
        read(low, high, bad)


def test_a_photograph_is_turned_upright_and_cropped_to_its_middle(tmp_path):
    image = Image.new("L", (40, 80), 0)
    image.paste(255, (0, 0, 40, 40))  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown after a quarter turn clockwise: white comes right
    image.save(tmp_path / "photo.jpg", quality=95, exif=exif)
    pixels = read(tmp_path / "photo.jpg", size=8)[0]
    assert pixels[:, :3].max() < 20 and pixels[:, 5:].min() > 235


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_shrinking_does_not_alias(tmp_path, suffix):
    stripes = np.tile(np.array([0, 255], np.uint8), (256, 128))
    Image.fromarray(stripes).save(tmp_path / f"stripes.{suffix}", quality=95)
    pixels = read(tmp_path / f"stripes.{suffix}", size=8)
    assert np.all(np.abs(pixels.astype(int) - 127) <= 8)


# What is refused


@pytest.mark.parametrize("content", ["text", "empty", "truncated", "missing", "postscript"])
def test_a_file_that_is_no_picture(tmp_path, content):
    write_classes(tmp_path, {"a": 3, "b": 3})
    path = tmp_path / "b" / "1.png"
    Image.effect_noise((64, 64), 50).save(path)
    whole = path.read_bytes()
    if content == "missing":
        path.unlink()
        path.symlink_to(tmp_path / "nowhere")
    else:
        text = {"text": b"hello\nworld", "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n"}
        path.write_bytes(text.get(content, whole[: 500 if content == "truncated" else 0]))
    message = refusal(path, name="folder", data_dir=tmp_path)
    assert ("replace it or delete it" in message) == (content != "missing")


def test_all_bad_files_are_named_at_once(tmp_path):
    write_classes(tmp_path, {"a": 10, "b": 10})
    bad = [tmp_path / class_name / f"{index}.png" for class_name in "ab" for index in range(6)]
    for path in bad:
        path.write_bytes(b"")
    message = refusal(tmp_path, name="folder", data_dir=tmp_path)
    assert message.startswith("12 of 20 pictures cannot be used")
    assert [str(path) in message for path in bad] == [True] * 10 + [False] * 2
    assert "and 2 more" in message


def test_pipes_and_sockets_are_refused_and_never_waited_for(tmp_path):
    write_classes(tmp_path, {"a": 3, "b": 3})
    os.mkfifo(tmp_path / "a" / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "b" / "s.png"))
        message = refusal(tmp_path / "a" / "pipe.png", name="folder", data_dir=tmp_path)
    assert "s.png is a pipe, socket or device" in message
    os.mkfifo(tmp_path / "one.png")
    with pytest.raises(DataError, match="regular file"):
        datasets.load_picture(tmp_path / "one.png", 8, 1)


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    size = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("side", [7072, 12_000, 30_000])
def test_a_picture_larger_than_the_limit_is_not_decoded(tmp_path, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(side, side))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=r"bomb\.png has more than 50 megapixels; shrink"):
            datasets.load_picture(path, 8, 1)


def test_a_file_larger_than_the_limit_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "MOST_BYTES", 50)
    write_picture(tmp_path / "large.png")
    with pytest.raises(DataError, match=r"large\.png is larger than"):
        read(tmp_path / "large.png")


def test_damaged_exif_is_no_reason_to_refuse_or_to_complain(tmp_path, recwarn, caplog):
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"
    Image.new("L", (9, 9), 100).save(tmp_path / "photo.jpg", exif=exif)
    with Image.open(tmp_path / "photo.jpg") as picture:
        picture.getexif()
    assert recwarn.pop(UserWarning)  # so Pillow alone
    recwarn.clear()
    assert np.all(read(tmp_path / "photo.jpg") == 100)
    assert not recwarn.list and not caplog.records


# Many pictures


def test_more_pictures_than_the_memory_holds_are_refused_before_one_is_read(tmp_path, monkeypatch):
    paths = [tmp_path / "none.png"] * 100
    monkeypatch.setattr(decoding, "memory", lambda: 2 * 100 * 3 * 16**2 - 1)
    with pytest.raises(DataError, match="100 pictures of 16 x 16 pixels take .*--image_size"):
        decoding.read_pictures(paths, 16, print)
    with pytest.raises(DataError, match="none.png"):
        decoding.read_pictures(paths, 15, print)


def test_progress_is_said_now_and_then(tmp_path, monkeypatch):
    write_picture(tmp_path / "0.png")
    paths = [tmp_path / "0.png"] * (5 * decoding.CHUNK)
    said: list[str] = []
    read(*paths, announce=said.append)
    assert said == []  # too quick
    monkeypatch.setattr(decoding, "SECONDS_BETWEEN_LINES", 0.0)
    read(*paths, announce=said.append)
    assert [line.split(",")[0] for line in said] == [
        f"read {count} of 320 pictures" for count in (64, 128, 192, 256)
    ]
    assert all(line.endswith(" s left") for line in said)


def test_an_interrupt_ends_the_reading_at_once(tmp_path, monkeypatch):
    def slow(path, image_size):
        calls.append(path)
        time.sleep(0.001)
        raise DataError("not yet")

    def interrupt(line):
        raise KeyboardInterrupt

    calls: list[object] = []
    monkeypatch.setattr(decoding, "_read", slow)
    monkeypatch.setattr(decoding, "SECONDS_BETWEEN_LINES", 0.0)
    with pytest.raises(KeyboardInterrupt):
        read(*[tmp_path] * 100 * decoding.CHUNK, announce=interrupt)
    assert len(calls) < 30 * decoding.CHUNK
    assert threading.active_count() < 20
