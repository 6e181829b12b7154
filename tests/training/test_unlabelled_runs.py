"""Whole trainings of the trio without labels."""

import dataclasses
import signal

import numpy as np
import pytest

from images.splits import Split
from tests.support.games import moved, state
from tests.support.runs import train
from training import callbacks, loop
from training.run_folder import Run


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """An opening of two turns."""
    monkeypatch.setattr(loop, "OPENING_STEPS", 2)


RULES = {"conditioning": "none", "classifier_warp": 0.3, "steps": 2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, digits):
    """Every number that a run ends with which never stops."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "OPENING_STEPS", 2)
        game, _ = train(tmp_path_factory.mktemp("whole"), digits, **RULES)
    return state(game)


def relabelled(dataset):
    """The data set with every label of a real image replaced by that of another."""

    def moved_on(split):
        return Split(split.images, np.roll(split.labels, 7))

    return dataclasses.replace(
        dataset, train=moved_on(dataset.train), validation=moved_on(dataset.validation)
    )


@pytest.mark.slow  # quick: the one below, and the same of the game in `test_unlabelled.py`
def test_a_run_uses_no_label_and_goes_on_as_if_it_had_never_stopped(whole, tmp_path, digits):
    train(tmp_path / "halves", relabelled(digits), **{**RULES, "steps": 1})
    halves, _ = train(tmp_path / "halves", relabelled(digits), resume=True, **RULES)
    assert moved(whole, state(halves)) == set()


def test_ctrl_c_in_the_opening_loses_nothing_but_the_opening(whole, tmp_path, digits, monkeypatch):
    """The run that is stopped and goes on has other labels, which it does not use."""
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Forecast, "on_train_batch_end", interrupt)
        stopped, reason = train(tmp_path / "stopped", relabelled(digits), **RULES)
    assert (stopped.step, reason) == (0, "SIGINT")
    resumed, _ = train(tmp_path / "stopped", relabelled(digits), resume=True, **RULES)
    assert moved(whole, state(resumed)) == set()


def test_an_opening_whose_output_nobody_reads_ends_saved(tmp_path, digits):
    def broken(line):
        raise BrokenPipeError

    stopped, reason = train(tmp_path, digits, announce=broken, **RULES)
    assert (stopped.step, reason) == (0, "SIGPIPE")
    assert Run(tmp_path).load_game().step == 0


def interrupt(self, batch, logs=None):
    """Stands in for a forecast: Ctrl-C at the first step."""
    if batch == 0:
        signal.raise_signal(signal.SIGINT)
