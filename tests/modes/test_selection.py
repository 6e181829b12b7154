"""Classes by name or number, and the ball that is meant."""

import json
import shutil

import numpy as np
import pytest

from attacks.ball import Ball
from games import GAMES, OptionError
from modes.selection import chosen_ball, class_of
from tests.support.program import parse, refused, succeeded
from training.run_folder import Run

NAMES = ("T-shirt", "Trouser", "Ankle boot", "0")


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path)
    run.start(GAMES["trio"].options(game="trio"), NAMES)
    return run


@pytest.mark.parametrize(
    ("word", "label"),
    [("Trouser", 1), ("trouser", 1), ("ANKLE BOOT", 2), ("2", 2), ("0", 3)],  # a name comes first
)
def test_a_class_is_meant_by_its_name_or_its_number(run, word, label):
    assert class_of(word, run, "classes") == label


@pytest.mark.parametrize("word", ["4", "-1", "boots", "", "1.0"])
def test_a_word_that_is_no_class_is_told_those_that_are(run, word):
    with pytest.raises(OptionError, match=f"^--target {word}: .* 0 to 3: T-shirt, Trouser"):
        class_of(word, run, "target")


@pytest.mark.parametrize(
    ("words", "ball"),
    [
        ((), Ball(0.2, "linf")),
        (("--epsilon", "8/255"), Ball(8 / 255, "linf")),
        (("--norm", "l2"), Ball(2.0, "l2")),
        (("--norm", "L2", "--epsilon", "1"), Ball(1.0, "l2")),
    ],
)
def test_the_ball_is_that_of_the_training_unless_another_is_given(words, ball):
    trained = GAMES["robust"].options(game="robust", epsilon=0.2)
    flags = parse("--mode", "attack", "--game", "robust", *words)
    assert chosen_ball(flags, trained, (28, 28, 1)) == ball


def test_named_classes_are_drawn(dcgan, trained, tmp_path):
    folder = shutil.copytree(trained("trio"), tmp_path / "run")
    record = json.loads((folder / "config.json").read_text())
    record["class_names"] = ["cat", "dog", *record["class_names"][2:]]
    (folder / "config.json").write_text(json.dumps(record))
    words = ("--mode", "generate", "--path", folder, "--classes")
    said = succeeded(dcgan(*words, "Dog,3-4,cat", "--arrays", "a.npz", "--samples", 8))
    assert "drawing dog, 3, 4, cat" in said
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["labels"].tolist() == [1, 3, 4, 0, 1, 3, 4, 0]
    refused(dcgan(*words, "cow"), 2, "--classes cow", "cat, dog")
