"""Rob-GAN: a generator, a discriminator, and an attacker between it and the real images."""

import keras
import tensorflow as tf

import agents
from attacks.objectives import cross_entropy
from models import losses
from models.adversarial_training import AdversarialTraining
from models.draw import Draw
from models.game import BETA_1, Draws, copy_agent

R1_INTERVAL = 4  # discriminator turns between two penalties


@keras.saving.register_keras_serializable(package="games")
class RobGAN(AdversarialTraining, Draws):
    """The discriminator tells attacked real images from fakes, and names the class of the former.

    It never sees a real image as it is. The attacker climbs the loss that the discriminator
    descends, so only a discriminator that is right withstands it. The generator is rewarded for
    images that look real and are read as the class asked for.

    With the loss "robgan" the discriminator learns classes from real images alone, with "acgan"
    from generated ones as well.

    Args:
        generator: compiled keras.Model, [latents, labels] -> images; it may hold BatchNorm.
        discriminator: compiled keras.Model, images -> [realness logits, class logits].
        options: games.robgan.RobGANOptions.
    Source: Liu & Hsieh 2019, algorithm 1 and equations 8 and 9, arXiv:1807.10454; "acgan" is
        Odena et al. 2017, arXiv:1610.09585.
    """

    def __init__(self, generator, discriminator, options, **kwargs):
        super().__init__(options, **kwargs)
        self.generator = generator
        self.discriminator = discriminator
        self.average_generator = copy_agent(generator)
        self.average_discriminator = copy_agent(discriminator)
        self.latent_dim = generator.inputs[0].shape[-1]
        self.num_classes = discriminator.outputs[1].shape[-1]
        names = ("discriminator_loss", "generator_loss", "D(x)", "D(G(z))", "attacked_accuracy")
        self.means = {name: keras.metrics.Mean(name) for name in names}

    def train_step(self, data):
        """One round: attacker and discriminator in turn, the generator's turn, the averages."""
        real_images, real_labels = data
        for _ in range(self.options.discriminator_steps):
            with tf.name_scope("attacker_turn"):
                adversarial_images = self.attacker_turn(real_images, real_labels)
            with tf.name_scope("discriminator_turn"):
                self.discriminator_turn(adversarial_images, real_labels)
        with tf.name_scope("generator_turn"):
            self.generator_turn(tf.shape(real_images)[0])
        with tf.name_scope("averages_step"):
            self.follow(self.average_generator, self.generator, self.options.ema_decay)
            self.follow(self.average_discriminator, self.discriminator, self.options.ema_decay)
        return self.results()

    def attacker_turn(self, real_images, real_labels):
        """Images near the real ones that look most like fakes and like another class."""
        agent = self.discriminator

        def objective(images):
            realness, class_logits = agent(images, training=False)
            return tf.nn.softplus(-realness[:, 0]) + cross_entropy(real_labels, class_logits)

        seed = self.random_seed(agent, Draw.ROBGAN_ATTACK_START)
        return self.attack(objective, real_images, seed=seed, scale=self.ramp(self.generator))

    def discriminator_turn(self, adversarial_images, real_labels):
        """Teaches the discriminator to tell attacked real images from fakes and to name classes."""
        agent = self.discriminator
        batch = tf.shape(adversarial_images)[0]
        latents, labels = self.draw_fakes(agent, batch, Draw.ROBGAN_DISCRIMINATOR_FAKES)
        fake_images = self.borrow(self.generator, [latents, labels])

        def realness(images):
            return agent(images, training=False)[0]

        def loss_fn():
            real_logits, class_logits = agent(adversarial_images, training=True)
            fake_logits, fake_class_logits = agent(fake_images, training=True)
            self.track(**{"D(x)": tf.sigmoid(real_logits), "D(G(z))": tf.sigmoid(fake_logits)})
            named = tf.argmax(class_logits, axis=-1, output_type=tf.int32)
            self.track(attacked_accuracy=tf.cast(named == real_labels, tf.float32))
            loss = losses.logistic_discriminator_loss(real_logits, fake_logits)
            loss += cross_entropy(real_labels, class_logits)
            if self.options.loss == "acgan":
                loss += cross_entropy(labels, fake_class_logits)
            loss = tf.reduce_mean(loss)
            self.track(discriminator_loss=loss)
            return loss + self.r1(agent, R1_INTERVAL, realness, adversarial_images)

        self.update(agent, loss_fn)

    def generator_turn(self, batch):
        """Teaches the generator to be taken for real, and for the class that was asked for."""
        agent = self.generator
        latents, labels = self.draw_fakes(agent, batch, Draw.ROBGAN_GENERATOR_FAKES)

        def loss_fn():
            fake_images = agent([latents, labels], training=True)
            fake_logits, class_logits = self.borrow(self.discriminator, fake_images)
            return tf.reduce_mean(
                losses.non_saturating_generator_loss(fake_logits)
                + cross_entropy(labels, class_logits)
            )

        self.track(generator_loss=self.update(agent, loss_fn))

    def test_step(self, data):
        """How the average discriminator names held-out real images, plain and attacked."""
        average = self.average_discriminator
        return self.examine(lambda images: average(images, training=False)[1], *data)

    def agents(self):
        """The agents that a checkpoint holds."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def agents_to_save(self):
        """The agents for use after the training; the classifier is a head of the discriminator."""
        discriminator = self.average_discriminator
        return {
            "generator": self.average_generator,
            "discriminator": discriminator,
            "classifier": agents.class_head(discriminator),
        }


def build(options, dataset):
    """The game of `options`; arguments as `models.game.build_game`."""
    shape = (dataset.image_size, dataset.channels)
    generator = agents.build_residual_generator(
        *shape,
        latent_dim=options.latent_dim,
        width=options.generator_width,
        num_classes=dataset.num_classes,
    )
    discriminator = agents.build_residual_discriminator(
        *shape,
        width=options.discriminator_width,
        num_classes=dataset.num_classes,
        contrast=options.contrast,
        pooling=options.pooling,
        batch_norm=options.batch_norm,
    )
    generator.compile(agents.Adam(options.generator_learning_rate, beta_1=BETA_1))
    discriminator.compile(agents.Adam(options.discriminator_learning_rate, beta_1=BETA_1))
    return RobGAN(generator, discriminator, options)
