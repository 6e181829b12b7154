"""The games under attack by the command line: what goes wrong is one line, and writes nothing."""

import shutil

import pytest

from images import datasets
from tests.cli.test_program import refused
from tests.modes.test_attack import (
    COMMON,
    TINY,
    attack_words,
    files_of,
    here,
    picture_file,
)
from tests.training.test_robust_runs import play
from training import run_folder

__all__ = ["here"]  # a fixture

TRAIN = ("--mode", "train", "--dataset", "digits", "--game")


def started(folder, game):
    play(folder / "run", datasets.load("digits"), game, steps=2)
    return folder / "run"


@pytest.fixture(scope="module")
def robust(tmp_path_factory):
    return started(tmp_path_factory.mktemp("robust"), "robust")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    return started(tmp_path_factory.mktemp("attacked"), "attacked")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((*TRAIN, "robust", "--epsilon", "-0.1"), "--epsilon -0.1"),
        ((*TRAIN, "robust", "--epsilon", "1.1"), "--epsilon 1.1"),
        ((*TRAIN, "robust", "--epsilon", "nan"), "--epsilon nan"),
        ((*TRAIN, "robust", "--epsilon", "wide"), "epsilon"),
        ((*TRAIN, "robust", "--step_size", "0.001"), "--step_size 0.001"),
        ((*TRAIN, "robust", "--norm", "l3"), "l3"),
        ((*TRAIN, "robust", "--loss", "hinge"), "--loss hinge"),
        ((*TRAIN, "trio", "--loss", "madry"), "--loss madry"),
        ((*TRAIN, "robust", "--pool_size", "100"), "--pool_size: is for --game attacked"),
        ((*TRAIN, "trio", "--sampling_steps", "9"), "--sampling_steps: is for --game attacked"),
        ((*TRAIN, "gan", "--epsilon", "0.1"), "--epsilon: is for --game robust or attacked"),
        ((*TRAIN, "attacked", "--contrast", "1"), "--contrast: is for --game robust"),
        ((*TRAIN, "attacked", "--first_steps", "30"), "--first_steps 30"),
        ((*TRAIN, "attacked", "--pool_size", "50"), "--pool_size 50"),
        ((*TRAIN, "attacked", "--epsilon", "9"), "--step_size 0.15"),
        (("--mode", "generate", "--game", "robust"), "--mode generate"),
        (("--mode", "interpolate", "--game", "robust"), "--mode interpolate"),
        (("--mode", "interpolate", "--game", "attacked"), "--mode interpolate"),
        (("--mode", "attack", "--game", "gan"), "--mode attack"),
        (("--mode", "attack", "--nice"), "--nice"),
        (("--mode", "attack", "--epsilon", "-1"), "--epsilon -1"),
        (("--mode", "attack", "--epsilon", "nan"), "--epsilon nan"),
        (("--mode", "attack", "--attack_steps", "0"), "--attack_steps 0"),
        (("--mode", "attack", "--label", "-1"), "--label -1"),
        (("--mode", "attack", "--target", "three"), "target"),
        (("--mode", "attack", "--samples", "0"), "--samples 0"),
        (("--mode", "evaluate", "--game", "robust", "--samples", "99"), "--samples 99"),
        (("--mode", "evaluate", "--image", "x.png"), "--mode attack"),
        (("--mode", "generate", "--robustness"), "--mode evaluate"),
    ],
)
def test_a_bad_flag_is_refused_before_any_work(here, tmp_path, words, named):
    refused(here(*words), 2, named)
    assert list(tmp_path.iterdir()) == []


def test_and_so_it_is_by_subprocess(dcgan, tmp_path):
    refused(dcgan(*TRAIN, "robust", "--epsilon", "-0.1", timeout=20), 2, "--epsilon -0.1")
    refused(dcgan("--mode", "attack", "--game", "gan", timeout=20), 2, "--mode attack", "not gan")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--label", 99], ["--label 99", "0 to 9"]),
        (["--target", 99], ["--target 99", "0 to 9"]),
        (["--label", 3], ["--label", "--image"]),
        (["--epsilon", 1.5], ["--epsilon 1.5"]),
        (["--step_size", 0.0001], ["--step_size 0.0001", "edge"]),
        (["--epsilon", 1.5, "--norm", "l2", "--step_size", 0.01], ["--step_size 0.01", "edge"]),
    ],
)
def test_a_flag_that_the_run_cannot_do(here, robust, tmp_path, words, named):
    before = files_of(robust)
    refused(here(*attack_words(robust, *words)), 2, *named)
    assert list(tmp_path.iterdir()) == []
    assert files_of(robust) == before


