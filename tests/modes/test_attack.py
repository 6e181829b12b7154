"""The games under attack by the command line: every mode."""

import functools
import json

import numpy as np
import pytest
from PIL import Image

from attacks import (
    AutoProjectedGradientDescent,
    ProjectedGradientDescent,
    Square,
    fast_gradient_sign,
)
from evaluation import robustness
from games import GAMES
from images import datasets
from modes.attack import chosen_attack
from tests.support.files import format_and_size, write_noise
from tests.support.program import parse, succeeded
from training.run_folder import Run

ATTACK = ("--mode", "attack", "--game", "robust", "--path")


@pytest.fixture(scope="module")
def robust(trained):
    return trained("robust")


@pytest.fixture(scope="module")
def attacked(trained):
    return trained("attacked")


# What each mode does.


def test_attack_tells_its_success_and_draws_it(dcgan, robust, tmp_path):
    said = succeeded(dcgan(*ATTACK, robust, "--samples", 50))
    assert "PGD-40, linf epsilon 0.1 on the [0, 1] pixel scale" in said
    assert "classified correctly: " in said
    assert " of 50\n" in said
    assert "success rate of the attack: " in said
    kind, (width, height) = format_and_size(tmp_path / "attack.png")
    assert (kind, width) == ("PNG", 1200)
    assert height > 1000  # a row for each of ten classes
    assert {path.name for path in tmp_path.iterdir()} == {"attack.png", "attack.npz"}


@pytest.mark.parametrize(
    ("words", "method"),
    [
        ((), ProjectedGradientDescent(0.1, 0.00625, 40)),
        (("--epsilon", "0.2"), ProjectedGradientDescent(0.2, 0.0125, 40)),
        (("--norm", "l2"), ProjectedGradientDescent(2.0, 0.125, 40, norm="l2")),
        (("--attack", "fgsm"), fast_gradient_sign(0.1)),
        (("--attack", "APGD"), AutoProjectedGradientDescent(0.1, 100)),
        (("--attack", "apgd", "--norm", "l2"), AutoProjectedGradientDescent(2.0, 100, norm="l2")),
        (("--attack", "square", "--attack_steps", "7"), Square(0.1, 7)),
    ],
)
def test_the_attack_is_the_one_that_is_asked_for(words, method):
    trained = GAMES["robust"].options(game="robust", epsilon=0.1)
    assert chosen_attack(parse(*ATTACK, "run", *words), trained, (28, 28, 1)) == method


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", ["pgd", "fgsm", "apgd", "square"])
def test_each_attack_stays_in_its_ball_and_its_arrays_say_what_came_of_it(
    dcgan, robust, tmp_path, name
):
    steps = {} if name == "fgsm" else {"--attack_steps": 3}
    words = ("--attack", name, "--samples", 20, "--epsilon", 0.2, *sum(steps.items(), ()))
    said = succeeded(dcgan(*ATTACK, robust, *words))
    assert f"{name.upper()}-{1 if name == 'fgsm' else 3}, linf epsilon 0.2 on the [0, 1]" in said
    with np.load(tmp_path / "attack.npz") as file:
        arrays = dict(file)
    images, adversarial = arrays["images"], arrays["adversarial_images"]
    assert images.shape == adversarial.shape == (20, 8, 8, 1)
    assert images.dtype == adversarial.dtype == np.uint8
    change = np.abs(adversarial.astype(int) - images)
    assert 0 < change.max() <= 0.2 * 255 + 0.5
    classifier = Run(robust).load_agent("classifier")
    for pixels, logits in (
        (images, arrays["class_logits"]),
        (adversarial, arrays["adversarial_class_logits"]),
    ):
        np.testing.assert_allclose(
            logits, classifier(datasets.normalize(pixels)), rtol=1e-4, atol=1e-4
        )
    right = [
        np.mean(arrays[kind].argmax(axis=1) == arrays["labels"])
        for kind in ("class_logits", "adversarial_class_logits")
    ]
    assert right[1] <= right[0]
    assert f"classified correctly: {right[0]:.1%}, under attack {right[1]:.1%} of 20" in said


def test_generate_climbs_from_noise_and_films_it(dcgan, attacked, tmp_path):
    words = ("--mode", "generate", "--game", "attacked", "--path", attacked, "--digits", "3,1")
    succeeded(dcgan(*words, "--sampling_steps", 40, "--arrays", "a.npz"))
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["labels"].tolist() == [3, 1] * 8
        assert arrays["images"].shape == (16, 8, 8, 1)
        assert arrays["scores"].shape == (16,)
    size = ((2 * 9 + 1) * 7, (8 * 9 + 1) * 7)
    assert format_and_size(tmp_path / "generated_image.png") == ("PNG", size)
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


