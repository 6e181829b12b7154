"""Trains the cipher: plays, audits and starts new attempts until the audit is satisfied."""

import time

import keras
import numpy as np
import tensorflow as tf

import models
from crypto.audit.exact import exact_audit
from crypto.audit.selective import selective_audit
from crypto.ciphers import Cipher, learned_cipher
from games.crypto import ROUNDS_PER_STEP
from training.accessories import Accessories, Teller
from training.callbacks import Keeper
from training.crypto_plot import plot_training

WARNING = "an experiment in learned secrecy, not cryptography to rely on"
GLANCE = 8  # plaintexts of every audit
LOOK = 32  # plaintexts of the audit that may end the training
TARGET_LEAK = 0.001  # bits; a tenth of what is promised, since not all plaintexts are counted
TARGET_BITS_WRONG = 0.002
AUDITED = {  # figures of an audit: their names in a row and in the audit
    "leak_at_least": "leak_at_least",
    "leak_at_most": "leak_at_most",
    "exact_bob_bits_wrong": "bob_bits_wrong",
}


class Auditor(keras.callbacks.Callback):
    """Audits the cipher during the training, and ends it or starts a new attempt.

    It writes a row after every `audit_every` rounds of an attempt. With the preset "secret" the
    training ends as soon as the cipher is secret and Bob understands; an attempt that still leaks
    at its end is followed by another from new weights.

    Args:
        run: run_folder.Run.
        config: games.crypto.CryptoOptions.
        announce: callable for one line of text.
    Attributes:
        finished: bool, whether there is nothing left to do.
        audit: dict, the last answer of `exact_audit` or `selective_audit`; empty before the first.
    """

    def __init__(self, run, config, announce):
        super().__init__()
        self.run, self.config, self.announce = run, config, announce
        self.accessories = Accessories(announce)
        rows = run.read_stats()
        self.last_row = rows[-1] if rows else {}
        self.earlier_seconds = self.last_row.get("seconds", 0.0)
        self.began = time.monotonic()
        self.cipher: Cipher | None = None
        self.audit: dict = {}
        self.finished = False

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch_began, self.epoch_step = time.monotonic(), self.model.step

    def on_epoch_end(self, epoch, logs=None):
        game = self.model
        if game.stop_training or not self.is_due(game):
            return  # it is saved; once resumed, it is audited
        rate = (game.step - self.epoch_step) / (time.monotonic() - self.epoch_began)
        reached = self.look(game)
        self.write(game, logs or {}, rate)
        self.conclude(game, reached)

    def is_due(self, game):
        """Whether the game has come to an audit: the last round of an attempt, or one before."""
        rounds, config = game.attempt_step, self.config
        return rounds > 0 and (rounds % config.audit_every == 0 or rounds >= config.rounds)

    def catch_up(self, game):
        """Does for a loaded game what its training did not come to after its last checkpoint."""
        if not self.is_due(game):
            return
        if self.last_row.get("step") == game.step and AUDITED.keys() <= self.last_row.keys():
            self.audit = {audited: self.last_row[name] for name, audited in AUDITED.items()}
            reached = self.config.preset == "secret" and good(self.audit)
        else:
            reached = self.look(game)
            self.write(game, {}, 0.0)
        self.conclude(game, reached)

    def conclude(self, game, reached):
        """Ends the training after an audit, or starts a new attempt, if it is time to."""
        if game.attempt_step < self.config.rounds and not reached:
            return
        self.finished = reached or game.attempt_number >= self.config.attempts
        if not self.finished:
            self.announce(f"attempt {game.attempt_number} still leaks; starting from new weights")
            game.begin_attempt()

    def look(self, game):
        """Audits the cipher; returns whether it is good enough."""
        if self.cipher is None:
            self.cipher = learned_cipher(
                game.alice, game.bob, binary=self.config.preset == "secret"
            )
        if self.config.protect is not None:
            return self.look_at_protected(game)
        self.audit = exact_audit(self.cipher, messages=GLANCE, seed=game.step, keys_tried=0)
        if self.config.preset != "secret" or not good(self.audit):
            return False
        self.audit = exact_audit(self.cipher, messages=LOOK, seed=game.step + 1, keys_tried=0)
        return good(self.audit)

    def look_at_protected(self, game):
        """As `look`, for the protected bits and somebody who knows all the others."""
        which = (self.cipher, self.config.protected)
        self.audit = selective_audit(
            *which, settings=1, pairs=GLANCE << 16, seed=game.step, keys_tried=0
        )
        # Unless these few words are all there are, they bound the leak only from below.
        if not good(self.audit, "leak_at_least"):
            return False
        self.audit = selective_audit(*which, settings=2, seed=game.step + 1, keys_tried=0)
        return good(self.audit)

    def write(self, game, logs, rate):
        """Writes a row of stats.jsonl, and says it."""
        row = {"step": game.step, "attempt": game.attempt_number}
        row.update({name: float(value) for name, value in logs.items()})
        row.update({name: self.audit[audited] for name, audited in AUDITED.items()})
        row["rounds/s"] = round(rate, 1)
        row["seconds"] = round(self.earlier_seconds + time.monotonic() - self.began, 2)
        with self.accessories.spare(self.run.stats_file.name):
            self.run.append_stats(row)
        with (
            self.accessories.spare("TensorBoard"),
            tf.summary.create_file_writer(str(self.run.tensorboard / "train")).as_default(),
        ):
            for name in row.keys() - {"step", "attempt", "seconds"}:
                tf.summary.scalar(name, row[name], step=game.step)
        eve = row.get("eve_bits_wrong")  # which is not known if a training was resumed here
        overheard = "" if eve is None else f" and Eve {eve:.2f} of {len(game.protected)}"
        self.announce(
            f"round {game.step}: Bob {row['exact_bob_bits_wrong']:.4f} of {game.message_bits}"
            f"{overheard} bits wrong, leak {leak_text(self.audit)}, {rate:.0f} rounds/s"
        )


