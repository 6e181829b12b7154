"""Rob-GAN: what changes as it goes on, chance, what it offers, files."""

import copy
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from attacks import Attacker, ProjectedGradientDescent
from games import GAMES
from images import datasets
from models import build_game
from models.rob_gan import RobGAN
from tests.support.games import (
    adam,
    assert_lags_behind,
    calls_of,
    moved,
    play,
    put_back,
    real_batch,
    reported,
    seeds_drawn,
    spy,
    state,
    tiny_robgan,
)

# Of a run in which everything that can be switched on is.
RULES = {
    "loss": "acgan",
    "discriminator_steps": 2,
    "r1_gamma": 0.5,
    "ramp_steps": 3,
    "ema_decay": 0.75,
    "seed": 11,
}
AGENTS = {"batch_norm": True, "pooling": "sum", "optimizer": adam}


def test_the_attack_grows_to_its_full_strength_with_the_rounds():
    game, shares = tiny_robgan(ramp_steps=4, discriminator_steps=2, steps=1), []
    attack = game.attack

    def recording(objective, images, *, scale, **options):
        shares.append(float(scale))
        return attack(objective, images, scale=scale, **options)

    game.attack = recording
    for played in (0, 1, 3, 4, 100):
        game.generator.optimizer.iterations.assign(played)
        play(game, 1)
    np.testing.assert_allclose(shares, np.repeat([0.2, 0.4, 0.8, 1.0, 1.0], 2), atol=1e-6)


@pytest.mark.parametrize("agent", ["generator", "discriminator"])
def test_the_averages_lag_behind_by_their_decay(agent):
    game = tiny_robgan(ema_decay=0.5, batch_norm=True, steps=1)
    assert_lags_behind(game, getattr(game, f"average_{agent}"), getattr(game, agent))


def test_a_compiled_round_agrees_with_an_eager_one():
    rules = {**RULES, "discriminator_steps": 1, "batch_norm": True, "steps": 2}
    compiled, eager = (tiny_robgan(**rules) for _ in "12")
    compiled_round = tf.function(compiled.train_step, autograph=False)
    for _ in range(2):
        compiled_round(real_batch())
        eager.train_step(real_batch())
    assert compiled.step == 2
    assert reported(compiled) == pytest.approx(reported(eager), rel=1e-3)
    for agent in ("generator", "discriminator"):  # with their statistics
        weights = (getattr(game, agent).get_weights() for game in (compiled, eager))
        for mine, theirs in zip(*weights, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=2e-3, atol=1e-5)


# Chance.


def test_no_seed_is_drawn_twice():
    seeds = seeds_drawn(tiny_robgan(discriminator_steps=2, steps=1), 2)
    assert len(seeds) == len(set(seeds)) == 2 * (2 * 3 + 2)


def test_the_seed_decides_everything_that_is_drawn():
    game = tiny_robgan(steps=1)
    begun = state(game)
    first, again, other = (state(play(put_back(game, begun, seed=seed), 2)) for seed in (5, 5, 6))
    assert moved(first, again) == set()
    agents = ("generator", "discriminator", "average_generator", "average_discriminator")
    assert moved(first, other) == set(agents)  # the optimizers only count


# What the game offers.


def test_validation_judges_the_average_under_attack_and_moves_nobody():
    game = play(tiny_robgan(optimizer=adam), 1)
    before, calls, (images, labels) = state(game), spy(game), real_batch(batch=20)
    logs = game.test_step((images, labels))
    assert moved(before, state(game)) == set()
    assert {call.role for call in calls} == {"average_discriminator"}
    assert not any(call.training for call in calls)
    *_, plain, attacked = calls
    np.testing.assert_array_equal(plain.inputs[0], images)
    changes = np.abs(attacked.inputs[0] - images)
    assert 0.19 < changes.max() <= 0.2 + 1e-6
    for call, name in ((plain, "accuracy"), (attacked, "robust_accuracy")):
        expected = np.mean(call.outputs[1].argmax(axis=1) == labels)
        assert float(logs[name]) == pytest.approx(expected)


