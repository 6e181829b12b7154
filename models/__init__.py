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
    keras.utils.set_random_seed(options.seed)
    return ready(module_of(options.game).build(options, dataset))


def module_of(game):
    """The module of a game, by name; afterwards Keras can load the game and all its variants."""
    module = importlib.import_module(games.GAMES[game].model)
    for variant in getattr(module, "VARIANTS", ()):
        importlib.import_module(variant)
    return module


def ready(game):
    """The game with its learners in the run's precision, compiled as its options say."""
    if isinstance(game.options, games.ImageOptions):
        for agent in game.layers:
            if agent.compiled:  # averages are not: they sample, judge and are saved in float32
                compute_in(agent, game.options.precision)
    game.compile(jit_compile=getattr(game.options, "jit", False))
    return game
