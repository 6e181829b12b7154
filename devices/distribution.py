"""The devices that play one game together: all of a machine, or those of several machines."""

import contextlib
import os
import re
import sys

import keras
import tensorflow as tf

from devices import cluster
from games import OptionError

# Why a run ends, the gravest reason first; those between the first and the last are signals.
REASONS = ("not finite", "SIGTERM", "SIGHUP", "SIGINT", "SIGPIPE", "clock")


def join(kind):
    """The devices that `--distribute` asks for; call it before TensorFlow is first used.

    From then on, workers other than the chief print nothing to standard output.

    Args:
        kind: one of `games.base.DISTRIBUTIONS`.
    Returns:
        Devices.
    Raises:
        OptionError: as `cluster.read`.
    """
    if kind == "none":
        return Devices()
    if kind == "mirrored":
        return Devices(mirrored())
    members = cluster.read()
    if len(members.addresses) == 1:
        return Devices(mirrored())
    if members.index:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    return Devices(strategy, workers=len(members.addresses), index=members.index)


def mirrored():
    """A strategy for all GPUs of this machine, or else all CPU devices; None if there is one."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else None


class Devices:
    """Devices that share each batch of a game and end the game with the same weights.

    Args:
        strategy: tf.distribute.Strategy, or None for the usual device.
        workers: int, processes that play together.
        index: int, which of them this one is.
    """

    def __init__(self, strategy=None, *, workers=1, index=0):
        self.strategy = strategy
        self.workers = workers
        self.is_chief = index == 0
        self.count = strategy.num_replicas_in_sync if strategy else 1
        # What a step raises when a worker is lost.
        self.losses = LOSSES if workers > 1 else ()

    def __str__(self):
        where = f" of {self.workers} workers" if self.workers > 1 else ""
        return f"{self.count} device{'s' * (self.count > 1)}{where}"

    def check(self, batch_size):
        """Refuses a batch that the devices cannot share evenly.

        Raises:
            OptionError: one line that names the nearest one that they can.
        """
        if batch_size % self.count:
            nearest = max(1, round(batch_size / self.count)) * self.count
            raise OptionError(
                f"--batch_size {batch_size}: is shared by {self}, so it must be a multiple of"
                f" {self.count}, such as {nearest}"
            )

    def build(self, make):
        """A game whose variables are on all devices.

        Args:
            make: callable without arguments -> compiled models.game.Game.
        """
        with self.strategy.scope() if self.strategy else contextlib.nullcontext():
            game = make()
        agents = [layer for layer in game.layers if isinstance(layer, keras.Model)]
        for layer in (layer for agent in agents for layer in agent.layers):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = self.count > 1  # uses the whole batch's mean and variance
        return game

    def feed(self, stream):
        """The data set for `fit`, which gives each device its own rows of every batch, in order.

        Args:
            stream: callable, share -> tf.data.Dataset. It must call `share` on its data set of
                whole batches; `share` cuts each batch into one part for each device and returns
                the data set of the parts for this process's devices, one after another.
        """
        if not self.strategy:
            return stream(lambda batches: batches)

        def of_worker(context):
            here = self.count // context.num_input_pipelines
            first = here * context.input_pipeline_id

            def parts(*batch):
                cut = [
                    tf.reshape(whole, (self.count, -1, *whole.shape[1:]))[first : first + here]
                    for whole in batch
                ]
                return tuple(cut) if len(cut) > 1 else cut[0]

            return stream(lambda batches: batches.map(parts).unbatch())

        return self.strategy.distribute_datasets_from_function(of_worker)

    def agree(self, reason):
        """Why the run ends, the same for all workers: the gravest reason that any of them has.

        All workers must call this at the same point, since each waits for the others.

        Args:
            reason: this worker's own, one of `REASONS`, or None.
        """
        if self.workers == 1:
            return reason
        votes = self.total(tf.constant([reason == each for each in REASONS], tf.float32))
        return next((each for each, count in zip(REASONS, votes, strict=True) if count), None)

    def total(self, tensor):
        """The sum of the workers' tensors, a NumPy array."""
        if self.workers == 1:
            return tensor.numpy()
        return self.strategy.reduce("SUM", tf.identity(tensor), axis=None).numpy()


LOSSES = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


def lost_worker(error):
    """Which worker an error of `Devices.losses` is about, in words."""
    named = re.search(r"task:(\d+)", str(error))
    return f"worker {named[1]}" if named else "a worker"
