"""The games under attack by the command line: every mode, and every way to go wrong."""

import functools
import json
import subprocess

import numpy as np
import pytest
from PIL import Image

import dcgan as command
from evaluation import robustness
from images import datasets
from tests.conftest import run_dcgan
from training.run_folder import Run

COMMON = ("--dataset", "digits", "--batch_size", 32, "--steps", 40)
TINY = {
    "robust": ("--classifier_width", 4, "--attack_steps", 2, "--ramp_steps", 0),
    "attacked": ("--discriminator_width", 4, "--pool_size", 60, "--sampling_steps", 8),
    "robgan": (
        *("--generator_width", 4, "--discriminator_width", 4, "--latent_dim", 8),
        *("--attack_steps", 2, "--ramp_steps", 0),
    ),
}


def trained(folder, game):
    """A run folder of a tiny game, by the command line."""
    words = ("--mode", "train", "--game", game, *COMMON, *TINY[game], "--path", folder / "run")
    run = run_dcgan(folder, *words)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert f"training the {game} on digits" in run.stdout
    assert "done, 40 steps" in run.stdout
    return folder / "run"


@pytest.fixture(scope="module")
def robust(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("robust"), "robust")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("attacked"), "attacked")


def in_process(*words):
    """Runs the command line in this process; returns its exit status."""
    for name in command.FLAGS:
        command.FLAGS[name].unparse()
    return command.main(["dcgan.py", *map(str, words)])


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Runs the command line in this process, in an empty folder; as the fixture `dcgan`."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        capsys.readouterr()
        status = in_process(*words)
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(words, status, out, err)

    return run


def files_of(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*")}


def picture_file(path, size=(8, 8), mode="L"):
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(0).integers(0, 256, (*size, *channels)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def drawn(path):
    with Image.open(path) as picture:
        picture.load()
        return picture.format, picture.size


# What each mode does.


def test_attack_tells_its_success_and_draws_it(dcgan, robust, tmp_path):
    run = dcgan("--mode", "attack", "--game", "robust", "--path", robust, "--samples", 50)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "linf attack within epsilon 0.1, 40 steps of 0.00625" in run.stdout
    assert "classified rightly: " in run.stdout
    assert " of 50\n" in run.stdout
    assert "success rate of the attack: " in run.stdout
    kind, (width, height) = drawn(tmp_path / "attack.png")
    assert (kind, width) == ("PNG", 1200)
    assert height > 1000  # a row for each of ten classes
    assert [path.name for path in tmp_path.iterdir()] == ["attack.png"]


def test_generate_climbs_from_noise_and_films_it(dcgan, attacked, tmp_path):
    words = ("--mode", "generate", "--game", "attacked", "--path", attacked, "--digits", "3,1")
    run = dcgan(*words, "--sampling_steps", 40, "--arrays", "a.npz")
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["labels"].tolist() == [3, 1] * 8
        assert arrays["images"].shape == (16, 8, 8, 1)
        assert arrays["scores"].shape == (16,)
    assert drawn(tmp_path / "generated_image.png") == ("PNG", ((2 * 9 + 1) * 7, (8 * 9 + 1) * 7))
    with Image.open(tmp_path / "noise_to_images.gif") as film:
        assert film.n_frames == 41
        assert film.info["loop"] == 0
        frames = []
        for frame in (0, 40):
            film.seek(frame)
            frames.append(np.asarray(film.convert("L"), float)[::7, ::7])
    pixels = frames[0][frames[0] > 0]  # without the black lines between
    assert pixels.mean() == pytest.approx(127.5, abs=15)
    assert pixels.std() == pytest.approx(255 / np.sqrt(12), abs=10)
    assert np.abs(frames[1] - frames[0]).mean() > 5


def attack_words(robust, *words):
    return ("--mode", "attack", "--game", "robust", "--path", robust, *words)


def test_evaluate_writes_how_robust_it_is(here, robust, tmp_path, monkeypatch):
    """In this process: the usual 5,000 queries and ten restarts take 20 seconds."""
    few = functools.partial(robustness.RobustnessOptions, restarts=2, queries=50)
    monkeypatch.setattr(robustness, "RobustnessOptions", few)
    monkeypatch.setitem(robustness.CURVE, "linf", np.array([0.0, 0.1]))
    words = ("--mode", "evaluate", "--game", "robust", "--path", robust, "--samples", 100)
    run = here(*words, "--output", "there")
    assert (run.returncode, run.stderr) == (0, "")
    report = json.loads((tmp_path / "there" / "robustness.json").read_text())
    assert report["dataset"] == "digits"
    assert report["parameters"] == Run(robust).load_agent("classifier").count_params()
    assert report["options"]["num_images"] == 100
    assert report["options"]["epsilon"] == 0.1  # what it was trained against
    worst = [row["value"] for row in report["worst_case"]]
    assert worst == sorted(worst, reverse=True)
    assert drawn(tmp_path / "there" / "robustness.png")[0] == "PNG"
    for attack in ("PGD-40", "PGD-100, 2 restarts", "APGD-CE", "APGD-DLR, targeted", "Square"):
        assert attack in run.stdout
    for warning in report["warnings"]:
        assert f"warning: {warning}" in run.stdout


@pytest.mark.parametrize(("mode", "size"), [("L", (8, 8)), ("RGB", (30, 20)), ("RGBA", (9, 50))])
def test_attack_takes_any_picture(here, robust, tmp_path, mode, size):
    picture = picture_file(tmp_path / "mine.png", size, mode)
    run = here(*attack_words(robust, "--image", picture, "--epsilon", 0.2))
    assert (run.returncode, run.stderr) == (0, "")
    assert "within epsilon 0.2, 40 steps of 0.0125" in run.stdout
    assert "classified rightly: 100.0%" in run.stdout  # by its own word
    assert " of 1\n" in run.stdout
    assert drawn(tmp_path / "attack.png")[1][0] == 1200


def test_attack_heads_for_a_target_or_away_from_a_label(here, robust, tmp_path):
    picture = picture_file(tmp_path / "mine.png")
    for target in (3, 7):
        run = here(*attack_words(robust, "--image", picture, "--target", target, "--epsilon", 1.0))
        assert (run.returncode, run.stderr) == (0, "")
        assert "success rate of the attack: " in run.stdout
    pixels = datasets.load_picture(picture, 8, 1)
    logits = Run(robust).load_agent("classifier")(datasets.normalize(pixels[None]))
    named = int(np.argmax(logits))
    for label, share in ((named, "100.0%"), ((named + 1) % 10, "0.0%")):
        words = ("--image", picture, "--label", label, "--attack_steps", 3, "--epsilon", 0.05)
        run = here(*attack_words(robust, *words))
        assert run.returncode == 0
        assert f"classified rightly: {share}" in run.stdout


def test_attack_by_length_repeats_by_seed(here, robust, tmp_path):
    texts = []
    for output in ("one", "two"):
        words = ("--norm", "l2", "--samples", 30, "--seed", 4, "--output", output)
        run = here(*attack_words(robust, *words))
        assert (run.returncode, run.stderr) == (0, "")
        assert "l2 attack within epsilon 2, 40 steps of 0.125" in run.stdout
        texts.append(run.stdout.replace(output, ""))
        assert (tmp_path / output / "attack.png").exists()
    assert texts[0] == texts[1]


def test_the_discriminator_of_images_by_attack_can_be_attacked(here, attacked):
    words = ("--mode", "attack", "--game", "attacked", "--path", attacked, "--samples", 20)
    run = here(*words)
    assert (run.returncode, run.stderr) == (0, "")
    assert "linf attack within epsilon 0.3" in run.stdout
