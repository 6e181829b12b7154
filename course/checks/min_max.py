"""Notebook 3: the losses of the game, what is read off it, the two turns and their order."""

import types

import numpy as np
import tensorflow as tf

from course.checks import toys
from course.checks.report import array, check, expect, near, require
from models import losses

PROBABILITIES = (
    "logits were taken for probabilities: the sigmoid of a logit is the probability of being real"
)
UNSTABLE = (
    "with a very sure discriminator the loss is wrong: the log of a sigmoid that has become 0 is"
    " minus infinity; softplus(-logit) is the same without the detour"
)
RATE = 0.1


def _logits():
    return 2 * toys.normal(0, 7), 2 * toys.normal(1, 7) - 1


def _mean(values):
    return tf.reduce_mean(values)


@check
def discriminator_loss(work):
    real, fake = _logits()
    of_real, of_fake = _mean(tf.nn.softplus(-real)), _mean(tf.nn.softplus(fake))
    right = _mean(losses.logistic_discriminator_loss(real[:, None], fake[:, None]))
    found = array(work(real, fake), (), "the loss, the mean over the batch,")
    if near(found, right / 2):  # the mean over real and fake ones together
        right = right / 2
    expect(
        found,
        right,
        "this is not -log D(x) - log(1 - D(G(z))), with D the sigmoid of the logit",
        {
            "the labels are swapped: real is 1, and a real image's loss is softplus(-logit)": (
                _mean(tf.nn.softplus(real)) + _mean(tf.nn.softplus(-fake))
            ),
            "only real examples count: fakes are to be called fake, too": of_real,
            "only fakes count: real examples are to be called real, too": of_fake,
            "the sign is of ascent: this is what the discriminator maximises; its loss is minus"
            " that": -right,
            PROBABILITIES: _of_probabilities(real, fake),
        },
    )
    sure = array(work(tf.constant([-90.0]), tf.constant([200.0])), (), "the loss")
    require(near(sure, 290) or near(sure, 145), UNSTABLE)


def _of_probabilities(real, fake):
    def log(values):
        return tf.math.log(tf.clip_by_value(values, 1e-7, 1 - 1e-7))

    return -_mean(log(real)) - _mean(log(1 - fake))


@check
def minimax_loss(work):
    _, fake = _logits()
    right = _mean(losses.minimax_generator_loss(fake[:, None]))
    expect(
        array(work(fake), (), "the loss, the mean over the batch,"),
        right,
        "this is not log(1 - D(G(z))), with D the sigmoid of the logit",
        {
            "the sign is turned: the generator makes log(1 - D(G(z))) small; this is the"
            " discriminator's side": -right,
            "this is the non-saturating loss, -log D(G(z)); here the original is asked for": (
                _mean(tf.nn.softplus(-fake))
            ),
        },
    )
    require(near(array(work(tf.constant([200.0])), (), "the loss"), -200), UNSTABLE)


@check
def non_saturating_loss(work):
    _, fake = _logits()
    right = _mean(losses.non_saturating_generator_loss(fake[:, None]))
    expect(
        array(work(fake), (), "the loss, the mean over the batch,"),
        right,
        "this is not -log D(G(z)), with D the sigmoid of the logit",
        {
            "this is log(1 - D(G(z))), which saturates: its gradient vanishes just when the"
            " discriminator is sure": _mean(-tf.nn.softplus(fake)),
            "the sign is turned: this rewards fakes that look fake": -right,
            "this is the discriminator's loss for fakes: it rewards fakes that look fake": (
                _mean(tf.nn.softplus(fake))
            ),
        },
    )
    require(near(array(work(tf.constant([-200.0])), (), "the loss"), 200), UNSTABLE)


