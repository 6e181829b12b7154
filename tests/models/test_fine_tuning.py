"""Fine-tuning: the generator only draws, what a lesson is, the weight of fakes, files."""

import copy
import dataclasses
import json

import keras
import numpy as np
import pytest

import agents
from games import GAMES
from models import fine_tuning, ready
from models.fine_tuning import FineTuning
from models.game import copy_agent
from models.robust_classifier import RobustClassifier
from tests.support.games import (
    BATCH,
    LATENT_DIM,
    NUM_CLASSES,
    adam,
    calls_of,
    cross_entropy,
    moved,
    play,
    put_back,
    real_batch,
    reported,
    residual_agents,
    seeds_drawn,
    spy,
    state,
    tiny_finetuning,
)

LEARNER = {"classifier", "classifier's optimizer", "average_classifier"}


@pytest.mark.parametrize("fake_weight", [0.0, 0.5])
def test_a_round_moves_the_classifier_and_never_the_generator(fake_weight):
    game = tiny_finetuning(fake_weight=fake_weight, optimizer=adam)
    assert len(game.generator.non_trainable_variables) == 2  # statistics that might move
    before, calls = state(game), spy(game)
    play(game, 2)
    assert moved(before, state(game)) == LEARNER
    assert "generator" in before
    drawn = calls_of(calls, "generator")
    assert len(drawn) == (2 if fake_weight else 0)
    assert not any(call.training for call in drawn)
    assert game.step == 2


def test_the_attacker_s_turn_moves_nobody():
    game = play(tiny_finetuning(optimizer=adam), 1)
    before = state(game)
    game.attacker_turn(*game.lesson(*real_batch())[:2])
    assert moved(before, state(game)) == set()


def test_without_weight_it_is_training_under_attack_alone():
    rules = {"ema_decay": 0.9, "seed": 3}
    game = tiny_finetuning(fake_weight=0.0, optimizer=adam, **rules)
    classifier = copy_agent(game.classifier)
    classifier.compile(adam())
    plain = RobustClassifier(classifier, dataclasses.replace(game.options, **rules))
    one, other = state(play(game, 2)), state(play(plain, 2))
    del one["generator"]
    assert moved(one, other) == set()
    assert reported(game) == reported(plain)


@pytest.mark.parametrize("fake_weight", [0.25, 2.0])
def test_a_lesson_is_real_images_and_as_many_generated_ones(fake_weight):
    game = tiny_finetuning(fake_weight=fake_weight)
    images, labels = real_batch()
    calls = spy(game)
    shown, named, weights = (tensor.numpy() for tensor in game.lesson(images, labels))
    (drawn,) = calls_of(calls, "generator")
    assert shown.shape == (2 * BATCH, 8, 8, 1)
    assert (shown.dtype, named.dtype, weights.dtype) == (np.float32, np.int32, np.float32)
    np.testing.assert_array_equal(shown, np.concatenate([images, drawn.outputs[0]]))
    np.testing.assert_array_equal(named, np.concatenate([labels, drawn.inputs[1]]))
    np.testing.assert_array_equal(weights, [2.0] * BATCH + [2.0 * fake_weight] * BATCH)
    assert drawn.inputs[0].shape == (BATCH, LATENT_DIM)
    assert set(named[BATCH:]) <= set(range(NUM_CLASSES))
    game.classifier.optimizer.iterations.assign(1)
    again = game.lesson(images, labels)[0].numpy()
    assert (again[BATCH:] != shown[BATCH:]).any((1, 2, 3)).all()


def test_without_weight_a_lesson_is_the_real_images():
    images, labels = real_batch()
    shown, named, weights = tiny_finetuning(fake_weight=0.0).lesson(images, labels)
    np.testing.assert_array_equal(shown, images)
    np.testing.assert_array_equal(named, labels)
    np.testing.assert_array_equal(weights, np.ones(BATCH))


def test_generated_images_are_attacked_too_and_stay_in_the_ball_of_theirs():
    game = tiny_finetuning(epsilon=0.1)
    images, labels, _ = game.lesson(*real_batch())
    attacked = game.attacker_turn(images, labels).numpy()
    radius = 2 * 0.1  # on the networks' scale, from -1 to 1
    for half in (slice(None, BATCH), slice(BATCH, None)):
        changes = np.abs(attacked[half] - images[half])
        assert changes.max((1, 2, 3)).min() > 0.5 * radius
        assert 0.99 * radius <= changes.max() <= radius + 1e-6
    assert np.abs(attacked).max() <= 1 + 1e-6


