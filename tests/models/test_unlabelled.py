"""The trio without labels: what the classifier learns from real images, and who is told of it."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support.games import (
    BATCH,
    NUM_CLASSES,
    READERS,
    adam,
    calls_of,
    moved,
    play,
    put_back,
    real_batch,
    reported,
    spy,
    state,
    tiny_trio,
)

PLAYED = ("non_saturating", "wasserstein", "relativistic")  # one of each kind of turn


def unlabelled(**rules):
    return tiny_trio(conditioning="none", **rules)


@pytest.mark.parametrize("loss", PLAYED)
def test_no_label_of_a_real_image_moves_anybody(loss):
    images, labels = real_batch()
    permuted, none = (labels + 1) % NUM_CLASSES, tf.fill(labels.shape, -1)

    game = unlabelled(loss=loss, r1_gamma=1.0, translation=1, optimizer=adam)
    begun = state(game)

    def outcome(some_labels):
        return state(play(put_back(game, begun), 2, (images, some_labels)))

    told = outcome(labels)
    assert moved(told, outcome(permuted)) == moved(told, outcome(none)) == set()


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])
def test_real_images_are_judged_by_the_names_of_the_average_classifier(loss):
    game = unlabelled(loss=loss, optimizer=adam)
    play(game, 2)
    game.reader_losses.assign([0.5, -0.5])  # the second reader has been the better one
    images, labels = real_batch(seed=5)
    names = game.average_classifier(images).numpy()[:, 1].argmax(1)
    assert (names != labels.numpy()).any()
    calls = spy(game)
    play(game, 1, (images, labels))
    made = [call.inputs[1] for call in calls_of(calls, "generator")]
    paired = loss == "relativistic"  # whose generator is compared with real images
    asked = [names, made[0], *[names] * paired, made[1]]
    for call, label in zip(calls_of(calls, "discriminator"), asked, strict=True):
        np.testing.assert_array_equal(call.inputs[1], label)


def test_the_classifier_is_shown_real_images_and_changes_of_them_and_no_fakes():
    game = unlabelled(classifier_translation=1)
    images, _ = real_batch()
    calls = spy(game)
    play(game, 1)
    plain, changed = (call.inputs[0] for call in calls_of(calls, "classifier"))
    np.testing.assert_array_equal(plain, images)
    assert changed.shape == images.shape
    assert (np.abs(changed - plain).max((1, 2, 3)) > 0.1).all()
    assert len(calls_of(calls, "average_generator")) == 0


def bars(batch, seed):
    """Images (batch, 8, 8, 1) of a bar across, a bar down or a cross, faint or not; and which."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 3, batch)
    images = rng.normal(-0.9, 0.05, (batch, 8, 8, 1))
    ink = rng.uniform(0.8, 1.5, (batch, 1, 1))
    middle = slice(3, 5)
    images[kinds != 1, middle] += ink[kinds != 1, None]
    images[kinds != 0, :, middle] += ink[kinds != 0, None]
    return tf.constant(images.clip(-1, 1), tf.float32), kinds


def test_the_classifier_finds_the_kinds_of_images_that_there_are():
    # Of the first weights 1 to 5, 5 alone leaves two kinds under one name.
    game = unlabelled(optimizer=adam, classifier_translation=1, initial=2)
    turn = tf.function(game.classifier_turn, autograph=False)
    for step in range(150):
        images, _ = bars(60, step)
        turn((images, tf.zeros(60, tf.int32)))
    images, kinds = bars(300, 1000)
    names = game.classifier(images).numpy()[:, int(game.best_reader())].argmax(1)
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (kinds, names), 1)
    assert counts.max(1).sum() >= 295
    assert set(counts.argmax(1)) == {0, 1, 2}


