"""`python -m crypto` as a user meets it: every mode, and every way to go wrong."""

import contextlib
import io
import json
import os
import signal
import string

import numpy as np
import pytest

from cli.program import main
from crypto import game as played
from tests.support.ciphers import from_preset
from tests.support.program import ROOT, refused, run_apart, succeeded
from tests.support.runs import eagerly
from training import attempts
from training.run_folder import Run

HELPED = {"": "eve_learning_rate", "audit": "exhaustive", "send": "key_file"}  # mode -> a flag
TINY = ("--message-bits", 4, "--key_bits", 4, "--batch_size", 64)


def only_line(answer, status):
    """The line on standard error of an answer with this status."""
    refused(answer, status)
    return answer.stderr


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
        (["--mode", "send", "--no-way"], "begins with a dash after --"),
        (["--mode", "send", "--input", ""], "--input=: is empty"),
        (["--mode", "send", "hi", "--output="], "--output=: is empty"),
        (["--mode", "send", "hi", "--output", "-"], "--output -"),
        (["--mode", "receive", "00", "--key_file", "-"], "--key_file -"),
        (["--mode", "receive", "00"], "--key HEX"),
        (["--mode", "audit", "--messages", "0"], "--messages 0"),
        (["--mode", "transcript"], ".npz"),
    ],
)
def test_bad_flags(crypto, tmp_path, words, named):
    refused(crypto(*words), 2, named)
    assert not list(tmp_path.iterdir())


