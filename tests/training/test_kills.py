"""Kills, closed pipes and full disks: what a training keeps, and that it goes on exactly."""

import errno
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from games import GAMES, base
from images import pictures
from tests.support.program import ROOT
from tests.support.runs import TINY, InsteadOfGraph, eagerly, without_curves
from training import callbacks, loop
from training.run_folder import Run


class Killed(BaseException):
    """What stands for kill -9: nothing catches it, nothing is written after it."""


class KilledAt(InsteadOfGraph):
    """Kills the training behind the keeper's back."""

    step = 0

    def on_train_batch_end(self, batch, logs=None):
        if self.model.step == self.step:
            raise Killed


def ticking(seconds):
    """A clock that is later by so many seconds whenever it is looked at."""
    times = iter(range(0, 10**9, seconds))
    return lambda: next(times)


def train(path, dataset, *, steps, game="gan", batch=16, resume=False, announce=print, **how):
    path.mkdir(parents=True, exist_ok=True)
    given = {"batch_size": batch, **TINY[game], "steps": steps}
    chosen = GAMES[game].from_preset("quick", "small", dataset="digits", **given)
    with eagerly():
        return loop.train(
            Run(path), chosen, dataset, resume=resume, show_bar=False, announce=announce, **how
        )


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Epochs of one pass over the digits."""
    monkeypatch.setattr(base, "SMALLEST_EPOCH", 2)


@pytest.fixture
def undrawn():
    """No run's losses are drawn."""
    with without_curves():
        yield


@pytest.mark.usefixtures("undrawn")
def test_killed_again_and_again_a_run_ends_as_if_nothing_had_happened(
    tmp_path, digits, monkeypatch
):
    """All of it within the first epoch; a checkpoint every few steps, by a clock of the test's."""
    whole, _ = train(tmp_path / "whole", digits, steps=9)
    monkeypatch.setattr(loop, "GraphWriter", KilledAt)
    run, resume = Run(tmp_path / "killed"), False
    first, second = np.sort(np.random.default_rng(0).choice(np.arange(4, 8), 2, replace=False))
    for KilledAt.step in (int(first), int(second)):
        with pytest.raises(Killed):
            train(run.path, digits, steps=9, resume=resume, clock=ticking(30))
        resume = True
        assert 0 < run.load_game().step < 9
        assert run.outdated(run.load_game()) == []
    KilledAt.step = 0
    ended, _ = train(run.path, digits, steps=9, resume=True, clock=ticking(30))
    assert ended.step == whole.step == 9
    for one, other in zip(whole.get_weights(), ended.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    (row,) = run.read_stats()
    assert (row["epoch"], row["step"]) == (1, 9)
    assert 0 < row["steps"] < 9  # its means are over the steps since the last resume


def test_a_resume_that_plays_nothing_writes_what_a_kill_has_left_out(tmp_path, digits, monkeypatch):
    monkeypatch.setattr(loop, "CRITIC_STEPS", 3)
    train(tmp_path, digits, steps=2, game="trio")
    run, lines = Run(tmp_path), []
    taught = run.load_agent("discriminator").get_weights()
    assert run.agent_stamp("discriminator")["critic"]
    before = {file: file.stat().st_mtime_ns for file in run.agent_files if file.exists()}
    train(tmp_path, digits, steps=2, game="trio", resume=True, announce=lines.append)
    assert lines == []  # nothing is left to do
    assert before == {file: file.stat().st_mtime_ns for file in before}
    run.save_agent("generator", run.load_agent("generator"), 1)
    run.save_agent("discriminator", run.load_game().discriminator, 2)  # the critic was killed
    for file in (run.path / "classifier.keras", run.film_file, run.losses_file):
        file.unlink()
    (run.samples / "epoch-0001.png").unlink()
    train(tmp_path, digits, steps=2, game="trio", resume=True, announce=lines.append)
    assert len(lines) == 1 and "learns on alone, 2 steps" in lines[0]  # as many as the game
    assert run.outdated(run.load_game()) == []
    assert run.film_file.exists() and run.losses_file.exists()
    for one, other in zip(taught, run.load_agent("discriminator").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def full(*arguments, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_accessories_that_fail_are_named_once_and_the_training_goes_on(
    tmp_path, digits, monkeypatch
):
    monkeypatch.setattr(Run, "append_stats", full)
    monkeypatch.setattr(pictures, "save_png", full)
    monkeypatch.setattr(keras.callbacks.TensorBoard, "set_model", full)
    monkeypatch.setattr("evaluation.plots.plot_losses", full)
    lines = []
    _, stopped_by = train(tmp_path, digits, steps=5, batch=400, announce=lines.append)  # two epochs
    assert stopped_by is None
    assert Run(tmp_path).load_game().step == 5
    warnings = [line for line in lines if line.startswith("warning: ")]
    for name in ("stats.jsonl", "the sample pictures", "TensorBoard", "losses.png"):
        (line,) = (line for line in warnings if line.startswith(f"warning: {name} "))
        assert "No space" in line
    assert len(warnings) == 4
    assert sum(line.startswith("epoch ") for line in lines) == 2


@pytest.mark.usefixtures("undrawn")
def test_output_that_breaks_ends_the_run_saved_and_a_full_log_does_not(
    tmp_path, digits, capfd, monkeypatch
):
    monkeypatch.setattr(callbacks.Progress, "on_train_batch_end", speak)

    def broken(line):
        raise BrokenPipeError

    game, stopped_by = train(tmp_path / "pipe", digits, steps=4, announce=broken)
    assert (stopped_by, callbacks.status_of(stopped_by)) == ("SIGPIPE", 141)
    assert Run(tmp_path / "pipe").load_game().step == game.step == 1  # the first line broke it
    assert capfd.readouterr().err.count("nobody reads the output any more") == 1
    game, stopped_by = train(tmp_path / "log", digits, steps=4, announce=full)
    assert (stopped_by, game.step) == (None, 4)
    assert capfd.readouterr().err.count("No space left on device") == 1


def speak(self, batch, logs=None):
    """Stands in for the counting of images a second, and says a line at once."""
    self.rate = 1.0
    self.announce("a line")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_kill_9_costs_no_more_than_what_came_after_the_last_checkpoint(tmp_path, seed):
    words = [sys.executable, str(ROOT / "dcgan.py"), "--mode", "train", "--game", "gan"]
    words += ["--dataset", "digits", "--generator_width", "4", "--discriminator_width", "4"]
    words += ["--batch_size", "16", "--steps", "600", "--path"]
    quiet = {"cwd": tmp_path, "stdout": subprocess.DEVNULL}
    process = subprocess.Popen([*words, "killed"], **quiet)
    run = Run(tmp_path / "killed")
    while not run.has_checkpoint and process.poll() is None:
        time.sleep(0.01)
    time.sleep(np.random.default_rng(seed).uniform(0, 3))
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    subprocess.run([*words, "killed", "--resume"], check=True, **quiet)
    subprocess.run([*words, "whole"], check=True, **quiet)
    one, other = (Run(tmp_path / name).load_game() for name in ("killed", "whole"))
    for left, right in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert run.outdated(one) == []
