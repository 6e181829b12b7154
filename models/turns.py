"""A game that is watched: played round by round or turn by turn, under rules that may change."""

import dataclasses

import keras
import tensorflow as tf

from agents import dormant
from images import datasets
from models.gan import under_rules

AGENTS = ("discriminator", "generator")
MOST_ROUNDS = 25  # in one call
LOOKED_AT = 2000  # latents for which no dormant unit fires


class Watched:
    """A two-agent game in the hands of somebody who watches it.

    Args:
        game: models.gan.GAN, whose learning rates do not fall.
        dataset: images.datasets.Dataset.
    Attributes:
        game: models.gan.GAN, which `change` replaces.
    """

    def __init__(self, game, dataset):
        self.game = game
        for name in AGENTS:
            agent = getattr(game, name)
            agent.optimizer.build(agent.trainable_variables)  # before a loop is traced
        options = game.options
        stream = datasets.batches(dataset.train, options.batch_size, seed=options.seed)
        self._batches = iter(stream.batch(MOST_ROUNDS))
        self._trace()

    def _trace(self):
        game = self.game

        def play(images, labels, turns):
            def one(index):
                data = images[index], labels[index]
                _repeat(lambda: game.discriminator_turn(data), turns[0])
                _repeat(lambda: self._generator_turn(data), turns[1])
                return [index + 1]

            tf.while_loop(lambda index: index < tf.shape(images)[0], one, [0])
            return game.results()

        self._play = tf.function(play, autograph=False, jit_compile=False)
        self._turns = {
            "discriminator": tf.function(game.discriminator_turn, autograph=False),
            "generator": tf.function(self._generator_turn, autograph=False),
        }

    def _generator_turn(self, data):
        self.game.generator_turn(data)
        self.game.follow(
            self.game.average_generator, self.game.generator, self.game.options.ema_decay
        )

    def play(self, rounds=MOST_ROUNDS, turns=(1, 1)):
        """Plays rounds, each on one real batch.

        Args:
            rounds: int from 1 to `MOST_ROUNDS`.
            turns: (int, int), the discriminator's and then the generator's in a round, each >= 1.
        Returns:
            dict, name -> float, the means of these rounds.
        """
        self._forget()
        images, labels = next(self._batches)
        means = self._play(images[:rounds], labels[:rounds], tf.constant(turns))
        return {name: float(value) for name, value in means.items()}

    def turn(self, agent):
        """One turn of one agent of `AGENTS` alone; returns as `play`."""
        self._forget()
        images, labels = next(self._batches)
        self._turns[agent]((images[0], labels[0]))
        return {name: float(value) for name, value in self.game.results().items()}

    def _forget(self):
        for mean in self.game.means.values():
            mean.reset_state()

    def change(self, **rules):
        """Lets the same agents go on under other rules, such as loss= or r1_gamma=.

        Learning rates change at once; any other change traces the turns anew.
        """
        options = dataclasses.replace(self.game.options, **rules)
        for name in AGENTS:
            agent = getattr(self.game, name)
            agent.optimizer.learning_rate = getattr(options, f"{name}_learning_rate")
        rates = {f"{name}_learning_rate" for name in AGENTS}
        changed = {
            field.name
            for field in dataclasses.fields(options)
            if getattr(options, field.name) != getattr(self.game.options, field.name)
        }
        if changed <= rates:
            self.game.options = options
        else:
            self.game = under_rules(self.game, options)
            self._trace()

    def revive(self):
        """Mends what a collapse leaves behind, so that other rules can teach the same generator.

        Its dormant units are woken, and what it makes stays the same. The discriminator, which has
        seen little but that, begins anew. Both optimizers forget their gradients.
        """
        generator, discriminator = self.game.generator, self.game.discriminator
        latents = tf.random.stateless_normal((LOOKED_AT, self.game.latent_dim), (0, 0))
        dormant.wake(generator, latents)
        discriminator.set_weights(keras.models.clone_model(discriminator).get_weights())
        for agent in (generator, discriminator):
            agent.optimizer.forget()

    def slope(self, images):
        """The gradient of the discriminator's realness at images or points, float32 like them."""
        images = tf.convert_to_tensor(images)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            realness = tf.reduce_sum(self.game.realness(images))
        return tape.gradient(realness, images).numpy()


def _repeat(turn, times):
    """Calls a turn several times in a graph, which contains it only once."""

    def once(index):
        turn()
        return [index + 1]

    tf.while_loop(lambda index: index < times, once, [0])
