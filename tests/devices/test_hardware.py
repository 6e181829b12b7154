"""What suits a device is chosen purely; precision and XLA change roundings and nothing more."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import games
from agents import compute_in
from devices import hardware, startup
from games import OptionError
from tests.support.games import (
    BATCH,
    LATENT_DIM,
    adam,
    play,
    real_batch,
    reported,
    tiny_attacked,
    tiny_finetuning,
    tiny_gan,
    tiny_robgan,
    tiny_robust,
    tiny_trio,
)
from tests.support.program import ROOT
from training.run_folder import Run

GAMES = {
    "gan": tiny_gan,
    "trio": tiny_trio,
    "robust": tiny_robust,
    "attacked": tiny_attacked,
    "robgan": tiny_robgan,
    "finetune": tiny_finetuning,
}


@pytest.mark.parametrize(
    ("given", "gpu", "chosen"),
    [
        ({}, False, ("float32", False)),
        ({"precision": None, "jit": None}, True, ("bfloat16", True)),
        ({"precision": "bfloat16", "jit": None}, False, ("bfloat16", False)),
        ({"precision": "float32", "jit": False}, True, ("float32", False)),
    ],
)
def test_what_suits_the_device_and_what_is_given_wins(given, gpu, chosen):
    options = hardware.suited({"steps": 3, **given}, xla=True, gpu=gpu)
    assert (options["precision"], options["jit"], options["steps"]) == (*chosen, 3)


@pytest.mark.parametrize(("steps", "on_gpu"), [(840, 42), (843, 3), (727, 1), (12, 12), (1, 1)])
def test_steps_at_once_never_pass_the_end_of_an_epoch(steps, on_gpu):
    assert hardware.steps_at_once(steps, short=True) == on_gpu
    assert hardware.steps_at_once(steps, short=False) == 1


@pytest.mark.parametrize(
    ("how", "told", "threads"),
    [
        ({}, None, []),  # as TensorFlow chooses
        ({"side_by_side": 2}, None, [3, 6]),
        ({"side_by_side": 2}, "8", [4, 8]),
        ({"side_by_side": 2}, "0", [3, 6]),
        ({"threads": 1, "side_by_side": 2}, "8", [1, 1]),
        ({"threads": 5}, None, [5, 5]),
    ],
)
def test_operations_side_by_side_share_the_threads(how, told, threads, monkeypatch):
    chosen = []
    for pool in ("intra", "inter"):
        name = f"set_{pool}_op_parallelism_threads"
        monkeypatch.setattr(tf.config.threading, name, chosen.append)
    monkeypatch.setattr(startup, "cores", lambda: 6)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    if told is not None:
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", told)
    startup.load_tensorflow(**how)
    assert chosen == threads


def test_a_tensorflow_that_is_at_work_keeps_its_threads():
    tf.constant(0)
    before = tf.config.threading.get_intra_op_parallelism_threads()
    startup.load_tensorflow(before + 3)
    assert tf.config.threading.get_intra_op_parallelism_threads() == before


def lower(game):
    """A game whose learners compute in bfloat16."""
    for agent in game.layers:
        if agent.compiled:
            compute_in(agent, "bfloat16")
    return game


QUICK = ("trio", "robust")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in GAMES]
)
def test_a_game_in_bfloat16_learns_like_the_same_in_float32(name):
    usual, low = GAMES[name](), lower(GAMES[name]())
    for game in (usual, low):
        play(game, 1)
    for key, value in reported(usual).items():
        assert reported(low)[key] == pytest.approx(value, rel=0.03, abs=0.03), key
    for agent in low.layers:
        assert all(variable.dtype == "float32" for variable in agent.variables)


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_the_answers_stay_in_float32_and_the_rest_does_not(spectral_norm):
    game = lower(tiny_trio(spectral_norm=spectral_norm))
    images, labels = real_batch()
    policies = {layer.name: layer.dtype_policy.name for layer in game.discriminator.layers}
    assert {policies[name] for name in policies if name.startswith(("dot", "add"))} == {"float32"}
    assert sum(policy == "mixed_bfloat16" for policy in policies.values()) >= 4
    assert game.discriminator([images, labels]).dtype == tf.float32
    assert game.generator([tf.zeros((BATCH, LATENT_DIM)), labels]).dtype == tf.float32
    assert game.classifier(images).dtype == tf.float32
    assert keras.config.dtype_policy().name == "float32"  # nothing leaks


def test_what_is_saved_for_use_is_float32_and_the_checkpoint_goes_on_in_bfloat16(tmp_path):
    game = play(lower(tiny_trio(optimizer=adam)), 1)
    for name, agent in game.agents_to_save().items():
        agent.save(tmp_path / f"{name}.keras")
        used = keras.saving.load_model(tmp_path / f"{name}.keras")
        assert "bfloat16" not in json.dumps(used.get_config())
    game.save(tmp_path / "game.keras")
    loaded = keras.saving.load_model(tmp_path / "game.keras")
    assert "mixed_bfloat16" in json.dumps(loaded.generator.get_config())
    for one in (game, loaded):
        play(one, 2)
    for ours, theirs in zip(game.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def without_floats(game):
    """A game whose latents are made of integers, which XLA draws as TensorFlow does."""

    def draw(agent, batch, draw):
        seed = game.random_seed(agent, draw)
        whole = tf.random.stateless_uniform((batch, LATENT_DIM), seed, -2000, 2000, dtype=tf.int32)
        return tf.cast(whole, tf.float32) / 1000, whole[:, 0] % game.num_classes

    game.draw_fakes = draw
    return game


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("robust", {"translation": 1}),
        pytest.param(
            "trio",
            {"r1_gamma": 1.0, "translation": 1, "classifier_translation": 1},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_step_in_xla_is_the_same_but_for_rounding(name, rules):
    ends = []
    for jit in (False, True):
        game = GAMES[name](**rules)
        if name == "trio":
            without_floats(game)
        else:  # nor has the attack a start of its own
            game.attack = dataclasses.replace(game.attack, random_start=False)
        game.compile(jit_compile=jit)
        data = tf.data.Dataset.from_tensors(real_batch()).repeat()
        game.fit(data, steps_per_epoch=2, shuffle=False, verbose=0)
        ends.append(game.get_weights())
    for plain, compiled in zip(*ends, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-3, atol=1e-5)


def test_a_run_from_before_these_options_was_in_float32_and_not_compiled():
    records = list((ROOT / "assets" / "pretrained").glob("*-*/config.json"))
    for record in records:
        if "crypto" not in str(record):
            made = Run(record.parent).read_config()
            assert (made.precision, made.jit) == ("float32", False)
    assert len(records) >= 5


def test_the_attacked_game_is_never_compiled():
    """TensorFlow has no shuffle with a stateless seed for XLA."""
    with pytest.raises(OptionError, match="--jit: XLA cannot compile --game attacked"):
        games.GAMES["attacked"].options(game="attacked", jit=True)
    assert hardware.suited({}, xla=False, gpu=True)["jit"] is False


def test_devices_that_share_a_batch_do_not_compile_unless_asked():
    assert hardware.suited({}, xla=True, gpu=True, shared=True)["jit"] is False
    assert hardware.suited({"jit": True}, xla=True, gpu=True, shared=True)["jit"] is True


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in GAMES if games.GAMES[name].xla])
def test_every_game_can_be_played_in_xla_and_bfloat16(name, tmp_path):
    game = lower(GAMES[name]())
    game.compile(jit_compile=True, steps_per_execution=2)
    data = tf.data.Dataset.from_tensors(real_batch()).repeat()
    history = game.fit(data, steps_per_epoch=4, shuffle=False, verbose=0).history
    assert np.isfinite([values[-1] for values in history.values()]).all()
    game.save(tmp_path / "game.keras")
    loaded = keras.saving.load_model(tmp_path / "game.keras")
    assert (loaded.jit_compile, loaded.steps_per_execution, loaded.step) == (True, 2, 4)
