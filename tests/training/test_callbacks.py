"""The keeper, the statistics and the graph."""

import os
import signal
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.fakes import FakeGame, healthy
from training import callbacks
from training.accessories import Accessories
from training.run_folder import Run


class Recorder(Run):
    """A run that counts how often it is saved."""

    saves = 0

    def save(self, game):
        self.saves += 1


def test_the_keeper_stops_at_a_loss_that_is_no_number_and_saves_nothing_over_the_good(tmp_path):
    run = Recorder(tmp_path)
    with callbacks.Keeper(run) as keeper:
        keeper.set_model(FakeGame(healthy))
        keeper.on_train_batch_end(0, {"loss": 1.0})
        assert not keeper.model.stop_training
        keeper.on_epoch_end(0)
        keeper.on_train_batch_end(1, {"loss": float("nan")})
        keeper.on_epoch_end(1)
    assert keeper.model.stop_training
    assert (keeper.stopped_by, run.saves) == ("not finite", 1)


def test_the_keeper_saves_no_weights_that_are_no_numbers(tmp_path):
    run = Recorder(tmp_path)
    with callbacks.Keeper(run) as keeper:
        keeper.set_model(FakeGame(healthy))
        keeper.model.weights.append(np.array([1.0, np.inf]))
        keeper.on_train_batch_end(0, {"loss": 1.0})
        keeper.on_epoch_end(0)
    assert (keeper.stopped_by, keeper.model.stop_training, run.saves) == ("not finite", True, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_keeper_stops_in_good_order_and_gives_the_signals_back(tmp_path, number, request):
    first = signal.signal(number, lambda *_: None)  # under nohup a hang-up would be ignored
    request.addfinalizer(lambda: signal.signal(number, first))
    before = signal.getsignal(number)
    run = Recorder(tmp_path)
    with callbacks.Keeper(run) as keeper:
        keeper.set_model(FakeGame(healthy))
        os.kill(os.getpid(), number)
        keeper.on_train_batch_end(0, {"loss": 1.0})
        keeper.on_epoch_end(0)
        keeper.on_train_end()
        assert signal.getsignal(number) is before  # a second one is not caught
    assert (keeper.stopped_by, keeper.model.stop_training, run.saves) == (
        signal.Signals(number).name,
        True,
        1,
    )
    assert signal.getsignal(number) is before


def test_the_keeper_ends_by_the_clock(tmp_path):
    with callbacks.Keeper(Recorder(tmp_path), minutes=0.0) as keeper:
        keeper.set_model(FakeGame(healthy))
        keeper.on_train_batch_end(0, {"loss": 1.0})
    assert keeper.stopped_by == "clock"


def test_progress_writes_a_row_and_a_line_but_no_row_of_nan(tmp_path):
    lines = []
    left = callbacks.Forecast(4, 6000, None, lines.append).left
    progress = callbacks.Progress(Run(tmp_path), 4, left, lines.append, Accessories(lines.append))
    progress.set_model(FakeGame(healthy))
    for loss in (0.25, float("nan")):
        progress.on_epoch_begin(0)
        logs = {"generator_loss": loss}
        progress.on_train_batch_end(0, logs)
        assert logs["images/s"] > 0
        progress.on_epoch_end(0, logs)
    rows = Run(tmp_path).read_stats()
    assert [(row["epoch"], row["step"], row["generator_loss"]) for row in rows] == [(1, 5000, 0.25)]
    assert "generator_loss 0.250" in lines[0]
    assert "min left" in lines[0]


def test_the_forecast_waits_for_the_slow_first_steps_and_speaks_once(monkeypatch):
    now, lines = [100.0], []
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])
    forecast = callbacks.Forecast(10, 1000, None, lines.append)
    forecast.set_model(SimpleNamespace(step=0))
    for _ in range(100):
        forecast.model.step += 1
        now[0] += 50.0 if forecast.model.step == 1 else 0.5  # ten images in half a second
        forecast.on_train_batch_end(0)
    # 32 steps and five seconds after the first one; 967 steps are left, half a second each
    assert lines == ["step 33: 20 images/s, 8.1 min left"]


def test_the_keeper_saves_after_a_minute_and_then_every_two(tmp_path):
    run, now = Recorder(tmp_path), [1000.0]
    with callbacks.Keeper(run, clock=lambda: now[0]) as keeper:
        keeper.set_model(FakeGame(healthy))
        saved_at = []
        for second in range(0, 400, 10):
            now[0] = 1000.0 + second
            before = run.saves
            keeper.on_train_batch_end(0, {"loss": 1.0})
            saved_at += [second] * (run.saves - before)
        assert saved_at == [60, 180, 300]
        keeper.on_epoch_end(0)
        assert run.saves == 4
        now[0] += 119
        keeper.on_train_batch_end(0, {"loss": 1.0})
        assert run.saves == 4


def test_the_keeper_saves_no_ruined_weights_by_the_clock(tmp_path):
    run, now = Recorder(tmp_path), [0.0]
    with callbacks.Keeper(run, clock=lambda: now[0]) as keeper:
        keeper.set_model(FakeGame(healthy))
        keeper.model.weights.append(np.array([np.nan]))
        now[0] = 100.0
        keeper.on_train_batch_end(0, {"loss": 1.0})
        assert (keeper.stopped_by, run.saves) == ("not finite", 0)
        keeper.on_train_batch_end(1, {"loss": 1.0})
    assert keeper.model.stop_training


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_nohup_is_respected(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with callbacks.Keeper(Recorder(tmp_path)) as keeper:
            os.kill(os.getpid(), signal.SIGHUP)
        assert keeper.stopped_by is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("stopped_by", "status"),
    [(None, 0), ("clock", 0), ("SIGHUP", 129), ("SIGINT", 130), ("SIGPIPE", 141), ("SIGTERM", 143)],
)
def test_the_status_is_what_shells_expect(stopped_by, status):
    assert callbacks.status_of(stopped_by) == status


@pytest.mark.parametrize("at_once", [1, 2])
def test_the_graph_is_written_of_a_step_that_is_traced_once(tmp_path, at_once):
    traced = []

    class Counting(keras.Model):
        def __init__(self):
            super().__init__()
            self.turns = self.add_weight(dtype="int32", initializer="zeros")
            self.built = True

        @property
        def step(self):
            return int(self.turns)

        def train_step(self, data):
            traced.append(self)
            with tf.name_scope("somebodys_turn"):
                self.turns.assign_add(1)
            return {"turns": tf.cast(self.turns.value, tf.float32)}

    run, game = Run(tmp_path), Counting()
    game.compile(optimizer=None, jit_compile=False, steps_per_execution=at_once)
    for _ in range(2):  # the second time the game goes on
        game.fit(np.zeros((4, 1)), batch_size=1, verbose=0, callbacks=[callbacks.GraphWriter(run)])
    assert (game.step, traced) == (8, [game])
    (file,) = run.tensorboard.rglob("events.out.tfevents.*")
    assert b"somebodys_turn" in file.read_bytes()
    assert game.train_step.__func__ is Counting.train_step