def test_help_loads_no_tensorflow_and_warns():
    code = (
        "import runpy, sys\n"
        "try: runpy.run_module('crypto', run_name='__main__')\n"
        "except SystemExit as end: status = end.code\n"
        "sys.exit(status or 'tensorflow' in sys.modules or 'numpy' in sys.modules)"
    )
    for mode, flag in HELPED.items():
        words = ("--mode", mode) if mode else ()
        said = succeeded(run_apart(("-c", code), "--help", *words, folder=ROOT))
        assert "NOT cryptography to rely on" in said
        assert f"--{flag}" in said
        assert "--generator_width" not in said and "--robustness" not in said


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A run of four bits that nobody has taught."""
    with pytest.MonkeyPatch.context() as patch, eagerly():
        patch.setattr(played, "XLA", False)
        run = Run(tmp_path_factory.mktemp("runs") / "run")
        run.path.mkdir()
        config = from_preset("secret", message_bits=4, key_bits=4, rounds=1, attempts=1)
        attempts.train(run, config, resume=False, announce=lambda line: None)
    return run.path


def test_send_shows_all_three(crypto, path):
    out = succeeded(crypto("--mode", "send", "Grüße", "--path", path, "--key", "00" * 7))
    assert "not cryptography to rely on" in out
    assert all(name in out for name in ("ciphertext", "Bob reads", "Eve guesses", "of 56 bits"))


@pytest.mark.usefixtures("eager")
def test_a_run_that_protects_some_bits(crypto, tmp_path):
    """Trained for one round, so that nothing is secret, and everything is said."""
    there = ("--path", tmp_path / "run")
    words = ("--mode", "train", *TINY, *there, "--rounds", 1, "--attempts", 1)
    out = succeeded(crypto(*words, "--protect", "0-2", "--key_bits", 2))
    assert "3 bits under 2 bits of key cannot be secret: at least 1" in out
    assert "of bits 0-2 leaks if the others are known" in out and "of 3 bits wrong" in out
    assert (tmp_path / "run" / "training.png").exists()
    out = succeeded(crypto("--mode", "send", "hi", *there))
    assert "of 16 bits wrong" in out
    eve = next(line for line in out.splitlines() if line.startswith("Eve"))
    assert eve.endswith("of 12 bits wrong)")
    succeeded(crypto("--mode", "audit", *there, "--eves", 0))
    audited = json.loads((tmp_path / "run" / "audit.json").read_text())["protected"]
    assert audited["bits"] == [0, 1, 2] and audited["exhaustive"]
    other = crypto("--mode", "train", *there, "--resume", "--protect", "0-1")
    assert "--protect 0-1" in only_line(other, 2)


@pytest.mark.parametrize("text", ["", "x", "Grüße, 世界"])
def test_a_file_goes_there_and_back(crypto, path, tmp_path, text):
    succeeded(crypto("--mode", "send", text, "--path", path, "--output", "c", "--lossy"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "c.key", "c.key.used"]
    there = ("--path", path, "--input", "c", "--key_file", "c.key", "--output", "back")
    succeeded(crypto("--mode", "receive", *there))
    assert len((tmp_path / "back").read_bytes()) == len(text.encode())


def test_bad_keys_and_files_write_nothing(crypto, path, tmp_path):
    there = ("--path", path)
    succeeded(crypto("--mode", "send", "hello", *there, "--output", "c", "--lossy"))
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
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "c.key", "c.key.used", "cut"]


SUPPLIED = ("--path", ROOT / "assets" / "pretrained" / "crypto-secret")


def test_any_bytes_go_through_pipes(crypto, tmp_path, monkeypatch):
    """Into standard input, out of standard output, and nothing else there."""
    content = bytes(range(256)) * 40
    (tmp_path / "letter").write_bytes(content)
    with (tmp_path / "letter").open() as letter, monkeypatch.context() as patch:
        patch.setattr("sys.stdin", letter)
        succeeded(crypto("--mode", "send", *SUPPLIED, "--output", "c"))
    words = ("--game", "crypto", "--mode", "receive", *SUPPLIED, "--input", tmp_path / "c")
    words += ("--key_file", tmp_path / "c.key", "--output", "-")
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert main(["dcgan.py", *map(str, words)]) == 0
    assert out.buffer.getvalue() == content
    assert "10240 bytes" in err.getvalue()


def test_what_the_terminal_cannot_show_is_escaped():
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    words = ("--game", "crypto", "--mode", "send", "Grüße \x1b[31m", *SUPPLIED)
    with contextlib.redirect_stdout(out):
        assert main(["dcgan.py", *map(str, words)]) == 0
    assert rb"Bob reads   Gr\xfc\xdfe \x1b[31m " in out.buffer.getvalue()


def test_words_after_two_dashes_are_left_alone(crypto):
    assert "Bob reads   --no-way " in succeeded(
        crypto("--mode", "send", *SUPPLIED, "--", "--no-way")
    )


def test_a_word_that_is_no_text_is_sent_as_it_is(crypto):
    answer = crypto("--mode", "send", *SUPPLIED, os.fsdecode(b"caf\xe9"))
    assert r"Bob reads   caf\xe9 " in succeeded(answer)


def test_sending_refuses_what_would_be_lost(crypto, path, tmp_path):
    succeeded(crypto("--mode", "send", "hi", *SUPPLIED, "--output", "c"))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    again = crypto("--mode", "send", "hi", *SUPPLIED, "--output", "c")
    assert "--overwrite" in only_line(again, 1)
    key = ("--key_file", "c.key")
    assert "--reuse_key" in only_line(crypto("--mode", "send", "ho", *SUPPLIED, *key), 1)
    receive = ("--mode", "receive", *SUPPLIED, "--input", "c", *key, "--overwrite")
    assert "is read from" in only_line(crypto(*receive, "--output", "c.key"), 1)
    words = ("--mode", "send", string.ascii_letters, "--path", path, "--output", "d")
    untaught = crypto(*words, "--key", bytes(range(0, 104, 2)).hex())
    assert "--lossy" in only_line(untaught, 1)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_transcript(crypto, path, tmp_path):
    words = ("--mode", "transcript", "--path", path, "--num_messages", 50, "--output", "t.npz")
    succeeded(crypto(*words, "--seed", 3))
    arrays = np.load(tmp_path / "t.npz")
    assert {name: arrays[name].shape for name in arrays} == dict.fromkeys(
        ("plaintext", "key", "ciphertext"), (50, 4)
    )
    assert set(np.unique(arrays["ciphertext"])) <= {0, 1}


def test_an_audit(crypto, path):
    out = succeeded(crypto("--mode", "audit", "--path", path, "--exhaustive", "--eves", 0))
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
    assert "holds no run" in only_line(
        crypto("--mode", "train", "--resume", "--path", "nowhere"), 1
    )


def test_control_c_saves_and_the_run_goes_on(crypto, tmp_path, monkeypatch):
    write = attempts.Auditor.write

    def interrupt(*arguments):
        write(*arguments)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(attempts.Auditor, "write", interrupt)
    words = ("--mode", "train", *TINY, "--audit_every", 100, "--path", "run", "--secrecy", 1000)
    answer = crypto(*words, "--rounds", 1_000_000)
    assert (answer.returncode, answer.stderr) == (130, "")
    assert "round 100" in answer.stdout and "--resume" in answer.stdout
    assert Run(tmp_path / "run").load_game().step > 0
