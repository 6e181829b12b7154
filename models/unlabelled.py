"""The trio without labels: the classifier finds classes in real images, and they are played with.

Sources: Hu et al. 2017, arXiv:1702.08720 (IMSAT), how the classes are found; Ji et al. 2019,
arXiv:1807.06653 (IIC), several readers of which the best counts; Liu et al. 2020, arXiv:2006.10728,
a conditional GAN whose classes are found as it learns.
"""

import keras
import tensorflow as tf

import agents
from devices import shared_batch
from models import losses
from models.augment import random_warp
from models.draw import Draw
from models.gan_trio import CLASSIFIER_VIEW, GANTrio
from models.relativistic import RelativisticTrio

SETTLING = 400  # turns after which agreement has its full weight; before, it would win at once
INFORMATION = 0.3  # weight of the information in names beside agreement; Hu et al. have 0.1


class Unlabelled(GANTrio):
    """Names real images itself; generator and discriminator play with the names as with labels.

    The classifier sees real images, and no label of one reaches any agent. It has several readers,
    which share its features and teach them together; one alone may give two classes one name. The
    names are those of the reader whose losses since the game began add up to least.

    Args:
        classifier: compiled keras.Model, images -> class logits (b, readers, num_classes); other
            arguments are those of `GANTrio`.
    """

    named = False
    validation_images = 0  # a score would need labels, and a matching of names with them

    def __init__(self, generator, discriminator, classifier, options, **kwargs):
        super().__init__(generator, discriminator, classifier, options, **kwargs)
        self.reader_losses = self.add_weight(
            name="reader_losses",
            shape=(classifier.output.shape[1],),
            initializer="zeros",
            trainable=False,
            aggregation="mean",
        )

    def train_step(self, data):
        """One round: the average classifier names the real images, and the trio plays."""
        real_images, _ = data
        logits = self.average_classifier(real_images, training=False)[:, self.best_reader()]
        names = tf.argmax(logits, axis=-1, output_type=tf.int32)
        return super().train_step((real_images, names))

    def best_reader(self):
        """The place of the reader whose losses add up to least, an int tensor."""
        return tf.argmin(self.reader_losses)

    def classifier_turn(self, data):
        """Teaches each reader names for real images that say much, and outlast small changes."""
        agent, (real_images, _) = self.classifier, data
        most = self.options.classifier_translation
        changed_images = self.vary(real_images, agent, most, *CLASSIFIER_VIEW)
        seed = self.random_seed(agent, Draw.CLASSIFIER_WARP)
        changed_images = random_warp(changed_images, self.options.classifier_warp, seed)

        turns = tf.cast(agent.optimizer.iterations, tf.float32)
        settled = tf.minimum(1.0, turns / SETTLING)

        def naming_loss(logits, changed_logits):
            # What an image is called does not give way to what the changed one is called.
            change = tf.reduce_mean(losses.divergence(tf.stop_gradient(logits), changed_logits))
            information = losses.information(shared_batch.all_rows(logits))
            return settled * change - INFORMATION * information

        def loss_fn():
            logits = tf.unstack(agent(real_images, training=True), axis=1)
            changed_logits = tf.unstack(agent(changed_images, training=True), axis=1)
            of_readers = tf.stack(list(map(naming_loss, logits, changed_logits)))
            self.reader_losses.assign_add(of_readers)
            return tf.reduce_mean(of_readers)

        self.track(classifier_loss=self.update(agent, loss_fn))

    def agents_to_save(self):
        """The trio's agents; the average classifier with its best reader alone."""
        best = agents.one_reader(self.average_classifier, int(self.best_reader()))
        return {**super().agents_to_save(), "classifier": best}


@keras.saving.register_keras_serializable(package="games")
class UnlabelledTrio(Unlabelled):
    """A trio without labels."""


@keras.saving.register_keras_serializable(package="games")
class UnlabelledRelativisticTrio(Unlabelled, RelativisticTrio):
    """A trio without labels whose generator must look more real than the image beside it."""
