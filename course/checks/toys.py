"""Small images and agents, always the same, on which students' functions are tried and watched."""

import keras
import numpy as np
import tensorflow as tf

from course.checks.report import WrongError, near, require

SHAPE = (5, 6, 6, 1)  # of the images
NO_GRADIENT = (
    "no gradient reaches the weights: all that leads from them to the loss must happen inside the"
    " tape"
)


def images(seed=0, scale=0.9):
    """Images float32 `SHAPE` in [-scale, scale]."""
    random = np.random.default_rng(seed)
    return tf.constant(random.uniform(-scale, scale, SHAPE), tf.float32)


def labels():
    """A label int32 for each of the images."""
    return tf.constant([0, 1, 2, 3, 1])


def classifier(seed=0, num_classes=4):
    """A smooth keras.Model, images of `SHAPE` -> class logits."""
    hidden = [keras.layers.Flatten(), keras.layers.Dense(12, "tanh")]
    return _made_by(seed, keras.Input(SHAPE[1:]), *hidden, keras.layers.Dense(num_classes))


def network(inputs, outputs, seed, activation=None):
    """A smooth keras.Model with one hidden layer."""
    layers = [keras.layers.Dense(8, "tanh"), keras.layers.Dense(outputs, activation)]
    return _made_by(seed, keras.Input((inputs,)), *layers)


def _made_by(seed, *layers):
    """A keras.Model of these layers, whose weights depend on the seed alone."""
    model, random = keras.Sequential(layers), np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.5, each.shape) for each in model.get_weights()])
    return model


def normal(seed, *shape):
    """float32 of this shape, normally distributed."""
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


class Recorder(keras.optimizers.SGD):
    """Plain gradient descent that notes whose turn it was.

    Args:
        rate: float.
        name: str, what is noted.
        turns: list of str, to which the name is added at each update.
    """

    def __init__(self, rate, name, turns):
        super().__init__(rate, name=name)
        self.note = lambda: turns.append(name)  # Keras would copy a list

    def apply(self, grads, trainable_variables=None):
        self.note()
        super().apply(grads, trainable_variables)


def flat(model):
    """All weights of a model as one vector."""
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def descended(model, loss_fn, rate):
    """The weights, as `flat`, after one step of gradient descent; the model stays as it was."""
    with tf.GradientTape() as tape:
        loss = loss_fn()
    gradients = tape.gradient(loss, model.trainable_variables)
    return flat(model) - rate * np.concatenate([np.ravel(each) for each in gradients])


def call(turn, *arguments):
    """Calls a student's turn; an update without a gradient is named as such."""
    try:
        return turn(*arguments)
    except ValueError as error:
        if "gradient" in str(error).lower() or "None" in str(error):
            raise WrongError(NO_GRADIENT) from None
        raise


def require_descent(model, before, right, who):
    """Refuses a model that has not taken one step of descent.

    Args:
        model: keras.Model after the turn.
        before, right: float (n,), its weights before the turn, and after a right one.
        who: str.
    """
    moved, wanted = flat(model) - before, right - before
    require(not near(flat(model), before, 1e-7), f"{who} has not moved: apply the gradient")
    require(
        not near(moved, -wanted, 1e-2),
        f"{who} climbs the loss: an optimizer descends by itself; give it the gradient as it is",
    )
    # Half the gradient is right as well: the mean over both kinds of examples.
    require(
        near(moved, wanted, 1e-2) or near(moved, wanted / 2, 1e-2),
        f"{who} has moved, but not by one step down the gradient of its loss",
    )
