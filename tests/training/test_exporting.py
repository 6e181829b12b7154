"""Exported agents, each loaded with its own runtime and compared with Keras."""

import dataclasses
import errno
import os
import pathlib
import re

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import agents
from cli.modes import EXPORT_FORMATS
from crypto.parties import build_parties
from modes.export import OUTPUTS, draw_inputs
from tests.support.games import NUM_CLASSES, residual_agents, tiny_gan, tiny_trio
from tests.support.runs import eagerly
from training import exporting

SUFFIXES = {"savedmodel": ".savedmodel", "onnx": ".onnx", "litert": ".tflite"}
BITS = 4
PARTIES = ("alice", "bob", "eve")


def shaken(agent):
    """The agent with no weight at what it begins with: biases and statistics count, too."""
    rng = np.random.default_rng(1)
    agent.set_weights([w + rng.uniform(-0.2, 0.2, w.shape) for w in agent.get_weights()])
    return agent


def bits(count, width, seed):
    return np.random.default_rng(seed).choice(np.float32([-1, 1]), (count, width))


def party(preset, name):
    """An untaught Alice or Bob, examples and the names of what comes out."""
    keras.utils.set_random_seed(0)
    agent = build_parties(preset, BITS, BITS, BITS)[PARTIES.index(name)]
    return shaken(agent), draw_inputs(name, agent, 0), OUTPUTS[name]


def player(agent):
    return agent, draw_inputs(agent.name, shaken(agent), NUM_CLASSES), OUTPUTS[agent.name]


AGENTS = {
    "generator": lambda: player(tiny_trio().generator),
    "generator without classes": lambda: player(tiny_gan().generator),
    "generator with BatchNorm": lambda: player(residual_agents()[0]),
    "classifier": lambda: player(tiny_trio().classifier),
    "robust classifier": lambda: player(
        agents.build_robust_classifier(8, 1, width=4, num_classes=NUM_CLASSES, contrast=5.0)
    ),
    "discriminator": lambda: player(tiny_trio(spectral_norm=True).discriminator),
    "discriminator of two heads": lambda: player(residual_agents(batch_norm=True)[1]),
    "discriminator of classes": lambda: player(
        agents.build_class_discriminator(8, 1, width=4, num_classes=NUM_CLASSES)
    ),
    "alice": lambda: party("secret", "alice"),
    "bob": lambda: party("secret", "bob"),
    "published bob": lambda: party("paper", "bob"),
}
PORTS = {
    "generator": ({"latents", "labels"}, {"images"}),
    "generator without classes": ({"latents"}, {"images"}),
    "generator with BatchNorm": ({"latents", "labels"}, {"images"}),
    "classifier": ({"images"}, {"class_logits"}),
    "robust classifier": ({"images"}, {"class_logits"}),
    "discriminator": ({"images", "labels"}, {"realness"}),
    "discriminator of two heads": ({"images"}, {"realness", "class_logits"}),
    "discriminator of classes": ({"images"}, {"realness"}),
    "alice": ({"plaintext", "key"}, {"ciphertext"}),
    "bob": ({"ciphertext", "key"}, {"guess"}),
    "published bob": ({"ciphertext", "key"}, {"guess"}),
}


