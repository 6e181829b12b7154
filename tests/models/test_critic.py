"""The critic: a discriminator that goes on learning against a generator that stands still."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import agents
from models.critic import Critic
from models.game import copy_agent
from tests.support.games import options_of


def build(**options):
    keras.utils.set_random_seed(0)
    generator = agents.build_generator(8, 1, latent_dim=4, width=4, num_classes=3)
    discriminator = agents.build_discriminator(8, 1, width=4, num_classes=3)
    discriminator.compile(keras.optimizers.Adam(5e-3))
    critic = Critic(generator, discriminator, options_of("trio", **options))
    critic.compile()
    return critic


def stripes(labels):
    """Images whose class can be seen: a bright row at a place of its own."""
    images = np.full((len(labels), 8, 8, 1), -1, np.float32)
    images[np.arange(len(labels)), 2 * labels + 1] = 1
    return images


LABELS = np.tile(np.arange(3, dtype=np.int32), 8)


def batch():
    return tf.constant(stripes(LABELS)), tf.constant(LABELS)


def weights(agent):
    return [variable.numpy() for variable in agent.variables]


def test_a_turn_moves_the_discriminator_and_its_average_and_nobody_else():
    critic = build()
    generator, before = weights(critic.generator), weights(critic.discriminator)
    average = weights(critic.average_discriminator)
    critic.train_step(batch())
    for one, other in zip(generator, weights(critic.generator), strict=True):
        np.testing.assert_array_equal(one, other)
    for old, agent in ((before, critic.discriminator), (average, critic.average_discriminator)):
        assert all(
            np.abs(one - other).max() > 0 for one, other in zip(old, weights(agent), strict=True)
        )


def test_the_average_keeps_no_optimizer_and_the_critic_has_none():
    critic = build()
    assert getattr(critic.average_discriminator, "optimizer", None) is None
    assert critic.optimizer is None


def test_wrong_labels_are_never_the_right_ones():
    critic, asked = build(), []
    network = critic.discriminator
    critic.discriminator = Spy(network, asked)
    for _ in range(5):
        critic.train_step(batch())
    real, fake, wrong = (np.concatenate(asked[part::3]) for part in range(3))
    np.testing.assert_array_equal(real, np.tile(LABELS, 5))
    assert (wrong != real).all()
    assert set(wrong) == set(fake) == {0, 1, 2}


class Spy:
    """Passes everything on, and notes the labels of each call."""

    def __init__(self, agent, asked):
        self.agent, self.asked = agent, asked

    def __call__(self, inputs, **options):
        self.asked.append(np.asarray(inputs[1]))
        return self.agent(inputs, **options)

    def __getattr__(self, name):
        return getattr(self.agent, name)


def test_it_learns_to_tell_the_class_of_one_image():
    critic = build(seed=3)
    images = stripes(LABELS)
    before = agents.with_every_label(copy_agent(critic.average_discriminator))
    assert (before.predict(images, verbose=0).argmax(axis=1) == LABELS).mean() < 0.7
    step = tf.function(critic.train_step)
    losses = [float(step(batch())["critic_loss"]) for _ in range(150)]
    assert losses[-1] < losses[0] - 0.2
    after = agents.with_every_label(critic.average_discriminator)
    assert (after.predict(images, verbose=0).argmax(axis=1) == LABELS).all()


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_every_label_at_once_is_each_label_by_itself(spectral_norm):
    discriminator = agents.build_discriminator(
        8, 1, width=4, num_classes=3, spectral_norm=spectral_norm
    )
    images = stripes(LABELS)
    every = agents.with_every_label(discriminator).predict(images, verbose=0)
    for name in (0, 1, 2):
        alone = discriminator.predict([images, np.full_like(LABELS, name)], verbose=0)
        np.testing.assert_allclose(every[:, name], alone[:, 0], atol=1e-5)


def test_the_logits_of_every_label_follow_the_discriminator_and_teach_it():
    discriminator = agents.build_discriminator(8, 1, width=4, num_classes=3)
    every_logit = agents.logits_of_every_label(discriminator)
    images = stripes(LABELS)
    for scale in (1.0, 1.5):
        discriminator.set_weights([scale * weights for weights in discriminator.get_weights()])
        copied = agents.with_every_label(discriminator)(images)
        np.testing.assert_allclose(every_logit(images), copied, atol=1e-5)
    with tf.GradientTape() as tape:
        logits = every_logit(images, training=True)
    gradients = tape.gradient(logits, discriminator.trainable_variables)
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


def test_an_auxiliary_discriminator_gives_its_class_logits():
    discriminator = agents.build_discriminator(
        8, 1, width=4, num_classes=3, conditioning="auxiliary"
    )
    images = stripes(LABELS)
    every = agents.with_every_label(discriminator).predict(images, verbose=0)
    np.testing.assert_array_equal(every, discriminator.predict(images, verbose=0)[1])
