"""Who plays: shapes, ranges, what each agent looks at, and that no call changes its state."""

import keras
import numpy as np
import pytest
from keras import layers

import agents
from agents import blocks
from agents.discriminator import CONDITIONINGS
from games import GAMES, OptionError
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


def generator(image_size=8, channels=1, num_classes=NUM_CLASSES, **options):
    keras.utils.set_random_seed(0)
    return agents.build_generator(
        image_size, channels, latent_dim=LATENT_DIM, width=WIDTH, num_classes=num_classes, **options
    )


def discriminator(image_size=8, channels=1, **options):
    keras.utils.set_random_seed(0)
    return agents.build_discriminator(
        image_size, channels, width=WIDTH, num_classes=NUM_CLASSES, **options
    )


def classifier(image_size=8, channels=1):
    keras.utils.set_random_seed(0)
    return agents.build_classifier(image_size, channels, width=WIDTH, num_classes=NUM_CLASSES)


# name -> (builder of a small agent, builder of its inputs from a seed)
AGENTS = {
    "generator": (generator, lambda seed: [latents(seed=seed), LABELS]),
    "generator without classes": (lambda: generator(num_classes=None), lambda s: latents(seed=s)),
    "generator that does not refine": (
        lambda: generator(refine=False),
        lambda seed: [latents(seed=seed), LABELS],
    ),
    "classifier": (classifier, lambda seed: images(seed=seed)),
    "projection": (discriminator, lambda seed: [images(seed=seed), LABELS]),
    "auxiliary": (
        lambda: discriminator(conditioning="auxiliary"),
        lambda seed: images(seed=seed),
    ),
    "none": (lambda: discriminator(conditioning="none"), lambda seed: images(seed=seed)),
    "projection, spectral norm": (
        lambda: discriminator(spectral_norm=True),
        lambda seed: [images(seed=seed), LABELS],
    ),
    "auxiliary, spectral norm": (
        lambda: discriminator(conditioning="auxiliary", spectral_norm=True),
        lambda seed: images(seed=seed),
    ),
}


def first_rows(inputs, count):
    return [x[:count] for x in inputs] if isinstance(inputs, list) else inputs[:count]


def last_convolution(agent):
    return next(layer for layer in reversed(agent.layers) if isinstance(layer, layers.Conv2D))


def every_layer(agent):
    """The agent's layers, also those inside a wrapper."""
    inside = [layer.layer for layer in agent.layers if isinstance(layer, layers.Wrapper)]
    return [*agent.layers, *inside]


# Shapes and ranges.


@EVERY_SIZE
def test_shapes_at_every_size(image_size, channels):
    picture = (None, image_size, image_size, channels)
    conditional, plain = generator(image_size, channels), generator(image_size, channels, None)
    assert generator(image_size, channels, refine=False).output_shape == picture
    assert [x.shape for x in conditional.inputs] == [(None, LATENT_DIM), (None,)]
    assert [x.shape for x in plain.inputs] == [(None, LATENT_DIM)]
    assert conditional.output_shape == plain.output_shape == picture
    reader = classifier(image_size, channels)
    assert reader.input_shape == picture
    assert reader.output_shape == (None, NUM_CLASSES)
    assert reader.get_layer("features").output.shape == (None, 4 * WIDTH)
    for conditioning in CONDITIONINGS:
        judge = discriminator(image_size, channels, conditioning=conditioning)
        assert judge.inputs[0].shape == picture
        assert judge.outputs[0].shape == (None, 1)


def test_each_conditioning_has_its_own_signature():
    by_name = {name: discriminator(conditioning=name) for name in CONDITIONINGS}
    assert [x.name for x in by_name["projection"].inputs] == ["images", "labels"]
    assert [x.name for x in by_name["auxiliary"].inputs] == ["images"]
    assert [x.name for x in by_name["none"].inputs] == ["images"]
    assert [x.shape for x in by_name["projection"].outputs] == [(None, 1)]
    assert [x.shape for x in by_name["auxiliary"].outputs] == [(None, 1), (None, NUM_CLASSES)]
    assert [x.shape for x in by_name["none"].outputs] == [(None, 1)]


