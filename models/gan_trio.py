"""The trio: a class-conditional generator, a discriminator and a classifier."""

import keras
import tensorflow as tf

from models.augment import random_translation
from models.game import copy_agent
from models.gan import GAN


def class_loss(labels, class_logits):
    """Cross-entropy (batch,) in nats of class logits (batch, num_classes)."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=class_logits)


@keras.saving.register_keras_serializable(package="games")
class GANTrio(GAN):
    """The GAN's two turns with classes, and a third: a classifier learns from fakes alone.

    Only the discriminator is ever given real images. The classifier is taught by the average
    generator's images and the classes that were asked for; how it reads real ones is the score.

    Args:
        generator: compiled keras.Model, [latents, labels] -> images.
        discriminator: compiled keras.Model of the same `conditioning`.
        classifier: compiled keras.Model, images -> class logits.
        conditioning: "projection", "auxiliary" or "none"; see `agents.build_discriminator`. With
            "none" no label of a real image is used; the generator is also paid for images that
            the classifier can read, so that it invents classes of its own (InfoGAN; Chen et al.
            2016, arXiv:1606.03657).
        classifier_translation: int >= 0, shifts in pixels of the images that teach the classifier.
        **kwargs: of `GAN`.
    """

    def __init__(
        self,
        generator,
        discriminator,
        classifier,
        *,
        conditioning="projection",
        classifier_translation=0,
        **kwargs,
    ):
        super().__init__(generator, discriminator, **kwargs)
        self.classifier = classifier
        self.average_classifier = copy_agent(classifier)
        self.conditioning = conditioning
        self.classifier_translation = classifier_translation
        self.num_classes = classifier.output.shape[-1]
        self.means["classifier_loss"] = keras.metrics.Mean("classifier_loss")
        self.accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")

    def train_step(self, data):
        """One round: the classifier's turn, and the GAN's two.

        The classifier learns from the average generator as the last round left it, so that a graph
        can play its turn beside the discriminator's.
        """
        with tf.name_scope("classifier_turn"):
            self.classifier_turn(tf.shape(data[0])[0])
        super().train_step(data)
        with tf.name_scope("average_classifier_step"):
            self.follow(self.average_classifier, self.classifier, self.ema_decay)
        return self.results()

    def classifier_turn(self, batch):
        """Teaches the classifier to read generated images; it is handed no real ones."""
        agent = self.classifier
        latents, labels = self.draw(agent, batch, salt=9)
        fake_images = self.imagine(self.average_generator, latents, labels)
        fake_images = random_translation(
            fake_images, self.classifier_translation, self.random_seed(agent, 11)
        )

        def loss_fn():
            return tf.reduce_mean(class_loss(labels, agent(fake_images, training=True)))

        self.track(classifier_loss=self.update(agent, loss_fn))

    def test_step(self, data):
        """How the average classifier reads held-out real images; nothing learns from it."""
        images, labels = data
        self.accuracy.update_state(labels, self.average_classifier(images, training=False))
        return self.report(self.accuracy)

    def imagine(self, generator, latents, labels, training=False):
        """The generator's images (batch, h, w, c) of the classes asked for."""
        return generator([latents, labels], training=training)

    def judge(self, images, labels, training=False):
        """Realness logits (batch, 1), and the loss (batch,) or 0 of naming the images' classes."""
        if self.conditioning == "projection":
            return self.discriminator([images, labels], training=training), 0.0
        if self.conditioning == "auxiliary":
            realness, class_logits = self.discriminator(images, training=training)
            return realness, class_loss(labels, class_logits)
        return self.discriminator(images, training=training), 0.0

    def naming_loss(self, fake_images, labels):
        """Without labels in the discriminator, the generator must please the classifier."""
        if self.conditioning != "none":
            return 0.0
        return class_loss(labels, self.classifier(fake_images, training=False))

    def agents_to_save(self):
        """The GAN's agents and the average classifier."""
        return {**super().agents_to_save(), "classifier": self.average_classifier}

    def get_config(self):
        return {
            **super().get_config(),
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            "conditioning": self.conditioning,
            "classifier_translation": self.classifier_translation,
        }
