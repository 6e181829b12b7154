"""Rob-GAN's second step: its discriminator becomes a classifier, taught by both kinds of images."""

import keras
import tensorflow as tf

from devices import shared_batch
from models.robust_classifier import RobustClassifier


@keras.saving.register_keras_serializable(package="games")
class FineTuning(RobustClassifier):
    """The classifier learns from attacked real images and from attacked generated ones.

    Its round is `RobustClassifier`'s. The generator only draws: it is not compiled, and never
    moves.

    Args:
        classifier: compiled keras.Model, images -> class logits.
        attack: attacks.ProjectedGradientDescent, the attacker.
        generator: keras.Model, [latents, labels] -> images.
        fake_weight: float >= 0, the paper's lambda; 0 leaves generated images out.
        **kwargs: of `RobustClassifier`.
    Source: Liu & Hsieh 2019, section 4.3, arXiv:1807.10454.
    """

    def __init__(self, classifier, attack, *, generator, fake_weight=1.0, **kwargs):
        super().__init__(classifier, attack, **kwargs)
        self.generator = generator
        self.fake_weight = fake_weight
        self.latent_dim = generator.inputs[0].shape[-1]
        self.num_classes = classifier.output.shape[-1]

    def lesson(self, images, labels):
        """As many generated images after the real ones, if they weigh anything."""
        images, labels, weights = super().lesson(images, labels)
        if self.fake_weight == 0:
            return images, labels, weights
        latents, fake_labels = self.draw(self.classifier, tf.shape(images)[0], salt=26)
        fake_images = self.generator([latents, fake_labels], training=False)
        weights = 2.0 * weights  # the loss is the mean over both halves
        return (
            _joined(images, fake_images),
            _joined(labels, fake_labels),
            _joined(weights, self.fake_weight * weights),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "fake_weight": self.fake_weight,
        }


def _joined(real, fake):
    """Both halves in one order, however many devices share them: the attack starts by it."""
    return shared_batch.own_rows(
        tf.concat([shared_batch.all_rows(real), shared_batch.all_rows(fake)], axis=0)
    )
