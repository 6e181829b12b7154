"""Alice and Bob learn to talk and Eve to listen: their turns and their losses."""

import enum

import keras
import tensorflow as tf

from crypto import losses
from crypto.draws import draw_flips, draw_messages
from crypto.parties import build_parties
from games.crypto import MOST_ATTEMPTS
from models.game import Game, copy_agent

XLA = True  # takes seconds to compile, then plays several times as fast
EVE_TURNS = 2  # updates of Eve for each one of Alice and Bob
DRAWS = 32  # numbers of draws for one attempt; the next attempt uses the next 32


class Draw(enum.IntEnum):
    """What the turns draw; each draw has its own random numbers in every iteration."""

    PAIR_MESSAGES = 0
    EVE_MESSAGES = 1
    WIRE_NOISE = 2


def sign_errors(plaintext, guess):
    """1.0 where a guess has the wrong sign: float32 (batch, bits)."""
    return tf.cast(plaintext * guess <= 0.0, tf.float32)


@keras.saving.register_keras_serializable(package="crypto")
class AliceBobEve(Game):
    """Alice sends Bob messages that Eve must not learn.

    Alice and Bob are a pair with one optimizer. With the preset "secret" Eve gets hints, guesses
    are logits and losses are cross-entropies; with the published presets guesses are bits in
    [-1, 1] and losses are wrong bits.

    Args:
        pair: compiled keras.Model of `join`, (plaintext, key) -> (ciphertext, Bob's guess).
        eve: compiled keras.Model, of the same preset.
        options: games.crypto.CryptoOptions.
    """

    def __init__(self, pair, eve, options, **kwargs):
        super().__init__(options, **kwargs)
        self.pair, self.eve = pair, eve
        self.message_bits, self.key_bits = options.message_bits, options.key_bits
        self.protected = options.protected
        self.attempt = self._counter("attempt")
        self.earlier = self._counter("earlier")  # rounds of the attempts before
        self.means = {
            f"{name}_bits_wrong": keras.metrics.Mean(f"{name}_bits_wrong")
            for name in ("bob", "eve")
        }
        self.rounds_per_step = 1
        self._play = tf.function(self._rounds, jit_compile=XLA, autograph=False)

    @property
    def alice(self):
        """(plaintext, key) -> ciphertext."""
        return self.pair.get_layer("alice")

    @property
    def bob(self):
        """(ciphertext, key) -> guess of the plaintext."""
        return self.pair.get_layer("bob")

    def train_step(self, data=None):
        """One round: Alice and Bob's turn, then Eve's two."""
        self.alice_and_bob_turn()
        repeat(self.eve_turn, EVE_TURNS)
        return self.results()

    def alice_and_bob_turn(self):
        """Teaches Alice and Bob to understand each other without being understood by Eve."""
        plaintext, key, told = self.deal(self.pair)

        def loss_fn():
            ciphertext = self.alice([plaintext, key], training=True)
            guess = self.bob([self.disturb(ciphertext), key], training=True)
            self.track(bob_bits_wrong=self.count(plaintext, guess))
            overheard = self.listen(ciphertext, plaintext, told)
            return self.pair_loss(plaintext, guess, overheard, 1.0 - told)

        self.update(self.pair, loss_fn)

    def eve_turn(self):
        """Teaches Eve to guess the bits of the plaintext that she was not told."""
        plaintext, key, told = self.deal(self.eve)
        ciphertext, _ = self.pair([plaintext, key])  # made outside the tape: Alice stays

        def loss_fn():
            overheard = self.listen(ciphertext, plaintext, told, training=True)
            self.track(eve_bits_wrong=self.count(plaintext, overheard, 1.0 - told))
            return self.eve_loss(plaintext, overheard, 1.0 - told)

        self.update(self.eve, loss_fn)

    def disturb(self, ciphertext):
        """The ciphertext (batch, bits) as Bob receives it over a wire that is noisy at first.

        A bit of plaintext that depends on many bits of ciphertext suffers from the noise of each,
        so noise rewards a cipher in which it depends on a single one.
        """
        if not self.options.noise:
            return ciphertext
        played = tf.cast(self.pair.optimizer.iterations, tf.float32)
        rate = self.options.noise * tf.maximum(0.0, 1.0 - played / self.options.noisy_rounds)
        return ciphertext * draw_flips(
            ciphertext.shape, self.random_seed(self.pair, Draw.WIRE_NOISE), rate
        )

    def pair_loss(self, plaintext, guess, overheard, hidden):
        """Bob's error, plus a penalty for what Eve knows."""
        eve_loss = self.eve_loss(plaintext, overheard, hidden)
        if self.options.preset == "secret":
            bob_loss = tf.reduce_mean(losses.bit_cross_entropy(plaintext, guess))
            share = len(self.protected) / self.message_bits  # so that each bit has the same weight
            return bob_loss + self.options.secrecy * share * losses.secrecy_loss(eve_loss)
        bob_loss = tf.reduce_mean(losses.bits_wrong(plaintext, guess))
        if self.options.preset == "release":
            bob_loss /= self.message_bits
        return bob_loss + self.options.secrecy * losses.published_secrecy_loss(
            eve_loss, self.message_bits
        )

    def eve_loss(self, plaintext, overheard, hidden):
        """Eve's cross-entropy on hidden bits or, with published presets, her wrong bits."""
        if self.options.preset == "secret":
            return losses.hidden_mean(losses.bit_cross_entropy(plaintext, overheard), hidden)
        return tf.reduce_mean(losses.bits_wrong(plaintext, overheard))

    def listen(self, ciphertext, plaintext, told, training=False):
        """Eve's guess of the plaintext (batch, bits), from the ciphertext and her hints."""
        hints = [plaintext * told, told] if self.options.preset == "secret" else []
        return self.eve([ciphertext, *hints] if hints else ciphertext, training=training)

    def count(self, plaintext, guess, hidden=None):
        """Wrong bits of a message; those among hidden bits are scaled up to all protected ones."""
        if self.options.preset != "secret":
            return losses.bits_wrong(plaintext, guess)
        errors = sign_errors(plaintext, guess)
        if hidden is None:
            return self.message_bits * losses.hidden_mean(errors, tf.ones_like(errors))
        return len(self.protected) * losses.hidden_mean(errors, hidden)

    def deal(self, agent):
        """Messages for this agent's turn, not the same as the other's; see `draw_messages`."""
        seed = self.random_seed(
            agent, Draw.PAIR_MESSAGES if agent is self.pair else Draw.EVE_MESSAGES
        )
        sizes = (self.options.batch_size, self.message_bits, self.key_bits)
        return draw_messages(*sizes, seed, self.protected)

    def random_seed(self, agent, draw):
        """As `Game.random_seed`; no other attempt of this run has the same seed."""
        return super().random_seed(agent, draw + DRAWS * tf.convert_to_tensor(self.attempt))

    def _counter(self, name):
        return self.add_weight(name=name, dtype="int32", initializer="zeros", trainable=False)

    def begin_attempt(self):
        """Starts again with new first weights, and with optimizers as at the start."""
        attempt = self.attempt_number
        self.earlier.assign(self.step)
        keras.utils.set_random_seed(self.options.seed * MOST_ATTEMPTS + attempt)
        sizes = (self.message_bits, self.key_bits, len(self.protected))
        fresh = build_parties(self.options.preset, *sizes)
        for agent, initial in zip((self.alice, self.bob, self.eve), fresh, strict=True):
            agent.set_weights(initial.get_weights())
        forget(self.pair.optimizer)
        forget(self.eve.optimizer)
        self.attempt.assign(attempt)

    def play(self, rounds):
        """Plays rounds in one call of a compiled graph; returns this epoch's means so far."""
        self._play(tf.constant(rounds))
        return self.results()

    def _rounds(self, count):
        repeat(self.train_step, count)

    def make_train_function(self, force=False):
        """Makes a batch of `fit` play `rounds_per_step` rounds under XLA; Keras calls it."""

        def train_function(iterator):
            next(iterator)
            return self.play(self.rounds_per_step)

        self.train_function = train_function
        return train_function

    @property
    def attempt_number(self):
        """int, the number of this attempt, from 1."""
        return int(self.attempt) + 1

    @property
    def attempt_step(self):
        """int, rounds played in this attempt."""
        return int(self.pair.optimizer.iterations.numpy())

    @property
    def step(self):
        """int, rounds played in all attempts."""
        return int(self.earlier) + self.attempt_step

    def agents_to_save(self):
        """The agents for use after the training, name -> keras.Model without an optimizer."""
        return {name: copy_agent(getattr(self, name)) for name in ("alice", "bob", "eve")}

    def agents(self):
        """The agents that a checkpoint holds."""
        return {"pair": self.pair, "eve": self.eve}


