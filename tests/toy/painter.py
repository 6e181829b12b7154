"""How the painter plays."""

import keras
import tensorflow as tf

import agents
from models.game import Draws, Game, copy_agent


@keras.saving.register_keras_serializable(package="toy")
class Painter(Game, Draws):
    """The generator moves towards real images of the class; the discriminator only watches."""

    def __init__(self, generator, discriminator, options, **kwargs):
        super().__init__(options, **kwargs)
        self.generator, self.discriminator = generator, discriminator
        self.average_generator = copy_agent(generator)
        self.latent_dim = generator.inputs[0].shape[-1]
        self.num_classes = generator.get_layer("class_code").input_dim
        self.means = {"generator_loss": keras.metrics.Mean("generator_loss")}

    def train_step(self, data):
        """One stroke: the generator's turn, the average's step."""
        real_images, labels = data
        latents = self.draw_latents(self.generator, tf.shape(real_images)[0], draw=0)

        def loss_fn():
            painted = self.generator([latents, labels], training=True)
            return self.options.brush * tf.reduce_mean((painted - real_images) ** 2)

        self.track(generator_loss=self.update(self.generator, loss_fn))
        self.follow(self.average_generator, self.generator, 0.5)
        return self.results()

    def agents(self):
        """The agents that a checkpoint holds."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def agents_to_save(self):
        """The agents that a user wants afterwards."""
        return {
            "generator": self.average_generator,
            "discriminator": copy_agent(self.discriminator),
        }


def build(options, dataset):
    """The game of `options`."""
    shape = (dataset.image_size, dataset.channels)
    sizes = {"width": 4, "num_classes": dataset.num_classes}
    generator = agents.build_generator(*shape, latent_dim=3, **sizes)
    discriminator = agents.build_discriminator(*shape, **sizes)
    generator.compile(agents.Adam(options.generator_learning_rate))
    discriminator.compile(agents.Adam(1e-3))
    return Painter(generator, discriminator, options)
