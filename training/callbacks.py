"""What a training writes while it goes on: checkpoints, statistics, its graph."""

import math
import signal
import time

import keras
import numpy as np
import tensorflow as tf

FORETOLD_AFTER, FORETOLD_AT_LAST = 5.0, 60.0  # seconds
FORETOLD_FROM = 32  # steps: the first ones are slow, and not all rounds take equally long
FIRST_CHECKPOINT, CHECKPOINT_EVERY = 60.0, 120.0  # seconds
SOONEST_CHECKPOINT = 20.0  # seconds after another, at the end of an epoch
CAUGHT = ("SIGINT", "SIGTERM", "SIGHUP")


class Keeper(keras.callbacks.Callback):
    """Saves the run by the clock, after epochs and at the end, and stops it in good order.

    Epochs may take less than a second, on points for instance: one that ends soon after a
    checkpoint is not saved, unless it is the last.

    It stops when time is up, at Ctrl-C, SIGTERM or SIGHUP (a second one is not caught), when nobody
    reads the output any more, and at a loss that is not a number; in that case it does not replace
    the last good checkpoint. It is the first of the callbacks, so what was learned is safe if a
    later one fails.

    Of several workers only the chief writes, by its own clock: it waits for no other worker, so the
    others need not know when. But all workers must agree on the end of the run.

    Args:
        run: run_folder.Run.
        minutes: float, or None for no limit.
        agree: callable, why this process would stop -> why all that play together stop.
        clock: callable without arguments -> float, seconds.
        is_deserted: callable without arguments -> bool, whether nobody reads the output any more.
    """

    def __init__(
        self,
        run,
        minutes=None,
        agree=lambda reason: reason,
        *,
        clock=time.monotonic,
        is_deserted=lambda: False,
    ):
        super().__init__()
        self.run, self.agree, self.clock, self.is_deserted = run, agree, clock, is_deserted
        self.deadline = None if minutes is None else clock() + 60 * minutes
        self.due = clock() + FIRST_CHECKPOINT
        self.saved = -math.inf, None  # when, and at which step
        self.reason = None

    @property
    def stopped_by(self):
        """None, "clock", "not finite" or a signal's name; all workers must ask together."""
        return self.agree(self.reason)

    def __enter__(self):
        caught = [getattr(signal, name) for name in CAUGHT if hasattr(signal, name)]
        if signal.getsignal(caught[-1]) is signal.SIG_IGN:
            caught.pop()  # as nohup wants it
        self.handlers = {number: signal.signal(number, self._ask) for number in caught}
        return self

    def __exit__(self, *exception):
        self._restore()

    def _ask(self, number, frame):
        self.reason = signal.Signals(number).name
        self._restore()

    def _restore(self):
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def check_reader(self):
        """Asks for the end of the run if nobody reads its output any more."""
        if self.is_deserted():
            self.reason = self.reason or "SIGPIPE"

    def on_train_batch_end(self, batch, logs=None):
        self.check_reader()
        if not all(math.isfinite(value) for value in (logs or {}).values()):
            self.reason = "not finite"
        elif self.deadline is not None and self.clock() > self.deadline:
            self.reason = self.reason or "clock"
        stopped_by = self.stopped_by
        if stopped_by:
            self.model.stop_training = True  # Keras still validates before the epoch ends; save now
        # The last step of an epoch is saved at the end of the epoch.
        by_the_clock = self.clock() >= self.due and not ends_epoch(self, batch)
        if stopped_by != "not finite" and (stopped_by or by_the_clock):
            self._save()

    def on_epoch_end(self, epoch, logs=None):
        self._check_weights()
        if self.reason == "not finite":
            self.model.stop_training = True
        settled = self.clock() - self.saved[0] >= SOONEST_CHECKPOINT
        if self.stopped_by != "not finite" and settled:
            self._save()

    def on_train_end(self, logs=None):
        if self.stopped_by != "not finite" and self.saved[1] != self.model.step:
            self._save()

    def _check_weights(self):
        # The step after a good loss can still have ruined the weights.
        if not all(np.isfinite(weights).all() for weights in self.model.get_weights()):
            self.reason = "not finite"

    def _save(self):
        self._check_weights()
        if self.reason != "not finite":  # else all agree to stop after the next step
            self.run.save(self.model)
            self.saved = self.clock(), self.model.step
        self.due = self.clock() + CHECKPOINT_EVERY


def ends_epoch(callback, batch):
    """Whether this batch of `fit`, counted from 0, is an epoch's last; False outside `fit`."""
    return batch + 1 == (callback.params or {}).get("steps")


