"""A tiny game to the end, its folder, and a run that stopped and went on."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from crypto import game as played
from crypto.audit.exact import exact_audit
from crypto.ciphers import all_words, learned_cipher
from crypto.game import repeat
from models import build_game
from tests.support.ciphers import from_preset, last_audit, load_cipher
from training import attempts
from training.finding import find
from training.run_folder import Run, RunError

TINY = {"message_bits": 4, "key_bits": 4, "batch_size": 64, "audit_every": 100}


def quiet(line):
    pass


@pytest.fixture
def no_xla(monkeypatch):
    monkeypatch.setattr(played, "XLA", False)


@pytest.fixture
def undrawn(monkeypatch):
    """No picture is made of a training: `test_cli.py` sees that there is one."""
    monkeypatch.setattr(attempts, "plot_training", lambda *arguments: None)


def weights(game):
    return [weight.tobytes() for weight in game.get_weights()]


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """A run of four bits, and its game."""
    run = Run(tmp_path_factory.mktemp("secret"))
    config = from_preset("secret", message_bits=4, key_bits=4, attempts=3)
    game, stopped_by = attempts.train(run, config, resume=False, announce=quiet)
    assert stopped_by is None
    return run, game


def test_four_bits_become_an_exact_secret(secret):
    run, _ = secret
    assert attempts.good(last_audit(run))
    exact = exact_audit(load_cipher(run), exhaustive=True, keys_tried=16)
    assert exact["exhaustive"]
    assert exact["leak_at_most"] <= 0.01
    assert exact["bob_bits_wrong"] <= 0.01
    assert exact["invertible_keys"] >= 0.99


def test_the_fast_count_is_the_plain_one(secret):
    cipher = load_cipher(secret[0])
    slow = dataclasses.replace(cipher, prepare=None)
    assert exact_audit(slow, exhaustive=True) == exact_audit(cipher, exhaustive=True)


@pytest.mark.parametrize("silent", [False, True])
def test_the_fast_count_of_opposite_keys_is_the_plain_one(silent):
    game = build_game(from_preset("secret", **TINY), None)
    if silent:  # values of exactly 0, of which the opposite is no other bit
        values = game.alice.get_layer("values")
        values.kernel.assign(np.array([1, 0, 0, 1], np.float32) * values.kernel)
    cipher = learned_cipher(game.alice, game.bob, binary=True)
    slow = dataclasses.replace(cipher, prepare=None)
    for keys in (all_words(4), all_words(4)[::-1], all_words(4)[:6]):
        for plaintext in all_words(4):
            codes, wrong = cipher.under(keys)(plaintext)
            expected, wrong_expected = slow.under(keys)(plaintext)
            np.testing.assert_array_equal(codes, expected)
            assert wrong == pytest.approx(wrong_expected, abs=1e-6)


def test_the_folder_of_a_run(secret):
    run, game = secret
    assert run.read_config().message_bits == 4
    rows = run.read_stats()
    assert [row["step"] for row in rows] == list(range(500, game.step + 1, 500))
    assert rows[-1]["leak_at_most"] <= attempts.TARGET_LEAK
    assert 0 <= rows[-1]["bob_bits_wrong"] <= 4
    assert list(run.tensorboard.rglob("events.out.tfevents.*"))
    run.clear()
    assert not run.exists and not run.has_agents
    assert not list(run.path.glob("*.keras"))  # Eve, too


@pytest.mark.slow  # quick: what XLA plays becomes an exact secret
def test_xla_plays_the_same_rounds():
    straight, compiled = (build_game(from_preset("secret", **TINY), None) for _ in range(2))
    repeat(straight.train_step, 2)
    compiled.play(2)
    assert compiled.step == 2
    apart = [
        np.abs(one - other).mean()
        for one, other in zip(straight.get_weights(), compiled.get_weights(), strict=True)
    ]
    # Adam's first step is as long for the smallest gradient, whose sign may be rounding.
    assert np.mean(apart) < 2e-4


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("preset", ["secret", pytest.param("release", marks=pytest.mark.slow)])
def test_going_on_equals_never_stopping(tmp_path, no_xla, preset, monkeypatch):
    """From the folder as it was after its first audit."""
    straight, stopped = Run(tmp_path / "straight"), Run(tmp_path / "stopped")
    config = from_preset(preset, **TINY, rounds=120, attempts=1)
    write = attempts.Auditor.write

    def write_and_copy(*arguments):
        write(*arguments)
        if not stopped.path.exists():
            shutil.copytree(straight.path, stopped.path)

    straight.path.mkdir()
    monkeypatch.setattr(attempts.Auditor, "write", write_and_copy)
    whole, _ = attempts.train(straight, config, resume=False, announce=quiet)
    assert stopped.load_game().step == 100
    ended, _ = attempts.train(stopped, config, resume=True, announce=quiet)
    assert ended.step == whole.step == 120
    assert weights(ended) == weights(whole)
    names = ("step", "attempt", "eve_bits_wrong", "leak_at_most")
    rows = [
        [[row[name] for name in names] for row in run.read_stats()] for run in (straight, stopped)
    ]
    assert rows[0] == rows[1]


class Killed(BaseException):
    """What stands for kill -9: nothing catches it."""


@pytest.mark.usefixtures("eager", "undrawn")
def test_an_attempt_that_leaks_is_followed_by_another_whatever_is_killed(tmp_path, monkeypatch):
    """Killed after a checkpoint, before its audit, a resumed training begins with the audit."""
    config = from_preset("secret", **TINY, rounds=2, attempts=2)
    said = []
    whole, run = Run(tmp_path / "whole"), Run(tmp_path / "killed")
    whole.path.mkdir()
    run.path.mkdir()
    game, _ = attempts.train(whole, config, resume=False, announce=said.append)
    assert (game.step, game.attempt_number) == (4, 2)
    assert not attempts.good(last_audit(whole))
    assert any("new weights" in line for line in said)
    assert [row["attempt"] for row in whole.read_stats()] == [1, 2]

    def kill(self, game):
        raise Killed

    for resume in (False, True):  # at the end of the first attempt, and again in its audit
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(attempts.Auditor, "look", kill)
            attempts.train(run, config, resume=resume, announce=quiet)
    (run.path / "alice.keras").unlink()
    ended, _ = attempts.train(run, config, resume=True, announce=quiet)
    assert weights(ended) == weights(game)
    assert [row["step"] for row in run.read_stats()] == [2, 4]
    for name in ("step", "attempt", "leak_at_most"):
        assert [row[name] for row in run.read_stats()] == [row[name] for row in whole.read_stats()]
    (run.path / "bob.keras").unlink()
    again, _ = attempts.train(run, config, resume=True, announce=quiet)  # nothing is left to play
    assert again.step == 4 and run.outdated(again) == []


@pytest.mark.usefixtures("eager", "undrawn")
def test_statistics_that_cannot_be_written_do_not_end_a_training(tmp_path, monkeypatch):
    def full(self, row):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "append_stats", full)
    said = []
    config = from_preset("secret", **TINY, rounds=2, attempts=1)
    game, _ = attempts.train(Run(tmp_path), config, resume=False, announce=said.append)
    assert game.step == 2
    assert sum("stats.jsonl failed" in line for line in said) == 1


def test_a_folder_of_another_game_is_refused(tmp_path):
    run = Run(tmp_path)
    run.config_file.write_text(json.dumps({"config": {"game": "trio"}}))
    (tmp_path / "alice.keras").write_bytes(b"")
    with pytest.raises(RunError, match="holds a run of the game trio, not crypto"):
        find("crypto", "auto", tmp_path)
    run.config_file.write_text(json.dumps({"config": {"game": "crypto", "wheels": 3}}))
    with pytest.raises(RunError, match="not a run of this program and version"):
        run.read_config()
