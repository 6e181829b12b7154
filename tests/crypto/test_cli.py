"""`python -m crypto` as a user meets it: every mode, and every way to go wrong."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from crypto import __main__ as command_line
from crypto import game as games
from crypto import training
from crypto.config import from_preset
from crypto.folder import CryptoRun
from tests.conftest import ROOT

TINY = ("--message-bits", 4, "--key_bits", 4, "--batch_size", 64)


def started(*words, cwd):
    return subprocess.Popen(
        [sys.executable, "-m", "crypto", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused_early(tmp_path, *words):
    """The one line of a subprocess that refuses its flags with status 2."""
    process = started(*words, cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, out + err
    assert out == "" and err.count("\n") == 1 and err.startswith("crypto: ")
    assert not list(tmp_path.iterdir())
    return err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "--mode"),
        (["--mode", "dream"], "dream"),
        (["--mode", "train", "--message_bit", "3"], "message_bit"),
        (["--mode", "train", "hello"], "hello"),
        (["--mode", "train", "--message_bits", "1"], "--message_bits 1"),
        (["--mode", "train", "--preset", "paper", "--message_bits", "5"], "even"),
        (["--mode", "train", "--resume", "--overwrite"], "choose one"),
        (["--mode", "train", "--key", "00"], "send or receive"),
        (["--mode", "train", "--protect", "0-16"], "--protect 0-16"),
        (["--mode", "train", "--protect", "0", "--preset", "paper"], "--preset secret"),
        (["--mode", "audit", "--protect", "0"], "--mode train"),
        (["--mode", "send"], "--input"),
        (["--mode", "send", "a", "b"], "b"),
        (["--mode", "receive", "00"], "--key HEX"),
        (["--mode", "audit", "--messages", "0"], "--messages 0"),
        (["--mode", "transcript"], ".npz"),
    ],
)
def test_bad_flags(tmp_path, words, named):
    assert named in refused_early(tmp_path, *words)


def test_help_is_quick_and_warns(tmp_path):
    process = started("--help", cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err == ""
    assert "NOT cryptography to rely on" in out
    assert all(f"--{flag}" in out for flag in ("exhaustive", "key_file", "eve_learning_rate"))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A run of four bits that nobody has taught."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(games, "XLA", False)
        run = CryptoRun(tmp_path_factory.mktemp("runs") / "run")
        run.path.mkdir()
        config = from_preset("secret", message_bits=4, key_bits=4, rounds=1, attempts=1)
        training.train(run, config, resume=False, announce=lambda line: None)
    return run.path


@pytest.fixture
def crypto(tmp_path, monkeypatch, capfd):
    """Runs a mode in this process and an empty folder: (status, output, errors)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(games, "XLA", False)

    def run(*words):
        for name in command_line.FLAGS:
            command_line.FLAGS[name].unparse()
        capfd.readouterr()
        status = command_line.main(["crypto", *map(str, words)])
        return (status, *capfd.readouterr())

    return run


def only_line(answer, status):
    """The line on standard error of an answer with this status."""
    assert answer[0] == status, answer
    assert answer[2].count("\n") == 1 and answer[2].startswith("crypto: "), answer
    return answer[2]


def test_send_shows_all_three(crypto, path):
    status, out, err = crypto("--mode", "send", "Grüße", "--path", path, "--key", "00" * 7)
    assert (status, err) == (0, "")
    assert "not cryptography to rely on" in out
    assert all(name in out for name in ("ciphertext", "Bob reads", "Eve guesses", "of 56 bits"))


def test_a_run_that_protects_some_bits(crypto, tmp_path):
    """Trained for one round, so that nothing is secret, and everything is said."""
    there = ("--path", tmp_path / "run")
    words = ("--mode", "train", *TINY, *there, "--rounds", 1, "--attempts", 1)
    status, out, err = crypto(*words, "--protect", "0-2", "--key_bits", 2)
    assert (status, err) == (0, "")
    assert "3 bits under 2 bits of key cannot be secret: at least 1" in out
    assert "of bits 0-2 to one who knows the others" in out and "of 3 bits wrong" in out
    assert (tmp_path / "run" / "training.png").exists()
    status, out, _ = crypto("--mode", "send", "hi", *there)
    assert status == 0 and "of 16 bits wrong" in out
    eve = next(line for line in out.splitlines() if line.startswith("Eve"))
    assert eve.endswith("of 12 bits wrong)")
    assert crypto("--mode", "audit", *there, "--eves", 0)[0] == 0
    audited = json.loads((tmp_path / "run" / "audit.json").read_text())["protected"]
    assert audited["bits"] == [0, 1, 2] and audited["exhaustive"]
    other = crypto("--mode", "train", *there, "--resume", "--protect", "0-1")
    assert "--protect 0-1" in only_line(other, 2)


