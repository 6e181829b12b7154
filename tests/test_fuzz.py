"""Random flags, picture folders and damaged runs: one line or success, and nothing else changes.

Each case has a seed of its own, which a failure shows: `-k 'flags and 17'` runs it again.
"""

import json
import random
import shutil

import numpy as np
import pytest
from PIL import Image

from cli.flags import every_flag, parse
from cli.modes import MODES
from games import GAMES, OptionError
from images import datasets
from images.datasets import DataError
from tests.support.files import contents
from tests.support.program import run

VALUES = ["", "0", "-1", "3", "1e4", "8/255", "nan", "inf", "1e400", "x", "~nosuch/x", "a\nb", "é"]
VALUES += ["猫", "-", "--", "true", "0-9", "9-0", "1,,2", "9" * 400, "\udcff", "x.npz", "\x1b[2J"]


def fast_and_slow(fast, slow):
    """Seeds: the first ones quickly, all of them with `make test-slow`."""
    return [
        *range(fast),
        *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(fast, slow)),
    ]


def flag_line(rng):
    """Random words, of which most are flags that there are."""
    names = [*every_flag(), "nosuch", "flagfile", "helpfull", "undefok", ""]
    words = ["--mode", rng.choice([*MODES, "dream"]), "--game", rng.choice([*GAMES, "chess"])]
    for _ in range(rng.randrange(6)):
        name = rng.choice(["", "-", "--", "--", "--", "--no"]) + rng.choice(names)
        words += [f"{name}={rng.choice(VALUES)}"] if rng.random() < 0.5 else [name]
        words += [rng.choice(VALUES)] if rng.random() < 0.5 else []
    rng.shuffle(words) if rng.random() < 0.1 else None
    return words


@pytest.mark.parametrize("seed", fast_and_slow(10, 100))
def test_flags(seed):
    """Five lines a seed: options, or a refusal in one printable line."""
    rng = random.Random(seed)
    for _ in range(5):
        words = flag_line(rng)
        try:
            parse(["dcgan.py", *words])
        except OptionError as error:
            assert str(error) and "\n" not in str(error), words
            assert len(str(error)) < 1000, words


NAMES = ["cat", "dog", "猫", "10", "9", "Train", "test", "val", "__MACOSX", ".git", "a b", "$x$"]
SUFFIXES = [".png", ".jpg", ".webp", ".gif", ".tif", ".bmp", ".PNG", ".txt", "", ".npy"]


def picture(rng, path):
    """A picture of random kind, or junk of that name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = (rng.choice([1, 8, 20, 33]), rng.choice([1, 8, 20]))
    mode = rng.choice(["L", "RGB", "RGBA", "P", "1", "LA", "I;16", "CMYK"])
    if rng.random() < 0.9:
        try:
            pixels = np.random.default_rng(rng.randrange(999)).integers(0, 256, size)
            Image.fromarray(pixels.astype(np.uint8)).convert(mode).save(path)
            return
        except (OSError, ValueError, KeyError):  # there is no such kind in this format
            pass
    path.write_bytes(rng.randbytes(rng.choice([0, 5, 300])))


def picture_folder(rng, root):
    """A folder as somebody might have it, or hardly anybody."""
    for _ in range(rng.choice([0, 1, 20, 60])):
        depth = rng.choice([0, 1, 1, 1, 1, 2, 3])
        path = root.joinpath(*(rng.choice(NAMES) for _ in range(depth)))
        picture(rng, path / f"p{rng.randrange(40)}{rng.choice(SUFFIXES[: rng.choice([1, 10])])}")
    root.mkdir(exist_ok=True)


@pytest.mark.parametrize("seed", fast_and_slow(12, 100))
def test_folders(tmp_path, seed):
    """A data set, or a refusal in one line; the folder stays as it was."""
    rng = random.Random(seed)
    picture_folder(rng, tmp_path / "D")
    before, lines = contents(tmp_path), []
    how = {"labelled": rng.random() < 0.7, "image_size": 8, "seed": seed}
    try:
        found = datasets.load("folder", data_dir=tmp_path / "D", announce=lines.append, **how)
    except DataError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert len(found.train.labels) and found.train.images.dtype == np.uint8
        assert lines and all("\n" not in line for line in lines)
    assert contents(tmp_path) == before


def damage(rng, folder):
    """Damages one file of a run; returns what was done to it."""
    file = rng.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    content = file.read_bytes()
    how = rng.choice(["cut", "flip", "junk", "gone", "folder", "other", "json"])
    if how in ("gone", "folder"):
        file.unlink()
        file.mkdir() if how == "folder" else None
    elif how == "cut":
        file.write_bytes(content[: rng.randrange(len(content) + 1)])
    elif how == "flip":
        place = rng.randrange(max(1, len(content)))
        file.write_bytes(content[:place] + rng.randbytes(8) + content[place + 8 :])
    elif how == "junk":
        file.write_bytes(rng.randbytes(100))
    elif how == "other":
        shutil.copyfile(rng.choice(sorted({*folder.glob("*.keras")} - {file})), file)
    else:
        record = json.loads((folder / "config.json").read_text())
        name = rng.choice(sorted(record["config"]))
        record["config"][name] = rng.choice([None, -1, 0.5, "x", [], {}, 10**30, True])
        (folder / "config.json").write_text(json.dumps(record))
    return f"{how} {file.name}"


@pytest.mark.parametrize("seed", fast_and_slow(4, 200))
def test_damaged_runs(trained, tmp_path, seed):
    """A picture and status 0, or one line and another status; the run stays as it was."""
    rng, folder = random.Random(seed), tmp_path / "run"
    shutil.copytree(trained("trio"), folder)
    done = damage(rng, folder)
    before = contents(folder)
    answer = run("--mode", "generate", "--path", "run", "--samples", 4, folder=tmp_path)
    assert (answer.returncode == 0) == (tmp_path / "generated_image.png").exists(), done
    lines = answer.stderr.splitlines()
    assert len(lines) == (answer.returncode != 0) or lines[0].startswith("warning: "), done
    assert contents(folder) == before, done
