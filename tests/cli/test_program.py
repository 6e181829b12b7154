"""The command line as a user meets it, by subprocess: every mode, and every way to go wrong."""

import json
import os
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
from PIL import Image

from images import downloads
from tests.conftest import ROOT, run_dcgan

TINY = (
    *("--dataset", "digits", "--batch-size", 16, "--latent_dim", 8),
    *("--generator_width", 4, "--discriminator-width", 4, "--classifier_width", 4),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder of a tiny trio, by the command line."""
    folder = tmp_path_factory.mktemp("trained")
    words = ("--mode", "train", "--steps", 30, *TINY, "--path", folder / "run")
    run = run_dcgan(folder, *words)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "training the trio on digits" in run.stdout
    assert "--mode generate --nice" in run.stdout
    return folder / "run"


def refused(run, status, *words):
    """Asserts one line on standard error that holds the words, and no traceback."""
    assert run.returncode == status, run.stdout + run.stderr
    assert run.stderr.count("\n") == 1, run.stderr
    assert run.stderr.startswith("dcgan.py: ")
    for word in words:
        assert word in run.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "--mode"),
        (["--mode", "dream"], "dream"),
        (["--mode", "train", "--batch-sise", "3"], "batch_sise"),
        (["train"], "train"),
        (["--mode", "train", "now"], "now"),
        (["--mode", "train", "--steps", "0"], "--steps 0"),
        (["--mode", "train", "--steps", "many"], "steps"),
        (["--mode", "train", "--minutes", "nan"], "--minutes nan"),
        (["--mode", "train", "--epochs", "-1"], "--epochs -1"),
        (["--mode", "train", "--steps", "5", "--epochs", "5"], "one length"),
        (["--mode", "train", "--resume", "--overwrite"], "choose one"),
        (["--mode", "train", "--loss", "l1"], "l1"),
        (["--mode", "train", "--dataset", "cats"], "cats"),
        (["--mode", "train", "--precision", "int8"], "int8"),
        (["--mode", "train", "--device", "tpu"], "tpu"),
        (["--mode", "train", "--game", "attacked", "--jit"], "XLA cannot compile --game attacked"),
        (["--mode", "generate", "--jit"], "--mode train"),
        (["--mode", "train", "--dataset", "folder"], "--data_dir"),
        (["--mode", "train", "--image-size", "30"], "--image_size 30"),
        (["--mode", "train", "--digits", "3"], "--mode generate"),
        (["--mode", "generate", "--steps", "3"], "--mode train"),
        (["--mode", "generate", "--digits", "three"], "three"),
        (["--mode", "generate", "--digits", ""], "--digits"),
        (["--mode", "generate", "--nice=very"], "very"),
        (["--mode", "generate", "--truncation", "-1"], "--truncation -1"),
        (["--mode", "generate", "--arrays", "file.txt"], ".npz"),
        (["--mode", "evaluate", "--samples", "5"], "--samples 5"),
    ],
)
def test_a_bad_flag_is_one_line_and_status_2_before_any_work(dcgan, tmp_path, words, named):
    refused(dcgan(*words, timeout=20), 2, named)
    assert list(tmp_path.iterdir()) == []


def test_a_gpu_that_is_not_there_is_one_line(dcgan, tmp_path):
    run = dcgan("--mode", "generate", "--device", "gpu", CUDA_VISIBLE_DEVICES="-1")
    refused(run, 2, "--device gpu", "leave the flag out")
    assert list(tmp_path.iterdir()) == []


def test_help_loads_no_tensorflow(tmp_path):
    code = (
        "import sys, dcgan; status = dcgan.main(['dcgan.py', '--help']);"
        "sys.exit(status or 'tensorflow' in sys.modules or 'numpy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for flag in ("--mode", "--batch_size", "--nice", "--resume", "--conditioning", "--samples"):
        assert flag in run.stdout


@pytest.mark.parametrize("nice", [None, "--nice", "--nice=drs"])
def test_generate_writes_a_picture_and_arrays(dcgan, trained, tmp_path, nice):
    words = [nice] if nice else []
    run = dcgan(
        *("--mode", "generate", "--path", trained, "--batch-size", 20, "--seed", 3),
        *("--arrays", "new/arrays.npz", *words),
    )
    assert run.returncode == 0, run.stderr
    name = "nice_generated_image.png" if nice else "generated_image.png"
    with Image.open(tmp_path / name) as picture:
        assert picture.size == ((10 * 9 + 1) * 7, (2 * 9 + 1) * 7)
    with np.load(tmp_path / "new" / "arrays.npz") as arrays:
        assert arrays["images"].shape == (20, 8, 8, 1)
        assert arrays["images"].dtype == np.uint8
        assert arrays["labels"].tolist() == [*range(10), *range(10)]
        assert arrays["labels"].dtype == np.int32
        assert arrays["scores"].shape == (20,)
        assert arrays["scores"].dtype == np.float32
        first = arrays["images"]
    dcgan(
        *("--mode", "generate", "--path", trained, "--batch-size", 20, "--seed", 3),
        *("--arrays", "again.npz", "--output", "there", *words),
    )
    with np.load(tmp_path / "again.npz") as arrays:
        np.testing.assert_array_equal(arrays["images"], first)
    assert (tmp_path / "there" / name).exists()


def test_generate_draws_the_digits_asked_for(dcgan, trained, tmp_path):
    words = ("--mode", "generate", "--path", trained, "--digits")
    assert dcgan(*words, "3,1,4", "--arrays", "a.npz", "--truncation", 0.7).returncode == 0
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["labels"].tolist() == [3, 1, 4] * 8
    refused(dcgan(*words, "3,11"), 2, "--digits 11", "0 to 9")


def test_interpolate_writes_a_sheet_and_a_looping_film(dcgan, trained, tmp_path):
    run = dcgan("--mode", "interpolate", "--path", trained)
    assert run.returncode == 0, run.stderr
    with Image.open(tmp_path / "interpolation.png") as sheet:
        assert sheet.size == ((10 * 9 + 1) * 7, (20 * 9 + 1) * 7)
    with Image.open(tmp_path / "interpolation.gif") as film:
        assert film.info["loop"] == 0
        assert getattr(film, "n_frames", 1) == 60


def test_evaluate_prints_a_table_and_writes_figures(dcgan, trained, tmp_path):
    run = dcgan("--mode", "evaluate", "--path", trained, "--samples", 200, "--output", "there")
    assert run.returncode == 0, run.stderr
    report = json.loads((tmp_path / "there" / "evaluation.json").read_text())
    figures = report["samples"]["plain"]["figures"]
    for name in ("gan_train", "own_classifier", "gan_test", "frechet_distance", "recall"):
        assert np.isfinite(figures[name]["value"]), name
        assert np.isfinite(figures[name]["real"]), name
    assert figures["gan_test"]["real"] > 0.9  # the reference reads real digits
    assert set(report["samples"]) == {"plain", "nice", "rejection_sampled"}
    assert "GAN-test" in run.stdout
    assert (tmp_path / "there" / "confusion.png").exists()


def test_a_folder_that_holds_a_run_is_not_overwritten_by_chance(dcgan, trained):
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.is_file()}
    words = ("--mode", "train", *TINY, "--path", trained)
    refused(dcgan(*words), 1, str(trained), "--resume", "--overwrite")
    refused(dcgan(*words, "--game", "gan"), 1, "game trio, not gan")
    refused(dcgan(*words, "--resume", "--loss", "hinge"), 2, "--loss hinge", "non_saturating")
    refused(dcgan("--mode", "generate", "--game", "gan", "--path", trained), 1, "trio, not gan")
    after = {path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.is_file()}
    assert {k: v for k, v in after.items() if k.name != ".lock"} == {
        k: v for k, v in before.items() if k.name != ".lock"
    }


def test_a_folder_without_a_run_is_named(dcgan, tmp_path):
    for mode in ("generate", "interpolate", "evaluate"):
        refused(dcgan("--mode", mode, "--game", "gan", "--path", "none"), 1, "none", "--mode train")
    refused(
        dcgan("--mode", "train", *TINY, "--path", "none", "--resume"), 1, "none", "--mode train"
    )


@pytest.mark.slow
def test_own_pictures_train_draw_and_are_not_measured_by_too_few(dcgan, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for index in range(6):
            pixels = rng.integers(0, 256, (20 + index, 24, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{index}.png")
    folder = ("--dataset", "folder", "--data_dir", "pictures", "--image_size", 8)
    run = dcgan("--mode", "train", *folder, *TINY[2:], "--steps", 2, "--path", "run")
    assert run.returncode == 0, run.stderr
    run = dcgan("--mode", "generate", "--path", "run", "--digits", "0,1", "--arrays", "a.npz")
    assert run.returncode == 0, run.stderr
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["images"].shape == (16, 8, 8, 3)
    refused(dcgan("--mode", "evaluate", "--path", "run"), 1, "test split", "100")


def test_data_that_cannot_be_had_is_one_line_and_leaves_nothing(dcgan, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    words = ("--mode", "train", "--path", "run")
    refused(dcgan(*words, "--dataset", "mnist", "--data_dir", empty), 1, "mnist.npz")
    refused(dcgan(*words, "--dataset", "folder", "--data_dir", empty), 1, str(empty))
    (empty / "mnist.npz").write_bytes(b"PK\x03\x04 cut off")
    refused(dcgan(*words, "--dataset", "mnist", "--data_dir", empty), 1, "mnist.npz")
    assert not (tmp_path / "run").exists()


def test_ctrl_c_saves_and_resume_goes_on_to_the_same_end(dcgan, tmp_path):
    words = ("--mode", "train", *TINY, "--path", "run")
    command = [sys.executable, str(ROOT / "dcgan.py"), *map(str, words), "--steps", "100000"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    stats = tmp_path / "run" / "stats.jsonl"
    deadline = time.monotonic() + 180
    while not stats.exists() and process.poll() is None and time.monotonic() < deadline:
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "interrupted at step" in output
    assert "--resume" in output
    stopped = json.loads(stats.read_text().splitlines()[-1])["step"]
    run = dcgan(*words, "--resume", "--steps", stopped + 5)
    assert run.returncode == 0, run.stderr
    assert json.loads(stats.read_text().splitlines()[-1])["step"] == stopped + 5
    assert dcgan(*words, "--resume", "--steps", stopped + 5).returncode == 0  # nothing left to do


@pytest.mark.parametrize(
    ("mode", "game", "side_by_side"),
    [("train", "trio", 2), ("train", "gan", 2), ("train", "robust", 1), ("evaluate", "trio", 1)],
)
def test_turns_that_can_be_played_at_a_time_share_the_threads(
    mode, game, side_by_side, monkeypatch
):
    import dcgan as command

    given = {}
    monkeypatch.setattr("cli.terminal.load_tensorflow", lambda **options: given.update(options))
    flags = {"mode": mode, "game": game, "distribute": "none", "jit": None, "device": None}
    command.load_mode(types.SimpleNamespace(**flags))
    assert given["side_by_side"] == side_by_side


def test_auto_falls_back_to_digits_with_one_line(tmp_path, monkeypatch, capsys):
    import dcgan as command

    monkeypatch.setattr("cli.terminal.load_tensorflow", lambda **options: None)  # it is
    flags = {"mode": "train", "game": "trio", "distribute": "none", "jit": None, "device": None}
    train, _ = command.load_mode(types.SimpleNamespace(**flags))
    monkeypatch.setattr(downloads, "unreachable", lambda url: "no network")
    monkeypatch.chdir(tmp_path)
    options = command.parse(
        ["dcgan.py", "--mode", "train", "--steps", "3", *map(str, TINY[2:]), "--dataset", "auto"]
    )
    assert train(options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "digits" in lines[0]
    assert "MNIST" in lines[0]
    assert (tmp_path / "runs" / "trio-digits" / "config.json").exists()
