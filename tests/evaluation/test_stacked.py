"""The thousand modes, counted by a judge that is known, and the whole way through the program."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from evaluation import points, reference, stacked
from games import GAMES, OptionError
from images import stacked as stacks
from images.datasets import Dataset
from images.splits import Split
from tests.support import program
from tests.support.files import write_mnist
from tests.support.program import refused, succeeded
from tests.support.runs import eagerly
from training import loop


def judge():
    """Reads a picture of one grey value v, 0 to 255, as digit v // 25."""
    images = keras.Input((2, 2, 1))
    centres = np.arange(10) * 25 + 12
    x = layers.GlobalAveragePooling2D()(images)  # in [-1, 1]
    # -(v - c)^2 but for v^2: 2 v c - c^2, with v = 127.5 (x + 1)
    kernel, bias = 255.0 * centres[None], 255.0 * centres - centres**2
    head = layers.Dense(10)
    logits = head(x)
    head.set_weights([kernel, bias])
    return keras.Model(images, logits)


def pictures(numbers):
    digits = np.array([[n // 100, n // 10 % 10, n % 10] for n in numbers])
    return np.tile((digits * 25 + 12).astype(np.uint8)[:, None, None], (1, 2, 2, 1))


def split(numbers):
    return Split(pictures(numbers), np.array(numbers, np.int32))


def test_modes_and_divergence_are_those_counted_by_hand():
    everything = split(range(1000))
    dataset = Dataset("stacked_mnist", stacks.class_names("0123456789"), *[everything] * 3)
    made = [7] * 30 + [123] * 10
    report = stacked.evaluate_stacked({"plain": pictures(made)}, dataset, judge())
    assert report["judge_accuracy"] == 1.0
    real, plain = report["samples"]["real"], report["samples"]["plain"]
    assert (real["modes"], real["of_modes"], plain["modes"]) == (1000, 1000, 2)
    assert real["kl"] == pytest.approx(0.0, abs=1e-12)
    assert plain["kl"] == pytest.approx(0.75 * np.log(750) + 0.25 * np.log(250))
    assert "2/1000" in stacked.format_stacked(report)


def test_the_divergence_is_from_what_is_real_and_not_from_evenness():
    shares = np.array([0.5, 0.25, 0.25])
    assert points.divergence([20, 10, 10], shares) == pytest.approx(0.0, abs=1e-12)
    assert points.divergence([10, 10, 10], shares) > 0.05


def test_a_run_on_stacked_digits_draws_and_is_counted(tmp_path, monkeypatch):
    write_mnist(tmp_path)
    monkeypatch.setattr(stacks, "SIZES", {"train": 90, "validation": 30, "test": 120})
    monkeypatch.setattr(loop, "CRITIC_STEPS", 2)
    monkeypatch.setattr(
        reference,
        "reference_classifier",
        lambda digits, _: reference.build_classifier(*digits.shape[1:], width=2, num_classes=10),
    )
    run = ("--game", "gan", "--path", tmp_path / "run")
    tiny = (
        "--steps",
        2,
        "--image_size",
        8,
        "--batch_size",
        8,
        "--generator_width",
        4,
        "--discriminator_width",
        4,
    )
    with eagerly():
        where = ("--dataset", "stacked_mnist", "--data_dir", tmp_path)
        succeeded(program.run("--mode", "train", *run, *where, *tiny))
        said = succeeded(program.run("--mode", "evaluate", *run, "--samples", 100))
    report = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert report["samples"]["plain"]["samples"] == 100
    assert f"{report['samples']['plain']['modes']}/1000" in said
    refused(program.run("--mode", "evaluate", *run, "--robustness"), 2, "--robustness")


def test_modes_without_names_are_no_classes():
    with pytest.raises(OptionError, match="use --game gan"):
        GAMES["trio"].from_preset("quick", "stacked", dataset="stacked_mnist")
