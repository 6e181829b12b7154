"""Sample pictures while a game is played, and the film of them."""

import math

import keras
import numpy as np
import tensorflow as tf

from images import pictures
from images.views import Pictures
from training.callbacks import ends_epoch

FIRST_DRAWN = 25  # steps
FILM_FRAMES = 80  # at most, so that a film has only a few MB


class SampleGrid(keras.callbacks.Callback):
    """Draws the same latents after every epoch, as its view shows them, and makes a film of them.

    Within the first epoch, which may be long, it also draws after 25 steps, 50, 100 and so on:
    that is when a picture takes shape, or a game is lost.

    Args:
        run: run_folder.Run, whose folder `samples` gets step-000025.png and so on, and then
            epoch-0001.png and so on.
        columns: int, of a grid of images; the classes, if there are any.
        seed: int, of the latents.
        view: of images.views.
    """

    def __init__(self, run, columns, seed, view=Pictures()):  # noqa: B008  it is frozen
        super().__init__()
        self.run = run
        self.columns = columns
        self.seed = seed
        self.view = view

    def on_epoch_begin(self, epoch, logs=None):
        self.due = self._next_after(self.model.step) if epoch == 0 else math.inf

    def on_train_batch_end(self, batch, logs=None):
        if self.due == math.inf or ends_epoch(self, batch):
            return  # the end of an epoch has its own picture
        step = self.model.step
        if step >= self.due:
            self.due = self._next_after(step)
            pictures.save_png(self.run.samples / f"step-{step:06d}.png", self._sheet(self.model))

    def on_epoch_end(self, epoch, logs=None):
        self.draw(self.model, epoch)

    def draw(self, game, epoch):
        """Writes the picture of an epoch, counted from 0."""
        sheet = self._sheet(game)
        pictures.save_png(self._frame(epoch), sheet)
        with tf.summary.create_file_writer(str(self.run.tensorboard / "samples")).as_default():
            tf.summary.image("samples", sheet[None], step=epoch)

    def _sheet(self, game):
        images, _ = game.sample(self.view.per_class * self.columns, self.seed)
        return self.view.sheet(images, self.columns, getattr(game, "realness", None))

    @staticmethod
    def _next_after(step):
        due = FIRST_DRAWN
        while due <= step:
            due *= 2
        return due

    def _frame(self, epoch):
        return self.run.samples / f"epoch-{epoch + 1:04d}.png"

    def complete(self, game, epoch):
        """Writes the picture of the last epoch, counted from 0, and the film, if missing."""
        if not self._frame(epoch).exists():
            self.draw(game, epoch)
        film = self.run.film_file
        if not film.exists() or film.stat().st_mtime < self._frame(epoch).stat().st_mtime:
            self.on_train_end()

    def on_train_end(self, logs=None):
        """Writes training_process.gif from all frames, those of earlier trainings included.

        Raises:
            OSError: if a frame could not be read; the film lacks it.
        """
        files = [file for file in self.run.frames() if file.is_file()]
        if not files:
            return
        chosen = np.unique(np.linspace(0, len(files) - 1, min(FILM_FRAMES, len(files))).astype(int))
        frames, unreadable = [], []
        for file in (files[index] for index in chosen):
            try:
                frames.append(pictures.load_sheet(file))
            except Exception:  # Pillow has many errors for a damaged picture
                unreadable.append(file)
        if frames:
            pictures.save_gif(self.run.film_file, frames, milliseconds=150, hold=2000)
        if unreadable:
            raise OSError(f"{unreadable[0]} cannot be read, so the film lacks it; remove it")
