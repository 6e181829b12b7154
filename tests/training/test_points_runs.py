"""Runs on points through the program: the same folder, resume, pictures and report; no images."""

import json

import numpy as np
import pytest
from PIL import Image

from devices import hardware
from images.points import MIXTURES
from images.views import SIDE
from tests.support import program
from tests.support.program import parse, succeeded
from tests.support.runs import CtrlC, eagerly, without_curves
from training import loop
from training.run_folder import Run

GAMES = ("gan", "trio")
TINY = ("--preset", "quick", "--generator_width", 8, "--discriminator_width", 8, "--batch_size", 32)
STEPS = 5


class Interrupt(CtrlC):
    """Inside the epoch; the step that is on its way is played to its end."""

    STEP = 2


def words(game, path, *more):
    return ("--mode", "train", "--game", game, "--path", path, *more)


@pytest.fixture(autouse=True, scope="module")
def short():
    """A call plays one step, however many are left, and the critic learns for a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hardware, "MOST_AT_ONCE", 1)
        patch.setattr(loop, "CRITIC_STEPS", 2)
        yield


@pytest.fixture(scope="module", params=GAMES)
def trained(request, tmp_path_factory):
    """(game, its run's folder), of a whole run."""
    path = tmp_path_factory.mktemp(request.param) / "run"
    line = words(request.param, path, "--dataset", "grid", *TINY, "--steps", STEPS)
    with eagerly():
        assert "warning" not in succeeded(program.run(*line))
    return request.param, path


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(  # a trio goes on in `test_loop.py`, too
    "trained", ["gan", pytest.param("trio", marks=pytest.mark.slow)], indirect=True
)
def test_a_resumed_run_equals_one_that_never_stopped(trained, tmp_path, monkeypatch):
    game, whole = trained
    path = tmp_path / "run"
    with without_curves():
        with monkeypatch.context() as patch:
            patch.setattr(loop, "GraphWriter", Interrupt)
            stopped = program.run(*words(game, path, "--dataset", "grid", *TINY, "--steps", STEPS))
        assert stopped.returncode == 130 and "interrupted at step 3" in stopped.stdout
        succeeded(program.run(*words(game, path, "--resume")))
    one, other = (Run(each).load_game() for each in (whole, path))
    assert one.step == other.step == STEPS
    for left, right in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_run_leaves_its_pictures_and_statistics(trained):
    _, path = trained
    run = Run(path)
    assert run.read_stats()[-1]["step"] == STEPS
    assert Image.open(run.samples / "epoch-0001.png").size == (SIDE, SIDE)
    assert Image.open(run.film_file).size == (SIDE, SIDE)
    assert list((run.tensorboard / "train").iterdir())
    assert run.image_shape() == (2,)


def test_generate_draws_points(trained, tmp_path):
    game, path = trained
    line = ("--mode", "generate", "--game", game, "--path", path, "--arrays", "drawn.npz")
    succeeded(program.run(*line, "--samples", 30, folder=tmp_path))
    assert Image.open(tmp_path / "generated_image.png").size == (SIDE, SIDE)
    arrays = np.load(tmp_path / "drawn.npz")
    assert arrays["points"].shape == (30, 2) and arrays["scores"].shape == (30,)


def test_evaluate_counts_modes(trained, tmp_path):
    game, path = trained
    line = ("--mode", "evaluate", "--game", game, "--path", path, "--output", tmp_path)
    said = succeeded(program.run(*line, "--samples", 1000))
    report = json.loads((tmp_path / "evaluation.json").read_text())
    assert report["samples"]["real"]["modes"] == len(MIXTURES["grid"].centres)
    assert report["samples"]["plain"]["samples"] == 1000
    assert (
        ("classifier_accuracy" in report)
        == (game == "trio")
        == ("asked" in report["samples"]["plain"])
    )
    assert "25/25" in said and (tmp_path / "points.png").exists()


@pytest.mark.parametrize("mode", ["interpolate", "export"])
def test_modes_of_images_are_refused_in_a_line(trained, mode):
    game, path = trained
    more = ("--agent", "generator", "--format", "onnx") if mode == "export" else ()
    refused = program.run("--mode", mode, "--game", game, "--path", path, *more)
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith("is for images, not for the points of --dataset grid")


@pytest.mark.parametrize(
    ("game", "flags", "named"),
    [
        ("gan", ("--image_size", 32), "--image_size"),
        ("gan", ("--translation", 2), "--translation"),
        ("gan", ("--norefine",), "--refine"),
        ("gan", ("--data_dir", "here"), "--data_dir"),
        ("trio", ("--classifier_translation", 1), "--classifier_translation"),
        ("robust", (), "--dataset ring: must be one of"),
        ("robgan", (), "--dataset ring: must be one of"),
    ],
)
def test_options_of_images_are_refused_before_any_work(game, flags, named):
    with pytest.raises(ValueError, match=named):
        parse("--mode", "train", "--game", game, "--dataset", "ring", *flags)


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("preset", ["quick", "standard", "best"])
def test_presets_of_points_are_theirs(game, preset):
    options = parse("--mode", "train", "--game", game, "--dataset", "ring", "--preset", preset)
    assert options.dataset == "ring"