def good(audit, leak="leak_at_most"):
    """Whether an audit is good enough to end the training, by one of its two leaks."""
    return audit[leak] <= TARGET_LEAK and audit["bob_bits_wrong"] <= TARGET_BITS_WRONG


def leak_text(audit):
    """The leak of an audit as text: one number, or the two that it lies between."""
    low, high = audit["leak_at_least"], audit["leak_at_most"]
    return f"{high:.4f} bits" if high - low < 5e-5 else f"{low:.4f} to {high:.4f} bits"


def train(run, config, *, resume, announce):
    """Plays the game, writing everything into the run folder.

    The checkpoint comes first, and the audit after it, with the row of statistics: a training that
    was killed between them begins with this audit when it is resumed.

    Args:
        run: run_folder.Run; it holds a checkpoint if `resume`, and is started anew if not.
        config: games.crypto.CryptoOptions.
        resume: bool.
        announce: callable for one line of text.
    Returns:
        (game, str or None): the game, and what ended it early; see `callbacks.Keeper.stopped_by`.
    Raises:
        RunError: if the checkpoint cannot be loaded.
        OSError: if the run folder cannot be written.
    """
    tell = announce if isinstance(announce, Teller) else Teller(announce)
    accessories = Accessories(tell)
    game = run.load_game(tell) if resume else models.build_game(config, None)
    if resume:
        game.go_on(config)
        game.compile()
        run.forget_stats_after(game.step)
    else:
        run.clear()
    run.start(config)
    tell(WARNING)
    for line in promises(config):
        tell(line)
    with Keeper(run, is_deserted=lambda: tell.closed) as keeper:
        auditor = Auditor(run, config, tell)
        if resume:
            run.complete(game)
            auditor.catch_up(game)
        while not (auditor.finished or keeper.stopped_by):
            game.fit(
                _ticks(),
                callbacks=[keeper, auditor],
                shuffle=False,
                verbose=0,
                **next_span(game, config),
            )
    with accessories.spare(run.curve_file.name):
        plot_training(run.read_stats(), config, run.curve_file)
    leaks = auditor.audit and not good(auditor.audit)
    if config.preset == "secret" and leaks and keeper.stopped_by is None:
        tell(f"warning: this cipher leaks {leak_text(auditor.audit)}; try another --seed")
    return game, keeper.stopped_by


def promises(config):
    """Lines on what a cipher with these options can and cannot promise."""
    secret_bits = len(config.protected)
    if config.protect is not None:
        yield f"what counts is how much of bits {config.protect} leaks if the others are known"
    if config.key_bits < secret_bits:
        yield (
            f"{secret_bits} bits under {config.key_bits} bits of key cannot be secret:"
            f" at least {secret_bits - config.key_bits} of them leak, whatever the cipher"
        )


def next_span(game, config):
    """`fit`'s arguments until the next audit; also sets the rounds of a step of `fit`."""
    done = game.attempt_step
    left = min(config.audit_every - done % config.audit_every, config.rounds - done)
    game.rounds_per_step = min(ROUNDS_PER_STEP, left)
    epoch = game.step // config.audit_every
    return {
        "steps_per_epoch": left // game.rounds_per_step,
        "initial_epoch": epoch,
        "epochs": epoch + 1,
    }


def _ticks():
    """Data for `fit`, which insists on some; the game draws its own bits."""
    return tf.data.Dataset.from_tensors(np.zeros(1, np.float32)).repeat()
