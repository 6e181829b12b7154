"""What can be played: one file a game, with its options, presets, players and modes. No TensorFlow.

A game of your own needs no change here: build its `Game` and call `register`.
"""

from games.attacked import ATTACKED
from games.base import GAMES, Game, ImageOptions, Options, from_record, kind_of, register
from games.crypto import CRYPTO
from games.gan import GAN, TRIO
from games.option import OptionError
from games.robgan import FINETUNE, ROBGAN
from games.robust import ROBUST

__all__ = [
    "GAMES",
    "Game",
    "ImageOptions",
    "OptionError",
    "Options",
    "from_record",
    "kind_of",
    "register",
]

for _game in (TRIO, GAN, ROBUST, ATTACKED, ROBGAN, FINETUNE, CRYPTO):
    register(_game)
