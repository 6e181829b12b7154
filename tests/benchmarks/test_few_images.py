"""Few real images and a trio's beside them: what a batch holds, and which rows there are."""

import json

import numpy as np
import pytest

from benchmarks import few_images
from images.datasets import normalize
from images.splits import Split

REAL = Split(np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1), np.arange(6, dtype=np.int32))
DRAWN = Split(np.full((4, 1, 1, 1), 255, np.uint8), np.full(4, 9, np.int32))


def test_half_of_a_batch_is_drawn():
    batches = few_images.lessons_of(REAL, DRAWN, 6, seed=0).take(2).as_numpy_iterator()
    seen = []
    for images, labels in batches:
        np.testing.assert_array_equal(images[3:], 1.0)
        np.testing.assert_array_equal(labels[3:], 9)
        np.testing.assert_array_equal(images[:3], normalize(REAL.images[labels[:3]]))
        seen.extend(labels[:3].tolist())
    assert sorted(seen) == list(range(6))


def test_without_a_trio_all_of_a_batch_is_real():
    ((_, labels),) = few_images.lessons_of(REAL, None, 6, seed=0).take(1).as_numpy_iterator()
    assert sorted(labels.tolist()) == list(range(6))


def test_some_images_keep_their_labels_and_depend_on_the_seed():
    one, again, other = (few_images.some(REAL, 3, seed) for seed in (0, 0, 1))
    for split in (one, again, other):
        np.testing.assert_array_equal(split.images.ravel(), split.labels)
        assert len(set(split.labels.tolist())) == 3
    np.testing.assert_array_equal(one.labels, again.labels)
    assert one.labels.tolist() != other.labels.tolist()


def test_rows_are_said_and_written(tmp_path, capsys, monkeypatch):
    asked = []

    def judge(options, real, source, seed):
        asked.append((real, source, seed))
        return {"clean": 0.9, "worst_case": 0.6 + seed / 100, "learned": 0.8, "held_out": 0.7} | {
            "gap": 0.1
        }

    monkeypatch.setattr(few_images, "judge", judge)
    file = tmp_path / "figures.json"
    words = ["--real", "100", "0", "--images", "own", "supplied", "--seeds", "0", "2"]
    assert few_images.main([*words, "--output", str(file)]) == 0
    rows = [(100, "own"), (100, "supplied"), (few_images.ALL, "supplied")]  # all: own is supplied
    assert asked == [(*row, seed) for row in rows for seed in (0, 2)]
    assert [(row["real"], row["images"]) for row in json.loads(file.read_text())["rows"]] == rows
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[str(n or "all"), name] for n, name in rows]
    assert all("61.0 (60.0, 62.0)" in line for line in lines)


@pytest.mark.slow
def test_a_row_is_played(tmp_path):
    file = tmp_path / "figures.json"
    words = ["--dataset", "digits", "--real", "100", "--images", "supplied", "--seeds", "0"]
    words += ["--steps", "20", "--attacked", "20", "--output", str(file)]
    assert few_images.main(words) == 0
    ((figures,),) = (row["seeds"] for row in json.loads(file.read_text())["rows"])
    assert set(figures) == set(few_images.FIGURES)
    assert figures["gap"] == pytest.approx(figures["learned"] - figures["held_out"])
    assert 0 <= figures["worst_case"] <= figures["clean"] <= 1
