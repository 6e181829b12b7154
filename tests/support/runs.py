"""Whole trainings of tiny games, without the command line."""

import signal

import keras

from games import GAMES
from training import loop
from training.run_folder import Run

SMALL = {"generator_width": 4, "discriminator_width": 4, "latent_dim": 8}
TINY = {
    "gan": SMALL,
    "trio": {**SMALL, "classifier_width": 4},
    "robust": {"classifier_width": 4, "attack_steps": 2, "ramp_steps": 30},
    "attacked": {"discriminator_width": 4, "pool_size": 40, "sampling_steps": 8},
}


def train(path, dataset, game="trio", *, resume=False, announce=lambda line: None, **options):
    """Trains a tiny game on digits in a folder.

    Returns:
        the game, and what `training.loop.train` says stopped it.
    """
    path.mkdir(parents=True, exist_ok=True)
    given = {"batch_size": 16, "steps": 60, **TINY[game], **options}
    chosen = GAMES[game].from_preset("quick", "small", dataset="digits", **given)
    return loop.train(Run(path), chosen, dataset, resume=resume, show_bar=False, announce=announce)


class CtrlC(keras.callbacks.Callback):
    """Stands in for `training.loop.GraphWriter` and interrupts at a step."""

    STEP = 23

    def __init__(self, run, image_shape):
        super().__init__()

    def on_train_batch_end(self, batch, logs=None):
        if self.model.step == self.STEP:
            signal.raise_signal(signal.SIGINT)
