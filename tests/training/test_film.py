"""The sample pictures and the film of them."""

import os

import pytest
from PIL import Image

from tests.support.fakes import FakeGame, healthy, one_class_only, one_image_a_class
from training.film import SampleGrid
from training.run_folder import Run


def test_the_film_begins_with_the_first_steps_and_has_a_frame_an_epoch(tmp_path):
    run = Run(tmp_path)
    grid = SampleGrid(run, columns=10, seed=0)
    grid.on_train_end()
    assert not run.film_file.exists()
    grid.set_model(FakeGame(healthy, step=0))
    grid.on_epoch_begin(0)
    grid.model.step = 25
    grid.on_train_batch_end(24)
    for epoch, imagine in enumerate((one_image_a_class, one_class_only, healthy)):
        grid.set_model(FakeGame(imagine))
        grid.on_epoch_end(epoch)
    grid.on_train_end()
    with Image.open(run.film_file) as film:
        assert film.n_frames == 4
    frames = ["step-000025.png", *(f"epoch-{n:04d}.png" for n in (1, 2, 3))]
    assert [path.name for path in run.frames()] == frames
    assert list(run.tensorboard.rglob("events.out.tfevents.*"))


def test_an_unreadable_picture_is_left_out_of_the_film_and_named(tmp_path):
    run = Run(tmp_path)
    grid = SampleGrid(run, columns=10, seed=0)
    for epoch, imagine in enumerate((one_image_a_class, healthy, one_class_only)):
        grid.set_model(FakeGame(imagine))
        grid.on_epoch_end(epoch)
    (run.samples / "epoch-0002.png").write_bytes(b"\x89PNG cut off")
    os.mkfifo(run.samples / "epoch-0004.png")
    with pytest.raises(OSError, match="epoch-0002.png"):
        grid.on_train_end()
    with Image.open(run.film_file) as film:
        assert film.n_frames == 2


@pytest.mark.parametrize(
    ("began", "ended", "at_once", "drawn"),
    [
        (0, 400, 1, [25, 50, 100, 200]),  # the end of the epoch has its own picture
        (0, 390, 30, [30, 60, 120, 210]),
        (0, 19, 1, []),
        (130, 450, 1, [200, 400]),  # goes on within the first epoch
    ],
)
def test_the_first_epoch_has_pictures_of_its_first_steps(tmp_path, began, ended, at_once, drawn):
    run = Run(tmp_path)
    grid = SampleGrid(run, columns=10, seed=0)
    game = FakeGame(healthy, step=began)
    grid.set_model(game)
    for epoch in (0, 1):
        grid.set_params({"steps": ended - began})
        grid.on_epoch_begin(epoch)
        for step in range(began + at_once, ended + 1, at_once):
            game.step = step + epoch * ended
            grid.on_train_batch_end(step - began - 1)
        grid.on_epoch_end(epoch)
    names = [f"step-{step:06d}.png" for step in drawn] + ["epoch-0001.png", "epoch-0002.png"]
    assert [path.name for path in run.frames()] == names
