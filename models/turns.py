"""A game that is watched: played round by round or turn by turn, under rules that may change."""

import dataclasses

import tensorflow as tf

from images import datasets
from models.gan import under_rules

AGENTS = ("discriminator", "generator")


class Watched:
    """A two-agent game in the hands of somebody who watches it.

    Args:
        game: models.gan.GAN, whose learning rates do not fall.
        dataset: images.datasets.Dataset.
        rounds: int >= 1, played in one call of `play`.
    Attributes:
        game: models.gan.GAN, which `change` replaces.
    """

    def __init__(self, game, dataset, *, rounds=1):
        self.game, self.rounds = game, rounds
        options = game.options
        stream = datasets.batches(dataset.train, options.batch_size, seed=options.seed)
        self._batches = iter(stream.batch(rounds))
        self._trace()

    def _trace(self):
        game = self.game

        def play(images, labels, discriminator_turns):
            def one(index):
                data = images[index], labels[index]
                tf.while_loop(
                    lambda turn: turn < discriminator_turns,
                    lambda turn: (game.discriminator_turn(data), [turn + 1])[1],
                    [0],
                )
                self._generator_turn(data)
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

    def play(self, discriminator_turns=1):
        """Plays `rounds` rounds: turns of the discriminator, then one of the generator each.

        Returns:
            dict, name -> float, the means of these rounds.
        """
        self._forget()
        means = self._play(*next(self._batches), tf.constant(discriminator_turns))
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

    def slope(self, images):
        """The gradient of the discriminator's realness at images or points: float32, their shape."""
        images = tf.convert_to_tensor(images)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            realness = tf.reduce_sum(self.game.realness(images))
        return tape.gradient(realness, images).numpy()
