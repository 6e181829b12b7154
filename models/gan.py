"""The two-agent min-max game (Goodfellow et al. 2014, arXiv:1406.2661)."""

import keras
import tensorflow as tf

from devices import shared_batch
from models import losses
from models.augment import random_translation
from models.game import Draws, Game, copy_agent

R1_INTERVAL = 16  # the gradient penalty is lazy: every 16th step, 16 times as strong
WASSERSTEIN_PENALTY = 10.0  # Gulrajani et al. 2017


@keras.saving.register_keras_serializable(package="games")
class GAN(Game, Draws):
    """A generator learns to make images that a discriminator takes for real ones.

    `average_generator` follows the generator (exponential moving average) and is the one to
    sample from.

    Args:
        generator: compiled keras.Model, latents -> images.
        discriminator: compiled keras.Model, images -> realness logits.
        loss: str, a key of `losses.ADVERSARIAL_LOSSES`.
        r1_gamma: float >= 0, weight of the lazy penalty on the discriminator's gradient at real
            images, gamma / 2 |dD/dx|^2 (and at generated ones too for `relativistic`).
        translation: int >= 0, shifts in pixels of every image that the discriminator sees.
        ema_decay: float in [0, 1), of the average generator.
        seed: int.
    Raises:
        ValueError: if `loss` is unknown.
    """

    def __init__(
        self,
        generator,
        discriminator,
        *,
        loss="non_saturating",
        r1_gamma=0.0,
        translation=0,
        ema_decay=0.999,
        seed=0,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        if loss not in losses.ADVERSARIAL_LOSSES:
            raise ValueError(f"loss {loss!r} is none of {', '.join(losses.ADVERSARIAL_LOSSES)}")
        self.generator = generator
        self.discriminator = discriminator
        self.average_generator = copy_agent(generator)
        self.loss_name = loss
        self.adversarial_loss = losses.ADVERSARIAL_LOSSES[loss]
        self.r1_gamma = r1_gamma
        self.translation = translation
        self.ema_decay = ema_decay
        self.latent_dim = generator.inputs[0].shape[-1]
        self.num_classes = 1
        self.means = {
            "discriminator_loss": keras.metrics.Mean("discriminator_loss"),
            "generator_loss": keras.metrics.Mean("generator_loss"),
            "real_score": keras.metrics.Mean("D(x)"),
            "fake_score": keras.metrics.Mean("D(G(z))"),
        }

    def train_step(self, data):
        """One round: the discriminator's turn, the generator's turn, the average's step."""
        real_images, real_labels = data
        with tf.name_scope("discriminator_turn"):  # the scopes are what TensorBoard's graph shows
            self.discriminator_turn(real_images, real_labels)
        with tf.name_scope("generator_turn"):
            self.generator_turn(real_images, real_labels)
        with tf.name_scope("average_generator_step"):
            self.follow(self.average_generator, self.generator, self.ema_decay)
        return self.results()

    def discriminator_turn(self, real_images, real_labels):
        """Teaches the discriminator to tell real images from this turn's fakes."""
        agent = self.discriminator
        latents, labels = self.draw(agent, tf.shape(real_images)[0], salt=0)
        # Made outside the tape: no gradient of this turn can reach the generator.
        fake_images = self.show(self.imagine(self.generator, latents, labels), agent, salt=2)
        real_images = self.show(real_images, agent, salt=3)

        def loss_fn():
            real_logits, real_class_loss = self.judge(real_images, real_labels, training=True)
            fake_logits, fake_class_loss = self.judge(fake_images, labels, training=True)
            self.track(real_score=tf.sigmoid(real_logits), fake_score=tf.sigmoid(fake_logits))
            loss = tf.reduce_mean(
                self.adversarial_loss.discriminator(real_logits, fake_logits)
                + real_class_loss
                + fake_class_loss
            )
            self.track(discriminator_loss=loss)
            return loss + self.penalty(real_images, real_labels, fake_images, labels)

        self.update(agent, loss_fn)

    def generator_turn(self, real_images, real_labels):
        """Teaches the generator, on fresh latents, to be taken for real."""
        agent = self.generator
        latents, labels = self.draw(agent, tf.shape(real_images)[0], salt=4)
        # Only the relativistic loss looks at these; the graph drops them for the others.
        real_logits, _ = self.judge(self.show(real_images, agent, salt=6), real_labels)

        def loss_fn():
            fake_images = self.imagine(agent, latents, labels, training=True)
            fake_logits, class_loss = self.judge(self.show(fake_images, agent, salt=7), labels)
            class_loss += self.naming_loss(fake_images, labels)
            return tf.reduce_mean(
                self.adversarial_loss.generator(real_logits, fake_logits) + class_loss
            )

        self.track(generator_loss=self.update(agent, loss_fn))

    def penalty(self, real_images, real_labels, fake_images, labels):
        """The discriminator's gradient penalty: WGAN-GP at each step, R1 (and R2) lazily."""

        def logits_fn(of_labels):
            return lambda images: self.judge(images, of_labels)[0]

        if self.loss_name == "wasserstein":
            mixing = shared_batch.uniform(
                (tf.shape(real_images)[0], 1, 1, 1), self.random_seed(self.discriminator, 8)
            )
            return WASSERSTEIN_PENALTY * tf.reduce_mean(
                losses.wasserstein_gradient_penalty(
                    logits_fn(real_labels), real_images, fake_images, mixing
                )
            )
        if self.r1_gamma == 0.0:
            return 0.0

        def r1():
            squared = losses.squared_gradient_norm(logits_fn(real_labels), real_images)
            if self.loss_name == "relativistic":
                squared += losses.squared_gradient_norm(logits_fn(labels), fake_images)
            return self.r1_gamma / 2 * tf.reduce_mean(squared)

        return self.lazily(self.discriminator, R1_INTERVAL, r1)

    def show(self, images, agent, salt):
        """What the discriminator gets to see of an image: the image, shifted a little."""
        return random_translation(images, self.translation, self.random_seed(agent, salt))

    def imagine(self, generator, latents, labels, training=False):
        """The generator's images (batch, h, w, c); without classes, labels are ignored."""
        return generator(latents, training=training)

    def judge(self, images, labels, training=False):
        """Realness logits (batch, 1), and the loss (batch,) or 0 of naming the images' classes."""
        return self.discriminator(images, training=training), 0.0

    def naming_loss(self, fake_images, labels):
        """What the generator pays a third agent for unreadable images: without one, nothing."""
        return 0.0

    def agents_to_save(self):
        """The agents that a user wants afterwards, name -> keras.Model without an optimizer."""
        return {
            "generator": self.average_generator,
            "discriminator": copy_agent(self.discriminator),
        }

    def get_config(self):
        return {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "loss": self.loss_name,
            "r1_gamma": self.r1_gamma,
            "translation": self.translation,
            "ema_decay": self.ema_decay,
            "seed": self.seed,
        }
