"""Alice and Bob learn to talk, Eve to listen: whose turn it is, and what each pays."""

import keras
import tensorflow as tf

from crypto import losses
from crypto.draws import draw_flips, draw_messages
from crypto.parties import build_parties
from models.game import Game, copy_agent

XLA = True  # compiles for seconds, then plays several times as fast
EVE_TURNS = 2  # updates of Eve's for each one of Alice and Bob's
SALTS = 32  # of one attempt; the next attempt draws from the following ones
MOST_ATTEMPTS = 1009 // SALTS  # `Game.random_seed` leaves 1009 salts to a seed


def sign_errors(plaintext, guess):
    """1.0 where a guess has the wrong sign: float32 (batch, bits)."""
    return tf.cast(plaintext * guess <= 0.0, tf.float32)


@keras.saving.register_keras_serializable(package="crypto")
class AliceBobEve(Game):
    """Alice sends Bob what Eve must not learn.

    Alice and Bob are a pair that one optimizer moves. In the preset "secret" Eve is hinted, guesses
    are logits and losses cross-entropies; in the published ones guesses are bits in [-1, 1] and
    losses bits wrong.

    Args:
        pair: compiled keras.Model of `join`, (plaintext, key) -> (ciphertext, Bob's guess).
        eve: compiled keras.Model, of the same preset.
        preset: str, one of `parties.build_parties`.
        batch_size: int.
        secrecy: float > 0, weight of what Eve knows in Alice and Bob's loss.
        noise: float in [0, 1], share of the bits that are turned on their way to Bob at first.
        noisy_rounds: int >= 1, rounds of an attempt over which that share falls to 0.
        protected: indices of the bits to keep from Eve, who is told the others; None for all.
        seed: int.
    """

    def __init__(
        self,
        pair,
        eve,
        *,
        preset,
        batch_size,
        secrecy,
        noise=0.0,
        noisy_rounds=1,
        protected=None,
        seed=0,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        self.pair, self.eve = pair, eve
        self.preset, self.batch_size, self.secrecy = preset, batch_size, secrecy
        self.noise, self.noisy_rounds = noise, noisy_rounds
        self.message_bits, self.key_bits = (shape[-1] for shape in pair.input_shape)
        self.protected = tuple(range(self.message_bits) if protected is None else protected)
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
        """Teaches Alice and Bob to understand each other, and not to be understood."""
        plaintext, key, told = self.deal(self.pair)

        def loss_fn():
            ciphertext = self.alice([plaintext, key], training=True)
            guess = self.bob([self.disturb(ciphertext), key], training=True)
            self.track(bob_bits_wrong=self.count(plaintext, guess))
            overheard = self.listen(ciphertext, plaintext, told)
            return self.pair_loss(plaintext, guess, overheard, 1.0 - told)

        self.update(self.pair, loss_fn)

    def eve_turn(self):
        """Teaches Eve to guess the plaintext, or what she was not told of it."""
        plaintext, key, told = self.deal(self.eve)
        ciphertext, _ = self.pair([plaintext, key])  # made outside the tape: Alice stays

        def loss_fn():
            overheard = self.listen(ciphertext, plaintext, told, training=True)
            self.track(eve_bits_wrong=self.count(plaintext, overheard, 1.0 - told))
            return self.eve_loss(plaintext, overheard, 1.0 - told)

        self.update(self.eve, loss_fn)

    def disturb(self, ciphertext):
        """The ciphertext (batch, bits) as Bob gets it over a wire that is noisy at first.

        A bit of plaintext that hangs on many bits of ciphertext suffers from the noise of each. So
        Alice and Bob are paid for a cipher in which it hangs on one.
        """
        if not self.noise:
            return ciphertext
        played = tf.cast(self.pair.optimizer.iterations, tf.float32)
        rate = self.noise * tf.maximum(0.0, 1.0 - played / self.noisy_rounds)
        return ciphertext * draw_flips(ciphertext.shape, self.random_seed(self.pair, 2), rate)

    def pair_loss(self, plaintext, guess, overheard, hidden):
        """Bob's error, plus what Eve is too good by."""
        eve_loss = self.eve_loss(plaintext, overheard, hidden)
        if self.preset == "secret":
            bob_loss = tf.reduce_mean(losses.bit_cross_entropy(plaintext, guess))
            share = len(self.protected) / self.message_bits  # a bit weighs as much as one of Bob's
            return bob_loss + self.secrecy * share * losses.secrecy_loss(eve_loss)
        bob_loss = tf.reduce_mean(losses.bits_wrong(plaintext, guess))
        if self.preset == "release":
            bob_loss /= self.message_bits
        return bob_loss + self.secrecy * losses.published_secrecy_loss(eve_loss, self.message_bits)

    def eve_loss(self, plaintext, overheard, hidden):
        """Her cross-entropy on a hidden bit, or the bits that she gets wrong."""
        if self.preset == "secret":
            return losses.hidden_mean(losses.bit_cross_entropy(plaintext, overheard), hidden)
        return tf.reduce_mean(losses.bits_wrong(plaintext, overheard))

    def listen(self, ciphertext, plaintext, told, training=False):
        """Eve's guess of the plaintext (batch, bits), from what she has."""
        hints = [plaintext * told, told] if self.preset == "secret" else []
        return self.eve([ciphertext, *hints] if hints else ciphertext, training=training)

    def count(self, plaintext, guess, hidden=None):
        """Wrong bits of a message; those of the hidden ones are scaled up to all protected."""
        if self.preset != "secret":
            return losses.bits_wrong(plaintext, guess)
        errors = sign_errors(plaintext, guess)
        if hidden is None:
            return self.message_bits * losses.hidden_mean(errors, tf.ones_like(errors))
        return len(self.protected) * losses.hidden_mean(errors, hidden)

    def deal(self, agent):
        """What is drawn for this agent's turn, and never for the other's, as `draw_messages`."""
        seed = self.random_seed(agent, 0 if agent is self.pair else 1)
        sizes = (self.batch_size, self.message_bits, self.key_bits)
        return draw_messages(*sizes, seed, self.protected)

    def random_seed(self, agent, salt):
        """As `Game.random_seed`, and no other attempt of this run draws it either."""
        return super().random_seed(agent, salt + SALTS * tf.convert_to_tensor(self.attempt))

    def _counter(self, name):
        return self.add_weight(name=name, dtype="int32", initializer="zeros", trainable=False)

    def begin_attempt(self):
        """Forgets all that was learned: new first weights, and optimizers as at the start."""
        attempt = self.attempt_number
        self.earlier.assign(self.step)
        keras.utils.set_random_seed(self.seed * MOST_ATTEMPTS + attempt)
        sizes = (self.message_bits, self.key_bits, len(self.protected))
        fresh = build_parties(self.preset, *sizes)
        for agent, initial in zip((self.alice, self.bob, self.eve), fresh, strict=True):
            agent.set_weights(initial.get_weights())
        forget(self.pair.optimizer)
        forget(self.eve.optimizer)
        self.attempt.assign(attempt)

    def play(self, rounds):
        """Plays rounds in one call of one compiled graph; returns this epoch's means so far."""
        self._play(tf.constant(rounds))
        return self.results()

    def _rounds(self, count):
        repeat(self.train_step, count)

    def make_train_function(self, force=False):
        """Keras's hook: a batch of `fit` is `rounds_per_step` rounds, under XLA."""

        def train_function(iterator):
            next(iterator)
            return self.play(self.rounds_per_step)

        self.train_function = train_function
        return train_function

    @property
    def attempt_number(self):
        """int, from 1: which attempt this is."""
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
        """The agents that a user wants afterwards, name -> keras.Model without an optimizer."""
        return {name: copy_agent(getattr(self, name)) for name in ("alice", "bob", "eve")}

    def get_config(self):
        names = ("preset", "batch_size", "secrecy", "noise", "noisy_rounds", "protected", "seed")
        agents = {name: getattr(self, name) for name in ("pair", "eve")}
        return {
            **{k: keras.saving.serialize_keras_object(agent) for k, agent in agents.items()},
            **{name: getattr(self, name) for name in names},
        }


def forget(optimizer):
    """Sets an optimizer back to how it was before its first update."""
    for variable in optimizer.variables:
        if not variable.path.endswith("learning_rate"):
            variable.assign(tf.zeros_like(variable))


def repeat(turn, times):
    """Calls a turn so many times; in a graph it is there once, which compiles sooner."""

    def once(index):
        turn()
        return [index + 1]

    tf.while_loop(lambda index: index < times, once, [0])


def join(alice, bob):
    """Alice and Bob as one agent: (plaintext, key) -> (ciphertext, Bob's guess)."""
    plaintext, key = (keras.Input(shape[1:]) for shape in alice.input_shape)
    ciphertext = alice([plaintext, key])
    return keras.Model([plaintext, key], [ciphertext, bob([ciphertext, key])], name="pair")


def build_game(config):
    """The game that a config describes, compiled, before its first round.

    Args:
        config: config.CryptoConfig.
    Returns:
        AliceBobEve.
    """
    keras.utils.set_random_seed(config.seed * MOST_ATTEMPTS)
    sizes = (config.message_bits, config.key_bits, len(config.protected))
    alice, bob, eve = build_parties(config.preset, *sizes)
    pair = join(alice, bob)
    pair.compile(keras.optimizers.Adam(config.learning_rate), jit_compile=False)
    eve.compile(keras.optimizers.Adam(config.eve_learning_rate), jit_compile=False)
    game = AliceBobEve(
        pair,
        eve,
        preset=config.preset,
        batch_size=config.batch_size,
        secrecy=config.secrecy,
        noise=config.noise,
        noisy_rounds=config.noisy_rounds,
        protected=config.protected,
        seed=config.seed,
    )
    game.compile()
    return game
