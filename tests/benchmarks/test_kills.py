"""Kill -9 at random moments, as `python -m benchmarks.kills` does it; it sees any difference."""

import shutil

import pytest

from benchmarks import killed, kills
from tests.support.program import run_apart


def test_a_difference_of_one_number_is_seen(trained, tmp_path):
    shutil.copytree(trained("gan"), tmp_path / "run")
    assert killed.compare(trained("gan"), tmp_path / "run") == []
    shutil.copyfile(trained("gan") / "discriminator.keras", tmp_path / "run" / "generator.keras")
    (tmp_path / "run" / "checkpoint.keras").unlink()
    first, second = killed.compare(trained("gan"), tmp_path / "run")
    assert first == "checkpoint.keras is missing" and second.startswith("generator.keras differs")


def test_a_fine_tuning_needs_its_parent():
    assert kills.with_parents(["gan", "finetune"]) == ["robgan", "gan", "finetune"]
    assert kills.parse([]).games == list(kills.GAME)


@pytest.mark.slow
def test_forty_kills_change_nothing(tmp_path):
    answer = run_apart(("-m", "benchmarks.kills"), "--seed", 1, folder=tmp_path, timeout=3600)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "of 40 killed runs 40 ended as if not killed" in answer.stdout
