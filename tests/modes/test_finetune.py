"""Rob-GAN by the command line: training, every mode after it, and fine-tuning in its own folder."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import agents
from cli.terminal import command
from evaluation import attack_plots, reference, robustness, table
from games import base
from modes.selection import classifier_run
from tests.support import program
from tests.support.files import contents, format_and_size, times_of
from tests.support.program import refused, succeeded
from tests.support.runs import CtrlC, eagerly
from training import loop
from training.run_folder import Run

ROBGAN = ("--game", "robgan", "--path")
FINETUNE = ("--mode", "finetune", *ROBGAN)
SHORT = ("--steps", 3, "--attack_steps", 2, "--fake_weight", 0.5)


@pytest.fixture(scope="module")
def robgan(trained):
    return trained("robgan")


@pytest.fixture(scope="module")
def finetuned(robgan, tmp_path_factory):
    """The same run, fine-tuned in a copy of its folder, and what was said."""
    folder = shutil.copytree(robgan, tmp_path_factory.mktemp("copy") / "run")
    with eagerly():
        return folder, succeeded(program.run(*FINETUNE, folder, *SHORT))


# Training and the modes after it.


def test_training_leaves_three_agents_and_figures_under_attack(robgan):
    names = {path.name for path in robgan.iterdir()}
    assert {f"{agent}.keras" for agent in ("generator", "discriminator", "classifier")} <= names
    assert "finetuned" not in names
    (row,) = Run(robgan).read_stats()
    assert {"val_accuracy", "val_robust_accuracy", "D(G(z))", "generator_loss"} <= set(row)
    assert np.isfinite(list(row.values())).all()
    classifier, discriminator = (
        Run(robgan).load_agent(name) for name in ("classifier", "discriminator")
    )
    images = np.random.default_rng(0).uniform(-1, 1, (5, 8, 8, 1)).astype(np.float32)
    np.testing.assert_array_equal(
        classifier.predict_on_batch(images),
        discriminator.predict_on_batch([images, np.zeros(5, np.int32)])[1],
    )


def test_generate_draws_the_nicest(dcgan, robgan, tmp_path):
    words = ("--digits", "3,1", "--nice", "--arrays", "a.npz")
    succeeded(dcgan("--mode", "generate", *ROBGAN, robgan, *words))
    assert format_and_size(tmp_path / "nice_generated_image.png")[0] == "PNG"
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["labels"].tolist() == [3, 1] * 8
        assert arrays["images"].shape == (16, 8, 8, 1)


def test_interpolate_films_the_way(dcgan, robgan, tmp_path):
    succeeded(dcgan("--mode", "interpolate", *ROBGAN, robgan))
    assert format_and_size(tmp_path / "interpolation.png")[0] == "PNG"
    with Image.open(tmp_path / "interpolation.gif") as film:
        assert film.n_frames == 60


def test_attack_takes_the_ball_that_it_was_trained_against(dcgan, robgan, tmp_path):
    said = succeeded(dcgan("--mode", "attack", *ROBGAN, robgan, "--samples", 30))
    assert "PGD-40, linf epsilon 0.1 on the [0, 1] pixel scale" in said
    assert " of 30\n" in said
    assert "fine-tuned" not in said
    assert format_and_size(tmp_path / "attack.png")[0] == "PNG"


@pytest.mark.usefixtures("short_drs")
def test_evaluate_judges_the_images(dcgan, robgan, tmp_path, monkeypatch):
    def untaught(images, labels, *, num_classes, **options):
        return agents.build_classifier(8, 1, width=4, num_classes=num_classes)

    monkeypatch.setattr(reference, "train_judge", untaught)
    monkeypatch.setattr(reference, "FEWEST_CAS_IMAGES", 600)
    words = ("--samples", 100, "--output", "there")
    said = succeeded(dcgan("--mode", "evaluate", *ROBGAN, robgan, *words))
    report = json.loads((tmp_path / "there" / "evaluation.json").read_text())
    assert report
    assert "drawing 100 images of each kind: plain, nice, rejection_sampled" in said
    assert list((tmp_path / "there").glob("*.png"))


# Fine-tuning.


def test_fine_tuning_says_what_it_does_and_what_comes_next(finetuned):
    folder, said = finetuned
    assert f"using the trained agents of {folder}" in said
    assert f"training Rob-GAN's classifier on digits into {folder / 'finetuned'}" in said
    assert "done, 3 steps; next:" in said
    words = ("--mode", "evaluate", "--robustness", "--game", "robgan", "--path", folder)
    assert f"  {command(*words)}\n" in said


def test_fine_tuning_leaves_the_run_as_it_was(robgan, finetuned):
    before, after = contents(robgan), contents(finetuned[0])
    added = {name for name in after if name.startswith("finetuned/")}
    assert {name: after[name] for name in after.keys() - added} == before
    names = {"config.json", "stats.jsonl", "checkpoint.keras", "classifier.keras"}
    assert {f"finetuned/{name}" for name in names} <= added
    assert not {name for name in added if "generator" in name or "discriminator" in name}
    one, other = (Run(folder).load_agent("classifier") for folder in (robgan, finetuned[0]))
    tuned = Run(finetuned[0]).finetuned.load_agent("classifier")
    for kept, mine, theirs in zip(*(x.get_weights() for x in (one, other, tuned)), strict=True):
        np.testing.assert_array_equal(kept, mine)
        assert (mine != theirs).any()


def test_fine_tuning_inherits_the_ball(robgan, finetuned):
    parent, tuned = (run.read_config() for run in (Run(robgan), Run(finetuned[0]).finetuned))
    assert (tuned.game, tuned.dataset, tuned.steps) == ("finetune", "digits", 3)
    assert (tuned.fake_weight, tuned.attack_steps) == (0.5, 2)  # as given
    for name in ("epsilon", "norm"):
        assert getattr(tuned, name) == getattr(parent, name)
    assert tuned.epsilon == 0.1


def test_evaluate_then_judges_the_fine_tuned_classifier(dcgan, finetuned, tmp_path, monkeypatch):
    """By an evaluation that takes no time: the real one is tested by the robust game's run."""
    judged = []

    def evaluate(classifier, split, options, announce):
        judged.append((classifier, options))
        return {}

    monkeypatch.setattr(robustness, "evaluate_robustness", evaluate)
    monkeypatch.setattr(table, "format_robustness", json.dumps)
    monkeypatch.setattr(attack_plots, "plot_robustness", lambda report, path: None)
    folder, _ = finetuned
    words = ("--robustness", "--samples", 100, "--output", "there")
    said = succeeded(dcgan("--mode", "evaluate", *ROBGAN, folder, *words))
    assert f"its classifier is the fine-tuned one of {folder / 'finetuned'}" in said
    ((classifier, options),) = judged
    assert (options.epsilon, options.norm, options.num_images) == (0.1, "linf", 100)
    tuned = Run(folder).finetuned.load_agent("classifier")
    for mine, theirs in zip(classifier.get_weights(), tuned.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    report = json.loads((tmp_path / "there" / "robustness.json").read_text())
    del report["software"]
    assert report == {"dataset": "digits", "parameters": tuned.count_params()}


def test_a_second_fine_tuning_is_refused_unless_it_is_said_how(dcgan, finetuned):
    folder, _ = finetuned
    before = contents(folder)
    refused(dcgan(*FINETUNE, folder, *SHORT), 1, "finetuned", "--resume", "--overwrite")
    refused(dcgan(*FINETUNE, folder, "--resume", "--fake_weight", 2), 2, "--fake_weight 2", "0.5")
    assert contents(folder) == before


@pytest.mark.slow  # quick: the same loop in `tests/training/test_robust_runs.py`
def test_after_ctrl_c_fine_tuning_goes_on_as_if_it_had_never_stopped(
    dcgan, robgan, tmp_path, monkeypatch
):
    monkeypatch.setattr(base, "SMALLEST_EPOCH", 5)  # steps: a row every ten
    monkeypatch.setattr(CtrlC, "STEP", 7)
    words = ("--batch_size", 128, "--steps", 20, "--attack_steps", 1)
    whole, halves = (shutil.copytree(robgan, tmp_path / name) for name in ("whole", "halves"))
    succeeded(dcgan(*FINETUNE, whole, *words))
    with monkeypatch.context() as patched:
        patched.setattr(loop, "GraphWriter", CtrlC)
        answer = dcgan(*FINETUNE, halves, *words)
    assert (answer.returncode, answer.stderr) == (130, "")
    assert answer.stdout.endswith(f" --mode finetune --game robgan --path {halves} --resume\n")
    assert 7 <= Run(halves).finetuned.load_game().step < 10
    succeeded(dcgan(*FINETUNE, halves, "--resume"))
    one, other = (Run(folder).finetuned for folder in (whole, halves))
    last, resumed = (run.read_stats()[-1] for run in (one, other))
    assert last.keys() == resumed.keys()
    assert last.pop("step") == resumed.pop("step") == 20
    del last["images/s"], resumed["images/s"]
    assert last == resumed
    weights = (run.load_agent("classifier").get_weights() for run in (one, other))
    for mine, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


# What is refused.


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--mode", "finetune", "--game", "trio"), "--mode finetune: is for --game robgan"),
        (("--mode", "finetune"), "--mode finetune: is for --game robgan, not trio"),
        (("--mode", "train", "--game", "finetune"), "finetune"),
        (("--mode", "train", "--game", "robgan", "--fake_weight", 1), "--mode finetune, not train"),
        (("--mode", "train", "--game", "robgan", "--recipe", "nonsense"), "nonsense"),
        (("--mode", "train", "--game", "trio", "--recipe", "stable"), "--recipe"),
        (("--mode", "train", "--game", "robgan", "--loss", "madry"), "--loss madry"),
        ((*FINETUNE, "run", "--fake_weight", -1), "--fake_weight -1"),
        ((*FINETUNE, "run", "--recipe", "stable"), "--mode train, not finetune"),
        ((*FINETUNE, "run", "--resume", "--overwrite"), "choose one"),
    ],
)
def test_a_bad_flag_is_refused_before_any_work(dcgan, tmp_path, words, named):
    refused(dcgan(*words), 2, named)
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_another_game_or_none_cannot_be_fine_tuned(dcgan, robgan, tmp_path):
    other = shutil.copytree(robgan, tmp_path / "other")
    record = json.loads((other / "config.json").read_text())
    record["config"] = {"game": "trio", "dataset": "digits"}
    (other / "config.json").write_text(json.dumps(record))
    before = times_of(tmp_path)
    refused(dcgan(*FINETUNE, other), 1, "holds a run of the game trio, not robgan")
    refused(dcgan(*FINETUNE, "nowhere"), 1, "nowhere", "holds no trained agents")
    refused(dcgan(*FINETUNE, robgan, "--resume"), 1, "finetuned")
    assert times_of(tmp_path) == before
    assert "finetuned" not in {path.name for path in robgan.iterdir()}


def test_a_run_that_starts_anew_forgets_the_fine_tuned_classifier_of_the_old_one(
    robgan, finetuned, tmp_path, capsys
):
    """As --overwrite does: the folder is cleared, and another run's files are written there."""
    run = Run(shutil.copytree(finetuned[0], tmp_path / "run"))
    run.clear()
    for name in ("config.json", "classifier.keras"):
        shutil.copy(robgan / name, run.path / name)
    assert classifier_run(run) is run
    assert "fine-tuned" not in capsys.readouterr().out
