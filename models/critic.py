"""After the game a copy of the discriminator learns on, to judge single images."""

import keras
import tensorflow as tf
from keras import ops

from devices import shared_batch
from models.draw import Draw
from models.game import Game, copy_agent

EMA_DECAY = 0.998


class Critic(Game):
    """A discriminator that goes on learning while the generator stays as it is.

    Near the game's equilibrium real and generated images are equally likely, so realness says
    little about a single image. The critic must also tell a real image with its own label from one
    with another's (the matching-aware discriminator; Reed et al. 2016, algorithm 1,
    arXiv:1605.05396): its logits under the ten labels then say how clearly an image is of its
    class. Scores come from `average_discriminator`.

    Args:
        generator: keras.Model, [latents, labels] -> images; it does not learn.
        discriminator: compiled keras.Model, [images, labels] -> realness logits.
        options: games.gan.TrioOptions, of the game that the two played.
    """

    def __init__(self, generator, discriminator, options, **kwargs):
        super().__init__(options, **kwargs)
        self.generator = generator
        self.discriminator = discriminator
        self.average_discriminator = copy_agent(discriminator)
        self.latent_dim = generator.inputs[0].shape[-1]
        self.num_classes = generator.get_layer("class_code").input_dim
        self.means = {"critic_loss": keras.metrics.Mean("critic_loss")}

    def train_step(self, data):
        """One turn: real images with their labels against fakes, and against wrong labels."""
        real_images, real_labels = data
        agent, batch = self.discriminator, tf.shape(real_images)[0]
        latents, labels = self.draw_fakes(agent, batch, Draw.CRITIC_FAKES)
        seed = self.random_seed(agent, Draw.CRITIC_WRONG_LABELS)
        shift = shared_batch.uniform((batch,), seed, 1, self.num_classes, dtype=tf.int32)
        fake_images = self.generator([latents, labels], training=False)
        wrong_labels = (real_labels + shift) % self.num_classes

        def loss_fn():
            real_logits = agent([real_images, real_labels], training=True)
            fake_logits = agent([fake_images, labels], training=True)
            wrong_logits = agent([real_images, wrong_labels], training=True)
            return tf.reduce_mean(
                ops.softplus(-real_logits)
                + 0.5 * (ops.softplus(fake_logits) + ops.softplus(wrong_logits))
            )

        self.track(critic_loss=self.update(agent, loss_fn))
        self.follow(self.average_discriminator, agent, EMA_DECAY)
        return self.results()

    @property
    def step(self):
        """int, turns played so far."""
        return int(self.discriminator.optimizer.iterations.numpy())
