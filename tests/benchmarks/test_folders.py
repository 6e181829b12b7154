"""The folders that the trio is tried on: their pictures, and flags that name none."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import folders


def test_letters_differ_by_sign_and_by_picture_and_are_the_same_again(tmp_path):
    for again in ("first", "second"):
        folders.letters("A?", tmp_path / again, 3, side=32)
    first, second = (sorted((tmp_path / name).rglob("*.png")) for name in ("first", "second"))
    assert [file.parent.name for file in first] == ["000-0041"] * 3 + ["001-003f"] * 3
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
    pictures = [np.asarray(Image.open(file)) for file in first]
    assert {(each.shape, each.dtype) for each in pictures} == {((32, 32), np.dtype(np.uint8))}
    assert len({each.tobytes() for each in pictures}) == 6
    for each in pictures:  # ink in the middle, and nearly none at the border
        border = np.concatenate([each[0], each[-1], each[:, 0], each[:, -1]])
        assert each[8:24, 8:24].max() > 200
        assert border.mean() < 40


def test_colour_pictures_are_copied_or_enlarged(tmp_path):
    source = tmp_path / "source" / "red"
    source.mkdir(parents=True)
    for name in ("b", "a", "c"):
        Image.new("RGB", (32, 32), (200, ord(name), 0)).save(source / f"{name}.png")
    folders.colour([source], tmp_path / "made", 2, side=48)
    made = sorted((tmp_path / "made" / "red").iterdir())
    assert [file.name for file in made] == ["a.png", "b.png"]
    with Image.open(made[0]) as picture:
        assert (picture.size, picture.getpixel((24, 24))) == ((48, 48), (200, ord("a"), 0))


@pytest.mark.parametrize("flag", ["--pictures", "--output"])
def test_folders_that_will_not_do_are_refused_before_anything_is_made(tmp_path, flag, capsys):
    (tmp_path / "one").mkdir()
    words = {"--pictures": str(tmp_path / "one"), "--output": str(tmp_path / "made")}
    if flag == "--output":
        words[flag] = str(tmp_path)
    assert folders.main([word for pair in words.items() for word in pair]) == 2
    assert flag in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_there_are_a_hundred_signs_that_differ():
    assert len(set(folders.SIGNS)) == len(folders.SIGNS) == 100