def status_of(stopped_by):
    """The exit status that a shell expects after this end of a run: 128 + a signal's number.

    Args:
        stopped_by: as `Keeper.stopped_by`.
    Returns:
        int, 0 for None and "clock".
    """
    return 128 + signal.Signals[stopped_by] if is_signal(stopped_by) else 0


def is_signal(stopped_by):
    """Whether a run was ended from outside, not by its length or its losses."""
    return bool(stopped_by) and stopped_by.startswith("SIG")


class Forecast(keras.callbacks.Callback):
    """Says once, a while after the first step, which is slow, how long a training will take.

    Args:
        batch_size: int.
        total_steps: int, at which it ends.
        deadline: float of `time.monotonic()` at which it ends, or None.
        announce: callable for one line of text.
    """

    def __init__(self, batch_size, total_steps, deadline, announce):
        super().__init__()
        self.batch_size = batch_size
        self.total_steps = total_steps
        self.deadline = deadline
        self.announce = announce
        self.first_end, self.is_told = None, False

    def on_train_batch_end(self, batch, logs=None):
        now, step = time.monotonic(), self.model.step
        if self.first_end is None:
            self.first_end = now, step
        passed, played = now - self.first_end[0], step - self.first_end[1]
        is_early = passed < FORETOLD_AFTER or played < FORETOLD_FROM
        if self.is_told or (is_early and passed < FORETOLD_AT_LAST):
            return
        rate = played * self.batch_size / passed
        self.announce(f"step {step}: {rate:.0f} images/s, {self.left(step, rate):.1f} min left")
        self.is_told = True

    def on_epoch_end(self, epoch, logs=None):
        self.is_told = True  # the line of an epoch says it

    def left(self, step, rate):
        """Minutes until the training ends, at so many images a second."""
        if self.deadline:
            return max(0.0, self.deadline - time.monotonic()) / 60
        return (self.total_steps - step) * self.batch_size / rate / 60


class Progress(keras.callbacks.Callback):
    """Adds images per second to the bar, rows to stats.jsonl and lines to a quiet terminal.

    A row holds means over its `steps` steps: those of its epoch, or only those since the run was
    resumed within the epoch.

    Args:
        run: run_folder.Run.
        batch_size: int.
        left: callable (step, images a second) -> minutes until the training ends.
        announce: callable for one line of text per epoch.
        accessories: accessories.Accessories, so that a failure to write a row does not end the run.
    """

    def __init__(self, run, batch_size, left, announce, accessories):
        super().__init__()
        self.accessories = accessories
        self.run = run
        self.batch_size = batch_size
        self.left = left
        self.announce = announce

    def on_epoch_begin(self, epoch, logs=None):
        self.began, self.first_step = time.monotonic(), self.model.step

    def on_train_batch_end(self, batch, logs=None):
        played = (batch + 1) * self.batch_size  # a call may have played several batches
        self.rate = played / (time.monotonic() - self.began)
        logs["images/s"] = self.rate  # this dict is the one that Keras's bar shows

    def on_epoch_end(self, epoch, logs=None):
        step = self.model.step
        row = {"epoch": epoch + 1, "step": step, "steps": step - self.first_step}
        row.update({k: float(v) for k, v in logs.items()})
        row["images/s"] = round(self.rate, 1)
        if all(math.isfinite(value) for value in row.values()):
            with self.accessories.spare(self.run.stats_file.name):
                self.run.append_stats(row)
        shown = ", ".join(f"{k} {v:.3f}" for k, v in logs.items() if k != "images/s")
        self.announce(
            f"epoch {epoch + 1}, step {step}: {shown}, {self.rate:.0f} images/s,"
            f" {self.left(step, self.rate):.1f} min left"
        )


class GraphWriter(keras.callbacks.Callback):
    """Writes the graph of the compiled train step for TensorBoard, once, after a run's first step.

    Keras's own callback finds no graph in a game that is not a functional model. This one looks on
    while `fit` traces the step, so that nothing is traced twice; an eager game has no graph.

    Args:
        run: run_folder.Run.
    """

    def __init__(self, run):
        super().__init__()
        self.run = run
        self.graph = None

    def set_model(self, game):
        """Called by `fit` before it makes the function that it traces."""
        super().set_model(game)
        if game.step:
            return  # it goes on, and its graph is written
        step = game.train_step

        def seen(data):
            if not tf.executing_eagerly():
                self.graph = tf.compat.v1.get_default_graph()
            return step(data)

        game.train_step = seen

    def on_train_batch_end(self, batch, logs=None):
        if "train_step" in vars(self.model):
            del self.model.train_step  # and the method of the class shows again
        if self.graph is None:
            return
        with tf.summary.create_file_writer(str(self.run.tensorboard / "train")).as_default():
            tf.summary.graph(self.graph)
        self.graph = None