def loaded(path):
    """What a user loads: (names of the inputs, callable from arrays by name to arrays by name)."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path)
        outputs = [port.name for port in session.get_outputs()]
        return {port.name for port in session.get_inputs()}, lambda inputs: dict(
            zip(outputs, session.run(outputs, inputs), strict=True)
        )
    if path.suffix == ".tflite":
        interpreter = Interpreter(str(path))
        (signature,) = interpreter.get_signature_list().values()
        runner = interpreter.get_signature_runner()
        return set(signature["inputs"]), lambda inputs: runner(**inputs)
    module = tf.saved_model.load(path)
    serve = module.signatures["serving_default"]
    tensors = serve.structured_input_signature[1]
    return set(tensors), lambda inputs: {
        name: output.numpy() for name, output in module.serve(inputs).items()
    }


def keras_answers(agent, inputs):
    inputs = list(inputs.values())
    with eagerly():
        answers = agent.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
    return answers if isinstance(answers, list) else [answers]


# Each of these has the layers of another one that is tested quickly.
SLOW = ("generator without classes", "classifier", "discriminator of classes", "alice", "bob")


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=pytest.mark.slow) if k in SLOW else k for k in AGENTS]
)
def test_each_runtime_answers_as_keras(tmp_path, kind):
    agent, examples, outputs = AGENTS[kind]()
    inputs_named, outputs_named = PORTS[kind]
    for format, suffix in SUFFIXES.items():
        line = exporting.export(
            agent, tmp_path / agent.name, format=format, examples=examples, outputs=outputs
        )
        path = tmp_path / f"{agent.name}{suffix}"
        assert line.startswith(f"wrote {path}, ") and all(name in line for name in inputs_named)
        names, run = loaded(path)
        assert names == inputs_named
        for count in (1, 3):
            inputs = {name: array[-count:] for name, array in examples.items()}
            answers = run(inputs)
            assert set(answers) == outputs_named
            for name, expected in zip(outputs, keras_answers(agent, inputs), strict=False):
                bound = 1e-5 * max(1.0, np.abs(expected).max())
                assert answers[name].shape == expected.shape
                assert answers[name].dtype == np.float32
                np.testing.assert_allclose(answers[name], expected, rtol=0, atol=bound)
                assert len(expected) == 1 or np.ptp(expected, axis=0).max() > 1e-3  # not constant
    assert len(list(tmp_path.iterdir())) == len(SUFFIXES)


def test_the_formats_are_those_of_the_flag():
    assert tuple(exporting.FORMATS) == EXPORT_FORMATS == tuple(SUFFIXES)


@pytest.fixture(scope="module")
def bob():
    return party("secret", "bob")


def write(bob, folder, format="onnx"):
    agent, examples, outputs = bob
    return exporting.export(
        agent, folder / "bob", format=format, examples=examples, outputs=outputs, overwrite=True
    )


@pytest.mark.parametrize(
    ("error", "passes"), [(4e-6, True), (3e-5, False), (np.nan, False), (np.inf, False)]
)
def test_a_file_that_differs_is_refused_and_the_old_one_stays(
    tmp_path, monkeypatch, bob, error, passes
):
    (tmp_path / "bob.onnx").write_text("old")
    kind = exporting.FORMATS["onnx"]

    def off(path):
        run = kind.load(path)
        return lambda inputs: {
            name: answer + error * max(1, np.abs(answer).max())
            for name, answer in run(inputs).items()
        }

    monkeypatch.setitem(exporting.FORMATS, "onnx", dataclasses.replace(kind, load=off))
    if passes:
        said = float(re.search(r"checked, (\S+) from Keras", write(bob, tmp_path))[1])
        assert said == pytest.approx(error, rel=0.2)
    else:
        with pytest.raises(exporting.ExportError, match="differ from Keras"):
            write(bob, tmp_path)
    assert ((tmp_path / "bob.onnx").read_bytes() == b"old") is not passes
    assert [path.name for path in tmp_path.iterdir()] == ["bob.onnx"]


def test_a_difference_is_a_share_of_what_is_large():
    agent = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(1.0)])
    for value, expected in ((0.5, 0.25), (4.0, 0.0625)):
        examples = {"x": np.full((16, 1), value, np.float32)}
        _, gap = exporting.compare(agent, lambda e: {"y": e["x"] + 0.25}, examples, ("y", "z"))
        assert gap == pytest.approx(expected, rel=1e-6)


def test_a_savedmodel_is_replaced_and_another_folder_is_not(tmp_path, bob):
    write(bob, tmp_path, "savedmodel")
    other = keras.models.clone_model(bob[0])
    assert "bob.savedmodel" in write((other, *bob[1:]), tmp_path, "savedmodel")
    assert [path.name for path in tmp_path.iterdir()] == ["bob.savedmodel"]
    answers = loaded(tmp_path / "bob.savedmodel")[1](bob[1])["guess"]
    np.testing.assert_allclose(answers, keras_answers(other, bob[1])[0], rtol=0, atol=1e-5)
    assert np.abs(answers - keras_answers(*bob[:2])[0]).max() > 0.01

    (tmp_path / "own" / "bob.savedmodel").mkdir(parents=True)
    (tmp_path / "own" / "bob.savedmodel" / "letter.txt").write_text("dear")
    with pytest.raises(exporting.ExportError, match="holds something else"):
        write(bob, tmp_path / "own", "savedmodel")
    assert [path.name for path in (tmp_path / "own").rglob("*.*")] == [
        "bob.savedmodel",
        "letter.txt",
    ]


def test_an_old_savedmodel_comes_back_if_the_new_one_cannot_be_put(tmp_path, monkeypatch, bob):
    old, rename = tmp_path / "bob.savedmodel", pathlib.Path.rename
    old.mkdir()
    (old / "saved_model.pb").write_text("old")

    def fail_for_the_new_one(path, target):
        if (path / "saved_model.pb").read_bytes() != b"old":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", fail_for_the_new_one)
    with pytest.raises(OSError, match="Permission denied"):
        write(bob, tmp_path, "savedmodel")
    assert (old / "saved_model.pb").read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


FULL = "No space left on device"


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, FULL), tf.errors.ResourceExhaustedError(None, None, f"a; {FULL}")],
)
def test_a_full_disk_is_one_line(tmp_path, monkeypatch, capfd, bob, error):
    def fail(*args, **options):
        os.write(2, b"a converter's chatter")
        raise error

    monkeypatch.setattr(keras.Model, "export", fail)
    with pytest.raises(exporting.ExportError, match=rf"bob.onnx: not written \(.*{FULL}\)"):
        write(bob, tmp_path)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ""
