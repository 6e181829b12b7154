"""Whole trainings of tiny games: what they touch, that they resume exactly, that they learn."""

import dataclasses
import itertools
import json
import shutil

import numpy as np
import pytest

from games import base
from images import datasets
from tests.support.runs import train
from training import loop
from training.run_folder import Run


@pytest.fixture(autouse=True, scope="module")
def short():
    """Epochs of three steps, and a critic that learns on for a moment.

    `tests/models/test_critic.py` sees what it learns.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CRITIC_STEPS", 3)
        patch.setattr(base, "SMALLEST_EPOCH", 2)
        yield


class Forbidden:
    """A split that must not be looked at."""

    def __getattr__(self, name):
        raise AssertionError(f"the test split was asked for its {name}")


RULES = {"batch_size": 400, "steps": 5, "r1_gamma": 0.5, "translation": 1}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, digits):
    """A run that never stops, never sees a test split: its folder, its game and what it says."""
    path, lines = tmp_path_factory.mktemp("whole"), []
    blind = dataclasses.replace(digits, test=Forbidden())
    game, stopped_by = train(path, blind, announce=lines.append, curves=True, **RULES)
    assert (game.step, stopped_by) == (5, None)
    return path, game, lines


def state(game):
    """Every number that decides how the game goes on."""
    agents = [game.generator, game.discriminator, game.classifier]
    averages = [game.average_generator, game.average_classifier]
    holders = [*agents, *averages, *(agent.optimizer for agent in agents)]
    return [variable.numpy() for holder in holders for variable in holder.variables]


@pytest.mark.parametrize(
    ("step", "total", "expected"),
    [
        (0, 30, [(0, 3, 10)]),
        (0, 34, [(0, 3, 10), (3, 4, 4)]),
        (0, 7, [(0, 1, 7)]),
        (13, 34, [(1, 2, 7), (2, 3, 10), (3, 4, 4)]),
        (13, 17, [(1, 2, 4)]),
        (20, 30, [(2, 3, 10)]),
        (30, 30, []),
        (35, 30, []),
    ],
)
def test_spans_cut_a_run_at_its_epochs(step, total, expected):
    keys = ("initial_epoch", "epochs", "steps_per_epoch")
    assert [tuple(s[k] for k in keys) for s in loop.spans(step, total, 10)] == expected


def test_spans_always_play_what_is_left():
    for step, total, per_epoch in itertools.product(range(12), range(12), range(1, 6)):
        played = sum(
            (s["epochs"] - s["initial_epoch"]) * s["steps_per_epoch"]
            for s in loop.spans(step, total, per_epoch)
        )
        assert played == max(0, total - step)


def test_resuming_equals_never_stopping_bit_for_bit(whole, tmp_path, digits):
    """Stopped inside an epoch, so that the order of the images must be kept as well."""
    train(tmp_path, digits, **{**RULES, "steps": 2})
    resumed, _ = train(tmp_path, digits, resume=True, batch_size=400, steps=5)
    assert resumed.step == 5
    for one, other in zip(state(whole[1]), state(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [row["step"] for row in Run(tmp_path).read_stats()] == [2, 3, 5]


@pytest.mark.slow
def test_a_run_in_bfloat16_resumes_bit_for_bit_and_leaves_agents_in_float32(tmp_path, digits):
    low = {"game": "gan", "precision": "bfloat16"}
    whole, _ = train(tmp_path / "whole", digits, steps=4, **low)
    train(tmp_path / "halves", digits, steps=2, **low)
    resumed, _ = train(tmp_path / "halves", digits, resume=True, steps=4, **low)
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    run = Run(tmp_path / "halves")
    assert run.read_record()["config"]["precision"] == "bfloat16"
    assert run.read_record()["device"] in ("cpu", "gpu")
    assert "bfloat16" in json.dumps(resumed.generator.get_config())
    for name in ("generator", "discriminator"):
        assert "bfloat16" not in json.dumps(run.load_agent(name).get_config())


@pytest.mark.slow  # quick: the step that they are shown in, in `models/test_gan_trio.py`
def test_validation_images_teach_nobody(whole, tmp_path, digits):
    blank = datasets.Split(np.zeros_like(digits.validation.images), digits.validation.labels)
    other, _ = train(tmp_path, dataclasses.replace(digits, validation=blank), **RULES)
    for left, right in zip(state(whole[1]), state(other), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_run_folder_holds_all_that_a_user_wants(whole):
    path, _, lines = whole
    names = {file.name for file in path.iterdir()}
    assert names >= {
        *("config.json", "stats.jsonl", "checkpoint.keras", "training_process.gif"),
        *("generator.keras", "discriminator.keras", "classifier.keras", "tensorboard", "samples"),
        "losses.png",
    }
    rows = [json.loads(line) for line in (path / "stats.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 5]  # three steps are a pass
    assert set(rows[0]) >= {
        *("discriminator_loss", "generator_loss", "classifier_loss"),
        *("D(x)", "D(G(z))", "val_accuracy", "images/s"),
    }
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert ["min left" in line for line in epochs] == [True, True]
    assert "parameters" in lines[0] and "judge" in lines[-1]


def test_the_critic_is_saved_and_the_checkpoint_left_alone(whole):
    path, game, _ = whole
    saved = Run(path).load_agent("discriminator").get_weights()
    checkpoint = Run(path).load_game().discriminator.get_weights()
    for own, kept, critics in zip(game.discriminator.get_weights(), checkpoint, saved, strict=True):
        np.testing.assert_array_equal(own, kept)
        assert np.abs(own - critics).max() > 0


def test_a_loss_that_is_no_number_stops_and_keeps_the_good_checkpoint(tmp_path, digits):
    train(tmp_path, digits, steps=2)
    good = (tmp_path / "checkpoint.keras").read_bytes()
    game = Run(tmp_path).load_game()
    game.generator.get_layer("class_code").embeddings.assign(np.full((10, 16), 3e38, np.float32))
    poisoned = tmp_path / "poisoned"
    poisoned.mkdir()
    shutil.copy(tmp_path / "config.json", poisoned)
    game.save(poisoned / "checkpoint.keras")
    before = (poisoned / "checkpoint.keras").read_bytes()
    _, stopped_by = train(poisoned, digits, resume=True, steps=4)
    assert stopped_by == "not finite"
    assert (poisoned / "checkpoint.keras").read_bytes() == before
    assert Run(poisoned).read_stats() == []
    assert (tmp_path / "checkpoint.keras").read_bytes() == good


def test_the_two_agent_game_trains_and_saves(tmp_path, digits):
    game, stopped_by = train(tmp_path, digits, game="gan", steps=2)
    assert stopped_by is None
    assert game.step == 2
    assert len(Run(tmp_path).load_agent("generator").inputs) == 1
    assert not (tmp_path / "classifier.keras").exists()


@pytest.mark.slow
def test_a_small_trio_learns_to_read_real_digits_from_fakes(tmp_path, digits):
    """Chance is 10 %; the classifier is handed no real image on its way."""
    train(
        tmp_path,
        digits,
        traced=True,
        steps=1500,
        generator_width=12,
        discriminator_width=12,
        classifier_width=12,
        batch_size=32,
        generator_learning_rate=1e-3,
        discriminator_learning_rate=1e-3,
        r1_gamma=1.0,
    )
    accuracy = [row["val_accuracy"] for row in Run(tmp_path).read_stats()]
    assert accuracy[-1] > 0.6, accuracy
    assert accuracy[-1] > accuracy[0] + 0.3, accuracy
