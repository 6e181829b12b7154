"""Rob-GAN: a generator, a discriminator, and an attacker between it and the real images."""

import dataclasses

import keras
import tensorflow as tf

from agents import class_head
from attacks.objectives import cross_entropy
from models import losses
from models.game import Draws, copy_agent
from models.under_attack import UnderAttack

R1_INTERVAL = 4  # discriminator turns between two penalties
CLASS_LOSSES = ("robgan", "acgan")


@keras.saving.register_keras_serializable(package="games")
class RobGAN(UnderAttack, Draws):
    """The discriminator tells attacked real images from fakes, and names the attacked ones' class.

    It never sees a real image as it is. The attacker climbs the very loss that the discriminator
    descends, so there is nothing to hide behind but being right. The generator is paid for images
    that look real and whose class is read as asked.

    Args:
        generator: compiled keras.Model, [latents, labels] -> images; it may hold BatchNorm.
        discriminator: compiled keras.Model, images -> [realness logits, class logits].
        attack: attacks.ProjectedGradientDescent, the attacker.
        loss: "robgan", where the discriminator learns classes from real images alone, or "acgan",
            where it learns them from generated ones as well.
        discriminator_steps: int >= 1, turns of attacker and discriminator in a round.
        r1_gamma: float >= 0, weight of the lazy penalty on the gradient of realness at what the
            discriminator takes for real.
        ramp_steps: int >= 0, rounds over which the attack's epsilon grows from 0.
        ema_decay: float in [0, 1), of the average generator and discriminator.
        seed: int.
    Raises:
        ValueError: if `loss` is unknown.
    Source: Liu & Hsieh 2019, algorithm 1 and equations 8 and 9, arXiv:1807.10454; "acgan" is
        Odena et al. 2017, arXiv:1610.09585.
    """

    def __init__(
        self,
        generator,
        discriminator,
        attack,
        *,
        loss="robgan",
        discriminator_steps=1,
        r1_gamma=0.0,
        ramp_steps=0,
        ema_decay=0.999,
        seed=0,
        **kwargs,
    ):
        super().__init__(attack, ramp_steps=ramp_steps, seed=seed, **kwargs)
        if loss not in CLASS_LOSSES:
            raise ValueError(f"loss {loss!r} is none of {', '.join(CLASS_LOSSES)}")
        self.generator = generator
        self.discriminator = discriminator
        self.average_generator = copy_agent(generator)
        self.average_discriminator = copy_agent(discriminator)
        self.loss_name = loss
        self.discriminator_steps = discriminator_steps
        self.r1_gamma = r1_gamma
        self.ema_decay = ema_decay
        self.latent_dim = generator.inputs[0].shape[-1]
        self.num_classes = discriminator.outputs[1].shape[-1]
        names = ("discriminator_loss", "generator_loss", "D(x)", "D(G(z))", "attacked_accuracy")
        self.means = {name: keras.metrics.Mean(name) for name in names}

    def train_step(self, data):
        """One round: attacker and discriminator in turns, the generator's turn, the averages'."""
        real_images, real_labels = data
        for _ in range(self.discriminator_steps):
            with tf.name_scope("attacker_turn"):
                adversarial_images = self.attacker_turn(real_images, real_labels)
            with tf.name_scope("discriminator_turn"):
                self.discriminator_turn(adversarial_images, real_labels)
        with tf.name_scope("generator_turn"):
            self.generator_turn(tf.shape(real_images)[0])
        with tf.name_scope("averages_step"):
            self.follow(self.average_generator, self.generator, self.ema_decay)
            self.follow(self.average_discriminator, self.discriminator, self.ema_decay)
        return self.results()

    def attacker_turn(self, real_images, real_labels):
        """Images near the real ones that look the most like fakes, and like another class."""
        agent = self.discriminator

        def objective(images):
            realness, class_logits = agent(images, training=False)
            return tf.nn.softplus(-realness[:, 0]) + cross_entropy(real_labels, class_logits)

        seed = self.random_seed(agent, salt=21)
        return self.attack(objective, real_images, seed=seed, scale=self.ramp(self.generator))

    def discriminator_turn(self, adversarial_images, real_labels):
        """Teaches the discriminator to tell attacked real images from fakes, and their classes."""
        agent = self.discriminator
        latents, labels = self.draw(agent, tf.shape(adversarial_images)[0], salt=22)
        fake_images = self.borrow(self.generator, [latents, labels])

        def loss_fn():
            real_logits, class_logits = agent(adversarial_images, training=True)
            fake_logits, fake_class_logits = agent(fake_images, training=True)
            self.track(**{"D(x)": tf.sigmoid(real_logits), "D(G(z))": tf.sigmoid(fake_logits)})
            named = tf.argmax(class_logits, axis=-1, output_type=tf.int32)
            self.track(attacked_accuracy=tf.cast(named == real_labels, tf.float32))
            loss = losses.logistic_discriminator_loss(real_logits, fake_logits)
            loss += cross_entropy(real_labels, class_logits)
            if self.loss_name == "acgan":
                loss += cross_entropy(labels, fake_class_logits)
            loss = tf.reduce_mean(loss)
            self.track(discriminator_loss=loss)
            return loss + self.penalty(adversarial_images)

        self.update(agent, loss_fn)

    def generator_turn(self, batch):
        """Teaches the generator to be taken for real, and for the class that it was asked for."""
        agent = self.generator
        latents, labels = self.draw(agent, batch, salt=24)

        def loss_fn():
            fake_images = agent([latents, labels], training=True)
            fake_logits, class_logits = self.borrow(self.discriminator, fake_images)
            return tf.reduce_mean(
                losses.non_saturating_generator_loss(fake_logits)
                + cross_entropy(labels, class_logits)
            )

        self.track(generator_loss=self.update(agent, loss_fn))

    def penalty(self, adversarial_images):
        """R1 on the realness of what the discriminator takes for real, taken lazily."""
        if self.r1_gamma == 0.0:
            return 0.0

        def r1():
            squared = losses.squared_gradient_norm(
                lambda images: self.discriminator(images, training=False)[0], adversarial_images
            )
            return self.r1_gamma / 2 * tf.reduce_mean(squared)

        return self.lazily(self.discriminator, R1_INTERVAL, r1)

    def test_step(self, data):
        """How the average discriminator names held-out real images, plain and attacked."""
        average = self.average_discriminator
        return self.examine(lambda images: average(images, training=False)[1], *data)

    def agents_to_save(self):
        """The agents that a user wants afterwards; the classifier is the discriminator's head."""
        discriminator = self.average_discriminator
        return {
            "generator": self.average_generator,
            "discriminator": discriminator,
            "classifier": class_head(discriminator),
        }

    def get_config(self):
        return {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "attack": dataclasses.asdict(self.attack),
            "loss": self.loss_name,
            "discriminator_steps": self.discriminator_steps,
            "r1_gamma": self.r1_gamma,
            "ramp_steps": self.ramp_steps,
            "ema_decay": self.ema_decay,
            "seed": self.seed,
        }