@pytest.mark.parametrize("epsilon", [1.5, -0.5])
def test_evaluate_refuses_a_ball_that_cannot_be(here, robust, tmp_path, epsilon):
    before = files_of(robust)
    words = ("--mode", "evaluate", "--game", "robust", "--path", robust, "--epsilon", epsilon)
    refused(here(*words), 2, f"--epsilon {epsilon}")
    assert list(tmp_path.iterdir()) == []
    assert files_of(robust) == before


def test_a_picture_that_is_none(here, robust, tmp_path):
    (tmp_path / "words.png").write_text("not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    whole = picture_file(tmp_path / "whole.png", (60, 60)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    before = set(tmp_path.rglob("*"))
    for name in ("words.png", "empty.png", "missing.png", "folder", "cut.png"):
        refused(here(*attack_words(robust, "--image", tmp_path / name)), 1, name)
    assert set(tmp_path.rglob("*")) == before


def test_a_flag_of_another_game_s_agents(here, attacked, tmp_path):
    words = ("--mode", "generate", "--game", "attacked", "--path", attacked)
    refused(here(*words, "--nice"), 2, "--nice", "attacked")
    refused(here(*words, "--truncation", 0.5), 2, "--truncation", "attacked")
    refused(here(*words, "--digits", "3,11"), 2, "--digits 11", "0 to 9")
    refused(here("--mode", "generate", "--sampling_steps", 9), 2, "--sampling_steps", "trio")
    refused(here(*words, "--sampling_steps", 3), 2, "--sampling_steps 3")
    assert list(tmp_path.iterdir()) == []


def test_flags_of_the_other_evaluation(here, robust, attacked, tmp_path):
    words = ("--mode", "evaluate", "--game")
    refused(here(*words, "robust", "--path", robust, "--truncation", 1), 2, "--truncation")
    refused(here(*words, "robust", "--path", robust, "--sampling_steps", 9), 2, "--sampling_steps")
    refused(here(*words, "attacked", "--path", attacked, "--norm", "l2"), 2, "--norm", "robustness")
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_another_game(here, robust, attacked, tmp_path):
    before = files_of(robust), files_of(attacked)
    refused(here("--mode", "attack", "--path", robust), 1, "robust, not trio")
    refused(
        here("--mode", "attack", "--game", "robust", "--path", attacked), 1, "attacked, not robust"
    )
    refused(here("--mode", "generate", "--game", "attacked", "--path", robust), 1, "not attacked")
    refused(here("--mode", "evaluate", "--game", "gan", "--path", robust), 1, "robust, not gan")
    refused(
        here("--mode", "train", "--game", "robust", *COMMON, "--path", attacked, "--overwrite"),
        1,
        "attacked, not robust",
    )
    assert (files_of(robust), files_of(attacked)) == before
    assert list(tmp_path.iterdir()) == []


def test_a_run_keeps_its_options_for_life(here, robust):
    words = ("--mode", "train", "--game", "robust", *COMMON, *TINY["robust"], "--path", robust)
    refused(here(*words), 1, "--resume", "--overwrite")
    refused(here(*words, "--resume", "--epsilon", 0.2), 2, "--epsilon 0.2", "0.1")
    refused(here(*words, "--resume", "--loss", "trades"), 2, "--loss trades", "madry")


@pytest.mark.parametrize("game", ["robust", "attacked"])
def test_no_run_is_named_and_none_is_supplied(here, tmp_path, game, monkeypatch):
    monkeypatch.setattr(run_folder, "PRETRAINED", tmp_path / "supplied")
    refused(here("--mode", "attack", "--game", game, "--path", "none"), 1, "none", "--mode train")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"damaged"])
def test_a_damaged_agent(here, robust, tmp_path, content):
    copied = shutil.copytree(robust, tmp_path / "copy")
    (copied / "classifier.keras").unlink()
    if content is not None:
        (copied / "classifier.keras").write_bytes(content)
    for mode in ("attack", "evaluate"):
        run = here("--mode", mode, "--game", "robust", "--path", copied)
        refused(run, 1, "--mode train" if content is None else "classifier.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
