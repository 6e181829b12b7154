"""What a resumed run may change: its length, and nothing else."""

import pytest

from games import GAMES, OptionError
from modes.train import resumed_options
from tests.support import program
from training.run_folder import Run


def options(*words):
    return program.parse("--mode", "train", "--resume", *words)


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path)
    run.start(GAMES["trio"].from_preset("quick", seed=7, minutes=3.0), map(str, range(10)))
    return run


def test_without_a_length_the_run_keeps_its_own(run):
    assert resumed_options(run, options()) == run.read_config()


@pytest.mark.parametrize(
    ("words", "preset", "steps", "minutes"),
    [
        (["--steps", "123"], "quick", 123, None),
        (["--minutes", "5"], "quick", GAMES["trio"].presets["quick"]["steps"], 5.0),
        (["--preset", "standard"], "standard", GAMES["trio"].presets["standard"]["steps"], None),
        (["--preset", "standard", "--steps", "9"], "standard", 9, None),
        (["--epochs", "2"], "quick", GAMES["trio"].presets["quick"]["steps"], None),
    ],
)
def test_a_length_that_is_given_replaces_the_old_one(run, words, preset, steps, minutes):
    resumed = resumed_options(run, options(*words))
    assert (resumed.preset, resumed.steps, resumed.minutes) == (preset, steps, minutes)
    assert resumed.seed == 7


@pytest.mark.parametrize(
    "words", [["--loss", "hinge"], ["--seed", "8"], ["--batch_size", "3"], ["--latent_dim", "9"]]
)
def test_another_game_is_refused(run, words):
    with pytest.raises(OptionError, match=words[0]):
        resumed_options(run, options(*words))


def test_a_preset_of_other_agents_is_refused(run):
    with pytest.raises(OptionError, match="--preset best: differs in batch_size.*--steps"):
        resumed_options(run, options("--preset", "best"))


def test_the_same_options_again_are_no_change(run):
    words = ["--seed", "7", "--loss", "non_saturating", "--batch_size", "32"]
    assert resumed_options(run, options(*words)) == run.read_config()


def test_a_longer_preset_is_that_of_the_run_s_own_game(tmp_path):
    run = Run(tmp_path)
    robust = GAMES["robust"]
    played = robust.from_preset("quick", "small", dataset="digits")
    run.start(played, map(str, range(10)))
    resumed = resumed_options(run, options("--game", "robust", "--preset", "best"))
    assert resumed == robust.from_preset("best", "small", dataset="digits")


@pytest.mark.parametrize(
    ("kind", "shape", "given"),
    [
        ("small", (8, 8, 1), {"dataset": "digits", "conditioning": "none"}),
        ("grey", (28, 28, 1), {"dataset": "folder", "data_dir": "/pictures"}),
        ("grey", (28, 28, 1), {"dataset": "mnist", "r1_gamma": 0.3}),
    ],
)
def test_a_longer_preset_is_that_of_the_run_s_own_data_and_options(tmp_path, kind, shape, given):
    run, trio = Run(tmp_path), GAMES["trio"]
    run.start(trio.from_preset("quick", kind, **given), map(str, range(10)), image_shape=shape)
    resumed = resumed_options(run, options("--preset", "standard"))
    assert resumed == trio.from_preset("standard", kind, **given)
    assert resumed.steps > trio.from_preset("quick", kind, **given).steps
