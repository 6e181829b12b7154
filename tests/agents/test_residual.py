"""Residual agents: shapes, ranges, pooling, the class's own normalisation, the shared head."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

import agents
from agents import residual
from games import GAMES
from tests.support.inputs import (
    EVERY_SIZE,
    LABELS,
    LATENT_DIM,
    NUM_CLASSES,
    OTHER_LABELS,
    WIDTH,
    images,
    latents,
    outputs,
)


def generator(image_size=8, channels=1):
    keras.utils.set_random_seed(0)
    return agents.build_residual_generator(
        image_size, channels, latent_dim=LATENT_DIM, width=WIDTH, num_classes=NUM_CLASSES
    )


def discriminator(image_size=8, channels=1, **options):
    keras.utils.set_random_seed(0)
    return agents.build_residual_discriminator(
        image_size, channels, width=WIDTH, num_classes=NUM_CLASSES, **options
    )


def layers_of(agent, kind):
    return [layer for layer in agent.layers if isinstance(layer, kind)]


# Shapes and ranges.


@EVERY_SIZE
def test_shapes_at_every_size(image_size, channels):
    maker, judge = generator(image_size, channels), discriminator(image_size, channels)
    picture = (None, image_size, image_size, channels)
    assert [x.name for x in maker.inputs] == ["latents", "labels"]
    assert [x.shape for x in maker.inputs] == [(None, LATENT_DIM), (None,)]
    assert maker.output_shape == judge.input_shape == picture
    assert [x.shape for x in judge.outputs] == [(None, 1), (None, NUM_CLASSES)]
    made = outputs(maker, [latents(), LABELS])
    for values in (*made, *outputs(judge, made[0])):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert values.std() > 1e-6


@pytest.mark.parametrize("image_size", [4, 7, 30, 100])
def test_other_sizes_are_refused(image_size):
    for build in (generator, discriminator):
        with pytest.raises(ValueError, match=f"image_size {image_size} cannot be halved"):
            build(image_size)


@pytest.mark.parametrize(("image_size", "channels"), [(8, 1), (28, 3)])
def test_generated_images_fill_the_range_and_never_leave_it(image_size, channels):
    agent = generator(image_size, channels)
    made = outputs(agent, [latents(), LABELS])[0]
    assert 0 < np.abs(made).max() < 1
    last = agent.layers[-1]
    last.kernel.assign(last.kernel * 1e6)
    loud = outputs(agent, [latents(), LABELS])[0]
    assert loud.max() == pytest.approx(1.0, abs=1e-6)
    assert loud.min() == pytest.approx(-1.0, abs=1e-6)


def test_logits_are_not_squashed():
    agent = discriminator()
    before = outputs(agent, images())
    for layer in layers_of(agent, layers.Dense):
        layer.set_weights([1000 * weight for weight in layer.get_weights()])
    for quiet, loud in zip(before, outputs(agent, images()), strict=True):
        np.testing.assert_allclose(loud, 1000 * quiet, rtol=1e-3, atol=1e-3)
        assert np.abs(loud).max() > 1


# The discriminator.


@pytest.mark.parametrize(("image_size", "places"), [(8, 4), (28, 16), (32, 4), (64, 4)])
def test_sum_pooling_is_mean_pooling_times_the_number_of_places(image_size, places):
    mean, total = (discriminator(image_size, pooling=pooling) for pooling in ("mean", "sum"))
    shown = images(image_size=image_size)
    for one, other in zip(outputs(mean, shown), outputs(total, shown), strict=True):
        np.testing.assert_allclose(other, places * one, rtol=1e-4, atol=1e-5)
        assert np.abs(one).max() > 1e-3


def test_another_pooling_is_refused():
    with pytest.raises(ValueError, match="pooling 'max' is neither mean nor sum"):
        discriminator(pooling="max")


@pytest.mark.parametrize("image_size", [8, 28])
def test_the_discriminator_holds_a_batch_norm_only_where_it_is_asked_for(image_size):
    plain, normed = (discriminator(image_size, batch_norm=given) for given in (False, True))
    assert layers_of(plain, layers.BatchNormalization) == []
    assert plain.non_trainable_variables == []
    blocks = {8: 1, 28: 2}[image_size]
    assert len(layers_of(normed, layers.BatchNormalization)) == 2 * blocks
    assert len(normed.trainable_variables) == len(plain.trainable_variables) + 4 * blocks


def test_without_batch_norm_an_output_does_not_depend_on_the_neighbours_in_the_batch():
    agent, shown, others = discriminator(), images(), images(seed=1)
    others[:2] = shown[:2]
    for training in (False, True):
        among, elsewhere = (outputs(agent, batch, training) for batch in (shown, others))
        for one, other in zip(among, elsewhere, strict=True):
            np.testing.assert_allclose(one[:2], other[:2], rtol=1e-5, atol=1e-6)
            assert np.abs(one[2:] - other[2:]).max() > 1e-4


@pytest.mark.parametrize("channels", [1, 3])
def test_the_threshold_begins_as_the_contrast_of_each_channel(channels):
    agent, plain = (discriminator(8, channels, contrast=contrast) for contrast in (5.0, 0.0))
    kernel, bias = agent.layers[1].get_weights()
    np.testing.assert_array_equal(kernel, 5.0 * np.eye(channels)[None, None])
    np.testing.assert_array_equal(bias, 0)
    shown = images(2, 8, channels)
    np.testing.assert_allclose(agent.layers[1](shown), np.tanh(5 * shown), atol=1e-5)
    assert len(agent.trainable_variables) == len(plain.trainable_variables) + 2
    assert all(layer.activation.__name__ != "tanh" for layer in layers_of(plain, layers.Conv2D))


def test_the_usual_discriminator_is_small():
    usual = GAMES["robgan"].from_preset("standard")
    assert usual.discriminator_width == 24
    agent = agents.build_residual_discriminator(
        28, 1, width=usual.discriminator_width, num_classes=10, contrast=usual.contrast
    )
    assert 150_000 < agent.count_params() < 350_000


def test_the_class_head_shares_the_weights_and_answers_alike():
    agent = discriminator()
    head = agents.class_head(agent)
    assert head.name == "classifier"
    assert head.output_shape == (None, NUM_CLASSES)
    np.testing.assert_array_equal(outputs(head, images())[0], outputs(agent, images())[1])
    before = outputs(head, images())[0]
    layer = agent.get_layer("class_logits")
    layer.kernel.assign(2 * layer.kernel)
    np.testing.assert_allclose(outputs(head, images())[0], 2 * before, rtol=1e-5)
    silent = set(map(id, agent.weights)) - set(map(id, head.weights))
    assert silent == set(map(id, agent.get_layer("realness").weights))


def test_the_class_head_takes_images_as_they_are_without_a_warning():
    head = agents.class_head(discriminator())
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The structure of `inputs`")
        outputs(head, images())


# The generator.


@pytest.mark.parametrize("image_size", [8, 28])
def test_the_generator_hears_of_the_class_once_its_embeddings_differ(image_size):
    agent = generator(image_size)
    first, same = (outputs(agent, [latents(), told])[0] for told in (LABELS, OTHER_LABELS))
    np.testing.assert_array_equal(first, same)  # every class begins as gain 1 and shift 0
    redrawn = outputs(agent, [latents(seed=1), LABELS])[0]
    assert np.abs(first - redrawn).max((1, 2, 3)).min() > 1e-4
    rng = np.random.default_rng(0)
    embeddings = layers_of(agent, layers.Embedding)
    assert len(embeddings) == 2 * len(layers_of(agent, layers.BatchNormalization))
    for layer in embeddings:
        before = layer.get_weights()
        layer.set_weights([rng.normal(1.0, 0.5, (NUM_CLASSES, before[0].shape[1]))])
        first, other = (outputs(agent, [latents(), told])[0] for told in (LABELS, OTHER_LABELS))
        assert (first != other).any((1, 2, 3)).all()
        layer.set_weights(before)


def test_the_generator_s_norms_keep_nine_tenths_of_their_statistics():
    agent = generator(28)
    norms = layers_of(agent, layers.BatchNormalization)
    assert len(norms) == 3
    inputs = [latents(), LABELS]
    seen = outputs(keras.Model(agent.inputs, norms[0].input), inputs)[0]
    before = outputs(agent, inputs)[0]
    outputs(agent, inputs, training=True)
    assert residual.NORM_MOMENTUM == 0.9
    mean, variance = (getattr(norms[0], name) for name in ("moving_mean", "moving_variance"))
    np.testing.assert_allclose(mean, 0.1 * seen.mean((0, 1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * seen.var((0, 1, 2)), rtol=1e-4)
    assert (outputs(agent, inputs)[0] != before).any()


def test_in_training_the_generator_normalises_by_the_batch():
    agent = generator()
    (norm,) = layers_of(agent, layers.BatchNormalization)
    normalized = keras.Model(agent.inputs, norm.output)
    many = [latents(400), np.resize(LABELS, 400)]
    values = outputs(normalized, many, training=True)[0]
    np.testing.assert_allclose(values.mean((0, 1, 2)), 0, atol=1e-4)
    spread = outputs(keras.Model(agent.inputs, norm.input), many)[0].var((0, 1, 2))
    expected = np.sqrt(spread / (spread + norm.epsilon))
    np.testing.assert_allclose(values.std((0, 1, 2)), expected, rtol=1e-3)


# Files.


@pytest.mark.parametrize(
    ("build", "inputs"),
    [
        (lambda: generator(28, 3), [latents(), LABELS]),
        (lambda: discriminator(8, 1, contrast=5.0, pooling="sum", batch_norm=True), images()),
        (lambda: agents.class_head(discriminator()), images()),
    ],
    ids=["generator", "discriminator", "classifier"],
)
def test_an_agent_can_be_saved_and_loaded_without_this_code(build, inputs, tmp_path):
    agent = build()
    outputs(agent, inputs, training=True)  # moves the statistics, if there are any
    agent.save(tmp_path / "agent.keras")
    loaded = keras.models.load_model(tmp_path / "agent.keras")
    for kept, read in zip(outputs(agent, inputs), outputs(loaded, inputs), strict=True):
        np.testing.assert_array_equal(kept, read)
    assert {type(layer).__module__.partition(".")[0] for layer in loaded.layers} == {"keras"}
