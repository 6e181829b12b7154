"""Files that are whole or not there, known as made by this program, and in nobody's way."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from images import pictures, writing
from images.writing import MARK, PlaceError, Target, is_ours

SHEET = np.zeros((8, 8, 1), np.uint8)
MAKERS = {
    "a.png": lambda path: pictures.save_png(path, SHEET),
    "a.gif": lambda path: pictures.save_gif(path, [SHEET, SHEET + 255], milliseconds=50),
    "figure.png": lambda path: pictures.save_figure(path, Figure()),
    "a.npz": lambda path: writing.save_arrays(path, {"large": np.arange(9999), "small": SHEET}),
    "a.json": lambda path: writing.save_report(path, {"figures": list(range(9999))}),
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_this_program_makes_is_known_and_may_be_made_again(tmp_path, name):
    path = tmp_path / name
    MAKERS[name](path)
    assert is_ours(path)
    Target(path, anew=True).check()
    with pytest.raises(PlaceError, match="already exists; --overwrite"):
        Target(path).check()
    path.write_bytes(path.read_bytes().replace(MARK.encode(), b"-" * len(MARK)))
    assert not is_ours(path)
    with pytest.raises(PlaceError, match="does not say that this program made it; --overwrite"):
        Target(path, anew=True).check()
    Target(path, overwrite=True, anew=True).check()


def test_a_place_that_is_only_tried_stays_as_it_was(tmp_path):
    Target(tmp_path / "new" / "deep" / "file").check()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotADirectoryError):
        Target(tmp_path / "file" / "deep").check()


def test_marks_do_not_change_what_is_held(tmp_path):
    MAKERS["a.npz"](tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert sorted(arrays) == ["large", "small"]
        np.testing.assert_array_equal(arrays["large"], np.arange(9999))
    MAKERS["a.json"](tmp_path / "a.json")
    report = json.loads((tmp_path / "a.json").read_text())
    assert report == {"software": MARK, "figures": list(range(9999))}


@pytest.mark.parametrize("size", [0, 10, 5000, 9000])
def test_the_mark_is_looked_for_at_both_ends(tmp_path, size):
    path, padding = tmp_path / "file", b"x" * size
    for content in (MARK.encode() + padding, padding + MARK.encode()):
        path.write_bytes(content)
        assert is_ours(path)
    path.write_bytes(2 * padding)
    assert not is_ours(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")

    def half_a_write(temporary):
        with open(temporary, "w") as file:  # noqa: PTH123
            file.write("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        writing.save_atomically(target, half_a_write)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