@pytest.mark.parametrize("refine", [True, False])
@pytest.mark.parametrize(("image_size", "channels"), [(8, 1), (28, 3)])
def test_generated_images_fill_the_range_and_never_leave_it(image_size, channels, refine):
    agent = generator(image_size, channels, refine=refine)
    made = outputs(agent, [latents(), LABELS])[0]
    assert made.shape == (5, image_size, image_size, channels)
    assert made.dtype == np.float32
    assert 0 < np.abs(made).max() < 1
    last = last_convolution(agent)
    last.kernel.assign(last.kernel * 1000)
    loud = outputs(agent, [latents(), LABELS])[0]
    assert loud.max() == pytest.approx(1.0, abs=1e-6)
    assert loud.min() == pytest.approx(-1.0, abs=1e-6)


def test_each_place_of_the_smaller_map_names_its_four_pixels():
    agent = generator(8, 1, refine=False)
    last = last_convolution(agent)
    quarters = outputs(keras.Model(agent.inputs, last.output), [latents(), LABELS])[0]
    made = outputs(agent, [latents(), LABELS])[0]
    assert quarters.shape == (5, 4, 4, 4)
    for row, column in np.ndindex(2, 2):
        np.testing.assert_array_equal(
            made[:, row::2, column::2, 0], quarters[..., 2 * row + column]
        )


@pytest.mark.parametrize("name", ["classifier", "projection", "auxiliary", "none"])
def test_logits_are_not_squashed(name):
    build, inputs = AGENTS[name]
    agent = build()
    before = outputs(agent, inputs(0))
    for layer in agent.layers:  # doubling the weights of a linear head doubles what it says
        if isinstance(layer, layers.Embedding) or (
            isinstance(layer, layers.Dense) and layer.name != "features"
        ):
            layer.set_weights([1000 * w for w in layer.get_weights()])
    after = outputs(agent, inputs(0))
    for quiet, loud in zip(before, after, strict=True):
        assert loud.dtype == np.float32
        np.testing.assert_allclose(loud, 1000 * quiet, rtol=1e-3, atol=1e-3)
        assert loud.max() > 1
        assert loud.min() < -1


# What an agent looks at.


def test_the_label_changes_the_image_and_so_do_the_latents():
    agent = generator()
    made = outputs(agent, [latents(), LABELS])[0]
    relabelled = outputs(agent, [latents(), OTHER_LABELS])[0]
    redrawn = outputs(agent, [latents(seed=1), LABELS])[0]
    assert np.abs(made - relabelled).max((1, 2, 3)).min() > 1e-3
    assert np.abs(made - redrawn).max((1, 2, 3)).min() > 1e-3


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_the_projection_adds_the_match_of_features_and_class(spectral_norm):
    agent = discriminator(spectral_norm=spectral_norm)
    logits = outputs(agent, [images(), LABELS])[0]
    relabelled = outputs(agent, [images(), OTHER_LABELS])[0]
    flatten, embedding = (
        next(layer for layer in agent.layers if isinstance(layer, kind))
        for kind in (layers.Flatten, layers.Embedding)
    )
    features = outputs(keras.Model(agent.inputs, flatten.output), [images(), LABELS])[0]
    table = embedding.get_weights()[0]
    assert table.shape == (NUM_CLASSES, features.shape[1])
    match = ((table[OTHER_LABELS] - table[LABELS]) * features).sum(1, keepdims=True)
    np.testing.assert_allclose(relabelled - logits, match, rtol=1e-3, atol=1e-5)
    assert np.abs(match).min() > 1e-4


