"""Images without a generator: a discriminator is attacked until noise looks real to it."""

import itertools

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import agents
from attacks import ProjectedGradientDescent
from devices import shared_batch
from models.draw import Draw
from models.game import BETA_1, Game, copy_agent, falling_rate

BETA_2 = 0.99  # of a discriminator whose fakes change faster than a generator's would
R1_INTERVAL = 4  # discriminator turns between two penalties
RENEWED = 0.05  # share of the images drawn from the pool that become noise again
WINNING = 0.8  # area under the ROC curve above which the discriminator has the upper hand
PATIENCE = 25  # rounds, at least, from one further step of the attacker to the next
MEMORY = 0.95  # decay of the average of that area
LAST_STEP = 0.1  # share of the step size with which a long climb ends
PARTS = 40  # of a long climb; each has one step size


def image_attack(options):
    """The attack that makes images, by the options of the attacked game."""
    return ProjectedGradientDescent(
        options.epsilon,
        options.step_size,
        options.attack_steps,
        norm=options.norm,
        random_start=False,
        keep_best=False,
    )


def realness(discriminator, labels):
    """What the attacker climbs: how real an image looks as one of its class.

    Args:
        discriminator: keras.Model, images -> logits (batch, num_classes).
        labels: int32 (batch,).
    Returns:
        callable, images -> logits (batch,).
    """
    return lambda images: _of(discriminator(images, training=False), labels)


class Climber:
    """Makes images: moves noise uphill in many steps, which shrink in the second half.

    Args:
        discriminator: keras.Model, images -> realness logits (batch, num_classes).
        attack: attacks.ProjectedGradientDescent without a random start; its own number of steps is
            ignored.
    """

    def __init__(self, discriminator, attack):
        @tf.function(autograph=False, jit_compile=False, reduce_retracing=True)
        def move(images, labels, scale, steps):
            return attack(realness(discriminator, labels), images, scale=scale, steps=steps)

        self._move = move

    def path(self, images, labels, steps):
        """The way up, in parts.

        Args:
            images: float32 (batch, h, w, c) to start from.
            labels: int32 (batch,), what they are to become.
            steps: int >= 1, in all.
        Yields:
            float32 (batch, h, w, c), after each of at most `PARTS` parts of the way.
        """
        ends = np.unique(np.linspace(0, steps, min(steps, PARTS) + 1).astype(int))
        for begin, end in itertools.pairwise(ends):
            late = max(0.0, 2.0 * begin / steps - 1.0)  # 0 in the first half, then up to 1
            scale = tf.constant(1.0 - (1.0 - LAST_STEP) * late, tf.float32)
            images = self._move(images, labels, scale, tf.constant(end - begin, tf.int32))
            yield images

    def top(self, images, labels, steps):
        """The end of the way up; arguments as `path`."""
        *_, images = self.path(images, labels, steps)
        return images


