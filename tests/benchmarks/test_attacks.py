"""The benchmark of attacks: a race of seconds, its file, and every way to go wrong."""

import importlib.util
import json
import subprocess

import keras
import numpy as np
import pytest

import agents
from benchmarks import attacks
from benchmarks.attack_race import prepare
from tests.support.program import refused, run_apart, succeeded

MODULES = {"Foolbox": "foolbox", "ART": "art", "CleverHans": "cleverhans", "torchattacks": "torch"}


def race(capsys, words):
    """Runs the benchmark in this process; returns as a finished process."""
    status = attacks.main(words)
    return subprocess.CompletedProcess(words, status, *capsys.readouterr())


def classifier(folder):
    """A file with a small classifier of 8x8 digits, untrained."""
    keras.utils.set_random_seed(0)
    path = folder / "classifier.keras"
    agents.build_classifier(8, 1, width=4, num_classes=10).save(path)
    return path


@pytest.mark.slow
def test_a_race(tmp_path):
    output = tmp_path / "speed.json"
    words = ["--weights", classifier(tmp_path), "--dataset", "digits", "--images", 20]
    words += ["--rounds", 1, "--steps", 2, "--threads", 1, "--output", output]
    said = succeeded(run_apart(("-m", "benchmarks.attacks"), *words, folder=tmp_path))
    report = json.loads(output.read_text())
    assert report["settings"]["step_size"] == 0.15  # as far as two steps need
    assert report["machine"]["threads"] == 1
    assert "tensorflow" in report["machine"]["versions"]
    names = [row["name"] for row in report["rows"]]
    assert names[:2] == ["ours", "ours, keep_best"]
    for peer, module in MODULES.items():
        if importlib.util.find_spec(module):
            assert peer in names, report["left_out"]
        else:
            assert f"{peer} is left out: not installed; pip install" in said
            assert peer in [entry["name"] for entry in report["left_out"]]
    for row in report["rows"]:
        assert row["counts"], row
        assert len(row["seconds"]) == 1
        assert row["furthest"] <= 0.3 + 1e-5
        assert 0 <= row["success"] <= 1
        for figure in ("images_per_second", "ratio_to_ours"):
            assert 0 < row[figure]["low"] <= row[figure]["median"] <= row[figure]["high"]
        assert f"{row['images_per_second']['median']:.1f}" in said
    assert report["rows"][0]["ratio_to_ours"]["median"] == 1.0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--images", "0"], "--images"),
        (["--steps", "many"], "many"),
        (["--epsilon", "2"], "--epsilon"),
        (["--dataset", "cats"], "cats"),
        (["--batch-sise", "3"], "--batch-sise"),
        (["--weights", "nowhere.keras"], "nowhere.keras"),
        (["now"], "now"),
    ],
)
def test_bad_flags_are_refused_in_one_line(capsys, words, named):
    refused(race(capsys, words), 2, named, program="benchmarks.attacks")


def test_a_task_that_cannot_be_is_refused_in_one_line(capsys, tmp_path):
    words = ["--weights", str(classifier(tmp_path)), "--dataset", "digits", "--images", "10000"]
    refused(race(capsys, words), 1, "--images 10000", program="benchmarks.attacks")


def test_what_is_no_classifier_of_these_images_is_refused(tmp_path):
    words = ["--weights", str(classifier(tmp_path))]
    assert len(prepare(attacks.parse([*words, "--dataset", "digits", "--images", "9"])).labels) == 9
    wide = tmp_path / "wide.keras"
    agents.build_classifier(16, 1, width=4, num_classes=10).save(wide)
    with pytest.raises(ValueError, match="of digits are"):
        prepare(attacks.parse(["--weights", str(wide), "--dataset", "digits"]))
    wide.write_text("no network")
    with pytest.raises(ValueError, match="holds no classifier"):
        prepare(attacks.parse(["--weights", str(wide), "--dataset", "digits"]))


@pytest.mark.parametrize("size", [(7, 10), (8, 8)])
def test_the_torch_twin_computes_the_same(size):
    """Odd sizes too, where TensorFlow pads more at the bottom and at the right."""
    pytest.importorskip("torch")
    from benchmarks.twin import torch_twin

    layers = keras.layers
    images = keras.Input((*size, 2))
    hidden = layers.Conv2D(3, 1, activation="tanh", bias_initializer="normal")(images)
    hidden = layers.Conv2D(4, 4, strides=2, padding="same", activation="relu")(hidden)
    hidden = layers.MaxPooling2D(2, padding="same")(hidden)
    hidden = layers.Conv2D(5, (2, 3), dilation_rate=(1, 2), padding="same", use_bias=False)(hidden)
    hidden = layers.ReLU()(hidden)
    hidden = layers.Conv2D(6, 2)(hidden)
    hidden = layers.Dense(7, activation="sigmoid")(layers.Flatten()(hidden))
    model = keras.Model(images, layers.Dense(3)(hidden))
    torch_twin(model, np.random.default_rng(0).uniform(-1, 1, (5, *size, 2)).astype(np.float32))


def test_a_layer_without_a_twin_is_named():
    pytest.importorskip("torch")
    from benchmarks.twin import torch_twin

    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.AveragePooling2D(2, name="mean")]
    )
    with pytest.raises(ValueError, match="mean"):
        torch_twin(model, np.zeros((1, 8, 8, 1), np.float32))
