"""How the agents play: `keras.Model` games whose `train_step` is the schedule."""

import importlib

import keras

import games
from agents import compute_in


def build_game(options, dataset):
    """Builds the game that options describe, compiled, before its first round.

    Args:
        options: frozen options of any game.
        dataset: images.datasets.Dataset, of which only the image size, the channels and the number
            of classes matter; None for a game without images.
    Returns:
        `Game`.
    Raises:
        ValueError: if the image size cannot be halved far enough.
    """
    module = importlib.import_module(games.GAMES[options.game].model)
    keras.utils.set_random_seed(options.seed)
    return ready(module.build(options, dataset))


def ready(game):
    """The game with its learners in the run's precision, compiled as its options say."""
    if isinstance(game.options, games.ImageOptions):
        for agent in game.layers:
            if agent.compiled:  # averages are not: they sample, judge and are saved in float32
                compute_in(agent, game.options.precision)
    game.compile(jit_compile=getattr(game.options, "jit", False))
    return game