@keras.saving.register_keras_serializable(package="games")
class AttackedDiscriminator(Game):
    """Real images against a pool of fakes that are moved again and again to look more real.

    There is no generator: a fake starts as noise. Each time it is drawn from the pool, an attack
    moves it a few steps up the discriminator's logit of its class, and the result goes back into
    the pool. The attacker gets one step more whenever the discriminator is winning.

    Args:
        discriminator: compiled keras.Model, images -> realness logits (batch, num_classes).
        options: games.attacked.AttackedOptions; the attacker never gets more than its
            `attack_steps` in a round.
    Source: Yin et al. 2022, algorithm 1, arXiv:2012.06568 (a binary classifier against its own
        adversarial images); Du & Mordatch 2019, arXiv:1903.08689 (the pool).
    """

    conditional = named = True
    watched_samples = 100

    def __init__(self, discriminator, options, **kwargs):
        super().__init__(options, **kwargs)
        self.discriminator = discriminator
        self.average_discriminator = copy_agent(discriminator)
        self.attack = image_attack(options)
        self.climber = Climber(self.average_discriminator, self.attack)
        self.image_shape = discriminator.input.shape[1:]
        self.num_classes = discriminator.output.shape[-1]
        self.pool = self._state("pool", self.noise(options.pool_size, Draw.FIRST_POOL))
        self.attack_steps = self._state("attack_steps", tf.constant(options.first_steps))
        self.area = self._state("area", tf.constant(0.5))
        self.grown_at = self._state("grown_at", tf.constant(0))
        self.means = {
            "discriminator_loss": keras.metrics.Mean("discriminator_loss"),
            "real_score": keras.metrics.Mean("D(x)"),
            "fake_score": keras.metrics.Mean("D(fake)"),
            "auc": keras.metrics.Mean("auc"),
            "attack_steps": keras.metrics.Mean("attack_steps"),
        }

    def train_step(self, data):
        """One round: the attacker's turn, the discriminator's turn, the average's step."""
        real_images, real_labels = data
        with tf.name_scope("attacker_turn"):
            fake_images, labels = self.attacker_turn(tf.shape(real_images)[0])
        with tf.name_scope("discriminator_turn"):
            self.discriminator_turn(real_images, real_labels, fake_images, labels)
        with tf.name_scope("average_discriminator_step"):
            self.follow(self.average_discriminator, self.discriminator, self.options.ema_decay)
        return self.results()

    def attacker_turn(self, batch):
        """Draws fakes from the pool, turns some into noise, moves all uphill, puts them back."""
        agent = self.discriminator
        order = tf.random.experimental.stateless_shuffle(
            tf.range(self.options.pool_size), self.random_seed(agent, Draw.POOL_PLACES)
        )
        every_place = tf.sort(order[: batch * shared_batch.number()])
        places = shared_batch.own_rows(every_place)
        labels = places % self.num_classes
        renewed = shared_batch.uniform((batch, 1, 1, 1), self.random_seed(agent, Draw.RENEWED))
        noise = self.noise(batch, Draw.RENEWED_NOISE)
        fake_images = tf.where(renewed < RENEWED, noise, tf.gather(self.pool, places))
        fake_images = self.attack(
            realness(agent, labels), fake_images, steps=self.attack_steps.value
        )
        self.pool.assign(
            tf.tensor_scatter_nd_update(
                self.pool, every_place[:, None], shared_batch.all_rows(fake_images)
            )
        )
        return fake_images, labels

    def discriminator_turn(self, real_images, real_labels, fake_images, labels):
        """Teaches the discriminator: a real image is real as its own class, all else is not."""
        agent = self.discriminator

        def own_realness(images):
            return _of(agent(images), real_labels)[:, None]

        def loss_fn():
            every_real_logit = agent(real_images, training=True)
            real_logits = _of(every_real_logit, real_labels)
            fake_logits = _of(agent(fake_images, training=True), labels)
            self.balance(real_logits, fake_logits)
            loss = tf.reduce_mean(
                ops.softplus(-real_logits)
                + ops.softplus(fake_logits)
                + wrong_label_loss(every_real_logit, real_labels)
            )
            self.track(discriminator_loss=loss)
            return loss + self.r1(agent, R1_INTERVAL, own_realness, real_images)

        self.update(agent, loss_fn)

    def balance(self, real_logits, fake_logits):
        """Gives the attacker one step more if the discriminator has been winning for a while."""
        lead = (
            shared_batch.all_rows(real_logits)[:, None] - shared_batch.all_rows(fake_logits)[None]
        )
        # (batch, batch), every pair
        area = tf.reduce_mean((tf.sign(lead) + 1.0) / 2.0)
        self.track(real_score=tf.sigmoid(real_logits), fake_score=tf.sigmoid(fake_logits), auc=area)
        self.track(attack_steps=tf.cast(self.attack_steps, tf.float32))
        self.area.assign(MEMORY * self.area + (1 - MEMORY) * area)
        now = tf.cast(self.discriminator.optimizer.iterations, tf.int32)
        grows = (
            (self.area > WINNING)
            & (now - self.grown_at >= PATIENCE)
            & (self.attack_steps < self.attack.steps)
        )
        self.attack_steps.assign_add(tf.cast(grows, tf.int32))
        self.grown_at.assign(tf.where(grows, now, self.grown_at))

    def noise(self, count, draw):
        """Images of uniform noise, float32 (count, h, w, c) in [-1, 1]."""
        seed = self.random_seed(self.discriminator, draw)
        return shared_batch.uniform((count, *self.image_shape), seed, -1.0, 1.0)

    @property
    def step(self):
        """int, rounds played so far."""
        return int(self.discriminator.optimizer.iterations.numpy())

    def sample(self, count, seed):
        """Images climbed from fresh noise, always the same noise for the same seed.

        Returns:
            float32 (count, h, w, c) in [-1, 1], and labels int32 (count,) that cycle.
        """
        noise = tf.random.stateless_uniform((count, *self.image_shape), (seed, -1), -1.0, 1.0)
        labels = tf.range(count) % self.num_classes
        return self.climber.top(noise, labels, self.options.sampling_steps).numpy(), labels.numpy()

    def agents(self):
        """The agent that a checkpoint holds."""
        return {"discriminator": self.discriminator}

    def agents_to_save(self):
        """The agent for use after the training: the average discriminator."""
        return {"discriminator": self.average_discriminator}

    def _state(self, name, value):
        """A variable of the game itself, which is saved with it."""
        variable = self.add_weight(
            name=name, shape=value.shape, dtype=value.dtype.name, trainable=False
        )
        variable.assign(value)
        return variable


def wrong_label_loss(logits, labels):
    """The loss of real images that look real as another class: the mean over wrong labels.

    Args:
        logits: float32 (batch, num_classes), realness of real images as each class.
        labels: int32 (batch,), their own.
    Returns:
        float32 (batch,), nats, >= 0.
    Source: the wrong pairs of Reed et al. 2016, algorithm 1, arXiv:1605.05396.
    """
    num_classes = logits.shape[-1]
    others = 1.0 - tf.one_hot(labels, num_classes)
    return tf.reduce_sum(others * ops.softplus(logits), axis=-1) / (num_classes - 1)


def _of(logits, labels):
    """Each image's logit (batch,) of its own class."""
    return tf.gather(logits, labels, batch_dims=1)


def learning_rate(options):
    """The discriminator's learning rate, which falls over the run."""
    return falling_rate(options, options.discriminator_learning_rate)


def build(options, dataset):
    """The game of `options`; arguments as `models.game.build_game`."""
    discriminator = agents.build_class_discriminator(
        dataset.image_size,
        dataset.channels,
        width=options.discriminator_width,
        num_classes=dataset.num_classes,
    )
    discriminator.compile(agents.Adam(learning_rate(options), beta_1=BETA_1, beta_2=BETA_2))
    return AttackedDiscriminator(discriminator, options)
