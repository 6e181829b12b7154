"""The trio: a class-conditional generator, a discriminator and a classifier."""

import functools

import keras
import tensorflow as tf

import agents
from games.gan import RELATIVISTIC
from models.critic import Critic
from models.draw import Draw
from models.game import copy_agent
from models.gan import (
    FAKE_VIEW,
    GAN,
    GENERATED_VIEW,
    REAL_VIEW,
    adam,
    build_discriminator,
    build_generator,
    builder,
    learning_rate,
)

VARIANTS = (
    "models.relativistic",
    "models.unlabelled",
)  # modules with games that `build` may return as well
READERS = 5  # of a classifier without labels, as Ji et al. 2019 have (arXiv:1807.06653)
# The more classes there are, the longer it takes until images show them. Until then a classifier
# learns to say the same of everything, and all its units with ReLU may have fallen silent by then.
FEW_CLASSES = 10
CLASSIFIER_VIEW = (Draw.CLASSIFIER_SHIFT, Draw.CLASSIFIER_FLIP)


def class_loss(labels, class_logits):
    """Cross-entropy (batch,) in nats of class logits (batch, num_classes)."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=class_logits)


@keras.saving.register_keras_serializable(package="games")
class GANTrio(GAN):
    """The GAN's two turns with classes, and a third: a classifier learns from fakes alone.

    Only the discriminator ever gets real images. The classifier learns from the average generator's
    images and the classes that were asked for; how it reads real images is the score. The game of
    the conditioning "none", in which no label of a real image is used, is in `models.unlabelled`.

    Args:
        generator: compiled keras.Model, [latents, labels] -> images.
        discriminator: compiled keras.Model of `agents.build_discriminator`, "auxiliary" if the
            options' `conditioning` is that, else "projection".
        classifier: compiled keras.Model, images -> class logits.
        options: games.gan.TrioOptions.
    """

    conditional = named = True
    validation_images: int | None = None

    def __init__(self, generator, discriminator, classifier, options, **kwargs):
        super().__init__(generator, discriminator, options, **kwargs)
        self.classifier = classifier
        self.average_classifier = copy_agent(classifier)
        self.num_classes = classifier.output.shape[-1]
        self.has_critic = options.conditioning == "projection"  # it must see labels
        if options.label_matching:
            self.logits_of_every_label = agents.logits_of_every_label(discriminator)
        self.means["classifier_loss"] = keras.metrics.Mean("classifier_loss")
        self.accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")

    def train_step(self, data):
        """One round: the classifier's turn, then the GAN's two.

        The classifier learns from the average generator of the last round, so a graph can play its
        turn at the same time as the discriminator's.
        """
        with tf.name_scope("classifier_turn"):
            self.classifier_turn(data)
        super().train_step(data)
        with tf.name_scope("average_classifier_step"):
            self.follow(self.average_classifier, self.classifier, self.options.ema_decay)
        return self.results()

    def classifier_turn(self, data):
        """Teaches the classifier to read generated images, as many as there are real ones."""
        agent, batch = self.classifier, tf.shape(data[0])[0]
        latents, labels = self.draw_fakes(agent, batch, Draw.CLASSIFIER_FAKES)
        fake_images = self.average_generator([latents, labels], training=False)
        most, view = self.options.classifier_translation, CLASSIFIER_VIEW
        fake_images = self.vary(fake_images, agent, most, *view)

        def loss_fn():
            return tf.reduce_mean(class_loss(labels, agent(fake_images, training=True)))

        self.track(classifier_loss=self.update(agent, loss_fn))

    def discriminator_turn(self, data):
        """Teaches the discriminator to tell real images, given their classes, from fakes."""
        agent, (real_images, real_labels) = self.discriminator, data
        batch = tf.shape(real_images)[0]
        latents, labels = self.draw_fakes(agent, batch, Draw.DISCRIMINATOR_FAKES)
        # Made outside the tape: no gradient of this turn can reach the generator.
        fake_images = self.generator([latents, labels], training=False)
        fake_images = self.show(fake_images, agent, *FAKE_VIEW)
        real_images = self.show(real_images, agent, *REAL_VIEW)

        def realness(of_labels):
            return lambda images: self.judge(images, of_labels)[0]

        def loss_fn():
            real_logits, real_class_loss = self.judge_real(real_images, real_labels)
            fake_logits, fake_class_loss = self.judge(fake_images, labels, training=True)
            loss = tf.reduce_mean(
                self.adversarial_loss.discriminator(real_logits, fake_logits)
                + real_class_loss
                + fake_class_loss
            )
            self.track_discriminator(loss, real_logits, fake_logits)
            real, fake = (realness(real_labels), real_images), (realness(labels), fake_images)
            return loss + self.penalty(real, fake)

        self.update(agent, loss_fn)

    def generator_turn(self, data):
        """Teaches the generator, on fresh latents, to be taken for real images of a class."""
        agent, batch = self.generator, tf.shape(data[0])[0]
        latents, labels = self.draw_fakes(agent, batch, Draw.GENERATOR_FAKES)

        def loss_fn():
            fake_images = agent([latents, labels], training=True)
            fake_images = self.show(fake_images, agent, *GENERATED_VIEW)
            fake_logits, naming_loss = self.judge(fake_images, labels)
            return tf.reduce_mean(self.adversarial_loss.generator(fake_logits) + naming_loss)

        self.track(generator_loss=self.update(agent, loss_fn))

    def judge(self, images, labels, training=False):
        """Realness logits (batch, 1), and the loss (batch,) of naming the images' classes.

        A discriminator that names no classes has no such loss: 0.
        """
        if self.options.conditioning == "auxiliary":
            realness, class_logits = self.discriminator(images, training=training)
            return realness, class_loss(labels, class_logits)
        return self.discriminator([images, labels], training=training), 0.0

    def judge_real(self, images, labels):
        """As `judge` in training; with `label_matching` the own label must have the best logit.

        Source: Han et al. 2021, arXiv:2108.09016, of the real images alone.
        """
        if self.options.label_matching == 0.0:
            return self.judge(images, labels, training=True)
        every_logit = self.logits_of_every_label(images, training=True)
        own_logits = tf.gather(every_logit, labels[:, None], batch_dims=1)
        return own_logits, self.options.label_matching * class_loss(labels, every_logit)

    def test_step(self, data):
        """How the average classifier reads held-out real images; no agent learns from them."""
        images, labels = data
        self.accuracy.update_state(labels, self.average_classifier(images, training=False))
        return self.report(self.accuracy)

    @tf.function(autograph=False, reduce_retracing=True)
    def realness(self, images):
        """The discriminator's logits float32 (n,) of images, or points, as the class that suits."""
        images = tf.convert_to_tensor(images)
        labels = [tf.fill(tf.shape(images)[:1], label) for label in range(self.num_classes)]
        return tf.reduce_max([self.judge(images, each)[0][:, 0] for each in labels], axis=0)

    def build_critic(self):
        """The game played afterwards, in which a copy of the discriminator learns on alone.

        Returns:
            A compiled models.critic.Critic.
        """
        discriminator = copy_agent(self.discriminator)
        discriminator.compile(adam(self.options, "discriminator"))
        critic = Critic(self.average_generator, discriminator, self.options)
        critic.compile(jit_compile=self.options.jit)
        return critic

    def agents(self):
        """The agents that a checkpoint holds."""
        return {**super().agents(), "classifier": self.classifier}

    def agents_to_save(self):
        """The GAN's agents and the average classifier."""
        return {**super().agents_to_save(), "classifier": self.average_classifier}


