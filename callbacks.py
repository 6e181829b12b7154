"""What happens beside a training: pictures, statistics, checkpoints, and the watches."""

import math
import signal
import time
from collections.abc import Set

import keras
import numpy as np
import tensorflow as tf
from sklearn.neighbors import KNeighborsClassifier

import data
import pictures

FILM_FRAMES = 80  # at most, so that the film stays a few MB
GRID_ROWS = 8
HELPS = {  # what usually helps, by game
    "robgan": "--recipe stable, --r1_gamma 1, a lower --generator_learning_rate",
    "attacked": "--r1_gamma 1, a lower --discriminator_learning_rate",
    "gan": "--r1_gamma 1, --translation 2, --loss relativistic, a lower --generator_learning_rate",
}
HELPS["trio"] = HELPS["gan"]


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
        sheet = pictures.grid(data.denormalize(images), self.columns)
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


class CollapseWatch(keras.callbacks.Callback):
    """Says in one line when a game goes wrong and what usually helps.

    A sign that two looks in a row have shown is told, once.

    It compares the average generator's images with held-out real ones: the share of each class as
    judged by the nearest real image, whether that is the class asked for, how widely images of a
    class spread, and the discriminator's balance. It only looks; nothing learns from it.

    Args:
        images: uint8 (n, h, w, c), held-out real images.
        labels: int32 (n,).
        game: str, the name of the game, by which help is offered.
        conditional: bool, whether the generator is told a class; else images spread as a whole.
        named: bool, whether an image should show the very class that was asked for.
        announce: callable for one line of text.
        samples: int, images of a look; fewer for a game that takes long to draw one.
        after: int, steps that an untrained game is given before the first look.
        seed: int.
    Attributes:
        seen: list of str, the names of the signs that were seen.
    """

    SMALLEST_SHARE = 0.2  # of the share that real images have
    SMALLEST_AGREEMENT = 0.5  # of the agreement with their labels that real images have
    SMALLEST_DIVERSITY = 0.4  # of the diversity that real images have
    CERTAIN = 0.97  # D(x) above it and D(G(z)) below 1 - it: the discriminator has won

    def __init__(
        self,
        images,
        labels,
        *,
        game,
        conditional,
        announce,
        named=False,
        samples=500,
        after=1000,
        seed=0,
    ):
        super().__init__()
        self.named, self.helps = named, f"what usually helps: {HELPS[game]}"
        self.announce, self.samples, self.after, self.seed = announce, samples, after, seed
        self.seen: list[str] = []
        self.suspected: Set[str] = set()
        pixels = _flatten(images)
        half = len(pixels) // 2
        self.judge = KNeighborsClassifier(n_neighbors=1).fit(pixels[:half], labels[:half])
        real, real_labels = pixels[half:][:samples], labels[half:][:samples]
        self.classes = np.unique(labels)
        judged = self.judge.predict(real)
        self.real_shares = self._shares(judged)
        self.real_agreement = np.mean(judged == real_labels)
        groups = real_labels if conditional else np.zeros(len(real))
        self.real_diversity = _diversity(real, groups)

    def on_epoch_end(self, epoch, logs=None):
        if self.model.step < self.after:
            return
        images, labels = self.model.sample(self.samples, self.seed)
        signs = dict(self.look(data.denormalize(images), labels, logs or {}))
        for sign in signs.keys() & self.suspected - set(self.seen):
            self.seen.append(sign)
            self.announce(f"warning: {signs[sign]}")
        self.suspected = signs.keys()

    def look(self, images, labels, logs):
        """Yields (name, text) of each sign of collapse.

        Args:
            images: uint8 (n, h, w, c), generated.
            labels: int (n,), the classes asked for.
            logs: dict, with "D(x)" and "D(G(z))" where they are known.
        """
        pixels = _flatten(images)
        judged = self.judge.predict(pixels)
        shares = self._shares(judged)
        missing = [
            str(name)
            for name, share, real in zip(self.classes, shares, self.real_shares, strict=True)
            if share < self.SMALLEST_SHARE * real
        ]
        if missing:
            yield (
                "classes",
                f"few images look like class {', '.join(missing)} (mode collapse); {self.helps}",
            )
        agreement = np.mean(judged == labels)
        if self.named and agreement < self.SMALLEST_AGREEMENT * self.real_agreement:
            yield (
                "labels",
                f"only {agreement:.0%} of the images look like the class asked for; {self.helps}",
            )
        diversity = _diversity(pixels, labels)
        if diversity < self.SMALLEST_DIVERSITY * self.real_diversity:
            share = diversity / self.real_diversity
            yield (
                "diversity",
                f"images of a class vary {share:.0%} as much as real ones (collapse); {self.helps}",
            )
        real_score, fake_score = logs.get("D(x)", 0.5), logs.get("D(G(z))", 0.5)
        if real_score > self.CERTAIN and fake_score < 1 - self.CERTAIN:
            yield (
                "balance",
                (
                    f"the discriminator is sure of everything, D(x) {real_score:.2f}, D(G(z))"
                    f" {fake_score:.2f}; {self.helps}, a lower --discriminator_learning_rate"
                ),
            )

    def _shares(self, judged):
        return np.array([(judged == name).mean() for name in self.classes])


def _flatten(images):
    return images.reshape(len(images), -1).astype(np.float32) / 255.0


def _diversity(pixels, labels):
    """Mean over classes of the root mean squared distance of an image from its class's mean."""
    spreads = [pixels[labels == name].var(axis=0).sum() for name in np.unique(labels)]
    return float(np.sqrt(spreads).mean())
