"""Rob-GAN: a generator, a discriminator, and an attacker between it and the real images."""

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

import agents
from attacks.objectives import cross_entropy
from models import losses
from models.adversarial_training import AdversarialTraining
from models.draw import Draw
from models.game import Draws, copy_agent
from models.gan import R1_INTERVAL, adam


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
        pairing = "relativistic" if options.relativistic else "non_saturating"
        self.adversarial_loss = losses.ADVERSARIAL_LOSSES[pairing]
        names = ("discriminator_loss", "generator_loss", "D(x)", "D(G(z))", "attacked_accuracy")
        self.means = {name: keras.metrics.Mean(name) for name in names}

    def train_step(self, data):
        """One round: attacker and discriminator in turn, the generator's turn, the averages."""
        real_images, real_labels = data
        for _ in range(self.options.discriminator_steps):
            with tf.name_scope("attacker_turn"):
                adversarial_images = self.attacker_turn(real_images, real_labels)
            with tf.name_scope("discriminator_turn"):
                self.discriminator_turn(real_images, adversarial_images, real_labels)
        with tf.name_scope("generator_turn"):
            self.generator_turn(real_images, real_labels)
        with tf.name_scope("averages_step"):
            self.follow(self.average_generator, self.generator, self.options.ema_decay)
            self.follow(self.average_discriminator, self.discriminator, self.options.ema_decay)
        return self.results()

    def attacker_turn(self, real_images, real_labels):
        """Images near the real ones that look like another class, and perhaps like fakes."""
        agent = self.discriminator

        def objective(images):
            realness, class_logits = self.judge(images, real_labels)
            loss = cross_entropy(real_labels, class_logits)
            if self.options.attacked == "both":
                loss += tf.nn.softplus(-realness[:, 0])
            return loss

        seed = self.random_seed(agent, Draw.ROBGAN_ATTACK_START)
        return self.attack(objective, real_images, seed=seed, scale=self.ramp(self.generator))

    def discriminator_turn(self, real_images, adversarial_images, real_labels):
        """Teaches the discriminator to tell real images from fakes, and to name attacked ones."""
        agent = self.discriminator
        batch = tf.shape(real_images)[0]
        latents, labels = self.draw_fakes(agent, batch, Draw.ROBGAN_DISCRIMINATOR_FAKES)
        fake_images = self.borrow(self.generator, [latents, labels])
        is_joint = self.options.attacked == "both"
        if is_joint:
            real_images = adversarial_images

        def realness(of_labels):
            return lambda images: self.judge(images, of_labels)[0]

        def loss_fn():
            real_logits, class_logits = self.judge(real_images, real_labels, training=True)
            fake_logits, fake_class_logits = self.judge(fake_images, labels, training=True)
            if not is_joint:  # classes are learned from other images than realness
                _, class_logits = self.judge(adversarial_images, real_labels, training=True)
            self.track(**{"D(x)": tf.sigmoid(real_logits), "D(G(z))": tf.sigmoid(fake_logits)})
            named = tf.argmax(class_logits, axis=-1, output_type=tf.int32)
            self.track(attacked_accuracy=tf.cast(named == real_labels, tf.float32))
            loss = self.adversarial_loss.discriminator(real_logits, fake_logits)
            loss += cross_entropy(real_labels, class_logits)
            if self.options.loss == "acgan":
                loss += cross_entropy(labels, fake_class_logits)
            loss = tf.reduce_mean(loss)
            self.track(discriminator_loss=loss)
            loss += self.r1(agent, R1_INTERVAL, realness(real_labels), real_images)
            if self.options.relativistic:
                loss += self.r1(agent, R1_INTERVAL, realness(labels), fake_images)
            return loss

        self.update(agent, loss_fn)

    def generator_turn(self, real_images, real_labels):
        """Teaches the generator to be taken for real, given the class that was asked for."""
        agent, batch = self.generator, tf.shape(real_images)[0]
        latents, labels = self.draw_fakes(agent, batch, Draw.ROBGAN_GENERATOR_FAKES)
        beside = []
        if self.options.relativistic:
            beside = [self.judge(real_images, real_labels)[0]]

        def loss_fn():
            fake_images = agent([latents, labels], training=True)
            fake_logits, class_logits = self.borrow(
                self.discriminator, self.shown(fake_images, labels)
            )
            loss = self.adversarial_loss.generator(*beside, fake_logits)
            return tf.reduce_mean(
                loss + self.options.class_weight * cross_entropy(labels, class_logits)
            )

        self.track(generator_loss=self.update(agent, loss_fn))

    def judge(self, images, labels, training=False):
        """Realness logits (batch, 1), given the labels, and class logits (batch, num_classes)."""
        return self.discriminator(self.shown(images, labels), training=training)

    def shown(self, images, labels):
        """What the discriminator is shown: images, and their labels where realness needs them."""
        return [images, labels] if self.options.conditioning == "projection" else images

    def test_step(self, data):
        """How the average discriminator names held-out real images, plain and attacked."""
        average = self.average_discriminator
        _, labels = data

        def classify(images):
            return average(self.shown(images, labels), training=False)[1]  # realness knows them

        return self.examine(classify, *data)

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


GENERATORS: dict[str, Callable] = {
    "convolutional": functools.partial(agents.build_generator, refine=False),
    "style": agents.build_style_generator,
    "residual": agents.build_residual_generator,
}


def build(options, dataset):
    """The game of `options`; arguments as `models.game.build_game`."""
    shape = (dataset.image_size, dataset.channels)
    generator = GENERATORS[options.generator](
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
        conditioning=options.conditioning,
        realness_width=options.realness_width,
        tall=options.generator != "style",
    )
    generator.compile(adam(options, "generator"))
    discriminator.compile(adam(options, "discriminator"))
    return RobGAN(generator, discriminator, options)
