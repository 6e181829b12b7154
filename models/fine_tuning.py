"""Rob-GAN's second step: its discriminator becomes a classifier, by real and generated images."""

import keras
import tensorflow as tf

import agents
from devices import shared_batch
from models.draw import Draw
from models.game import copy_agent
from models.robust_classifier import RobustClassifier, learning_rate


@keras.saving.register_keras_serializable(package="games")
class FineTuning(RobustClassifier):
    """The classifier learns from attacked real images and from attacked generated ones.

    A round is that of `RobustClassifier`. The generator only draws: it is not compiled and never
    learns.

    Args:
        classifier: compiled keras.Model, images -> class logits.
        generator: keras.Model, [latents, labels] -> images.
        options: games.robgan.FineTuneOptions; its `fake_weight` is the paper's lambda, and 0 leaves
            generated images out.
    Source: Liu & Hsieh 2019, section 4.3, arXiv:1807.10454.
    """

    def __init__(self, classifier, generator, options, **kwargs):
        super().__init__(classifier, options, **kwargs)
        self.generator = generator
        self.latent_dim = generator.inputs[0].shape[-1]
        self.num_classes = classifier.output.shape[-1]

    def lesson(self, images, labels):
        """The real images and, if they have any weight, as many generated ones after them."""
        images, labels, weights = super().lesson(images, labels)
        if self.options.fake_weight == 0:
            return images, labels, weights
        latents, fake_labels = self.draw_fakes(
            self.classifier, tf.shape(images)[0], Draw.LESSON_FAKES
        )
        fake_images = self.generator([latents, fake_labels], training=False)
        weights = 2.0 * weights  # the loss is the mean over both halves
        return (
            _joined(images, fake_images),
            _joined(labels, fake_labels),
            _joined(weights, self.options.fake_weight * weights),
        )

    def agents(self):
        """The agents that a checkpoint holds."""
        return {**super().agents(), "generator": self.generator}


def _joined(real, fake):
    """Both halves in an order that does not depend on how many devices share them."""
    return shared_batch.own_rows(
        tf.concat([shared_batch.all_rows(real), shared_batch.all_rows(fake)], axis=0)
    )


def build(options, parent):
    """The game in which a Rob-GAN's classifier learns on; its generator only draws.

    Args:
        options: games.robgan.FineTuneOptions.
        parent: callable, name -> keras.Model: the "generator" and the "classifier" of the run to go
            on with; a copy of the classifier learns.
    Returns:
        `FineTuning`, whose classifier is compiled.
    """
    classifier = copy_agent(parent("classifier"))
    classifier.compile(agents.Adam(learning_rate(options)))
    return FineTuning(classifier, copy_agent(parent("generator")), options)
