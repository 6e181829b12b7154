"""The two-agent min-max game (Goodfellow et al. 2014, arXiv:1406.2661)."""

import functools

import keras
import tensorflow as tf

import agents
from devices import shared_batch
from games.gan import RELATIVISTIC
from models import losses
from models.draw import Draw
from models.game import Draws, Game, copy_agent, falling_rate

VARIANTS = ("models.relativistic",)  # modules with games that `build` may return as well
R1_INTERVAL = 16  # the gradient penalty is lazy: every 16th step, 16 times as strong
# The draws by which images are shifted and mirrored before the discriminator sees them.
FAKE_VIEW = (Draw.DISCRIMINATOR_FAKE_SHIFT, Draw.DISCRIMINATOR_FAKE_FLIP)
REAL_VIEW = (Draw.DISCRIMINATOR_REAL_SHIFT, Draw.DISCRIMINATOR_REAL_FLIP)
GENERATED_VIEW = (Draw.GENERATOR_FAKE_SHIFT, Draw.GENERATOR_FAKE_FLIP)
WASSERSTEIN_PENALTY = 10.0  # Gulrajani et al. 2017


@keras.saving.register_keras_serializable(package="games")
class GAN(Game, Draws):
    """A generator learns to make images that a discriminator takes for real ones.

    Samples come from `average_generator`, which follows the generator (exponential moving
    average).

    Args:
        generator: compiled keras.Model, latents -> images.
        discriminator: compiled keras.Model, images -> realness logits.
        options: games.gan.GANOptions.
    """

    conditional = named = False

    def __init__(self, generator, discriminator, options, **kwargs):
        super().__init__(options, **kwargs)
        self.generator = generator
        self.discriminator = discriminator
        self.average_generator = copy_agent(generator)
        self.adversarial_loss = losses.ADVERSARIAL_LOSSES[options.loss]
        self.latent_dim = generator.inputs[0].shape[-1]
        self.num_classes = 1
        self.means = {
            "discriminator_loss": keras.metrics.Mean("discriminator_loss"),
            "generator_loss": keras.metrics.Mean("generator_loss"),
            "real_score": keras.metrics.Mean("D(x)"),
            "fake_score": keras.metrics.Mean("D(G(z))"),
        }

    def train_step(self, data):
        """One round: the discriminator's turn, the generator's turn, the average's step."""
        with tf.name_scope("discriminator_turn"):  # the scopes are what TensorBoard's graph shows
            self.discriminator_turn(data)
        with tf.name_scope("generator_turn"):
            self.generator_turn(data)
        with tf.name_scope("average_generator_step"):
            self.follow(self.average_generator, self.generator, self.options.ema_decay)
        return self.results()

    def discriminator_turn(self, data):
        """Teaches the discriminator to tell real images from this turn's fakes."""
        agent, (real_images, _) = self.discriminator, data
        batch = tf.shape(real_images)[0]
        latents = self.draw_latents(agent, batch, Draw.DISCRIMINATOR_FAKES)
        # Made outside the tape: no gradient of this turn can reach the generator.
        fake_images = self.generator(latents, training=False)
        fake_images = self.show(fake_images, agent, *FAKE_VIEW)
        real_images = self.show(real_images, agent, *REAL_VIEW)

        def loss_fn():
            real_logits = agent(real_images, training=True)
            fake_logits = agent(fake_images, training=True)
            loss = tf.reduce_mean(self.adversarial_loss.discriminator(real_logits, fake_logits))
            self.track_discriminator(loss, real_logits, fake_logits)
            return loss + self.penalty(real=(agent, real_images), fake=(agent, fake_images))

        self.update(agent, loss_fn)

    def generator_turn(self, data):
        """Teaches the generator, on fresh latents, to be taken for real."""
        agent, batch = self.generator, tf.shape(data[0])[0]
        latents = self.draw_latents(agent, batch, Draw.GENERATOR_FAKES)

        def loss_fn():
            fake_images = agent(latents, training=True)
            fake_images = self.show(fake_images, agent, *GENERATED_VIEW)
            fake_logits = self.discriminator(fake_images, training=False)
            return tf.reduce_mean(self.adversarial_loss.generator(fake_logits))

        self.track(generator_loss=self.update(agent, loss_fn))

    def show(self, images, agent, shift, flip):
        """Images as the discriminator sees them: shifted a little, perhaps mirrored."""
        return self.vary(images, agent, self.options.translation, shift, flip)

    def penalty(self, real, fake):
        """The discriminator's gradient penalty: WGAN-GP at each step, or else lazy R1.

        Args:
            real, fake: pairs of a callable, images -> realness logits (batch, 1), and images.
        """
        if self.options.loss != "wasserstein":
            return self.r1(self.discriminator, R1_INTERVAL, *real)
        logits_fn, real_images = real
        seed = self.random_seed(self.discriminator, Draw.WASSERSTEIN_MIXING)
        ones = [1] * (len(real_images.shape) - 1)  # (b, 1, 1, 1); of points (b, 1)
        mixing = shared_batch.uniform((tf.shape(real_images)[0], *ones), seed)
        return WASSERSTEIN_PENALTY * tf.reduce_mean(
            losses.wasserstein_gradient_penalty(logits_fn, real_images, fake[1], mixing)
        )

    def track_discriminator(self, loss, real_logits, fake_logits):
        """Adds the loss and the scores of a turn to the running means."""
        self.track(
            discriminator_loss=loss,
            real_score=tf.sigmoid(real_logits),
            fake_score=tf.sigmoid(fake_logits),
        )

    @tf.function(autograph=False, reduce_retracing=True)
    def realness(self, images):
        """The discriminator's logits float32 (n,) of images, or points."""
        return self.discriminator(images, training=False)[:, 0]

    def agents(self):
        """The agents that a checkpoint holds."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def agents_to_save(self):
        """The agents for use after the training, name -> keras.Model without an optimizer."""
        return {
            "generator": self.average_generator,
            "discriminator": copy_agent(self.discriminator),
        }


def build(options, dataset):
    """The game of `options`; arguments as `models.game.build_game`."""
    generator = build_generator(options, dataset, num_classes=None)
    discriminator = build_discriminator(options, dataset, conditioning="none")
    return variant(options)(generator, discriminator, options)


def variant(options):
    """The class of the two-agent game that these options mean."""
    # Imported late, as it imports this module.
    from models.relativistic import RelativisticGAN

    return RelativisticGAN if options.loss in RELATIVISTIC else GAN


def under_rules(game, options):
    """The same agents, with what their optimizers and averages remember, under other options."""
    other = variant(options)(game.generator, game.discriminator, options)
    other.average_generator.set_weights(game.average_generator.get_weights())
    other.compile(jit_compile=options.jit)
    return other


def build_generator(options, dataset, *, num_classes):
    """The compiled generator; it is told no class if `num_classes` is None."""
    plain = functools.partial(agents.build_generator, refine=options.refine)
    of_images = agents.build_style_generator if options.style else plain
    generator = builder(dataset, of_images, agents.build_point_generator)(
        latent_dim=options.latent_dim,
        width=options.generator_width,
        num_classes=num_classes,
    )
    generator.compile(adam(options, "generator"))
    return generator


def adam(options, agent):
    """The optimizer of an agent, given by its name, whose opponent learns."""
    rate = learning_rate(options, agent)
    return agents.Adam(rate, beta_1=options.beta_1, beta_2=options.beta_2)


def build_discriminator(options, dataset, *, conditioning):
    """The compiled discriminator; `conditioning` as `agents.build_discriminator`."""
    of_images = functools.partial(agents.build_discriminator, tall=not options.style)
    build_of = builder(dataset, of_images, agents.build_point_discriminator)
    discriminator = build_of(
        width=options.discriminator_width,
        num_classes=dataset.num_classes,
        conditioning=conditioning,
        spectral_norm=options.spectral_norm,
    )
    discriminator.compile(adam(options, "discriminator"))
    return discriminator


def builder(dataset, of_images, of_points):
    """The builder of an agent for a data set's images, whose shape it then knows, or its points."""
    if dataset.is_points:
        return of_points
    return functools.partial(of_images, dataset.image_size, dataset.channels)


def learning_rate(options, agent):
    """The step size of an agent, given by its name, or the schedule by which it falls."""
    first = getattr(options, f"{agent}_learning_rate")
    return falling_rate(options, first) if options.falling else first
