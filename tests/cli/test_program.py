"""The command line as a user meets it: every mode, and every way to go wrong."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evaluation import reference
from images import downloads
from tests.support.files import format_and_size, times_of, write_noise
from tests.support.program import (
    DCGAN,
    ROOT,
    TINY,
    refused,
    run_apart,
    start,
    succeeded,
    wait_for,
)
from tests.support.runs import QUICK_JUDGE, eagerly

TRAIN = ("--mode", "train", *TINY["trio"], "--path")


@pytest.fixture(scope="module")
def trio(trained):
    return trained("trio")


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
        (["--mode", "generate", "--digits", ""], "--classes"),
        (["--mode", "generate", "--nice=very"], "very"),
        (["--mode", "generate", "--truncation", "-1"], "--truncation -1"),
        (["--mode", "generate", "--arrays", "file.txt"], ".npz"),
        (["--mode", "evaluate", "--samples", "5"], "--samples 5"),
    ],
)
def test_a_bad_flag_is_one_line_and_status_2_before_any_work(dcgan, tmp_path, words, named):
    refused(dcgan(*words), 2, named)
    assert list(tmp_path.iterdir()) == []


def test_a_gpu_that_is_not_there_is_one_line(dcgan, tmp_path, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
    refused(
        dcgan("--mode", "generate", "--device", "gpu"),
        2,
        "--device gpu",
        "leave the flag out",
        "make setup GPU=1",
    )
    assert list(tmp_path.iterdir()) == []


def test_help_loads_no_tensorflow():
    code = (
        "import sys, dcgan; status = dcgan.main(sys.argv);"
        "sys.exit(status or 'tensorflow' in sys.modules or 'numpy' in sys.modules)"
    )
    for words, flags in {
        (): ("--mode", "--game"),
        ("--mode", "train"): ("--batch_size", "--resume", "--conditioning"),
        ("--mode", "generate"): ("--nice", "--samples"),
    }.items():
        said = succeeded(run_apart(("-c", code), "--help", *words, folder=ROOT))
        for flag in flags:
            assert flag in said


@pytest.mark.usefixtures("eager", "short_drs")
@pytest.mark.parametrize("nice", [None, "--nice", "--nice=drs"])
def test_generate_writes_a_picture_and_arrays(dcgan, trio, tmp_path, nice):
    words = [nice] if nice else []
    words += ["--path", trio, "--batch-size", 20, "--seed", 3]
    succeeded(dcgan("--mode", "generate", *words, "--arrays", "new/arrays.npz"))
    name = "nice_generated_image.png" if nice else "generated_image.png"
    size = ((10 * 9 + 1) * 7, (2 * 9 + 1) * 7)
    assert format_and_size(tmp_path / name) == ("PNG", size)
    with np.load(tmp_path / "new" / "arrays.npz") as arrays:
        assert arrays["images"].shape == (20, 8, 8, 1)
        assert arrays["images"].dtype == np.uint8
        assert arrays["labels"].tolist() == [*range(10), *range(10)]
        assert arrays["labels"].dtype == np.int32
        assert arrays["scores"].shape == (20,)
        assert arrays["scores"].dtype == np.float32
        first = arrays["images"]
    words += ["--arrays", "again.npz", "--output", "there"]
    succeeded(dcgan("--mode", "generate", *words))
    with np.load(tmp_path / "again.npz") as arrays:
        np.testing.assert_array_equal(arrays["images"], first)
    assert (tmp_path / "there" / name).exists()


def test_generate_draws_the_digits_asked_for(dcgan, trio, tmp_path):
    words = ("--mode", "generate", "--path", trio, "--digits")
    succeeded(dcgan(*words, "3,1,4", "--arrays", "a.npz", "--truncation", 0.7))
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["labels"].tolist() == [3, 1, 4] * 8
    refused(dcgan(*words, "3,11"), 2, "--classes 11", "0 to 9")


def test_interpolate_writes_a_sheet_and_a_looping_film(dcgan, trio, tmp_path):
    succeeded(dcgan("--mode", "interpolate", "--path", trio))
    size = ((10 * 9 + 1) * 7, (20 * 9 + 1) * 7)
    assert format_and_size(tmp_path / "interpolation.png") == ("PNG", size)
    with Image.open(tmp_path / "interpolation.gif") as film:
        assert film.info["loop"] == 0
        assert getattr(film, "n_frames", 1) == 60


@pytest.mark.usefixtures("short_drs")
def test_evaluate_prints_a_table_and_writes_figures(dcgan, trio, tmp_path, monkeypatch):
    few = {"FEWEST_STEPS": 80, "FEWEST_EPOCHS": 1, "FEWEST_CAS_IMAGES": 600}
    few["GREY"] = replace(QUICK_JUDGE, steps=80)
    for bound, steps in few.items():
        monkeypatch.setattr(reference, bound, steps)  # enough for a judge of digits
    words = ("--samples", 100, "--output", "there")
    said = succeeded(dcgan("--mode", "evaluate", "--path", trio, *words))
    report = json.loads((tmp_path / "there" / "evaluation.json").read_text())
    figures = report["samples"]["plain"]["figures"]
    for name in ("gan_train", "own_classifier", "gan_test", "frechet_distance", "recall"):
        assert np.isfinite(figures[name]["value"]), name
        assert np.isfinite(figures[name]["real"]), name
    assert figures["gan_test"]["real"] > 0.9  # the reference reads real digits
    assert set(report["samples"]) == {"plain", "nice", "rejection_sampled"}
    assert "GAN-test" in said
    assert (tmp_path / "there" / "confusion.png").exists()


def test_a_folder_that_holds_a_run_is_not_overwritten_by_chance(dcgan, trio):
    before = times_of(trio)
    words = (*TRAIN, trio)
    refused(dcgan(*words), 1, str(trio), "--resume", "--overwrite")
    refused(dcgan(*words, "--resume", "--loss", "hinge"), 2, "--loss hinge", "non_saturating")
    other = ("--mode", "train", *TINY["gan"], "--game", "gan", "--path", trio)
    refused(dcgan(*other), 1, "game trio, not gan")
    refused(dcgan("--mode", "generate", "--game", "gan", "--path", trio), 1, "trio, not gan")
    assert times_of(trio) == before


def test_a_folder_without_a_run_is_named(dcgan, tmp_path):
    for mode in ("generate", "interpolate", "evaluate"):
        refused(dcgan("--mode", mode, "--game", "gan", "--path", "none"), 1, "none", "--mode train")
    refused(dcgan(*TRAIN, "none", "--resume"), 1, "none", "--mode train")


@pytest.mark.usefixtures("eager")
def test_own_pictures_train_draw_and_are_not_measured_by_too_few(dcgan, tmp_path):
    for name in ("cat", "dog"):
        for index in range(6):
            write_noise(tmp_path / "pictures" / name / f"{index}.png", (20 + index, 24), "RGB")
    folder = ("--dataset", "folder", "--data_dir", "pictures", "--image_size", 8)
    succeeded(dcgan("--mode", "train", *TINY["gan"], *folder, "--game", "gan", "--steps", 1))
    there = ("--game", "gan", "--dataset", "folder")
    succeeded(dcgan("--mode", "generate", *there, "--batch_size", 16, "--arrays", "a.npz"))
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["images"].shape == (16, 8, 8, 3)
    refused(dcgan("--mode", "evaluate", *there), 1, "test split", "100")


def test_data_that_cannot_be_had_is_one_line_and_leaves_nothing(dcgan, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    words = ("--mode", "train", "--path", "run")
    refused(dcgan(*words, "--dataset", "mnist", "--data_dir", empty), 1, "mnist.npz")
    refused(dcgan(*words, "--dataset", "folder", "--data_dir", empty), 1, str(empty))
    (empty / "mnist.npz").write_bytes(b"PK\x03\x04 cut off")
    refused(dcgan(*words, "--dataset", "mnist", "--data_dir", empty), 1, "mnist.npz")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow  # quick: without a process of its own, `test_commands.py` and `test_shell.py`
def test_ctrl_c_saves_and_resume_goes_on_to_the_same_end(dcgan, tmp_path):
    words = ("--mode", "train", "--game", "gan", *TINY["gan"], "--path", "run")
    process = start(DCGAN, *words, "--steps", 100_000, folder=tmp_path)
    wait_for(process, "epoch 1")
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate(timeout=120)
    assert (process.returncode, complained) == (130, "")
    assert "interrupted at step" in said
    assert "--resume" in said

    def last_step():
        return json.loads((tmp_path / "run" / "stats.jsonl").read_text().splitlines()[-1])["step"]

    stopped = last_step()
    for _ in range(2):  # the second time nothing is left to do
        with eagerly():
            succeeded(dcgan(*words, "--resume", "--steps", stopped + 2))
        assert last_step() == stopped + 2


@pytest.mark.parametrize(
    ("mode", "game", "side_by_side"),
    [("train", "trio", 2), ("train", "gan", 2), ("train", "robust", 1), ("evaluate", "trio", 1)],
)
def test_turns_that_can_be_played_at_a_time_share_the_threads(
    dcgan, mode, game, side_by_side, monkeypatch
):
    given = {}
    monkeypatch.setattr("devices.startup.load_tensorflow", lambda **options: given.update(options))
    monkeypatch.setattr("modes.work_of", lambda mode: lambda options: 0)
    succeeded(dcgan("--mode", mode, "--game", game))
    assert given["side_by_side"] == side_by_side


@pytest.mark.usefixtures("eager")
def test_auto_falls_back_to_digits_with_one_line(dcgan, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "unreachable", lambda url: "no network")
    words = ("--mode", "train", *TINY["gan"], "--game", "gan", "--steps", 1)
    lines = succeeded(dcgan(*words, "--dataset", "auto")).splitlines()
    assert "digits" in lines[0]
    assert "MNIST" in lines[0]
    assert (tmp_path / "runs" / "gan-digits" / "config.json").exists()
