"""--mode export of both command lines, and the examples of docs/export.md, run as written."""

import importlib.util
import re
import shlex

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

from games import GAMES
from tests.support import games, program
from tests.support.program import ROOT, refused, succeeded
from training import finding, run_folder
from training.run_folder import Run

ONNX = ("--mode", "export", "--format", "onnx", "--agent")
IMAGE_GAMES = [name for name in GAMES if name not in ("finetune", "crypto")]
PAGE = (ROOT / "docs" / "export.md").read_text()


def test_the_page_runs_as_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    programs = {"python dcgan.py ": program.run, "python -m crypto ": program.run_crypto}
    output = ""
    for line in PAGE.splitlines():
        for start, run in programs.items():
            if line.startswith(start):
                output += succeeded(run(*shlex.split(line.removeprefix(start))))
    shown = " ".join(re.findall(r"^> (.*)", PAGE, re.MULTILINE))
    assert re.sub(r"checked, .*", "", shown) in output

    names: dict = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, names)
        assert capsys.readouterr().out.strip() == (re.findall(r"  # (.*)", example) or [""])[-1]
    served = names["generator"].serve({"latents": names["latents"], "labels": names["labels"]})
    np.testing.assert_allclose(served["images"], names["images"], atol=1e-6)


def test_the_supplied_alice_sends_the_same_bits(tmp_path):
    succeeded(program.run_crypto(*ONNX, "alice", "--output", "there", folder=tmp_path))
    alice = Run(finding.PRETRAINED / "crypto-secret").load_agent("alice")
    plaintext, key = np.random.default_rng(3).choice(np.float32([-1, 1]), (2, 5000, 16))
    session = onnxruntime.InferenceSession(tmp_path / "there" / "alice.onnx")
    (ciphertext,) = session.run(None, {"plaintext": plaintext, "key": key})
    assert set(np.unique(ciphertext)) == {-1.0, 1.0}
    np.testing.assert_array_equal(ciphertext, alice([plaintext, key]).numpy())


def test_robgans_classifier_is_the_fine_tuned_one(dcgan, tmp_path):
    words = ("--game", "robgan", "--dataset", "mnist")
    assert "finetuned" in succeeded(dcgan(*ONNX, "classifier", *words))
    images = tf.random.stateless_uniform((3, 28, 28, 1), (0, 0), -1, 1)
    session = onnxruntime.InferenceSession(tmp_path / "classifier.onnx")
    (logits,) = session.run(None, {"images": images.numpy()})
    folder = finding.PRETRAINED / "robgan-mnist"
    tuned, before = (
        keras.saving.load_model(path / "classifier.keras")(images).numpy()
        for path in (folder / "finetuned", folder)
    )
    np.testing.assert_allclose(logits, tuned, rtol=0, atol=1e-5 * np.abs(tuned).max())
    assert np.abs(logits - before).max() > 0.1


def test_a_run_of_its_own_and_no_converter_chatters(dcgan, tmp_path, capfd):
    run = run_folder.Run(tmp_path / "run")
    run.path.mkdir()
    run.start(GAMES["gan"].options(game="gan", dataset="digits"), "0123456789")
    for name, agent in games.tiny_gan().agents_to_save().items():
        run.save_agent(name, agent, step=0)
    words = ("--mode", "export", "--format", "litert", "--agent", "discriminator")
    words += ("--game", "gan", "--path", "run", "--output", "new/there")
    capfd.readouterr()
    said = succeeded(dcgan(*words))
    assert capfd.readouterr() == ("", "")
    assert said.count("\n") == 2
    assert "images float32 (batch, 8, 8, 1) in [-1, 1] -> realness float32 (batch, 1)" in said
    assert [path.name for path in (tmp_path / "new" / "there").iterdir()] == [
        "discriminator.tflite"
    ]


@pytest.mark.parametrize("game", IMAGE_GAMES)
def test_every_agent_of_a_game_can_be_asked_for(game):
    played = getattr(games, f"tiny_{game}")().agents_to_save()
    assert set(GAMES[game].players) == set(played)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "--agent: must be one of generator, discriminator, classifier"),
        (("--agent", "bob"), "--agent bob: must be one of generator, discriminator, classifier"),
        (("--agent", "classifier", "--game", "gan"), "one of generator, discriminator"),
        (("--agent", "generator", "--game", "robust"), "must be one of classifier"),
        (("--agent", "generator", "--game", "attacked"), "must be one of discriminator"),
        (("--agent", "generator"), "--format: must be one of savedmodel, onnx, litert"),
        (("--agent", "generator", "--format", "keras"), "--format=keras: must be one of"),
        (("--agent", "generator", "--format", "onnx", "--samples", "3"), "--samples"),
    ],
)
def test_bad_flags(dcgan, tmp_path, words, named):
    refused(dcgan("--mode", "export", *words), 2, named)
    assert not list(tmp_path.iterdir())


def test_crypto_exports_those_who_share_the_key(crypto):
    for words, named in {
        ("--agent", "eve", "--format", "onnx"): "--agent eve: must be one of alice, bob",
        ("--agent", "bob"): "--format: must be one of savedmodel, onnx, litert",
        ("--agent", "bob", "--format", "onnx", "--key", "00"): "--key: is for",
    }.items():
        refused(crypto("--mode", "export", *words), 2, named)


@pytest.mark.parametrize(
    ("format", "missing"),
    [("onnx", "tf2onnx"), ("onnx", "onnxruntime"), ("litert", "ai_edge_litert")],
)
def test_what_is_not_installed_is_named(dcgan, tmp_path, monkeypatch, format, missing):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find(name)
    )
    words = ("--mode", "export", "--format", format, "--agent", "classifier")
    refused(
        dcgan(*words, "--dataset", "digits"), 2, f"--format {format}", "pip install '.[export]'"
    )
    assert not list(tmp_path.iterdir())


def test_bad_folders_and_agents_leave_nothing(dcgan, tmp_path):
    (tmp_path / "file").write_text("mine")
    words = (*ONNX, "classifier", "--dataset", "digits")
    refused(dcgan(*words, "--output", "file"), 1, "file")
    refused(dcgan(*words, "--output", "file/below"), 1, "file")
    (tmp_path / "classifier.onnx").mkdir()
    refused(dcgan(*words), 1, "classifier.onnx", "another --output")
    refused(dcgan(*words, "--path", "nowhere"), 1, "nowhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["classifier.onnx", "file"]
    assert (tmp_path / "file").read_text() == "mine"