def build(options, dataset):
    """The game of `options`; arguments as `models.game.build_game`."""
    generator = build_generator(options, dataset, num_classes=dataset.num_classes)
    # Without labels, names that the classifier finds are judged as labels are.
    conditioning = "auxiliary" if options.conditioning == "auxiliary" else "projection"
    discriminator = build_discriminator(options, dataset, conditioning=conditioning)
    readers = READERS if options.conditioning == "none" else None
    activation = "relu" if dataset.num_classes <= FEW_CLASSES else "leaky_relu"
    of_images = functools.partial(agents.build_classifier, readers=readers, activation=activation)
    classifier = builder(dataset, of_images, agents.build_point_classifier)(
        width=options.classifier_width, num_classes=dataset.num_classes
    )
    classifier.compile(agents.Adam(learning_rate(options, "classifier")))
    return variant(options)(generator, discriminator, classifier, options)


def variant(options):
    """The class of the trio that these options mean."""
    # Imported late, as they import this module.
    from models.relativistic import RelativisticTrio
    from models.unlabelled import UnlabelledRelativisticTrio, UnlabelledTrio

    trio, relativistic = GANTrio, RelativisticTrio
    if options.conditioning == "none":
        trio, relativistic = UnlabelledTrio, UnlabelledRelativisticTrio
    return relativistic if options.loss in RELATIVISTIC else trio
