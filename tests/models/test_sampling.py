"""Plain and nice images, and the ways between two latents or two classes."""

import keras
import numpy as np
import pytest

import agents
from attacks import ProjectedGradientDescent
from models import interpolation, sampling
from models.sampling import AttackSampler, Sampler


@pytest.fixture(scope="module")
def trio_sampler():
    keras.utils.set_random_seed(0)
    return Sampler(
        agents.build_generator(8, 1, latent_dim=4, width=4, num_classes=3),
        agents.build_discriminator(8, 1, width=4, num_classes=3),
    )


@pytest.fixture(scope="module")
def gan_sampler():
    return Sampler(
        agents.build_generator(8, 1, latent_dim=4, width=4),
        agents.build_discriminator(8, 1, width=4, num_classes=3, conditioning="none"),
    )


@pytest.fixture(scope="module")
def attack_sampler():
    keras.utils.set_random_seed(0)
    discriminator = agents.build_class_discriminator(8, 1, width=4, num_classes=3)
    attack = ProjectedGradientDescent(None, 0.05, 1, norm="l2", random_start=False, keep_best=False)
    return AttackSampler(discriminator, attack, steps=50)


LABELS = np.array([0, 1, 2, 0, 1, 2, 0], np.int32)


@pytest.mark.usefixtures("short_drs")
@pytest.mark.parametrize("kind", ["plain", "nice", "rejection_sampled"])
@pytest.mark.parametrize("which", ["trio_sampler", "gan_sampler"])
def test_every_kind_draws_one_image_a_label_and_repeats_by_seed(kind, which, request):
    sampler = request.getfixturevalue(which)
    labels = LABELS if sampler.num_classes else LABELS * 0
    first, again, other = (
        getattr(sampler, kind)(labels, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.shape == (7, 8, 8, 1)
    assert np.abs(first).max() <= 1
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-6


def test_clarity_sets_the_own_label_against_all_others(trio_sampler):
    images = trio_sampler.plain(LABELS, np.random.default_rng(0))
    logits = np.stack(
        [trio_sampler.score(images, np.full_like(LABELS, name)) for name in (0, 1, 2)], axis=1
    ).astype(np.float64)
    own = logits[np.arange(7), LABELS]
    others = np.log(np.exp(logits).sum(axis=1) - np.exp(own))
    for _ in range(2):  # asking changes nothing
        np.testing.assert_allclose(
            trio_sampler.clarity(images, LABELS), own - others, rtol=1e-4, atol=1e-5
        )


def test_clarity_without_labels_is_the_score(gan_sampler, trio_sampler):
    blind = Sampler(trio_sampler.generator, gan_sampler.discriminator)
    images = trio_sampler.plain(LABELS, np.random.default_rng(0))
    np.testing.assert_array_equal(blind.clarity(images, LABELS), blind.score(images, LABELS))


def test_nice_images_are_the_best_of_their_class(trio_sampler):
    many_labels = np.repeat(LABELS, sampling.NICE_FACTOR)
    scores = trio_sampler.clarity(
        trio_sampler.plain(many_labels, np.random.default_rng(5)), many_labels
    )
    chosen = trio_sampler.clarity(trio_sampler.nice(LABELS, np.random.default_rng(5)), LABELS)
    for name in (0, 1, 2):
        best = np.sort(scores[many_labels == name])[::-1][: (name == LABELS).sum()]
        np.testing.assert_allclose(np.sort(chosen[name == LABELS])[::-1], best, atol=1e-5)


def test_rejection_sampling_raises_the_mean_score(trio_sampler, monkeypatch):
    monkeypatch.setattr(sampling, "DRS_ROUNDS", 20)  # which leave one image in ninety as it was
    discriminator = keras.models.clone_model(trio_sampler.discriminator)
    discriminator.set_weights([8 * w for w in trio_sampler.discriminator.get_weights()])
    sure = Sampler(trio_sampler.generator, discriminator)
    labels = np.zeros(400, np.int32)
    plain = sure.score(sure.plain(labels, np.random.default_rng(0)), labels)
    kept = sure.score(sure.rejection_sampled(labels, np.random.default_rng(0)), labels)
    error = np.hypot(plain.std(), kept.std()) / np.sqrt(400)
    assert kept.mean() - plain.mean() > 2 * error


def test_acceptance_is_the_papers_formula():
    scores = np.array([-3.0, -1.0, 0.5, 1.0])
    accepted = sampling.acceptance(scores, highest=2.0)
    relative = (scores - 2) - np.log(1 - np.exp(scores - 2))
    expected = 1 / (1 + np.exp(-(relative - np.percentile(relative, 80))))
    np.testing.assert_allclose(accepted, expected, rtol=1e-9)
    assert np.all(np.diff(accepted) > 0)
    assert np.isfinite(sampling.acceptance(np.array([5.0, -2000.0]), highest=5.0)).all()


def test_truncation_cuts_the_latents_off(trio_sampler):
    cut = Sampler(trio_sampler.generator, trio_sampler.discriminator, truncation=0.5)
    latents = cut.latents(2000, np.random.default_rng(0))
    assert 0.49 < np.abs(latents).max() <= 0.5
    whole = trio_sampler.latents(2000, np.random.default_rng(0))
    assert abs(whole.std() - 1) < 0.03


@pytest.mark.parametrize(
    ("truncation", "nice_truncation", "bounds"),
    [(None, None, (2, 9)), (None, 0.5, (0.45, 0.5)), (0.2, 0.5, (0.18, 0.2))],
)
def test_nice_images_have_a_truncation_of_their_own(
    trio_sampler, monkeypatch, truncation, nice_truncation, bounds
):
    drawn = []
    generate = sampling.computed

    def spied(model, inputs):
        if isinstance(inputs, list) and model is trio_sampler.generator:
            drawn.append(np.abs(inputs[0]).max())
        return generate(model, inputs)

    monkeypatch.setattr(sampling, "computed", spied)
    agents_of = (trio_sampler.generator, trio_sampler.discriminator)
    sampler = Sampler(*agents_of, truncation=truncation, nice_truncation=nice_truncation)
    sampler.nice(LABELS, np.random.default_rng(0))
    sampler.plain(np.repeat(LABELS, 20), np.random.default_rng(0))
    nice, plain = drawn
    assert bounds[0] < nice <= bounds[1]
    assert plain <= truncation if truncation else plain > 2


def test_slerp_is_the_arc():
    rng = np.random.default_rng(0)
    start, end = rng.standard_normal((2, 5, 16))
    start, end = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (start, end))
    np.testing.assert_allclose(interpolation.slerp(start, end, 0.0), start, atol=1e-12)
    np.testing.assert_allclose(interpolation.slerp(start, end, 1.0), end, atol=1e-12)
    middle = interpolation.slerp(start, end, 0.5)
    np.testing.assert_allclose(np.linalg.norm(middle, axis=-1), 1, atol=1e-12)
    np.testing.assert_allclose((middle * start).sum(-1), (middle * end).sum(-1), atol=1e-12)
    np.testing.assert_allclose(interpolation.slerp(start, start, 0.3), start, atol=1e-6)


def test_whole_classes_between_are_the_generators_own(trio_sampler):
    latents = trio_sampler.latents(4, np.random.default_rng(0))
    between = interpolation.imagine_between(
        trio_sampler.generator, latents, np.array([0.0, 1.0, 2.0, 3.0])
    )
    own = trio_sampler.generator.predict(
        [latents, np.array([0, 1, 2, 0], np.int32)], verbose=0
    )  # class 3 leads back to class 0
    np.testing.assert_allclose(between, own, atol=1e-5)


def test_a_walk_closes_smoothly(trio_sampler):
    frames, columns = interpolation.walk(trio_sampler, np.random.default_rng(0), frames=30)
    assert columns == 3
    assert len(frames) == 30
    assert frames[0].shape == (12, 8, 8, 1)
    jumps = [np.abs(a - b).mean() for a, b in zip(frames, frames[1:] + frames[:1], strict=True)]
    assert jumps[-1] < 2 * np.median(jumps)  # from the last frame to the first as between others
    assert min(jumps) > 0


def test_rows_go_from_latent_to_latent_and_class_to_class(trio_sampler, gan_sampler):
    rows = interpolation.interpolation_rows(trio_sampler, np.random.default_rng(0), columns=5)
    assert rows.shape == (30, 8, 8, 1)
    lower = rows[15:].reshape(3, 5, 8, 8, 1)
    own = trio_sampler.generator.predict(
        [trio_sampler.latents(3, np.random.default_rng(0)), np.array([0, 1, 2], np.int32)],
        verbose=0,
    )
    np.testing.assert_allclose(lower[:, 0], own, atol=1e-5)
    assert interpolation.interpolation_rows(gan_sampler, np.random.default_rng(0)).shape[0] == 100


def test_images_by_attack_repeat_by_seed_and_climb(attack_sampler):
    first, again, other = (
        attack_sampler.plain(LABELS, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first.shape, first.dtype) == ((7, 8, 8, 1), np.float32)
    assert np.abs(first).max() <= 1
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max(axis=(1, 2, 3)).min() > 1e-6
    noise = attack_sampler.noise(LABELS, np.random.default_rng(1))
    assert np.abs(noise).max() <= 1
    climbed = attack_sampler.score(first, LABELS) - attack_sampler.score(noise, LABELS)
    assert climbed.min() > 0.01


def test_more_images_than_a_batch_are_as_few_would_be(attack_sampler, monkeypatch):
    whole = attack_sampler.plain(LABELS, np.random.default_rng(1))
    monkeypatch.setattr(sampling, "BATCH", 3)
    parts = attack_sampler.plain(LABELS, np.random.default_rng(1))
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_a_film_goes_from_the_noise_to_the_images(attack_sampler):
    frames = attack_sampler.film(LABELS, np.random.default_rng(1))
    assert len(frames) == 41
    np.testing.assert_array_equal(frames[0], attack_sampler.noise(LABELS, np.random.default_rng(1)))
    np.testing.assert_allclose(
        frames[-1], attack_sampler.plain(LABELS, np.random.default_rng(1)), atol=1e-5
    )
    steps = [np.abs(a - b).mean() for a, b in zip(frames, frames[1:], strict=False)]
    assert 0 < steps[-1] < steps[0]


def test_scores_and_clarity_of_images_by_attack(attack_sampler):
    images = attack_sampler.plain(LABELS, np.random.default_rng(0))
    logits = np.asarray(attack_sampler.discriminator(images), np.float64)
    own = logits[np.arange(7), LABELS]
    others = np.log(np.exp(logits).sum(axis=1) - np.exp(own))
    np.testing.assert_allclose(attack_sampler.score(images, LABELS), own, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        attack_sampler.clarity(images, LABELS), own - others, rtol=1e-4, atol=1e-5
    )
    assert attack_sampler.num_classes == 3
