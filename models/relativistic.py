"""The relativistic game: each fake is compared with the real image beside it, or with all.

Source: Huang et al. 2024, arXiv:2501.05441; Jolicoeur-Martineau 2018, arXiv:1807.00734.
"""

import keras
import tensorflow as tf

from devices import shared_batch
from models import losses
from models.draw import Draw
from models.gan import GAN, GENERATED_VIEW, R1_INTERVAL
from models.gan_trio import GANTrio

PAIRED_VIEW = (Draw.GENERATOR_REAL_SHIFT, Draw.GENERATOR_REAL_FLIP)


class Relativistic(GAN):
    """Penalises the slope at fakes as well as at real images: R1 and R2."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.options.loss == "relativistic_all":
            self.adversarial_loss = of_whole_batch(self.adversarial_loss)

    def penalty(self, real, fake):
        """Lazy R1 and R2; arguments as `GAN.penalty`."""
        return sum(self.r1(self.discriminator, R1_INTERVAL, *side) for side in (real, fake))


def of_whole_batch(loss):
    """A loss that compares with all of a batch, those of the other devices included."""
    return losses.AdversarialLoss(
        lambda real, fake: loss.discriminator(real, shared_batch.all_rows(fake)),
        lambda real, fake: loss.generator(shared_batch.all_rows(real), fake),
    )


@keras.saving.register_keras_serializable(package="games")
class RelativisticGAN(Relativistic):
    """A GAN whose generator must look more real than real images."""

    def generator_turn(self, data):
        """Teaches the generator to look more real than this round's real images."""
        agent, (real_images, _) = self.generator, data
        latents = self.draw_latents(agent, tf.shape(real_images)[0], Draw.GENERATOR_FAKES)
        real_images = self.show(real_images, agent, *PAIRED_VIEW)
        real_logits = self.discriminator(real_images, training=False)

        def loss_fn():
            fake_images = agent(latents, training=True)
            fake_images = self.show(fake_images, agent, *GENERATED_VIEW)
            fake_logits = self.discriminator(fake_images, training=False)
            return tf.reduce_mean(self.adversarial_loss.generator(real_logits, fake_logits))

        self.track(generator_loss=self.update(agent, loss_fn))


@keras.saving.register_keras_serializable(package="games")
class RelativisticTrio(Relativistic, GANTrio):
    """A trio whose generator must look more real than real images."""

    def generator_turn(self, data):
        """Teaches the generator to look more real than this round's real images."""
        agent, (real_images, real_labels) = self.generator, data
        batch = tf.shape(real_images)[0]
        latents, labels = self.draw_fakes(agent, batch, Draw.GENERATOR_FAKES)
        real_images = self.show(real_images, agent, *PAIRED_VIEW)
        real_logits, _ = self.judge(real_images, real_labels)

        def loss_fn():
            fake_images = agent([latents, labels], training=True)
            fake_images = self.show(fake_images, agent, *GENERATED_VIEW)
            fake_logits, naming_loss = self.judge(fake_images, labels)
            return tf.reduce_mean(
                self.adversarial_loss.generator(real_logits, fake_logits) + naming_loss
            )

        self.track(generator_loss=self.update(agent, loss_fn))
