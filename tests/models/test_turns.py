"""A watched game: turns of one agent alone, rounds like `train_step`'s, rules that change."""

import dataclasses

import numpy as np
import pytest

import models
from games import GAMES
from images import datasets
from models.relativistic import RelativisticGAN
from models.turns import Watched

TINY = {"generator_width": 8, "discriminator_width": 8, "batch_size": 16, "falling": False}


@pytest.fixture(scope="module")
def ring():
    return datasets.load("ring")


def game_of(ring, **options):
    chosen = GAMES["gan"].from_preset("quick", "points", dataset="ring", **{**TINY, **options})
    return models.build_game(chosen, ring)


def weights(game):
    return {name: agent.get_weights() for name, agent in game.agents().items()}


def moved(before, after):
    return {name for name in before if not all(map(np.array_equal, before[name], after[name]))}


@pytest.mark.parametrize("agent", ["generator", "discriminator"])
def test_a_turn_moves_its_agent_alone(ring, eager, agent):
    watched = Watched(game_of(ring), ring)
    before = weights(watched.game)
    watched.turn(agent)
    assert moved(before, weights(watched.game)) == {agent}


def test_rounds_are_those_of_train_step(ring):
    watched, trained = Watched(game_of(ring), ring), game_of(ring)
    watched.play(3)
    stream = iter(datasets.batches(ring.train, 16, seed=0))
    for _ in range(3):
        trained.train_step(next(stream))
    for one, other in zip(watched.game.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_turns_of_a_round_are_counted(ring, eager):
    watched = Watched(game_of(ring), ring)
    watched.play(2, (3, 2))
    counts = {name: int(each.optimizer.iterations) for name, each in watched.game.agents().items()}
    assert counts == {"discriminator": 6, "generator": 4}


def test_rules_change_and_the_agents_stay(ring, eager):
    watched = Watched(game_of(ring, loss="non_saturating"), ring)
    watched.play(2)
    before, game = weights(watched.game), watched.game
    watched.change(generator_learning_rate=0.5)
    assert watched.game is game and float(game.generator.optimizer.learning_rate) == 0.5
    watched.change(loss="relativistic", r1_gamma=0.25)
    assert isinstance(watched.game, RelativisticGAN) and watched.game.options.r1_gamma == 0.25
    assert not moved(before, weights(watched.game))
    assert int(watched.game.generator.optimizer.iterations) == 2
    watched.play(1)
    assert moved(before, weights(watched.game)) == {"generator", "discriminator"}
    assert dataclasses.asdict(watched.game.options)["generator_learning_rate"] == 0.5


def test_a_revived_game_makes_the_same_points_for_a_new_discriminator(ring, eager):
    watched = Watched(game_of(ring), ring)
    watched.play(2)
    game, latents = watched.game, np.random.default_rng(0).normal(size=(9, 2)).astype("float32")
    points, before = game.generator(latents).numpy(), weights(game)["discriminator"]
    watched.revive()
    np.testing.assert_allclose(game.generator(latents), points, atol=1e-5)
    assert not np.array_equal(before[0], game.discriminator.get_weights()[0])
    for agent in game.agents().values():
        assert int(agent.optimizer.iterations) == 2
        assert not any(np.any(moment) for moment in agent.optimizer._velocities)


def test_the_slope_leads_to_what_looks_more_real(ring):
    watched = Watched(game_of(ring), ring)
    points = ring.train.images[:8]
    ahead = points + 1e-2 * watched.slope(points)
    assert (watched.game.realness(ahead) > watched.game.realness(points)).numpy().all()