def test_samples_come_from_the_average_repeat_by_seed_and_their_labels_cycle(eager):
    game = play(tiny_robgan(steps=1), 1)
    calls = spy(game)
    images, labels = game.sample(7, seed=1)
    (call,) = calls_of(calls, "average_generator")
    assert not call.training
    assert images.shape == (7, 8, 8, 1)
    assert labels.tolist() == call.inputs[1].tolist() == [0, 1, 2, 0, 1, 2, 0]
    np.testing.assert_array_equal(images, game.sample(7, seed=1)[0])
    assert (images != game.sample(7, seed=2)[0]).any((1, 2, 3)).all()


def test_the_classifier_to_save_is_the_class_head_of_the_average_discriminator():
    game = play(tiny_robgan(optimizer=adam, steps=1), 2)
    saved = game.agents_to_save()
    assert set(saved) == {"generator", "discriminator", "classifier"}
    assert saved["generator"] is game.average_generator
    assert saved["discriminator"] is game.average_discriminator
    assert all(getattr(agent, "optimizer", None) is None for agent in saved.values())
    images, labels = real_batch(seed=3)
    _, class_logits = game.average_discriminator([images, labels])
    np.testing.assert_array_equal(saved["classifier"](images), class_logits)
    assert (class_logits.numpy() != game.judge(images, labels)[1].numpy()).all()


# Files.


def test_the_config_goes_round():
    game = tiny_robgan(**RULES, **AGENTS)
    written = json.loads(json.dumps(game.get_config()))
    again = RobGAN.from_config(copy.deepcopy(written))  # Keras empties its argument
    assert json.loads(json.dumps(again.get_config())) == written
    assert {name: written["options"][name] for name in RULES} == RULES
    assert again.attack == game.attack
    assert again.options.loss == "acgan"


def test_a_loaded_game_goes_on_as_if_it_had_never_stopped(tmp_path):
    game = play(tiny_robgan(**RULES, **AGENTS, steps=1), 1)
    game.save(tmp_path / "game.keras")
    loaded = keras.models.load_model(tmp_path / "game.keras")
    assert loaded.optimizer is None
    assert loaded.step == 1
    assert moved(state(game), state(loaded)) == set()
    before = state(game)
    assert moved(state(play(game, 1)), state(play(loaded, 1))) == set()
    assert moved(before, state(game)) == set(before)


# What comes of it.


def accuracies(epsilon, dataset):
    """Shares of test digits named rightly, plain and within 0.1, after a short training."""
    rules = {"epsilon": epsilon, "steps": 150, "ramp_steps": 50, "attack_steps": 3, "contrast": 0.0}
    rules |= {"generator_width": 4, "discriminator_width": 16, "discriminator_learning_rate": 3e-3}
    options = GAMES["robgan"].from_preset(
        "quick", "small", dataset="digits", ema_decay=0.98, **rules
    )
    game = build_game(options, dataset)
    batches = datasets.batches(dataset.train, options.batch_size, seed=0)
    game.fit(batches, steps_per_epoch=options.steps, shuffle=False, verbose=0)
    classify = game.agents_to_save()["classifier"]
    images, labels = datasets.normalize(dataset.test.images), dataset.test.labels
    found = Attacker(ProjectedGradientDescent(0.1, 0.02, 10), classify)(images, labels)
    return [
        np.mean(classify(tf.constant(shown)).numpy().argmax(axis=1) == labels)
        for shown in (images, found)
    ]


@pytest.mark.slow  # quick: what an attack teaches the robust game's classifier
def test_a_discriminator_that_was_attacked_withstands_more_than_one_that_was_not():
    """The same game and as many steps on real digits: 10 points or more within 0.1."""
    dataset = datasets.load("digits")
    plain, attacked = accuracies(0.0, dataset), accuracies(0.1, dataset)
    assert attacked[1] > plain[1] + 0.1
    assert min(attacked[0], plain[0]) > 0.85