@pytest.mark.parametrize("fake_weight", [0.0, 0.25, 2.0])
def test_the_loss_by_hand(fake_weight):
    game = tiny_finetuning(fake_weight=fake_weight)
    lesson, turn = [], game.classifier_turn

    def recording(*data):
        lesson.extend(tensor.numpy() for tensor in data)
        turn(*data)

    game.classifier_turn = recording
    calls = spy(game)
    play(game, 1)
    images, attacked, labels, weights = lesson
    (taught,) = (call for call in calls_of(calls, "classifier") if call.training)
    np.testing.assert_array_equal(taught.inputs[0], attacked)
    assert (attacked != images).any((1, 2, 3)).all()
    each = cross_entropy(labels, taught.outputs[0])
    weighted = each[:BATCH].mean()
    if fake_weight:
        weighted += fake_weight * each[BATCH:].mean()
    named = taught.outputs[0].argmax(axis=1) == labels
    expected = {"classifier_loss": weighted, "attacked_accuracy": named.mean()}
    assert reported(game) == pytest.approx(expected, rel=1e-5)
    assert len(weights) == len(each) == (2 * BATCH if fake_weight else BATCH)


def test_the_weight_of_fakes_changes_what_is_learned():
    game = tiny_finetuning()
    begun = state(game)
    light, heavy = (
        state(play(put_back(game, begun, fake_weight=weight), 1)) for weight in (0.1, 3.0)
    )
    assert moved(light, heavy) == {"classifier", "average_classifier"}


def test_no_seed_is_drawn_twice():
    seeds = seeds_drawn(tiny_finetuning(steps=1), 2)
    assert len(seeds) == len(set(seeds)) == 2 * 4


def test_the_agent_to_save_is_the_average_classifier():
    game = play(tiny_finetuning(), 1)
    assert game.agents_to_save() == {"classifier": game.average_classifier}


def test_a_copy_of_the_classifier_learns_and_the_given_agents_stay():
    generator, discriminator = residual_agents()
    classifier = agents.class_head(discriminator)
    given = {"game": "finetune", "epsilon": 0.1, "attack_steps": 2, "seed": 4, "fake_weight": 0.5}
    options = GAMES["finetune"].from_preset("quick", "small", dataset="digits", **given)
    before = [agent.get_weights() for agent in (generator, discriminator)]
    game = ready(fine_tuning.build(options, {"generator": generator, "classifier": classifier}.get))
    first = [weight.tobytes() for weight in game.classifier.get_weights()]
    assert first == [weight.tobytes() for weight in classifier.get_weights()]
    play(game, 2)
    for agent, weights in zip((generator, discriminator), before, strict=True):
        for old, new in zip(weights, agent.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    assert first != [weight.tobytes() for weight in game.classifier.get_weights()]
    assert getattr(classifier, "optimizer", None) is None
    assert (game.options.fake_weight, game.options.seed, game.options.loss) == (0.5, 4, "madry")
    assert (game.attack.epsilon, game.attack.steps) == (0.1, 2)


# Files.

RULES = {"fake_weight": 0.5, "ema_decay": 0.75, "seed": 11}


def test_the_config_goes_round():
    game = tiny_finetuning(**RULES)
    written = json.loads(json.dumps(game.get_config()))
    again = FineTuning.from_config(copy.deepcopy(written))  # Keras empties its argument
    assert json.loads(json.dumps(again.get_config())) == written
    assert {name: written["options"][name] for name in RULES} == RULES
    assert again.attack == game.attack


def test_a_loaded_game_goes_on_as_if_it_had_never_stopped(tmp_path):
    game = play(tiny_finetuning(**RULES, optimizer=adam), 1)
    game.save(tmp_path / "game.keras")
    loaded = keras.models.load_model(tmp_path / "game.keras")
    assert loaded.optimizer is None
    assert loaded.step == 1
    assert moved(state(game), state(loaded)) == set()
    assert moved(state(play(game, 1)), state(play(loaded, 1))) == set()