@pytest.mark.parametrize("name", AGENTS)
def test_an_output_does_not_depend_on_the_neighbours_in_the_batch(name):
    build, inputs = AGENTS[name]
    agent = build()
    batch, others = inputs(0), inputs(1)
    if isinstance(batch, list):
        others[0][:2] = batch[0][:2]
    else:
        others[:2] = batch[:2]
    # With spectral norm a training call renormalises the kernels, whatever the images.
    for training in (False,) if "spectral" in name else (False, True):
        among = outputs(agent, batch, training)
        elsewhere = outputs(agent, others, training)
        alone = outputs(agent, first_rows(batch, 1), training)
        for a, b, c in zip(among, elsewhere, alone, strict=True):
            np.testing.assert_allclose(a[:2], b[:2], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(a[:1], c, rtol=1e-5, atol=1e-6)
            assert np.abs(a[2:] - b[2:]).max() > 1e-4


# State.


@pytest.mark.parametrize("name", AGENTS)
def test_no_agent_holds_statistics_or_chance(name):
    agent = AGENTS[name][0]()
    forbidden = (layers.BatchNormalization, layers.Dropout, layers.SpatialDropout2D)
    found = every_layer(agent)
    assert len(found) > 4
    assert not [layer for layer in found if isinstance(layer, forbidden)]


@pytest.mark.parametrize("name", [name for name in AGENTS if "spectral" not in name])
def test_a_training_call_answers_alike_and_changes_nothing(name):
    build, inputs = AGENTS[name]
    agent = build()
    assert agent.non_trainable_variables == []
    before = agent.get_weights()
    for one, other in zip(
        outputs(agent, inputs(0)), outputs(agent, inputs(0), training=True), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    for old, new in zip(before, agent.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def largest_singular_values(agent):
    """Of each spectrally normalised kernel (h, w, in, out), seen as the matrix (h w in, out)."""
    return [
        np.linalg.norm(layer.kernel.numpy().reshape(-1, layer.kernel.shape[-1]), ord=2)
        for layer in agent.layers
        if isinstance(layer, layers.SpectralNormalization)
    ]


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_spectral_norm_brings_the_largest_singular_value_of_each_kernel_to_one(conditioning):
    agent = discriminator(conditioning=conditioning, spectral_norm=True)
    levels = len(blocks.resolutions(8))
    assert len(largest_singular_values(agent)) == levels + 1  # the convolutions and the realness
    assert max(abs(np.array(largest_singular_values(agent)) - 1)) > 0.2
    inputs = [images(), LABELS] if conditioning == "projection" else images()
    for _ in range(20):
        agent(inputs, training=True)
    np.testing.assert_allclose(largest_singular_values(agent), 1.0, rtol=0.01)


def test_spectral_norm_is_still_in_a_call_that_does_not_train():
    agent = discriminator(conditioning="none", spectral_norm=True)
    agent(images(), training=True)
    before = agent.get_weights()
    first, again = outputs(agent, images())[0], outputs(agent, images())[0]
    np.testing.assert_array_equal(first, again)
    for old, new in zip(before, agent.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_without_spectral_norm_no_layer_is_wrapped():
    for conditioning in CONDITIONINGS:
        assert largest_singular_values(discriminator(conditioning=conditioning)) == []


# Files.


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_can_be_saved_and_loaded_without_this_code(name, tmp_path):
    build, inputs = AGENTS[name]
    agent = build()
    agent.save(tmp_path / "agent.keras")
    loaded = keras.models.load_model(tmp_path / "agent.keras")
    for kept, read in zip(outputs(agent, inputs(0)), outputs(loaded, inputs(0)), strict=True):
        np.testing.assert_array_equal(kept, read)
    assert {type(layer).__module__.partition(".")[0] for layer in every_layer(loaded)} == {"keras"}
    assert type(loaded).__module__.startswith("keras.")


# Sizes.


def test_resolutions_double_up_to_the_image():
    assert blocks.resolutions(8) == [4, 8]
    assert blocks.resolutions(28) == [7, 14, 28]
    assert blocks.resolutions(32) == [4, 8, 16, 32]
    assert blocks.resolutions(48) == [6, 12, 24, 48]
    assert blocks.resolutions(80) == [5, 10, 20, 40, 80]


def is_allowed(size):
    try:
        return bool(GAMES["trio"].options(game="trio", image_size=size))
    except OptionError:
        return False


def test_the_options_allow_exactly_the_sizes_that_can_be_built():
    def builds(size):
        try:
            return len(blocks.resolutions(size)) >= 2
        except ValueError:
            return False

    sizes = range(8, 257)
    allowed = [size for size in sizes if is_allowed(size)]
    assert allowed == [size for size in sizes if builds(size)]
    products = {base * 2**halvings for base in (4, 5, 6, 7) for halvings in range(1, 7)}
    assert allowed == sorted(size for size in products if size <= 256)


@pytest.mark.parametrize("image_size", [0, 1, 4, 7, 9, 18, 30, 36, 100])
def test_other_sizes_are_refused(image_size):
    for build in (generator, discriminator, classifier):
        with pytest.raises(ValueError, match=f"image_size {image_size} cannot be halved"):
            build(image_size)


def test_an_unknown_conditioning_is_refused():
    with pytest.raises(ValueError, match="conditioning 'psychic' is none of projection"):
        discriminator(conditioning="psychic")