@pytest.mark.parametrize(("turns", "settled"), [(0, 0.0), (100, 0.25), (5000, 1.0)])
def test_the_loss_of_each_reader_adds_up_and_their_mean_is_reported(turns, settled):
    game = unlabelled(classifier_translation=1)
    game.classifier.optimizer.iterations.assign(turns)
    calls = spy(game)
    game.classifier_turn(real_batch())
    plain, changed = (call.outputs[0] for call in calls_of(calls, "classifier"))
    assert plain.shape == changed.shape == (BATCH, READERS, NUM_CLASSES)
    names, changed_names = (
        np.exp(logits) / np.exp(logits).sum(2, keepdims=True)
        for logits in (plain.astype(np.float64), changed.astype(np.float64))
    )
    shares = names.mean(0)
    information = -4 * (shares * np.log(shares)).sum(1)
    information += (names * np.log(names)).sum(2).mean(0)
    change = (names * np.log(names / changed_names)).sum(2).mean(0)
    assert (change > 1e-3).all()
    losses = settled * change - 0.3 * information
    np.testing.assert_allclose(game.reader_losses, losses, atol=1e-5)
    assert reported(game)["classifier_loss"] == pytest.approx(losses.mean(), abs=1e-5)
    game.classifier_turn(real_batch())
    assert (game.reader_losses.numpy() < losses - 0.1).all()


def test_the_classifier_to_save_has_the_best_reader_alone():
    game = play(unlabelled(optimizer=adam), 2)
    images, _ = real_batch(seed=3)
    for best, losses in enumerate(([-1.0, 0.0], [0.0, -1.0])):
        game.reader_losses.assign(losses)
        saved = game.agents_to_save()["classifier"]
        all_logits = game.average_classifier(images).numpy()
        np.testing.assert_allclose(saved(images), all_logits[:, best], atol=1e-6)
        assert saved.get_layer("features").output.shape[-1] == 4 * saved.layers[1].filters


@pytest.mark.parametrize(
    "loss", [pytest.param("non_saturating", marks=pytest.mark.slow), "relativistic"]
)
def test_a_loaded_game_goes_on_as_if_it_had_never_stopped(loss, tmp_path):
    game = play(unlabelled(loss=loss, optimizer=adam, classifier_translation=1), 1)
    game.save(tmp_path / "game.keras")
    loaded = keras.models.load_model(tmp_path / "game.keras")
    assert type(loaded) is type(game)
    assert moved(state(play(game, 1)), state(play(loaded, 1))) == set()


def test_in_an_opening_classifiers_that_begin_apart_learn_from_the_same_images():
    opening = unlabelled(classifier_translation=1).build_opening()
    first, *others = [agent.get_weights() for agent in opening.classifiers]
    assert all(np.abs(first[0] - other[0]).max() > 0.01 for other in others)
    watched = [spy(SimpleNamespace(classifier=agent)) for agent in opening.classifiers]
    images, _ = real_batch()
    play(opening, 1)
    for plain, changed in watched:
        np.testing.assert_array_equal(plain.inputs[0], images)
        np.testing.assert_array_equal(changed.inputs[0], watched[0][1].inputs[0])
    assert opening.step == 1


def test_the_best_classifier_of_an_opening_plays_on():
    game = unlabelled(classifier_translation=1, optimizer=adam)
    opening = game.build_opening()
    play(opening, 2)
    opening.reader_losses[1].assign([0.0, -9.0])
    best = opening.classifiers[1]
    before = state(game)
    game.take_over(opening)
    changed = {"classifier", "classifier's optimizer", "average_classifier", "reader_losses"}
    assert moved(before, state(game)) == changed
    for agent in (game.classifier, game.average_classifier):
        for own, other in zip(agent.get_weights(), best.get_weights(), strict=True):
            np.testing.assert_array_equal(own, other)
    for own, other in zip(
        game.classifier.optimizer.variables, best.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(own, other)
    assert (game.step, int(game.classifier.optimizer.iterations)) == (0, 2)
    assert int(game.best_reader()) == 1