@pytest.mark.parametrize("text", ["", "x", "Grüße, 世界"])
def test_a_file_goes_there_and_back(crypto, path, tmp_path, text):
    assert crypto("--mode", "send", text, "--path", path, "--output", "c")[0] == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "c.key"]
    answer = crypto(
        *("--mode", "receive", "--path", path, "--input", "c", "--key_file", "c.key"),
        *("--output", "back"),
    )
    assert answer[0] == 0
    assert len((tmp_path / "back").read_bytes()) == len(text.encode())


def test_bad_keys_and_files_write_nothing(crypto, path, tmp_path):
    there = ("--path", path)
    assert crypto("--mode", "send", "hello", *there, "--output", "c")[0] == 0
    whole = (tmp_path / "c").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-1])
    receive = ("--mode", "receive", *there, "--output", "back")
    for words, named in {
        ("--input", "c", "--key", "0g"): "hexadecimal",
        ("--input", "c", "--key", "00"): "10 hex digits",
        ("--input", "cut", "--key_file", "c.key"): "cut off",
        ("--input", "c.key", "--key_file", "c.key"): "not a ciphertext file",
        ("--input", "none", "--key_file", "c.key"): "No such file",
        ("--input", "c", "--key_file", "none"): "No such file",
        ("xyz", "--key_file", "c.key"): "hexadecimal",
    }.items():
        assert named in only_line(crypto(*receive, *words), 1)
    assert "hex digits" in only_line(
        crypto("--mode", "send", "hi", *there, "--key", "00", "--output", "d"), 1
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "c.key", "cut"]


def test_a_transcript(crypto, path, tmp_path):
    words = ("--mode", "transcript", "--path", path, "--num_messages", 50, "--output", "t.npz")
    assert crypto(*words, "--seed", 3)[0] == 0
    arrays = np.load(tmp_path / "t.npz")
    assert {name: arrays[name].shape for name in arrays} == dict.fromkeys(
        ("plaintext", "key", "ciphertext"), (50, 4)
    )
    assert set(np.unique(arrays["ciphertext"])) <= {0, 1}


def test_an_audit(crypto, path):
    status, out, _ = crypto("--mode", "audit", "--path", path, "--exhaustive", "--eves", 0)
    assert status == 0
    assert "a proof" in out and "leak I(P; C)" in out
    report = json.loads((path / "audit.json").read_text())
    assert report["exact"]["messages"] == report["exact"]["keys"] == 16


def test_a_run_is_not_overwritten(crypto, path):
    before = (path / "alice.keras").read_bytes()
    assert "--overwrite" in only_line(crypto("--mode", "train", "--path", path, *TINY), 1)
    resumed = crypto("--mode", "train", "--path", path, "--resume", "--seed", 5)
    assert "--seed 5" in only_line(resumed, 2)
    assert (path / "alice.keras").read_bytes() == before


def test_nothing_trained(crypto):
    assert "--mode train" in only_line(crypto("--mode", "audit", "--path", "nowhere"), 1)
    assert "--resume" in only_line(crypto("--mode", "train", "--resume", "--path", "nowhere"), 1)


def test_control_c_saves_and_the_run_goes_on(tmp_path):
    words = ("--mode", "train", *TINY, "--audit_every", 100, "--path", tmp_path / "run")
    process = started(*words, "--rounds", 1_000_000, "--secrecy", 1000, cwd=tmp_path)
    deadline = time.monotonic() + 200
    while not (tmp_path / "run" / "checkpoint.keras").exists():
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    if "done" not in out:
        assert process.returncode == 130, out + err
        assert "--resume" in out and err == ""
    assert CryptoRun(tmp_path / "run").load_game().step > 0
