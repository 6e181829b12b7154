"""Fresh Eves, who learn to read a finished cipher: neural ones, plain and hinted, and others.

Their failure proves nothing, but the success of one proves a leak. Every figure is a number of
wrong bits among the protected ones, on messages that the Eve has not seen; chance is half of them.
"""

import itertools

import keras
import numpy as np
import tensorflow as tf
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge

from crypto import losses
from crypto.ciphers import words
from crypto.draws import chosen, draw_messages
from crypto.game import forget, repeat
from crypto.parties import build_hinted_eve
from models.game import Game

WIDTH, DEPTH = 96, 2  # the Eve of the game has 64 and 2
BATCH = 256
ROUNDS = 2000
LEARNING_RATE = 3e-3
JUDGED = 65_536  # messages on which a neural Eve is judged
LEARNED, TESTED = 20_000, 50_000  # messages for the others
TREES_LEARNED = 10_000


class FreshEve(Game):
    """One Eve against an Alice who stays as she is.

    Args:
        alice: keras.Model, (plaintext, key) -> ciphertext.
        protected: ints, indices of the plaintext bits that she is asked for.
        rounds: int, played by `learn`.
        seed: int.
    """

    def __init__(self, alice, protected, *, rounds=ROUNDS, seed=0):
        super().__init__(None)  # no options: it belongs to an audit, not to a run
        self.seed, self.number, self.hinted = seed, seed, False
        self.alice, self.rounds = alice, rounds
        self.message_bits, self.key_bits = (shape[-1] for shape in alice.input_shape)
        self.protected = protected
        self.eve = build_hinted_eve(self.message_bits, width=WIDTH, depth=DEPTH)
        self.eve.compile(keras.optimizers.Adam(LEARNING_RATE), jit_compile=False)
        self.eve.optimizer.build(self.eve.trainable_variables)  # or a graph would be traced twice
        self._play = tf.function(self._rounds, jit_compile=True, autograph=False)

    def deal(self, batch, iteration):
        """As `draw_messages`, but a plain Eve is told nothing; also 1 for each bit asked for."""
        seed = tf.stack([self.number, iteration])
        sizes = (batch, self.message_bits, self.key_bits)
        plaintext, key, told = draw_messages(*sizes, seed, self.protected)
        told *= tf.cast(self.hinted, tf.float32)
        return plaintext, key, told, (1.0 - told) * chosen(self.protected, self.message_bits)

    def train_step(self, data=None):
        """One round: Eve's turn, the only one."""
        iteration = tf.cast(self.eve.optimizer.iterations, tf.int32)
        plaintext, key, told, hidden = self.deal(BATCH, iteration)
        ciphertext = self.alice([plaintext, key])

        def loss_fn():
            guess = self.eve([ciphertext, plaintext * told, told], training=True)
            return losses.hidden_mean(losses.bit_cross_entropy(plaintext, guess), hidden)

        self.update(self.eve, loss_fn)

    def _rounds(self, count, number, hinted):
        own = self.number, self.hinted
        self.number, self.hinted = number, hinted  # tensors while the graph is traced
        repeat(self.train_step, count)
        self.number, self.hinted = own

    def begin(self, number, *, hinted=False):
        """Starts again from new weights.

        Args:
            number: int, which of several Eves this is.
            hinted: bool, whether she is told a random subset of the protected bits, and all others.
        """
        self.number, self.hinted = self.seed + number, hinted
        keras.utils.set_random_seed(self.number)
        fresh = build_hinted_eve(self.message_bits, width=WIDTH, depth=DEPTH)
        self.eve.set_weights(fresh.get_weights())
        forget(self.eve.optimizer)

    def play(self, rounds):
        """Plays rounds in one call of a compiled graph."""
        self._play(tf.constant(rounds), tf.constant(self.number), tf.constant(self.hinted))

    def bits_wrong(self):
        """Wrong bits of the protected ones, estimated on those that she was not told: float."""
        plaintext, key, told, hidden = self.deal(JUDGED, -1)
        guess = self.eve([self.alice([plaintext, key]), plaintext * told, told])
        errors = tf.cast(plaintext * guess <= 0.0, tf.float32)
        return len(self.protected) * float(losses.hidden_mean(errors, hidden))

    def learn(self, number, *, hinted=False):
        """Begins, as `begin`, and learns to the end; returns her `bits_wrong`."""
        self.begin(number, hinted=hinted)
        self.play(self.rounds)
        return self.bits_wrong()