def test_evaluate_writes_how_robust_it_is(dcgan, robust, tmp_path, monkeypatch):
    """By shorter attacks than the usual ones, which take 20 seconds."""
    few = functools.partial(robustness.RobustnessOptions, restarts=2, queries=50)
    monkeypatch.setattr(robustness, "RobustnessOptions", few)
    short = functools.partial(AutoProjectedGradientDescent, steps=5)
    monkeypatch.setattr(robustness, "AutoProjectedGradientDescent", short)
    monkeypatch.setitem(robustness.CURVE, "linf", np.array([0.0, 0.1]))
    words = ("--mode", "evaluate", "--game", "robust", "--path", robust, "--samples", 50)
    said = succeeded(dcgan(*words, "--output", "there"))
    report = json.loads((tmp_path / "there" / "robustness.json").read_text())
    assert report["dataset"] == "digits"
    assert report["parameters"] == Run(robust).load_agent("classifier").count_params()
    assert report["options"]["num_images"] == 50
    assert report["options"]["epsilon"] == 0.1  # what it was trained against
    worst = [row["value"] for row in report["worst_case"]]
    assert worst == sorted(worst, reverse=True)
    assert format_and_size(tmp_path / "there" / "robustness.png")[0] == "PNG"
    for attack in ("PGD-40", "PGD-100, 2 restarts", "APGD-CE", "APGD-DLR, targeted", "Square"):
        assert attack in said
    for warning in report["warnings"]:
        assert f"warning: {warning}" in said


@pytest.mark.parametrize(("mode", "size"), [("L", (8, 8)), ("RGB", (30, 20)), ("RGBA", (9, 50))])
def test_attack_takes_any_picture(dcgan, robust, tmp_path, mode, size):
    picture = write_noise(tmp_path / "mine.png", size, mode)
    said = succeeded(dcgan(*ATTACK, robust, "--image", picture, "--epsilon", 0.2))
    assert "PGD-40, linf epsilon 0.2 on the [0, 1] pixel scale" in said
    assert "there was nothing to attack" not in said  # it is right by its own word
    assert said.count("it is read as") == 2
    assert format_and_size(tmp_path / "attack.png")[1][0] == 1200
    assert format_and_size(tmp_path / "adversarial.png") == ("PNG", (8, 8))
    with (
        Image.open(tmp_path / "adversarial.png") as written,
        np.load(tmp_path / "attack.npz") as arrays,
    ):
        np.testing.assert_array_equal(np.asarray(written), arrays["adversarial_images"][0, :, :, 0])
        named = arrays["class_logits"].argmax(axis=1)
        np.testing.assert_array_equal(named, arrays["labels"])
    assert f"as it is, it is read as {named[0]} (" in said


def test_attack_heads_for_a_target_or_away_from_a_label(dcgan, robust, tmp_path):
    picture = write_noise(tmp_path / "mine.png")
    for target in (3, 7):
        words = ("--image", picture, "--target", target, "--epsilon", 1.0)
        said = succeeded(dcgan(*ATTACK, robust, *words))
        assert "attacked, it is read as " in said
    pixels = datasets.load_picture(picture, 8, 1)
    logits = Run(robust).load_agent("classifier")(datasets.normalize(pixels[None]))
    named = int(np.argmax(logits))
    for label, right in ((named, True), ((named + 1) % 10, False)):
        words = ("--image", picture, "--label", label, "--attack_steps", 3, "--epsilon", 0.05)
        said = succeeded(dcgan(*ATTACK, robust, *words))
        assert f"as it is, it is read as {named} (" in said
        complaint = f"--label says that it is {label}, so there was nothing to attack"
        assert (complaint in said) != right


@pytest.mark.usefixtures("eager")
def test_attack_by_length_repeats_by_seed(dcgan, robust, tmp_path):
    texts = []
    for output in ("one", "two"):
        words = ("--norm", "l2", "--samples", 30, "--seed", 4, "--output", output)
        said = succeeded(dcgan(*ATTACK, robust, *words, "--attack_steps", 4))
        assert "PGD-4, l2 epsilon 2 on the [0, 1] pixel scale" in said
        texts.append(said.replace(output, ""))
        assert (tmp_path / output / "attack.png").exists()
    assert texts[0] == texts[1]


def test_the_discriminator_of_images_by_attack_can_be_attacked(dcgan, attacked):
    words = ("--mode", "attack", "--game", "attacked", "--path", attacked, "--samples", 20)
    said = succeeded(dcgan(*words))
    assert "PGD-40, linf epsilon 0.3 on the [0, 1] pixel scale" in said
