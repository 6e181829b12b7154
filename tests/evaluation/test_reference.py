"""The judge: its recipe learns, repeats itself, keeps what is held out apart, and is cached."""

import dataclasses

import keras
import numpy as np
import pytest

from evaluation import reference
from images.datasets import Dataset, Split


def quadrants(count, seed):
    """8x8 noise with one bright quadrant, which is the class: a problem of no difficulty."""
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 100, (count, 8, 8, 1)).astype(np.uint8)
    labels = draw.integers(0, 4, count).astype(np.int32)
    for image, label in zip(images, labels, strict=True):
        row, column = 4 * (label // 2), 4 * (label % 2)
        image[row : row + 4, column : column + 4] += 100
    return images, labels


def train(seed=0, epochs=20, **changes):
    arguments = {"held_out": quadrants(60, 1), "num_classes": 4, "seed": seed, "epochs": epochs}
    return reference.train_judge(*quadrants(300, 0), **{**arguments, **changes})


@pytest.fixture(scope="module")
def judge():
    return train()


@pytest.fixture
def dataset():
    splits = [Split(*quadrants(count, seed)) for seed, count in enumerate((200, 50, 50))]
    return Dataset("quadrants", ("a", "b", "c", "d"), *splits)


def test_learns(judge):
    images, labels = quadrants(200, 2)
    logits, features = reference.judge_outputs(judge, images)
    assert logits.shape == (200, 4)
    assert features.shape == (200, 4 * reference.GREY.width)
    assert features.min() == 0.0
    assert np.mean(logits.argmax(axis=-1) == labels) >= 0.98


def test_outputs_are_the_classifiers_own(judge):
    images, _ = quadrants(20, 3)
    logits, features = reference.judge_outputs(judge, images)
    shown = images / np.float32(127.5) - 1
    np.testing.assert_allclose(logits, judge(shown), atol=1e-4)
    head = judge.layers[-1]
    np.testing.assert_allclose(features @ head.kernel + head.bias, logits, atol=1e-4)


def test_outputs_are_the_same_in_batches(judge, monkeypatch):
    images, _ = quadrants(20, 3)
    whole = reference.judge_outputs(judge, images)
    monkeypatch.setattr(reference, "PREDICTION_BATCH", 7)
    for batched, at_once in zip(reference.judge_outputs(judge, images), whole, strict=True):
        np.testing.assert_allclose(batched, at_once, atol=1e-5)
    np.testing.assert_allclose(reference.predict(judge, images)[0], whole[0], atol=1e-5)


@pytest.mark.usefixtures("eager")
def test_is_made_by_its_seed_alone():
    first = train(epochs=2)
    keras.utils.set_random_seed(1234)
    again, other = train(epochs=2), train(epochs=2, seed=1)
    pairs = list(zip(first.get_weights(), again.get_weights(), strict=True))
    assert max(np.abs(a - b).max() for a, b in pairs) < 1e-5
    pairs = list(zip(first.get_weights(), other.get_weights(), strict=True))
    assert max(np.abs(a - b).max() for a, b in pairs) > 1e-2


def test_carries_no_optimizer(judge):
    assert getattr(judge, "optimizer", None) is None


@pytest.fixture
def shown(monkeypatch):
    """What a judge is trained with from now on, and how: it then learns nothing."""
    seen = {}

    def fit(self, batches, **options):
        seen["images"], seen["labels"] = map(np.concatenate, zip(*batches, strict=True))
        seen["held out"] = options["validation_data"][0]
        for callback in options["callbacks"]:
            callback.set_model(self)
            callback.on_epoch_end(0, {"val_accuracy": 1.0, "val_loss": 0.0})

    monkeypatch.setattr(keras.Model, "fit", fit)
    return seen


def test_held_out_images_are_never_trained_on(shown):
    images, labels = quadrants(256, 0)
    held_out = np.full((40, 8, 8, 1), 255, np.uint8), np.zeros(40, np.int32)
    reference.train_judge(images, labels, held_out=held_out, num_classes=4, seed=0, epochs=2)
    assert shown["images"].shape == (512, 8, 8, 1)
    # Each epoch shows every training image once, with its own label, and nothing else.
    key = images.reshape(256, -1).astype(np.float32) / 127.5 - 1
    for epoch in (slice(0, 256), slice(256, 512)):
        pixels = shown["images"][epoch].reshape(256, -1)
        order, shown_order = np.lexsort(key.T), np.lexsort(pixels.T)
        np.testing.assert_allclose(pixels[shown_order], key[order], atol=1e-6)
        np.testing.assert_array_equal(shown["labels"][epoch][shown_order], labels[order])
    assert np.any(shown["labels"][:256] != shown["labels"][256:])
    np.testing.assert_array_equal(shown["held out"], 1.0)


def test_images_of_28_pixels_are_shifted(shown):
    images, labels = np.zeros((128, 28, 28, 1), np.uint8), np.arange(128, dtype=np.int32) % 2
    images[:, 14, 14] = 255
    held_out = images[:2], labels[:2]
    reference.train_judge(images, labels, held_out=held_out, num_classes=2, seed=0, epochs=2)
    places = np.argwhere(shown["images"] > 0)
    assert len(places) == 256
    assert {int(i) for i in np.unique(places[:, 1:3])} == {12, 13, 14, 15, 16}
    assert np.any(places[:128, 1:3] != places[128:, 1:3])


def test_colour_has_a_residual_judge_that_sees_mirrored_images_too(shown):
    images, labels = np.zeros((128, 8, 8, 3), np.uint8), np.arange(128, dtype=np.int32) % 2
    images[:, 3, 1] = 255
    held_out = images[:2], labels[:2]
    judge = reference.train_judge(images, labels, held_out=held_out, num_classes=2, seed=0)
    assert any("batch_normalization" in layer.name for layer in judge.layers)
    places = np.argwhere(shown["images"][..., 0] > 0)
    columns, counts = np.unique(places[:, 2], return_counts=True)
    assert columns.tolist() == [1, 6]
    assert 0.48 < counts[0] / counts.sum() < 0.52  # of 600 steps of 128


def test_the_rate_of_the_colour_judge_climbs_and_falls():
    rates = [float(reference.COLOUR.rates(100)(step)) for step in (0, 10, 20, 60, 100)]
    np.testing.assert_allclose(rates, [0.0, 0.05, 0.1, 0.05, 0.0], atol=1e-6)


def test_best_epoch_has_the_highest_accuracy_then_the_lowest_loss():
    class Model:
        def get_weights(self):
            return self.epoch

    best = reference.BestEpoch()
    best.set_model(Model())
    scores = [(0.5, 0.1), (0.9, 0.4), (0.9, 0.3), (0.9, 0.35), (0.8, 0.01), (0.9, float("nan"))]
    for epoch, (accuracy, loss) in enumerate(scores):
        best.model.epoch = epoch
        best.on_epoch_end(epoch, {"val_accuracy": accuracy, "val_loss": loss})
    assert best.weights == 2


@pytest.mark.parametrize(
    ("count", "epochs"),
    [(60_000, 6), (120_000, 6), (54_000, 7), (6_000, 60), (1_300, 60), (300, 300), (3, 600)],
)
def test_budget_is_in_steps(count, epochs, monkeypatch):
    def spy(self, batches, **kwargs):
        assert kwargs["epochs"] == epochs
        assert kwargs["steps_per_epoch"] == max(1, count // 128)
        kwargs["callbacks"][0].weights = self.get_weights()

    monkeypatch.setattr(keras.Model, "fit", spy)
    images = np.zeros((count, 8, 8, 1), np.uint8)
    held_out = images[:1], np.zeros(1)
    reference.train_judge(images, np.zeros(count), held_out=held_out, num_classes=4, seed=0)


def test_nothing_to_learn_from_or_to_choose_by_is_refused():
    nothing = np.zeros((0, 8, 8, 1), np.uint8), np.zeros(0, np.int32)
    with pytest.raises(ValueError, match="held out"):
        train(held_out=nothing)
    with pytest.raises(ValueError, match="learn from"):
        reference.train_judge(*nothing, held_out=quadrants(4, 0), num_classes=4, seed=0)


@pytest.fixture
def trainings(monkeypatch, judge):
    """Stands in for the training: hands out the one judge and keeps what it was given."""
    calls = []

    def spy(images, labels, **kwargs):
        calls.append((images, labels, kwargs))
        return judge

    monkeypatch.setattr(reference, "train_judge", spy)
    return calls


def test_reference_learns_from_the_training_split_and_is_cached(
    dataset, trainings, tmp_path, judge
):
    first = reference.reference_classifier(dataset, tmp_path / "cache")
    second = reference.reference_classifier(dataset, tmp_path / "cache")
    [(images, labels, kwargs)] = trainings
    assert images is dataset.train.images
    assert labels is dataset.train.labels
    assert kwargs["held_out"] == (dataset.validation.images, dataset.validation.labels)
    [file] = (tmp_path / "cache").iterdir()
    assert file.name.startswith("reference-quadrants-")
    assert file.suffix == ".keras"
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    shown = dataset.test.images
    np.testing.assert_allclose(
        reference.judge_outputs(second, shown)[1],
        reference.judge_outputs(judge, shown)[1],
        atol=1e-5,
    )


@pytest.mark.parametrize("damage", [lambda blob: b"", lambda blob: blob[:-500], lambda blob: b"x"])
def test_a_damaged_cache_is_replaced(dataset, trainings, tmp_path, damage):
    reference.reference_classifier(dataset, tmp_path)
    [file] = tmp_path.iterdir()
    sound = file.read_bytes()
    file.write_bytes(damage(sound))
    reference.reference_classifier(dataset, tmp_path)
    assert len(trainings) == 2
    assert list(tmp_path.iterdir()) == [file]
    reference.reference_classifier(dataset, tmp_path)
    assert len(trainings) == 2


def test_other_images_or_another_recipe_are_another_reference(
    dataset, trainings, tmp_path, monkeypatch
):
    reference.reference_classifier(dataset, tmp_path)
    dataset.train.labels[0] = (dataset.train.labels[0] + 1) % 4
    reference.reference_classifier(dataset, tmp_path)
    dataset.test.images[:] = 0  # no part of the recipe
    reference.reference_classifier(dataset, tmp_path)
    assert len(trainings) == 2
    monkeypatch.setattr(reference, "GREY", dataclasses.replace(reference.GREY, version=999))
    reference.reference_classifier(dataset, tmp_path)
    assert len(trainings) == len(list(tmp_path.iterdir())) == 3
