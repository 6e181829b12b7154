"""Whole trainings of the games under attack: that they resume exactly, and what they write."""

import dataclasses

import numpy as np
import pytest

from games import GAMES
from models import build_game
from tests.support.games import moved, state
from tests.support.runs import TINY, CtrlC, train
from training import loop
from training.run_folder import Run, RunError

LEARNERS = {"robust": "classifier", "attacked": "discriminator"}
EVERY_GAME = pytest.mark.parametrize("game", ["robust", "attacked"])


@pytest.mark.parametrize(  # a loaded game of `robust` goes on in `test_robust_classifier.py`, too
    "game", [pytest.param("robust", marks=pytest.mark.slow), "attacked"]
)
def test_after_ctrl_c_a_run_goes_on_as_if_it_had_never_stopped(tmp_path, digits, game, monkeypatch):
    monkeypatch.setattr(CtrlC, "STEP", 2)
    whole, stopped_by = train(tmp_path / "whole", digits, game, steps=4)
    assert stopped_by is None
    monkeypatch.setattr(loop, "GraphWriter", CtrlC)
    halves, stopped_by = train(tmp_path / "halves", digits, game, steps=4)
    assert stopped_by == "SIGINT"
    assert 2 <= halves.step < 4
    assert Run(tmp_path / "halves").load_game().step == halves.step
    resumed, stopped_by = train(tmp_path / "halves", digits, game, steps=4, resume=True)
    assert stopped_by is None
    assert resumed.step == whole.step == 4
    assert moved(state(whole), state(resumed)) == set()
    for agent in whole.agents_to_save():
        kept = [Run(tmp_path / name).load_agent(agent) for name in ("whole", "halves")]
        for one, other in zip(*(agent.get_weights() for agent in kept), strict=True):
            np.testing.assert_array_equal(one, other)


@EVERY_GAME
def test_a_longer_run_goes_on_at_the_rate_of_its_new_length(digits, game):
    chosen = GAMES[game].from_preset(
        "quick", "small", dataset="digits", steps=8, batch_size=16, **TINY[game]
    )
    built = build_game(chosen, digits)
    optimizer = getattr(built, LEARNERS[game]).optimizer
    optimizer.iterations.assign(8)
    first = getattr(chosen, f"{LEARNERS[game]}_learning_rate")
    assert float(optimizer.learning_rate) == pytest.approx(first / 100, rel=1e-4)
    built.go_on(dataclasses.replace(chosen, steps=16))
    assert float(optimizer.learning_rate) == pytest.approx(first * (0.01 + 0.99 / 2), rel=1e-4)
    assert built.step == 8


@EVERY_GAME
def test_a_run_folder_holds_all_that_a_user_wants(tmp_path, digits, game):
    lines = []
    dataset = dataclasses.replace(digits, test=None)  # nothing looks at the test split
    train(tmp_path, dataset, game, steps=3, announce=lines.append, curves=True)
    names = {path.name for path in tmp_path.iterdir()}
    expected = {"config.json", "stats.jsonl", "checkpoint.keras", "tensorboard", "losses.png"}
    of_game = {
        "robust": {"classifier.keras"},
        "attacked": {"discriminator.keras", "samples", "training_process.gif"},
    }
    assert names == expected | of_game[game]
    (row,) = Run(tmp_path).read_stats()
    assert row["step"] == 3
    figures = {
        "robust": {
            *("classifier_loss", "attacked_accuracy", "val_accuracy", "val_robust_accuracy"),
        },
        "attacked": {"discriminator_loss", "D(x)", "D(fake)", "auc", "attack_steps"},
    }
    assert set(row) == figures[game] | {"epoch", "step", "steps", "images/s"}
    assert all(np.isfinite(value) for value in row.values())
    assert [line.split(",")[0] for line in lines if "epoch" in line] == ["epoch 1"]


def test_the_pool_and_its_counters_are_kept_in_the_checkpoint(tmp_path, digits):
    game, _ = train(tmp_path, digits, "attacked", steps=3)
    loaded = Run(tmp_path).load_game()
    assert moved(state(game), state(loaded)) == set()
    assert loaded.pool.shape == (40, 8, 8, 1)


def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path, digits):
    train(tmp_path, digits, "attacked", steps=1)
    for content in (b"", b"PK cut off"):
        (tmp_path / "checkpoint.keras").write_bytes(content)
        with pytest.raises(RunError, match="checkpoint.keras") as caught:
            train(tmp_path, digits, "attacked", resume=True)
        assert "\n" not in str(caught.value)
        assert (tmp_path / "checkpoint.keras").read_bytes() == content
