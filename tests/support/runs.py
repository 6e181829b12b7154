"""Whole trainings of tiny games, without the command line."""

import contextlib
import dataclasses
import functools
import signal

import keras
import pytest
import tensorflow as tf

from evaluation import reference
from games import GAMES
from tests.support import program
from training import loop
from training.run_folder import Run

SMALL = {"generator_width": 4, "discriminator_width": 4, "latent_dim": 8}
TINY = {
    "gan": SMALL,
    "trio": {**SMALL, "classifier_width": 4},
    "robust": {"classifier_width": 4, "attack_steps": 2, "ramp_steps": 30},
    "attacked": {"discriminator_width": 4, "pool_size": 40, "sampling_steps": 8},
}

# A judge of digits of half the width, who learns fast: a hundred steps are enough.
QUICK_JUDGE = dataclasses.replace(
    reference.GREY,
    width=16,
    rates=functools.partial(keras.optimizers.schedules.CosineDecay, 1e-2),
)


@contextlib.contextmanager
def eagerly():
    """Within it nothing is traced: to trace a game takes as long as to play some thirty rounds."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextlib.contextmanager
def without_curves():
    """Within it a training leaves no picture of its losses, which takes half a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluation.plots.plot_losses", lambda stats, path: None)
        yield


def train(
    path,
    dataset,
    game="trio",
    *,
    resume=False,
    announce=print,
    traced=False,
    curves=False,
    **options,
):
    """Trains a tiny game on digits in a folder.

    It is played eagerly unless it shall be traced, which a long one is worth, and its losses are
    drawn only if their curves are asked for.

    Returns:
        the game, and what `training.loop.train` says stopped it.
    """
    path.mkdir(parents=True, exist_ok=True)
    given = {"batch_size": 16, "steps": 6, **TINY[game], **options}
    chosen = GAMES[game].from_preset("quick", "small", dataset="digits", **given)
    with (
        contextlib.nullcontext() if traced else eagerly(),
        contextlib.nullcontext() if curves else without_curves(),
    ):
        return loop.train(
            Run(path), chosen, dataset, resume=resume, show_bar=False, announce=announce
        )


def train_by_command(game, folder):
    """Trains a tiny game of five eager steps as a user does, into a folder."""
    words = ("--mode", "train", "--game", game, *program.TINY[game], "--steps", 5)
    with eagerly(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CRITIC_STEPS", 5)
        said = program.succeeded(program.run(*words, "--path", folder))
    assert f"training {GAMES[game].title or 'the trio'} on digits" in said
    assert "done, 5 steps" in said


class InsteadOfGraph(keras.callbacks.Callback):
    """Stands in for `training.loop.GraphWriter`, and does nothing."""

    def __init__(self, run):
        super().__init__()


class CtrlC(InsteadOfGraph):
    """Interrupts at a step."""

    STEP = 23

    def on_train_batch_end(self, batch, logs=None):
        if self.model.step == self.STEP:
            signal.raise_signal(signal.SIGINT)