@check
def scores(work):
    real, fake = _logits()
    answer = work(real, fake)
    require(isinstance(answer, tuple | list) and len(answer) == 2, "two numbers are to be returned")
    found = np.stack([array(each, (), "a score, the mean over the batch,") for each in answer])
    right = np.stack([_mean(tf.sigmoid(real)), _mean(tf.sigmoid(fake))])
    expect(
        found,
        right,
        "these are not the means of D(x) and D(G(z)), with D the sigmoid of the logit",
        {
            "logits are no probabilities: take the sigmoid first": (
                np.stack([_mean(real), _mean(fake)])
            ),
            "the sigmoid of the mean is not the mean of the sigmoids: first the sigmoid of each"
            " logit": np.stack([tf.sigmoid(_mean(real)), tf.sigmoid(_mean(fake))]),
            "the two are swapped: first D(x), then D(G(z))": right[::-1],
        },
    )


class Table:
    """A generator and a discriminator of points, their optimizers, and all that a turn needs."""

    def __init__(self):
        self.turns: list[str] = []
        self.game = types.SimpleNamespace(
            generator=toys.network(2, 2, 0),
            discriminator=toys.network(2, 1, 1),
            generator_optimizer=toys.Recorder(RATE, "generator", self.turns),
            discriminator_optimizer=toys.Recorder(RATE, "discriminator", self.turns),
        )
        self.real, self.latents = 1 + toys.normal(2, 16, 2), toys.normal(3, 16, 2)
        self.before = self.weights()

    def weights(self):
        """The weights of both agents, generator first."""
        return toys.flat(self.game.generator), toys.flat(self.game.discriminator)

    def discriminator_loss(self, latents):
        """What the discriminator descends."""
        fake_logits = self.game.discriminator(self.game.generator(latents))
        real_logits = self.game.discriminator(self.real)
        return _mean(losses.logistic_discriminator_loss(real_logits, fake_logits))

    def generator_loss(self, latents):
        """What the generator descends, the non-saturating loss."""
        fake_logits = self.game.discriminator(self.game.generator(latents))
        return _mean(losses.non_saturating_generator_loss(fake_logits))


@check
def discriminator_turn(work):
    table = Table()
    right = toys.descended(
        table.game.discriminator, lambda: table.discriminator_loss(table.latents), RATE
    )
    toys.call(work, table.game, table.real, table.latents)
    generator, _ = table.weights()
    require(
        near(generator, table.before[0], 1e-7),
        "the generator's gradient flows in the discriminator's turn, and moves it: it learns to"
        " make fakes that are easy to tell; only the discriminator's weights move here",
    )
    toys.require_descent(table.game.discriminator, table.before[1], right, "the discriminator")


@check
def generator_turn(work):
    table = Table()
    right = toys.descended(table.game.generator, lambda: table.generator_loss(table.latents), RATE)
    saturating = toys.descended(
        table.game.generator, lambda: -table.discriminator_loss(table.latents), RATE
    )
    toys.call(work, table.game, table.latents)
    generator, discriminator = table.weights()
    require(
        near(discriminator, table.before[1], 1e-7),
        "the discriminator moves in the generator's turn: it would learn to call fakes real; only"
        " the generator's weights move here",
    )
    require(
        not near(generator, saturating, 1e-6),
        "the generator descends log(1 - D(G(z))), which saturates: take the non-saturating loss",
    )
    toys.require_descent(table.game.generator, table.before[0], right, "the generator")


@check
def train_step(work):
    drawn: list = []
    table = Table()

    def draw():
        drawn.append(toys.normal(10 + len(drawn), 16, 2))
        return drawn[-1]

    toys.call(work, table.game, table.real, draw)
    require(table.turns, "nobody has moved: both agents have a turn in each step")
    require("generator" in table.turns, "the generator has no turn")
    require("discriminator" in table.turns, "the discriminator has no turn")
    require(
        table.turns == ["discriminator", "generator"],
        f"the turns are {', '.join(table.turns)}: one of the discriminator, then one of the"
        " generator",
    )
    require(
        len(drawn) == 2,
        f"latents were drawn {len(drawn)} times: each turn draws its own, so that the generator is"
        " not judged by the very fakes that the discriminator has just learned",
    )
