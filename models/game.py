"""What every game is: agents that learn against each other, one `update` at a time."""

import keras
import tensorflow as tf

from agents import compute_in
from attacks.pgd import from_dict
from devices import shared_batch


def copy_agent(agent):
    """An agent of the same layers and weights, in float32 and with no optimizer."""
    copy = agent.from_config(agent.get_config())  # clone_model would copy the optimizer as well
    copy.set_weights(agent.get_weights())
    compute_in(copy, "float32")
    return copy


class Game(keras.Model):
    """Agents that learn against each other: each subclass's `train_step` is its schedule.

    The agents are compiled `keras.Model`s, each with its own optimizer; the game has none. All
    randomness is drawn from `(seed, salt, iteration)`, so a game that is saved and loaded goes on
    exactly as if it had never stopped.

    Args:
        seed: int, from which every latent, label and augmentation is drawn.
    """

    def __init__(self, *, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.means = {}
        self.built = True  # the agents are; Keras would otherwise build the game by calling it

    def update(self, agent, loss_fn):
        """Moves one agent down the gradient of a loss, and nobody else.

        Args:
            agent: compiled keras.Model whose trainable variables move.
            loss_fn: callable without arguments -> scalar loss.
        Returns:
            float32 scalar, the loss before the update, of this device's part of the batch.
        """
        with tf.GradientTape() as tape:
            loss = loss_fn()
            part = loss / shared_batch.number()  # the optimizer adds up the devices' gradients
        variables = agent.trainable_variables
        agent.optimizer.apply(tape.gradient(part, variables), variables)
        return loss

    def follow(self, average, agent, decay):
        """Moves an averaged copy a little towards its agent (exponential moving average).

        The decay starts low, min(decay, (1 + n) / (10 + n)) at iteration n, so that the first
        random weights are soon forgotten.

        Args:
            average: keras.Model with the agent's layers, changed in place.
            agent: compiled keras.Model.
            decay: float in [0, 1), share of the old average that stays at each step.
        """
        iteration = tf.cast(agent.optimizer.iterations, tf.float32)
        rate = 1.0 - tf.minimum(decay, (1.0 + iteration) / (10.0 + iteration))
        for slow, fast in zip(average.variables, agent.variables, strict=True):
            slow.assign_add(rate * (fast.value - slow.value))

    def lazily(self, agent, interval, penalty_fn):
        """A penalty at every interval-th of an agent's turns, as many times as strong, or 0.

        Args:
            agent: compiled keras.Model whose turns count.
            interval: int >= 1.
            penalty_fn: callable without arguments -> scalar.
        Source: lazy regularization, Karras et al. 2020, section 3.1, arXiv:1912.04958.
        """
        due = agent.optimizer.iterations % interval == 0
        return tf.cond(due, lambda: interval * penalty_fn(), lambda: 0.0)

    def borrow(self, agent, inputs):
        """What an opponent answers in training mode, without moving its statistics.

        Within somebody else's turn BatchNorm shall normalise by the batch, but stay as it is.
        """
        outputs, _ = agent.stateless_call(
            agent.trainable_variables, agent.non_trainable_variables, inputs, training=True
        )
        return outputs

    def random_seed(self, agent, salt):
        """A stateless seed that no other turn, salt or iteration of this run draws again.

        Args:
            agent: compiled keras.Model whose iteration counts.
            salt: int, one for each thing that is drawn.
        Returns:
            int32 (2,).
        """
        return tf.stack([self.seed * 1009 + salt, tf.cast(agent.optimizer.iterations, tf.int32)])

    def draw(self, agent, batch, salt):
        """Fresh latents (batch, latent_dim) and uniform labels (batch,) of this agent's turn."""
        latents = shared_batch.normal((batch, self.latent_dim), self.random_seed(agent, salt))
        seed = self.random_seed(agent, salt + 1)
        labels = shared_batch.uniform((batch,), seed, 0, self.num_classes, dtype=tf.int32)
        return latents, labels

    def track(self, **values):
        """Adds to the running means that `fit` shows and resets at each epoch."""
        for name, value in values.items():
            self.means[name].update_state(value)

    def results(self):
        """The running means of this epoch, name -> float32 scalar."""
        with tf.name_scope("means"):
            return self.report(*self.means.values())

    def report(self, *metrics):
        """What metrics say so far, name -> float32 scalar, as a step of `fit` returns it.

        Several machines reduce what has an axis alone, so there the shape is (1,).
        """
        workers = tf.distribute.MultiWorkerMirroredStrategy
        shape = (1,) if isinstance(tf.distribute.get_strategy(), workers) else ()
        return {metric.name: tf.reshape(metric.result(), shape) for metric in metrics}

    def compile(self, *, jit_compile=False, **kwargs):
        """Compiles the game without an optimizer of its own; takes `keras.Model.compile`'s rest.

        Without XLA unless asked, though Keras would choose it: on a CPU its convolutions take
        twice as long.
        """
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)

    def compile_from_config(self, config):
        """Compiles a loaded game; Keras's own version would insist on an optimizer."""
        self.compile(
            **{
                name: config[name]
                for name in ("jit_compile", "steps_per_execution", "run_eagerly")
                if name in config
            }
        )

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: a game is built. Keras 3.15 would reduce a first batch, and fail on workers."""

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The game of a `get_config`: agents and attacks are made of what describes them."""
        return cls(**{name: _from_description(name, value) for name, value in config.items()})


class Draws:
    """What games with a generator share: its turns are the rounds, its average draws pictures.

    A game whose generator is told no class has an `imagine` of its own.
    """

    generator: keras.Model
    average_generator: keras.Model
    latent_dim: int
    num_classes: int

    @property
    def step(self):
        """int, rounds played so far."""
        return int(self.generator.optimizer.iterations.numpy())

    def sample(self, count, seed):
        """Images of the average generator for pictures: the same latents for the same seed.

        Returns:
            float32 (count, h, w, c) in [-1, 1], and labels int32 (count,) that cycle.
        """
        latents = tf.random.stateless_normal((count, self.latent_dim), (seed, -1))  # no iteration
        labels = tf.range(count) % self.num_classes
        return self.imagine(self.average_generator, latents, labels).numpy(), labels.numpy()

    def imagine(self, generator, latents, labels, training=False):
        """The generator's images (batch, h, w, c) of the classes asked for."""
        return generator([latents, labels], training=training)


def _from_description(name, value):
    if name == "attack":
        return from_dict(value)
    if isinstance(value, dict) and "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    return value
