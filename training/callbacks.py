"""What a training leaves behind while it goes on: checkpoints, statistics, pictures."""

import math
import signal
import time

import keras
import numpy as np
import tensorflow as tf

from images import datasets, pictures

FILM_FRAMES = 80  # at most, so that the film stays a few MB
GRID_ROWS = 8


class Keeper(keras.callbacks.Callback):
    """Saves the run at every epoch's end, and stops it in good order.

    It stops when the clock runs out, at Ctrl-C or SIGTERM (a second one is not caught), and at a
    loss that is not a number; then nothing is saved over the last good checkpoint.

    Args:
        run: runs.Run.
        minutes: float, or None for no clock.
        agree: callable, why this process would stop -> why all that play together do.
    """

    def __init__(self, run, minutes=None, agree=lambda reason: reason):
        super().__init__()
        self.run = run
        self.deadline = None if minutes is None else time.monotonic() + 60 * minutes
        self.agree = agree
        self.reason = None

    @property
    def stopped_by(self):
        """None, "clock", "signal" or "not finite"; to be asked by all that play together."""
        return self.agree(self.reason)

    def __enter__(self):
        self.handlers = {s: signal.signal(s, self._ask) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *exception):
        self._restore()

    def _ask(self, number, frame):
        self.reason = "signal"
        self._restore()

    def _restore(self):
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def on_train_batch_end(self, batch, logs=None):
        if not all(math.isfinite(value) for value in (logs or {}).values()):
            self.reason = "not finite"
        elif self.deadline and time.monotonic() > self.deadline:
            self.reason = self.reason or "clock"
        if self.stopped_by:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        # The step after a good loss can still have ruined the weights.
        if not all(np.isfinite(weights).all() for weights in self.model.get_weights()):
            self.reason, self.model.stop_training = "not finite", True
        if self.stopped_by != "not finite":
            self.run.save(self.model)


class Progress(keras.callbacks.Callback):
    """Adds images a second to the bar, a row to stats.jsonl and a line to a quiet terminal.

    Args:
        run: runs.Run.
        batch_size: int.
        total_steps: int, at which the training ends, for the time left.
        deadline: float of `time.monotonic()` at which it ends, or None.
        announce: callable for one line of text an epoch.
    """

    def __init__(self, run, batch_size, total_steps, deadline, announce):
        super().__init__()
        self.run = run
        self.batch_size = batch_size
        self.total_steps = total_steps
        self.deadline = deadline
        self.announce = announce

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        played = (batch + 1) * self.batch_size  # a call may have played several batches
        self.rate = played / (time.monotonic() - self.began)
        logs["images/s"] = self.rate  # this dict is the one that Keras's bar shows

    def on_epoch_end(self, epoch, logs=None):
        step = self.model.step
        row = {"epoch": epoch + 1, "step": step, **{k: float(v) for k, v in logs.items()}}
        row["images/s"] = round(self.rate, 1)
        if all(math.isfinite(value) for value in row.values()):
            self.run.append_stats(row)
        left = (self.total_steps - step) * self.batch_size / self.rate
        if self.deadline:
            left = max(0.0, self.deadline - time.monotonic())
        shown = ", ".join(f"{k} {v:.3f}" for k, v in logs.items() if k != "images/s")
        self.announce(
            f"epoch {epoch + 1}, step {step}: {shown}, {self.rate:.0f} images/s,"
            f" {left / 60:.1f} min left"
        )


class SampleGrid(keras.callbacks.Callback):
    """Draws the same latents at every epoch, a column a class; the frames become a film.

    Args:
        run: runs.Run, whose `samples` folder receives epoch-0001.png and so on.
        num_classes: int, columns of the grid.
        seed: int, of the latents.
    """

    def __init__(self, run, num_classes, seed):
        super().__init__()
        self.run = run
        self.columns = num_classes
        self.seed = seed

    def on_epoch_end(self, epoch, logs=None):
        count = GRID_ROWS * self.columns
        images, _ = self.model.sample(count, self.seed)
        sheet = pictures.grid(datasets.denormalize(images), self.columns)
        pictures.save_png(self.run.samples / f"epoch-{epoch + 1:04d}.png", sheet)
        with tf.summary.create_file_writer(str(self.run.tensorboard / "samples")).as_default():
            tf.summary.image("samples", sheet[None], step=epoch)

    def on_train_end(self, logs=None):
        """Writes training_process.gif from the frames of all epochs, resumed ones included."""
        files = sorted(self.run.samples.glob("epoch-*.png"))
        if not files:
            return
        chosen = np.unique(np.linspace(0, len(files) - 1, min(FILM_FRAMES, len(files))).astype(int))
        frames = [pictures.load_sheet(files[index]) for index in chosen]
        pictures.save_gif(self.run.film_file, frames, milliseconds=150, hold=2000)


class GraphWriter(keras.callbacks.Callback):
    """Writes the graph of the compiled train step for TensorBoard, once, after a run's first step.

    Keras's own callback finds no graph in a game that is not a functional model.

    Args:
        run: runs.Run.
        image_shape: (h, w, c) of the game's images.
    """

    def __init__(self, run, image_shape):
        super().__init__()
        self.run = run
        self.image_shape = image_shape

    def on_train_batch_end(self, batch, logs=None):
        if self.model.step != self.model.steps_per_execution:
            return  # not the first call
        images = tf.TensorSpec((None, *self.image_shape), tf.float32)
        labels = tf.TensorSpec((None,), tf.int32)
        step = tf.function(self.model.train_step).get_concrete_function((images, labels))
        with tf.summary.create_file_writer(str(self.run.tensorboard / "train")).as_default():
            tf.summary.graph(step.graph)
