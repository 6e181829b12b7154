"""The games under attack by the command line: what goes wrong is one line, and writes nothing."""

import shutil

import pytest

from tests.support.files import times_of, write_noise
from tests.support.program import TINY, refused
from training import finding

TRAIN = ("--mode", "train", "--dataset", "digits", "--game")


ATTACK = ("--mode", "attack", "--game", "robust", "--path")


@pytest.fixture(scope="module")
def robust(trained):
    return trained("robust")


@pytest.fixture(scope="module")
def attacked(trained):
    return trained("attacked")


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
        (("--mode", "evaluate", "--game", "robust", "--samples", "0"), "--samples 0"),
        (("--mode", "evaluate", "--image", "x.png"), "--mode attack"),
        (("--mode", "generate", "--robustness"), "--mode evaluate"),
    ],
)
def test_a_bad_flag_is_refused_before_any_work(dcgan, tmp_path, words, named):
    refused(dcgan(*words), 2, named)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--label", 99], ["--label 99", "0 to 9"]),
        (["--target", 99], ["--target 99", "0 to 9"]),
        (["--label", 3], ["--label", "--image"]),
        (["--epsilon", 1.5], ["--epsilon 1.5"]),
        (["--attack", "fgsm", "--attack_steps", 2], ["--attack_steps 2", "single step"]),
        (["--attack", "fgsm", "--norm", "l2"], ["--norm l2", "pgd and apgd"]),
        (["--attack", "square", "--norm", "l2"], ["--norm l2", "pgd and apgd"]),
        (["--attack", "apgd", "--step_size", 0.1], ["--step_size", "for --attack pgd"]),
        (["--image", "x.png", "--samples", 3], ["--samples with --image", "choose one"]),
        (["--step_size", 0.0001], ["--step_size 0.0001", "edge"]),
        (["--epsilon", 1.5, "--norm", "l2", "--step_size", 0.01], ["--step_size 0.01", "edge"]),
    ],
)
def test_a_flag_that_the_run_cannot_do(dcgan, robust, tmp_path, words, named):
    before = times_of(robust)
    refused(dcgan(*ATTACK, robust, *words), 2, *named)
    assert list(tmp_path.iterdir()) == []
    assert times_of(robust) == before


@pytest.mark.parametrize("epsilon", [1.5, -0.5])
def test_evaluate_refuses_a_ball_that_cannot_be(dcgan, robust, tmp_path, epsilon):
    before = times_of(robust)
    words = ("--mode", "evaluate", "--game", "robust", "--path", robust, "--epsilon", epsilon)
    refused(dcgan(*words), 2, f"--epsilon {epsilon}")
    assert list(tmp_path.iterdir()) == []
    assert times_of(robust) == before


def test_a_picture_that_is_none(dcgan, robust, tmp_path):
    (tmp_path / "words.png").write_text("not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    whole = write_noise(tmp_path / "whole.png", (60, 60)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    before = set(tmp_path.rglob("*"))
    for name in ("words.png", "empty.png", "missing.png", "folder", "cut.png"):
        refused(dcgan(*ATTACK, robust, "--image", tmp_path / name), 1, name)
    assert set(tmp_path.rglob("*")) == before


def test_a_flag_of_another_game_s_agents(dcgan, attacked, tmp_path):
    words = ("--mode", "generate", "--game", "attacked", "--path", attacked)
    refused(dcgan(*words, "--nice"), 2, "--nice", "attacked")
    refused(dcgan(*words, "--truncation", 0.5), 2, "--truncation", "attacked")
    refused(dcgan(*words, "--digits", "3,11"), 2, "--classes 11", "0 to 9")
    refused(dcgan("--mode", "generate", "--sampling_steps", 9), 2, "--sampling_steps", "trio")
    refused(dcgan(*words, "--sampling_steps", 3), 2, "--sampling_steps 3")
    assert list(tmp_path.iterdir()) == []


def test_flags_of_the_other_evaluation(dcgan, robust, attacked, tmp_path):
    words = ("--mode", "evaluate", "--game")
    refused(dcgan(*words, "robust", "--path", robust, "--truncation", 1), 2, "--truncation")
    refused(dcgan(*words, "robust", "--path", robust, "--sampling_steps", 9), 2, "--sampling_steps")
    refused(
        dcgan(*words, "attacked", "--path", attacked, "--norm", "l2"), 2, "--norm", "robustness"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_another_game(dcgan, robust, attacked, tmp_path):
    before = times_of(robust), times_of(attacked)
    refused(dcgan("--mode", "attack", "--path", robust), 1, "robust, not trio")
    refused(
        dcgan("--mode", "attack", "--game", "robust", "--path", attacked), 1, "attacked, not robust"
    )
    refused(dcgan("--mode", "generate", "--game", "attacked", "--path", robust), 1, "not attacked")
    refused(dcgan("--mode", "evaluate", "--game", "gan", "--path", robust), 1, "robust, not gan")
    train = ("--mode", "train", "--game", "robust", *TINY["robust"], "--path", attacked)
    refused(dcgan(*train, "--overwrite"), 1, "attacked, not robust")
    assert (times_of(robust), times_of(attacked)) == before
    assert list(tmp_path.iterdir()) == []


def test_a_run_keeps_its_options_for_life(dcgan, robust):
    words = ("--mode", "train", "--game", "robust", *TINY["robust"], "--path", robust)
    refused(dcgan(*words), 1, "--resume", "--overwrite")
    refused(dcgan(*words, "--resume", "--epsilon", 0.2), 2, "--epsilon 0.2", "0.1")
    refused(dcgan(*words, "--resume", "--loss", "trades"), 2, "--loss trades", "madry")


@pytest.mark.parametrize("game", ["robust", "attacked"])
def test_no_run_is_named_and_none_is_supplied(dcgan, tmp_path, game, monkeypatch):
    monkeypatch.setattr(finding, "PRETRAINED", tmp_path / "supplied")
    refused(dcgan("--mode", "attack", "--game", game, "--path", "none"), 1, "none", "--mode train")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"damaged"])
def test_a_damaged_agent(dcgan, robust, tmp_path, content):
    copied = shutil.copytree(robust, tmp_path / "copy")
    (copied / "classifier.keras").unlink()
    if content is not None:
        (copied / "classifier.keras").write_bytes(content)
    for mode in ("attack", "evaluate"):
        answer = dcgan("--mode", mode, "--game", "robust", "--path", copied)
        refused(answer, 1, "--mode train" if content is None else "classifier.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
