"""Grids and films."""

import numpy as np
import pytest
from PIL import Image

from images import pictures


def numbered(count, size=8, channels=1):
    """Images of one grey each: image i is all i."""
    levels = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return np.broadcast_to(levels, (count, size, size, channels)).copy()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_runs_row_by_row_and_pads_with_black(channels):
    sheet = pictures.grid(numbered(5, channels=channels) + 1, columns=3)
    scale = round(pictures.PICTURE_SIZE / 8)
    assert sheet.shape == (19 * scale, 28 * scale, channels)
    for corner in (0, 7):  # the first and the last pixel of every cell
        cells = sheet[(1 + corner) * scale :: 9 * scale, (1 + corner) * scale :: 9 * scale, 0]
        assert cells[:2, :3].tolist() == [[1, 2, 3], [4, 5, 0]]
    assert not sheet[:: 9 * scale].any()
    assert not sheet[:, :: 9 * scale].any()


def test_large_images_are_not_shrunk():
    assert pictures.grid(numbered(2, size=64), columns=2).shape == (66, 131, 1)


@pytest.mark.parametrize(("most", "scale"), [(18 * 18, 1), (4 * 19 * 28, 2), (10**9, 7)])
def test_so_many_images_that_the_sheet_would_be_huge_are_enlarged_less(monkeypatch, most, scale):
    monkeypatch.setattr(pictures, "MOST_PIXELS", most)
    assert pictures.grid(numbered(6), columns=3).shape == (19 * scale, 28 * scale, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_comes_back_as_it_was(tmp_path, channels):
    sheet = np.random.default_rng(0).integers(0, 256, (16, 24, channels)).astype(np.uint8)
    pictures.save_png(tmp_path / "new" / "sheet.png", sheet)
    np.testing.assert_array_equal(pictures.load_sheet(tmp_path / "new" / "sheet.png"), sheet)


def test_a_film_has_every_frame_and_loops(tmp_path):
    frames = [np.full((8, 8, 1), level, np.uint8) for level in (0, 100, 200)]
    pictures.save_gif(tmp_path / "film.gif", frames, milliseconds=50, hold=450)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 3
        assert film.info["loop"] == 0
        levels, times = [], []
        for index in range(3):
            film.seek(index)
            levels.append(np.asarray(film.convert("L"))[0, 0])
            times.append(film.info["duration"])
    assert levels == [0, 100, 200]
    assert times == [50, 50, 500]
