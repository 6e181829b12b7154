"""Agents of the games under attack: shapes, sizes, the threshold, no state, files."""

import keras
import numpy as np
import pytest
from keras import layers

import agents
from tests.support.inputs import EVERY_SIZE

NUM_CLASSES, WIDTH = 3, 4


def classifier(image_size=8, channels=1, contrast=0.0):
    keras.utils.set_random_seed(0)
    return agents.build_robust_classifier(
        image_size, channels, width=WIDTH, num_classes=NUM_CLASSES, contrast=contrast
    )


def discriminator(image_size=8, channels=1):
    keras.utils.set_random_seed(0)
    return agents.build_class_discriminator(
        image_size, channels, width=WIDTH, num_classes=NUM_CLASSES
    )


AGENTS = {
    "classifier": classifier,
    "classifier with a threshold": lambda image_size=8, channels=1: classifier(
        image_size, channels, contrast=5.0
    ),
    "discriminator": discriminator,
}
EVERY_AGENT = pytest.mark.parametrize("build", AGENTS.values(), ids=AGENTS)


def images(batch=5, image_size=8, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (batch, image_size, image_size, channels)).astype(np.float32)


def answer(agent, shown, training=False):
    return np.asarray(agent(shown, training=training))


@EVERY_AGENT
@EVERY_SIZE
def test_shapes_at_every_size(build, image_size, channels):
    agent = build(image_size, channels)
    assert agent.input_shape == (None, image_size, image_size, channels)
    assert agent.output_shape == (None, NUM_CLASSES)
    logits = answer(agent, images(2, image_size, channels))
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()
    assert logits.std() > 1e-4


@pytest.mark.parametrize(("image_size", "smallest"), [(8, 4), (28, 7), (32, 8), (64, 8)])
def test_the_residual_classifier_halves_images_down_to_a_small_map(image_size, smallest):
    agent = agents.build_robust_residual_classifier(image_size, 3, width=4, num_classes=NUM_CLASSES)
    assert agent.input_shape == (None, image_size, image_size, 3)
    assert agent.output_shape == (None, NUM_CLASSES)
    assert agent.get_layer("features").input.shape[1:3] == (smallest, smallest)


def test_the_features_that_an_attack_may_look_at():
    assert classifier().get_layer("features").output.shape == (None, 2 * WIDTH)


@pytest.mark.parametrize(
    ("build", "options", "parameters"),
    [
        (agents.build_robust_classifier, {"contrast": 5.0}, 234_796),
        (agents.build_robust_classifier, {}, 234_794),
        (agents.build_robust_residual_classifier, {}, 117_210),
        (agents.build_class_discriminator, {}, 436_202),
    ],
)
def test_a_usual_agent_is_small(build, options, parameters):
    agent = build(28, 1, width=32, num_classes=10, **options)
    assert agent.count_params() == parameters


@pytest.mark.parametrize("channels", [1, 3])
def test_the_threshold_begins_as_the_contrast_of_each_channel(channels):
    agent = classifier(8, channels, contrast=5.0)
    threshold = agent.layers[1]
    kernel, bias = threshold.get_weights()
    np.testing.assert_array_equal(kernel, 5.0 * np.eye(channels)[None, None])
    np.testing.assert_array_equal(bias, 0)
    shown = images(2, 8, channels)
    np.testing.assert_allclose(threshold(shown), np.tanh(5 * shown), atol=1e-5)
    assert threshold.trainable
    assert len(agent.trainable_variables) == len(classifier(8, channels).trainable_variables) + 2


def test_no_contrast_leaves_the_threshold_out():
    activations = [
        [layer.activation.__name__ for layer in agent.layers if hasattr(layer, "activation")]
        for agent in (classifier(), classifier(contrast=0.1), discriminator())
    ]
    assert "tanh" not in activations[0]
    assert activations[1] == ["tanh", *activations[0]]
    assert "relu" not in activations[2]  # smooth everywhere


@EVERY_AGENT
def test_logits_are_not_squashed(build):
    agent, shown = build(), images()
    before, head = answer(agent, shown), agent.layers[-1]
    head.set_weights([1000 * weight for weight in head.get_weights()])
    np.testing.assert_allclose(answer(agent, shown), 1000 * before, rtol=1e-3, atol=1e-3)


@EVERY_AGENT
def test_no_agent_holds_statistics_or_chance(build):
    agent, shown = build(), images()
    forbidden = (layers.BatchNormalization, layers.Dropout, layers.SpatialDropout2D)
    assert not [layer for layer in agent.layers if isinstance(layer, forbidden)]
    assert agent.non_trainable_variables == []
    before = agent.get_weights()
    np.testing.assert_array_equal(answer(agent, shown), answer(agent, shown, training=True))
    for old, new in zip(before, agent.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@EVERY_AGENT
def test_an_output_does_not_depend_on_the_neighbours_in_the_batch(build):
    agent, shown, others = build(), images(), images(seed=1)
    others[:2] = shown[:2]
    among, elsewhere = answer(agent, shown), answer(agent, others)
    np.testing.assert_allclose(among[:2], elsewhere[:2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(among[:1], answer(agent, shown[:1]), rtol=1e-5, atol=1e-6)
    assert np.abs(among[2:] - elsewhere[2:]).max() > 1e-4


@EVERY_AGENT
def test_an_agent_can_be_saved_and_loaded_without_this_code(build, tmp_path):
    agent = build(8, 3)
    agent.save(tmp_path / "agent.keras")
    loaded = keras.models.load_model(tmp_path / "agent.keras")
    np.testing.assert_array_equal(
        answer(agent, images(channels=3)), answer(loaded, images(channels=3))
    )
    assert {type(layer).__module__.partition(".")[0] for layer in loaded.layers} == {"keras"}
    again = type(agent).from_config(loaded.get_config())
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in agent.weights]


@EVERY_AGENT
@pytest.mark.parametrize("image_size", [4, 7, 30, 100])
def test_other_sizes_are_refused(build, image_size):
    with pytest.raises(ValueError, match=f"image_size {image_size} cannot be halved"):
        build(image_size)
