"""What all games share: agents that learn against each other, one `update` at a time."""

import dataclasses

import keras
import tensorflow as tf

import games
from agents import compute_in
from devices import shared_batch
from models import losses
from models.augment import random_flip, random_translation

BETA_1 = 0.5  # Radford et al. 2016: less momentum for agents whose opponent moves


def falling_rate(options, first):
    """The learning rate of an agent without an opponent that learns: it falls over the run.

    It ends at a hundredth. If the clock ends the run, its steps are unknown and the rate stays.

    Args:
        options: frozen options of the run.
        first: float, the rate at the first step.
    """
    lowest = 0.01 if options.minutes is None else 1.0  # as a share of the first
    return keras.optimizers.schedules.CosineDecay(first, options.steps, alpha=lowest)


def copy_agent(agent):
    """An agent of the same layers and weights, in float32 and with no optimizer."""
    copy = agent.from_config(agent.get_config())  # clone_model would copy the optimizer as well
    copy.set_weights(agent.get_weights())
    compute_in(copy, "float32")
    return copy


class Game(keras.Model):
    """Agents that learn against each other: each subclass's `train_step` is its schedule.

    The agents are compiled `keras.Model`s, each with its own optimizer; the game has none. All
    random numbers are drawn from `(seed, draw, iteration)`, so a game that is saved and loaded goes
    on exactly as if it had never stopped.

    Args:
        options: frozen options of a run of this game.
    Attributes:
        validation_images: how many held-out images `test_step` gets after an epoch: an int, None
            for all of them, 0 for a game without a `test_step`.
        has_opening: bool, whether a game of `build_opening` is played beforehand.
        has_critic: bool, whether a game of `build_critic` is played afterwards.
        single_step: bool, whether it learns from attacks of one step, to which it can overfit.
    """

    validation_images: int | None = 0
    has_opening = False
    has_critic = False
    single_step = False

    def __init__(self, options, **kwargs):
        super().__init__(**kwargs)
        self.options = options
        self.means = {}
        self.built = True  # as its agents are; else Keras would build the game by calling it

    def update(self, agent, loss_fn):
        """Moves one agent, and no other, down the gradient of a loss.

        Args:
            agent: compiled keras.Model whose trainable variables move.
            loss_fn: callable without arguments -> scalar loss.
        Returns:
            float32 scalar, the loss before the update, on this device's part of the batch.
        """
        with tf.GradientTape() as tape:
            loss = loss_fn()
            part = loss / shared_batch.number()  # the optimizer adds up the devices' gradients
        variables = agent.trainable_variables
        agent.optimizer.apply(tape.gradient(part, variables), variables)
        return loss

    def follow(self, average, agent, decay):
        """Moves an averaged copy a little towards its agent (exponential moving average).

        The decay starts low, min(decay, (1 + n) / (10 + n)) at iteration n, so that the random
        first weights are soon forgotten.

        Args:
            average: keras.Model with the agent's layers, changed in place.
            agent: compiled keras.Model.
            decay: float in [0, 1), share of the old average that is kept at each step.
        """
        iteration = tf.cast(agent.optimizer.iterations, tf.float32)
        rate = 1.0 - tf.minimum(decay, (1.0 + iteration) / (10.0 + iteration))
        for slow, fast in zip(average.variables, agent.variables, strict=True):
            slow.assign_add(rate * (fast.value - slow.value))

    def lazily(self, agent, interval, penalty_fn):
        """A penalty in every interval-th turn of an agent, multiplied by the interval; else 0.

        Args:
            agent: compiled keras.Model whose turns count.
            interval: int >= 1.
            penalty_fn: callable without arguments -> scalar.
        Source: lazy regularization, Karras et al. 2020, section 3.1, arXiv:1912.04958.
        """
        due = agent.optimizer.iterations % interval == 0
        return tf.cond(due, lambda: interval * penalty_fn(), lambda: 0.0)

    def r1(self, agent, interval, logits_fn, images):
        """R1, a lazy penalty on the slope of realness, gamma / 2 |dD/dx|^2.

        Args:
            agent: compiled keras.Model, the discriminator whose turn it is.
            interval: int >= 1, turns from one penalty to the next.
            logits_fn: callable, images -> realness logits (batch, 1).
            images: float32 (batch, h, w, c), real ones; the same on generated ones is R2.
        Source: Mescheder et al. 2018, equation 9, arXiv:1801.04406.
        """
        if self.options.r1_gamma == 0.0:
            return 0.0

        def penalty():
            squared = losses.squared_gradient_norm(logits_fn, images)
            return self.options.r1_gamma / 2 * tf.reduce_mean(squared)

        return self.lazily(agent, interval, penalty)

    def borrow(self, agent, inputs):
        """An opponent's outputs in training mode, which leave its statistics as they were.

        In another agent's turn BatchNorm must normalise by the batch but must not change.
        """
        outputs, _ = agent.stateless_call(
            agent.trainable_variables, agent.non_trainable_variables, inputs, training=True
        )
        return outputs

    def random_seed(self, agent, draw):
        """A stateless seed that no other draw or iteration of this run has.

        Args:
            agent: compiled keras.Model whose iteration is used.
            draw: `Draw` or int, what is drawn.
        Returns:
            int32 (2,).
        """
        iteration = tf.cast(agent.optimizer.iterations, tf.int32)
        return tf.stack([self.options.seed * 1009 + draw, iteration])

    def draw_latents(self, agent, batch, draw):
        """Fresh latents (batch, latent_dim) for this agent's turn."""
        return shared_batch.normal((batch, self.latent_dim), self.random_seed(agent, draw))

    def draw_fakes(self, agent, batch, draw):
        """Fresh latents (batch, latent_dim) and uniform labels (batch,) for this agent's turn."""
        seed = self.random_seed(agent, draw + 1)
        labels = shared_batch.uniform((batch,), seed, 0, self.num_classes, dtype=tf.int32)
        return self.draw_latents(agent, batch, draw), labels

    def vary(self, images, agent, most, shift, flip):
        """Images (batch, h, w, c), each shifted by up to `most` pixels, perhaps mirrored."""
        if self.options.mirror:
            images = random_flip(images, self.random_seed(agent, flip))
        return random_translation(images, most, self.random_seed(agent, shift))

    def track(self, **values):
        """Updates the running means, which `fit` shows and resets at each epoch."""
        for name, value in values.items():
            self.means[name].update_state(value)

    def results(self):
        """The running means of this epoch, name -> float32 scalar."""
        with tf.name_scope("means"):
            return self.report(*self.means.values())

    def report(self, *metrics):
        """The values of metrics so far, name -> float32 scalar, as a step of `fit` returns them.

        Several machines can only reduce values that have an axis, so there the shape is (1,).
        """
        workers = tf.distribute.MultiWorkerMirroredStrategy
        shape = (1,) if isinstance(tf.distribute.get_strategy(), workers) else ()
        return {metric.name: tf.reshape(metric.result(), shape) for metric in metrics}

    def compile(self, *, jit_compile=False, **kwargs):
        """Compiles the game without an optimizer; other arguments are `keras.Model.compile`'s.

        It uses XLA only if asked, although Keras would choose it: XLA's convolutions take twice as
        long on a CPU. What its agents' optimizers will remember is there from now on: the game can
        be saved before its first round, and devices cannot build it inside a step that they share.
        """
        for agent in self.layers:
            if getattr(agent, "optimizer", None) is not None:
                agent.optimizer.build(agent.trainable_variables)
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)

    def compile_from_config(self, config):
        """Compiles a loaded game; the method of Keras would insist on an optimizer."""
        self.compile(
            **{
                name: config[name]
                for name in ("jit_compile", "steps_per_execution", "run_eagerly")
                if name in config
            }
        )

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: a game is built. Keras 3.15 would reduce a batch, and fail on workers."""

    def go_on(self, options):
        """Gives a loaded game the length of the run that goes on; its rules stay its own.

        Learning rates that fall then fall over the new length.
        """
        lengths = {name: getattr(options, name) for name in options.LENGTHS}
        self.options = dataclasses.replace(self.options, **lengths)
        for agent in self.agents().values():
            optimizer = getattr(agent, "optimizer", None)  # an agent that only draws has none
            if optimizer is None:
                continue
            rate = optimizer.get_config()["learning_rate"]
            if isinstance(rate, dict):  # a schedule
                first = rate["config"]["initial_learning_rate"]
                optimizer.learning_rate = falling_rate(self.options, first)

    def agents(self):
        """The agents that a checkpoint holds, by the names of the constructor's arguments."""
        raise NotImplementedError

    def get_config(self):
        """The agents and options from which `from_config` builds the game."""
        described = {
            name: keras.saving.serialize_keras_object(agent)
            for name, agent in self.agents().items()
        }
        return {**described, "options": dataclasses.asdict(self.options)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The game that a `get_config` describes."""
        agents = {
            name: keras.saving.deserialize_keras_object(value)
            for name, value in config.items()
            if name != "options"
        }
        return cls(**agents, options=games.from_record(config["options"]))


class Draws:
    """What games with a generator share: its turns count as rounds, its average draws pictures.

    Attributes:
        conditional: bool, whether the generator is told a class.
        named: bool, whether an image should show the class that was asked for.
        watched_samples: int, images that the collapse watch draws at each look.
    """

    generator: keras.Model
    average_generator: keras.Model
    latent_dim: int
    num_classes: int
    conditional = True
    named = True
    watched_samples = 500

    @property
    def step(self):
        """int, rounds played so far."""
        return int(self.generator.optimizer.iterations.numpy())

    def sample(self, count, seed):
        """Images of the average generator, always from the same latents for the same seed.

        Returns:
            float32 (count, h, w, c) in [-1, 1], and labels int32 (count,) that cycle.
        """
        latents = tf.random.stateless_normal((count, self.latent_dim), (seed, -1))  # no iteration
        labels = tf.range(count) % self.num_classes
        return self._drawn(latents, labels).numpy(), labels.numpy()

    # Of points a graph takes an eighth of the time of eager calls.
    @tf.function(autograph=False, reduce_retracing=True)
    def _drawn(self, latents, labels):
        inputs = [latents, labels] if self.conditional else latents
        return self.average_generator(inputs, training=False)
