"""Runs of Alice, Bob and Eve: their options, their cipher, and what the last audit said of it."""

from crypto.ciphers import learned_cipher
from games import GAMES
from training import attempts


def from_preset(preset, **given):
    """The options of a preset of the game, overruled by those given."""
    return GAMES["crypto"].from_preset(preset, **given)


def load_cipher(run):
    """The cipher of a run's Alice and Bob, whose wire carries bits."""
    return learned_cipher(run.load_agent("alice"), run.load_agent("bob"), binary=True)


def last_audit(run):
    """The figures of the last audit of a training, as an audit names them."""
    row = run.read_stats()[-1]
    return {audited: row[name] for name, audited in attempts.AUDITED.items()}
