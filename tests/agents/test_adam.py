"""The agents' Adam against Keras's own, and where Keras's is not Adam."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import agents

RULES = {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4}


def reader(optimizer):
    keras.utils.set_random_seed(3)
    images = keras.Input((3, 3, 1))
    hidden = layers.Flatten()(layers.Conv2D(2, 2, activation="tanh")(images))
    model = keras.Model(images, layers.Dense(2, activation="tanh")(hidden))
    model.compile(optimizer)
    return model


def descend(model, steps):
    """Steps of one function, as a game takes them."""

    @tf.function
    def step(images, wanted):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(images) - wanted) ** 2)
        variables = model.trainable_variables
        model.optimizer.apply(tape.gradient(loss, variables), variables)

    rng = np.random.default_rng(0)
    for _ in range(steps):
        step(
            tf.constant(rng.normal(size=(8, 3, 3, 1)), tf.float32),
            tf.constant(rng.normal(size=(8, 2)), tf.float32),
        )
    return model


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "rate", [0.05, keras.optimizers.schedules.CosineDecay(0.05, decay_steps=10, alpha=0.1)]
)
def test_it_takes_keras_s_steps(rate):
    before = reader("sgd").get_weights()
    ours = descend(reader(agents.Adam(rate, **RULES)), 12)
    theirs = descend(reader(keras.optimizers.Adam(rate, **RULES)), 12)
    for start, mine, other in zip(before, ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.abs(mine - start).max() > 0.02
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    for mine, other in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)


def moved_by(optimizer, gradient):
    weight = keras.Variable(np.zeros((3, 1), np.float32))
    optimizer.apply([gradient], [weight])
    return weight.numpy()[:, 0]


def test_a_row_that_a_batch_names_twice_has_the_sum_of_its_gradients():
    """As an embedding's gradient has, when a class occurs twice. A first step is the rate."""
    rows = tf.IndexedSlices(tf.constant([[1.0], [1.0], [-1.0]]), tf.constant([0, 0, 1]), [3, 1])
    whole = tf.convert_to_tensor(rows)
    np.testing.assert_allclose(
        moved_by(agents.Adam(0.1), rows), [-0.1, 0.1, 0.0], rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        moved_by(agents.Adam(0.1), whole), [-0.1, 0.1, 0.0], rtol=1e-4, atol=1e-6
    )
    # Keras squares each of the two by itself and goes sqrt(2) times as far.
    theirs = moved_by(keras.optimizers.Adam(0.1), rows)
    np.testing.assert_allclose(theirs, [-0.1 * np.sqrt(2), 0.1, 0.0], rtol=1e-4, atol=1e-6)


def test_it_is_saved_and_goes_on(tmp_path):
    whole = descend(reader(agents.Adam(0.05, **RULES)), 5)
    whole.save(tmp_path / "half.keras")
    loaded = keras.saving.load_model(tmp_path / "half.keras")
    assert type(loaded.optimizer) is agents.Adam
    pairs = zip(descend(loaded, 5).get_weights(), descend(whole, 5).get_weights(), strict=True)
    for mine, other in pairs:
        np.testing.assert_array_equal(mine, other)


def test_what_it_cannot_do_is_refused():
    with pytest.raises(ValueError, match="amsgrad"):
        agents.Adam(amsgrad=True)