def forget(optimizer):
    """Resets an optimizer to its state before the first update."""
    for variable in optimizer.variables:
        if not variable.path.endswith("learning_rate"):
            variable.assign(tf.zeros_like(variable))


def repeat(turn, times):
    """Calls a turn several times; a graph contains it only once, so it compiles faster."""

    def once(index):
        turn()
        return [index + 1]

    tf.while_loop(lambda index: index < times, once, [0])


def join(alice, bob):
    """Alice and Bob as one agent: (plaintext, key) -> (ciphertext, Bob's guess)."""
    plaintext, key = (keras.Input(shape[1:]) for shape in alice.input_shape)
    ciphertext = alice([plaintext, key])
    return keras.Model([plaintext, key], [ciphertext, bob([ciphertext, key])], name="pair")


def build(options, dataset=None):
    """The game of `options`; arguments as `models.build_game`."""
    keras.utils.set_random_seed(options.seed * MOST_ATTEMPTS)
    sizes = (options.message_bits, options.key_bits, len(options.protected))
    alice, bob, eve = build_parties(options.preset, *sizes)
    pair = join(alice, bob)
    pair.compile(keras.optimizers.Adam(options.learning_rate), jit_compile=False)
    eve.compile(keras.optimizers.Adam(options.eve_learning_rate), jit_compile=False)
    return AliceBobEve(pair, eve, options)
