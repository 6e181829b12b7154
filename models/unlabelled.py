"""The trio without labels: the classifier finds classes in real images, and they are played with.

Sources: Hu et al. 2017, arXiv:1702.08720 (IMSAT), how the classes are found; Liu et al. 2020,
arXiv:2006.10728, a conditional GAN whose classes are found as it learns.
"""

import keras
import tensorflow as tf

from devices import shared_batch
from models import losses
from models.augment import random_warp
from models.draw import Draw
from models.gan_trio import CLASSIFIER_VIEW, GANTrio
from models.relativistic import RelativisticTrio

INFORMATION = 0.3  # weight of the information in names beside agreement; Hu et al. have 0.1


class Unlabelled(GANTrio):
    """Names real images itself; generator and discriminator play with the names as with labels.

    The classifier sees real images, and no label of one reaches any agent.
    """

    named = False
    validation_images = 0  # a score would need labels, and a matching of names with them

    def train_step(self, data):
        """One round: the average classifier names the real images, and the trio plays."""
        real_images, _ = data
        names = tf.argmax(
            self.average_classifier(real_images, training=False), axis=-1, output_type=tf.int32
        )
        return super().train_step((real_images, names))

    def classifier_turn(self, data):
        """Teaches the classifier names for real images that say much, and outlast small changes."""
        agent, (real_images, _) = self.classifier, data
        most = self.options.classifier_translation
        changed_images = self.vary(real_images, agent, most, *CLASSIFIER_VIEW)
        seed = self.random_seed(agent, Draw.CLASSIFIER_WARP)
        changed_images = random_warp(changed_images, self.options.classifier_warp, seed)

        def loss_fn():
            logits = agent(real_images, training=True)
            changed_logits = agent(changed_images, training=True)
            # What an image is called does not give way to what the changed one is called.
            change = tf.reduce_mean(losses.divergence(tf.stop_gradient(logits), changed_logits))
            return change - INFORMATION * losses.information(shared_batch.all_rows(logits))

        self.track(classifier_loss=self.update(agent, loss_fn))


@keras.saving.register_keras_serializable(package="games")
class UnlabelledTrio(Unlabelled):
    """A trio without labels."""


@keras.saving.register_keras_serializable(package="games")
class UnlabelledRelativisticTrio(Unlabelled, RelativisticTrio):
    """A trio without labels whose generator must look more real than the image beside it."""
