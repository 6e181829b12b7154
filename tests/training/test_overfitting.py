"""The watch that tells when a classifier withstands single steps alone."""

import pytest

from tests.support.runs import train
from training import overfitting


@pytest.mark.parametrize(
    ("epochs", "told"),
    [
        ([(0.41, 0.36), (0.45, 0.38)], 0),  # healthy
        ([(0.12, 0.10), (0.10, 0.10)], 0),  # has learned nothing yet
        ([(0.45, 0.38), (0.83, 0.02), (0.95, 0.0)], 1),  # breaks, and is told of once
        ([(0.9, None)], 0),  # a run without held-out images
    ],
)
def test_the_watch_tells_of_a_break_once_and_only_of_a_break(epochs, told):
    lines = []
    watch = overfitting.OverfittingWatch(steps=7, announce=lines.append)
    for epoch, (single, many) in enumerate(epochs):
        shown = {} if many is None else {"val_robust_accuracy": many}
        watch.on_epoch_end(epoch, {"attacked_accuracy": single, **shown})
    assert len(lines) == told
    assert all("83% of the images" in line and "2% an attack of 7" in line for line in lines)


@pytest.mark.parametrize(("loss", "watched"), [("fast", True), ("madry", False)])
def test_only_games_of_single_steps_are_watched(tmp_path, digits, monkeypatch, loss, watched):
    monkeypatch.setattr(overfitting.OverfittingWatch, "SMALLEST_SHARE", 100.0)  # all are breaks
    lines = []
    train(tmp_path, digits, "robust", steps=3, announce=lines.append, loss=loss, epsilon=0.001)
    assert any("catastrophic overfitting" in line for line in lines) == watched
