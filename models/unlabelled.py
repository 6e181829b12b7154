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
from models.game import Game
from models.gan import learning_rate
from models.gan_trio import CLASSIFIER_VIEW, GANTrio
from models.relativistic import RelativisticTrio

SETTLING = 400  # turns after which agreement has its full weight; before, it would win at once
INFORMATION = 0.3  # weight of the information in names beside agreement; Hu et al. have 0.1
CANDIDATES = 3  # classifiers that begin apart, of which the best plays on


class Naming(Game):
    """A game in which classifiers with several readers find names for real images."""

    def new_reader_losses(self, classifier, name):
        """A weight (readers,) for the losses of a classifier's readers, added up: so far 0."""
        return self.add_weight(
            name=name,
            shape=(classifier.output.shape[1],),
            initializer="zeros",
            trainable=False,
            aggregation="mean",
        )

    def changed(self, real_images, agent):
        """Images that should keep their names: shifted, turned, stretched and slanted a little."""
        most = self.options.classifier_translation
        images = self.vary(real_images, agent, most, *CLASSIFIER_VIEW)
        seed = self.random_seed(agent, Draw.CLASSIFIER_WARP)
        return random_warp(images, self.options.classifier_warp, seed)

    def naming_turn(self, agent, reader_losses, real_images, changed_images):
        """Teaches each reader names for real images that say much, and outlast small changes.

        Returns:
            float32 scalar, the readers' mean loss.
        """
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
            reader_losses.assign_add(of_readers)
            return tf.reduce_mean(of_readers)

        return self.update(agent, loss_fn)


class Opening(Naming):
    """Before the game several classifiers look for names, each alone; the best one plays on.

    Some settle on a worse division of the images and never leave it. Their losses tell them from
    the others after a few hundred turns.

    Args:
        classifiers: compiled keras.Models, as that of `Unlabelled`.
        options: games.gan.TrioOptions, of the game that begins.
    """

    def __init__(self, classifiers, options, **kwargs):
        super().__init__(options, **kwargs)
        self.classifiers = classifiers
        self.reader_losses = [
            self.new_reader_losses(classifier, f"reader_losses_{place}")
            for place, classifier in enumerate(classifiers)
        ]
        self.means = {"classifier_loss": keras.metrics.Mean("classifier_loss")}

    def train_step(self, data):
        """A turn of each classifier, on the same real images and the same changes of them."""
        real_images, _ = data
        changed_images = self.changed(real_images, self.classifiers[0])
        for agent, reader_losses in zip(self.classifiers, self.reader_losses, strict=True):
            loss = self.naming_turn(agent, reader_losses, real_images, changed_images)
            self.track(classifier_loss=loss)
        return self.results()

    @property
    def step(self):
        """int, turns played so far."""
        return int(self.classifiers[0].optimizer.iterations.numpy())

    def best(self):
        """(classifier, losses of its readers) with the reader whose losses add up to least."""
        sums = [float(tf.reduce_min(each)) for each in self.reader_losses]
        place = sums.index(min(sums))
        return self.classifiers[place], self.reader_losses[place]


class Unlabelled(Naming, GANTrio):
    """Names real images itself; generator and discriminator play with the names as with labels.

    The classifier sees real images, and no label of one reaches any agent. It has several readers,
    which share its features and teach them together; one alone may give two classes one name. The
    names are those of the reader whose losses since its first turn, in the opening, add up to
    least.

    Args:
        classifier: compiled keras.Model, images -> class logits (b, readers, num_classes); other
            arguments are those of `GANTrio`.
    """

    named = False
    validation_images = 0  # a score would need labels, and a matching of names with them
    has_opening = True

    def __init__(self, generator, discriminator, classifier, options, **kwargs):
        super().__init__(generator, discriminator, classifier, options, **kwargs)
        self.reader_losses = self.new_reader_losses(classifier, "reader_losses")

    def build_opening(self):
        """The game played beforehand: a compiled Opening, whose classifiers begin anew."""
        keras.utils.set_random_seed(self.options.seed)
        classifiers = [
            self.classifier.from_config(self.classifier.get_config()) for _ in range(CANDIDATES)
        ]
        for classifier in classifiers:
            classifier.compile(agents.Adam(learning_rate(self.options, "classifier")))
        opening = Opening(classifiers, self.options)
        opening.compile(jit_compile=self.options.jit)
        return opening

    def take_over(self, opening):
        """Goes on with the best classifier of an opening, and all that it remembers."""
        best, best_losses = opening.best()
        self.classifier.set_weights(best.get_weights())
        self.average_classifier.set_weights(best.get_weights())
        self.reader_losses.assign(best_losses)
        own_memory, memory = (agent.optimizer.variables for agent in (self.classifier, best))
        for own, other in zip(own_memory, memory, strict=True):
            own.assign(other)

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
        """Teaches the classifier's readers names for real images."""
        real_images, _ = data
        changed_images = self.changed(real_images, self.classifier)
        self.track(
            classifier_loss=self.naming_turn(
                self.classifier, self.reader_losses, real_images, changed_images
            )
        )

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