def fresh_eves(alice, protected=None, *, count=5, rounds=ROUNDS, seed=0, announce=None):
    """Eves that learn from scratch and are larger than the one of the game.

    Args:
        alice, rounds, seed: as `FreshEve`.
        protected: as `FreshEve`; all bits if not given.
        count: int, Eves of each kind.
        announce: callable for one line of text, or None.

    Returns:
        dict for `json.dumps`: "plain" and "hinted", a list of the bits that each gets wrong.
    """
    if protected is None:
        protected = range(alice.input_shape[0][-1])
    found = {}
    game = FreshEve(alice, protected, rounds=rounds, seed=seed)  # one graph for all
    for name in ("plain", "hinted"):
        found[name] = [game.learn(number, hinted=name == "hinted") for number in range(count)]
        if announce and count:
            announce(f"fresh {name} Eves: {min(found[name]):.3f} bits wrong, the best of {count}")
    return found


def products(values):
    """The values of words and the products of all pairs: float32 (n, m + m (m - 1) / 2)."""
    pairs = itertools.combinations(range(values.shape[1]), 2)
    columns = [values[:, first] * values[:, second] for first, second in pairs]
    return np.column_stack([values, *columns])


def other_eves(cipher, protected=None, *, seed=0):
    """Eves that are not networks.

    They know the ciphertext and the bits that are not protected. "linear" and "quadratic" are ridge
    regressions of each protected bit on what they know, the latter with products of two. "parities"
    is the same regression of the XOR of each pair of protected bits; what counts is the pair that
    it learned best. "trees" is gradient boosting.

    Args:
        cipher: ciphers.Cipher.
        protected: ints, indices of plaintext bits; all if not given.
        seed: int.
    Returns:
        dict for `json.dumps`, name -> wrong bits of the protected ones; there are no "parities" if
        only one is protected.
    """
    rng = np.random.default_rng(seed)
    plaintext, key = (
        words(rng.integers(0, 2**bits, LEARNED + TESTED), bits)
        for bits in (cipher.message_bits, cipher.key_bits)
    )
    ciphertext = np.asarray(cipher.encrypt_words(plaintext, key))
    hidden = np.arange(cipher.message_bits) if protected is None else np.asarray(protected)
    known = np.column_stack([ciphertext, np.delete(plaintext, hidden, axis=1)])
    secret = plaintext[:, hidden]
    squares = products(known)
    wrong = {
        "linear": _ridge(known, secret)[1].mean(),
        "quadratic": _ridge(squares, secret)[1].mean(),
    }
    if len(hidden) > 1:
        learned, tested = _ridge(squares, products(secret)[:, len(hidden) :])
        wrong["parities"] = tested[learned.argmin()]
    wrong["trees"] = _trees(known, secret, seed)
    return {name: float(len(hidden) * share) for name, share in wrong.items()}


def _ridge(features, targets):
    """Shares of wrong signs of each target, among the learned and among the other messages."""
    guess = Ridge().fit(features[:LEARNED], targets[:LEARNED]).predict(features)
    wrong = guess.reshape(targets.shape) * targets <= 0
    return wrong[:LEARNED].mean(axis=0), wrong[LEARNED:].mean(axis=0)


def _trees(features, targets, seed):
    """The share of wrong bits of gradient-boosted trees, one model per bit."""
    shares = []
    for target in targets.T:
        model = HistGradientBoostingClassifier(max_iter=50, random_state=seed)
        model.fit(features[:TREES_LEARNED], target[:TREES_LEARNED])
        shares.append((model.predict(features[LEARNED:]) != target[LEARNED:]).mean())
    return np.mean(shares)
