"""A game is two files: one of a folder of its own is played, and no other file is touched."""

import json

import numpy as np
import pytest

from games import GAMES, register
from tests.support.program import refused, run, succeeded
from tests.toy.painting import PAINTING

PAINT = ("--game", "painting", "--path", "run")


@pytest.fixture
def painting():
    """The game, as long as the test takes, among those that the program knows."""
    register(PAINTING)
    yield
    del GAMES["painting"]


@pytest.mark.usefixtures("eager")
def test_it_is_trained_resumed_and_drawn(painting, tmp_path):
    words = ("--mode", "train", *PAINT, "--preset", "quick", "--dataset", "digits", "--brush", 0.5)
    assert "training the painting on digits" in succeeded(run(*words, folder=tmp_path))
    again = run("--mode", "train", *PAINT, "--resume", "--steps", 30, folder=tmp_path)
    assert "done, 30 steps" in succeeded(again)
    rows = [json.loads(line) for line in (tmp_path / "run" / "stats.jsonl").open()]
    assert [row["step"] for row in rows] == [20, 30]
    assert rows[1]["generator_loss"] < rows[0]["generator_loss"]
    words = ("--mode", "generate", *PAINT, "--classes", "0,1", "--arrays", "a.npz")
    succeeded(run(*words, folder=tmp_path))
    with np.load(tmp_path / "a.npz") as arrays:
        images = arrays["images"].astype(float)
        ones = arrays["labels"] == 1
    # A one is a bright column, which is where a zero has its hole.
    assert images[ones][:, 2:6, 3:5].mean() > images[~ones][:, 2:6, 3:5].mean() + 20


def test_its_options_have_limits_help_and_an_owner(painting, tmp_path):
    shown = succeeded(run("--help", "--game", "painting"))
    assert "--brush" in shown and "Share of the error" in shown and "--preset quick" in shown
    refused(run("--mode", "train", *PAINT, "--brush", 2, folder=tmp_path), 2, "--brush 2", "0 to 1")
    other = run("--mode", "train", "--game", "gan", "--brush", 0.5, folder=tmp_path)
    refused(other, 2, "--brush: is for --game painting, not gan")
    attack = run("--mode", "attack", *PAINT, folder=tmp_path)
    refused(attack, 2, "--mode attack: is for --game", "not painting")
    assert not list(tmp_path.iterdir())


def test_without_it_the_program_is_as_before(tmp_path):
    refused(run("--mode", "train", *PAINT, folder=tmp_path), 2, "painting", "trio, gan")
