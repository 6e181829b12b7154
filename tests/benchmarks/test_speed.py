"""The benchmarks of speed: their arithmetic, their peers, their lines, and a small run of each."""

import functools
import json
import os
import types

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import ciphers, crypto, race, scaling, startup, trio, trio_race
from games import GAMES, OptionError
from models.draw import Draw
from tests.support.games import BATCH, adam, play, real_batch, sgd, tiny_trio
from tests.support.program import ROOT, run_apart, succeeded

TINY = ("--image-size", 8, "--batch_size", 4, "--steps", 2)
NARROW = ("--generator_width", 4, "--discriminator-width", 4, "--classifier_width", 4)


def benchmark(name, *words):
    """Runs a benchmark; returns the finished process."""
    return run_apart(("-m", f"benchmarks.{name}"), *words, folder=ROOT, timeout=600)


@pytest.mark.parametrize(
    ("module", "words", "named"),
    [
        (trio, ["--batch_size", "0"], "--batch_size"),
        (trio, ["--preset", "hugee"], "--preset hugee"),
        (trio, ["--batch-size", "1"], "--batch_size 1"),
        (trio, ["--image_size", "30"], "--image_size 30"),
        (trio, ["--generator_width", "5000"], "--generator_width 5000"),
        (trio, ["--output", "/"], "--output /"),
        (trio, ["now"], "now"),
        (startup, ["--rounds", "none"], "none"),
        (startup, ["--threads", "1"], "--threads"),
        (scaling, ["--steps", "0"], "--steps"),
        (scaling, ["--threads", "-1"], "--threads"),
        (crypto, ["--preset", "nope"], "nope"),
        (crypto, ["--seeds", "-1"], "--seed -1"),
        (crypto, ["--rounds", "0"], "--rounds 0"),
        (crypto, ["--eves", "-1"], "--eves -1"),
        (crypto, ["--batch_size", "1"], "--batch_size 1"),
        (crypto, ["--output", "/"], "--output /"),
        (crypto, ["--picture", "all.jpg"], "--picture all.jpg"),
    ],
)
def test_a_bad_flag_is_one_line_and_status_2(module, words, named, capsys):
    assert module.main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(module.__name__ + ": ")
    assert said.count("\n") == 1
    assert named in said


def test_the_lines_are_read_before_tensorflow():
    names = "attacks, crypto, rob_gan, scaling, startup, trio"
    code = f"import sys; from benchmarks import {names}; sys.exit('tensorflow' in sys.modules)"
    succeeded(run_apart(("-c", code), folder=ROOT))


def test_rows_take_turns_and_a_peer_that_fails_is_left_out():
    order, said = [], []

    def row(name):
        return lambda task: lambda: order.append(name) or task

    def broken(task):
        raise ImportError("no such part\nat all")

    peers = {
        "good": race.Peer(("json",), "", (), {"good": row("good")}),
        "bad": race.Peer(("json",), "", (), {"bad": broken}),
        "absent": race.Peer(("nowhere_to_be_found",), "nowhere", (), {"absent": row("absent")}),
    }
    times, results, left_out = race.run(
        7, {"ours": row("ours")}, peers, rounds=2, announce=said.append
    )
    assert order == ["ours", "good"] * 3  # once to warm up
    assert results == {"ours": 7, "good": 7}
    assert all(len(each["seconds"]) == len(each["cpu_seconds"]) == 2 for each in times.values())
    assert {one["name"]: one["why"] for one in left_out} == {
        "bad": "fails: ImportError: no such part",
        "absent": "not installed; pip install nowhere",
    }
    assert "absent is left out: not installed; pip install nowhere" in said


def squares(task):
    """A row: every turn it returns one square more, and the process that it was prepared in."""
    if task < 0:
        raise ValueError("no such\ntask")
    made = []

    def play():
        made.append(len(made) ** 2)
        sum(range(200_000 * task))
        if len(made) > 3:
            raise ArithmeticError("too many")
        return made, os.getpid(), os.environ.get("PREPARED")

    return play


def prepare():
    os.environ["PREPARED"] = "yes"


def test_a_row_apart_works_in_a_process_of_its_own():
    row = race.Apart(prepare, squares, 10)
    (_, process, prepared), (made, again, _) = row(), row()
    assert made == [0, 1]
    assert process == again != os.getpid()
    assert prepared == "yes"
    assert "PREPARED" not in os.environ
    before = row.cpu_time()
    row()
    assert row.cpu_time() > before
    with pytest.raises(RuntimeError, match="ArithmeticError: too many"):
        row()
    with pytest.raises(RuntimeError, match="^ValueError: no such$"):
        race.Apart(prepare, squares, -1)


def test_a_row_whose_process_ends_fails():
    with pytest.raises(RuntimeError, match="has ended"):
        race.Apart(prepare, os._exit, 1)


def test_the_cpu_time_of_a_race_is_the_row_s_own():
    class Slow:
        def __init__(self):
            self.turns = 0

        def __call__(self):
            self.turns += 1

        def collect(self):
            self.turns -= 1

        def cpu_time(self):
            return 3.0 * self.turns

    rows = {"apart": lambda task: Slow(), "here": lambda task: lambda: None}
    times, _, _ = race.run(None, rows, {}, rounds=2, announce=lambda line: None)
    assert times["apart"]["cpu_seconds"] == [3.0, 3.0]
    assert all(0 <= seconds < 1 for seconds in times["here"]["cpu_seconds"])


def test_ratios_are_taken_within_a_round():
    """The machine is ten times as slow in the second round, which changes no ratio."""
    ours = {"seconds": [1.0, 10.0, 1.0], "cpu_seconds": [1.0, 1.0, 1.0]}
    theirs = {"seconds": [2.0, 20.0, 4.0], "cpu_seconds": [2.0, 4.0, 8.0]}
    row = race.summary("theirs", theirs, ours, count=8)
    assert row["ratio_to_ours"] == {"median": 0.5, "low": 0.25, "high": 0.5}
    assert row["cpu_ratio_to_ours"] == {"median": 0.25, "low": 0.125, "high": 0.5}
    assert row["images_per_second"] == {"median": 2.0, "low": 0.4, "high": 4.0}
    assert row["seconds"] == theirs["seconds"]


def test_each_case_of_the_scaling_is_a_trio_that_differs_in_one_thing():
    usual, *others = scaling.cases()
    for case in others:
        assert sum(case[name] != usual[name] for name in usual) == 1
        made = scaling.config_of(case)
        assert made.generator_width == round(case["width"] * 32)
        assert (made.batch_size, made.image_size) == (case["batch_size"], case["image_size"])
    with pytest.raises(OptionError, match="image_size"):
        scaling.config_of({**usual, "image_size": 30})


class NoGame:
    """Stands in for `benchmarks.trio_race`: tasks that take no time, of known operations."""

    flops = types.SimpleNamespace(of_step=lambda game, batch: batch * game.image_size**2)

    @staticmethod
    def Task(config, steps, threads):  # noqa: N802
        return types.SimpleNamespace(game=lambda: config)

    @staticmethod
    def ours(task):
        return lambda: sum(range(1000))


@pytest.mark.slow
def test_the_scaling_prints_a_line_a_case_and_writes_its_file(tmp_path, capsys):
    output = tmp_path / "scaling.json"
    options = scaling.parse(["--rounds", "2", "--threads", "1", "--output", str(output)])
    assert scaling.start(race, NoGame, options) == 0
    lines = capsys.readouterr().out.splitlines()
    report = json.loads(output.read_text())
    assert len(lines) == 2 + 1 + len(report["rows"]) == 3 + len(scaling.cases())
    assert report["settings"] == {"steps": 2, "rounds": 2, "threads": 1}
    for row, line in zip(report["rows"], lines[3:], strict=True):
        assert len(row["seconds"]) == 2
        share = row["batch_size"] * row["image_size"] ** 2 / (64 * 28**2)
        assert line.split()[-1] == f"{share:.2f}"
    assert report["rows"][0]["times_the_usual"]["median"] == 1.0


def grey_trio(**rules):
    return tiny_trio(optimizer=adam, r1_gamma=1.0, classifier_translation=1, ema_decay=0.5, **rules)


def colour_trio():
    """As of the presets in colour: relativistic, mirrored images, R1 and R2, styles."""
    widths = dict.fromkeys(trio.WIDTHS, 4)
    rules = {"image_size": 8, "batch_size": BATCH, "ema_decay": 0.5, **widths}
    config = GAMES["trio"].from_preset("quick", "colour", dataset="cifar10", **rules)
    return trio_race.Task(config, steps=1, threads=1).game()


@pytest.mark.parametrize(
    "made", [grey_trio, functools.partial(grey_trio, refine=False), colour_trio]
)
def test_the_torch_trio_takes_the_same_steps(made):
    """Given the same draws: R1 in the first of three rounds, shifts, mirrors, the averages.

    By plain descent: the two Adams add their epsilon in different places.
    """
    torch = pytest.importorskip("torch")
    from benchmarks import twin
    from benchmarks.torch_trio import twin_of

    game = made()
    theirs = twin_of(game)
    channels = game.discriminator.inputs[0].shape[-1]
    images, labels = (tensor.numpy() for tensor in real_batch())
    images = np.repeat(images, channels, axis=-1)
    theirs.check(images, labels)
    for name in theirs.optimizers:
        getattr(game, name).compile(sgd())  # 0.1 a step
        theirs.optimizers[name] = torch.optim.SGD(getattr(theirs, name).parameters(), 0.1)
    turns = {
        game.discriminator: (Draw.DISCRIMINATOR_FAKE_FLIP, Draw.DISCRIMINATOR_REAL_FLIP),
        game.generator: (Draw.GENERATOR_REAL_FLIP, Draw.GENERATOR_FAKE_FLIP),
        game.classifier: (Draw.CLASSIFIER_FLIP,),
    }
    fakes = {
        Draw.DISCRIMINATOR_FAKES: game.discriminator,
        Draw.GENERATOR_FAKES: game.generator,
        Draw.CLASSIFIER_FAKES: game.classifier,
    }

    def draw(batch, salt):
        latents, asked = game.draw_fakes(fakes[salt], batch, salt)
        return torch.tensor(latents.numpy()), torch.tensor(asked.numpy()).long()

    def shifts(batch):
        most = game.options.classifier_translation
        seed = game.random_seed(game.classifier, Draw.CLASSIFIER_SHIFT)
        drawn = tf.random.stateless_uniform((2, batch, 1), seed, -most, most + 1, dtype=tf.int32)
        return torch.tensor(drawn.numpy()).long()

    def heads(batch, salt):
        (agent,) = (agent for agent, draws in turns.items() if salt in draws)
        drawn = tf.random.stateless_uniform((batch, 1, 1, 1), game.random_seed(agent, salt))
        return torch.tensor(drawn.numpy() < 0.5)

    theirs.draw, theirs.shifts, theirs.heads = draw, shifts, heads
    before = game.classifier.get_weights()
    for _ in range(3):
        theirs.step(twin.channels_first(images), torch.tensor(labels).long())
        play(game, 1, (tf.constant(images), tf.constant(labels)))
    after = game.classifier.get_weights()
    assert max(np.abs(a - b).max() for a, b in zip(before, after, strict=True)) > 1e-2
    latents, asked = draw(BATCH, Draw.DISCRIMINATOR_FAKES)
    seen = twin.channels_first(images)
    ours_and_theirs = [
        (agent([latents.numpy(), asked.numpy()]), made(latents, asked).permute(0, 2, 3, 1))
        for agent, made in (
            (game.generator, theirs.generator),
            (game.average_generator, theirs.average_generator),
        )
    ]
    ours_and_theirs += [
        (game.discriminator([images, labels]), theirs.discriminator(seen, torch.tensor(labels))),
        (game.classifier(images), theirs.classifier(seen)),
        (game.average_classifier(images), theirs.average_classifier(seen)),
    ]
    for ours, torchs in ours_and_theirs:
        np.testing.assert_allclose(ours, torchs.detach().numpy(), rtol=1e-4, atol=1e-5)


def looks(*bits_wrong):
    """Rows of stats.jsonl in which Bob and Eve are wrong in so many bits."""
    return [
        {"step": 500 * index, "bob_bits_wrong": bob, "eve_bits_wrong": eve}
        for index, (bob, eve) in enumerate(bits_wrong, 1)
    ]


def test_the_paper_s_criterion_wants_bob_right_and_eve_wrong():
    stats = looks((8.0, 8.0), (0.049, 7.31), (0.051, 7.31), (0.049, 7.29), (0.0, 8.0))
    assert ciphers.successes(stats) == [1000, 2500]


def test_a_row_of_a_cipher_says_what_was_measured():
    row = dict.fromkeys(ciphers.COLUMNS, 3) | {"successes": [1000, 2500], "stats": [{}] * 5}
    assert ciphers.line(row).endswith("criterion met from 1000 on, 2 of 5 times")
    row.update(plain=[7.9, 8.1], hinted=[8.0], others={"trees": 7.5})
    assert ciphers.line(row).endswith(
        "fresh plain Eves 7.900 to 8.100; fresh hinted Eves 8.000 to 8.000; trees 7.500"
    )
    assert ciphers.line(dict.fromkeys(ciphers.COLUMNS, 3) | {"successes": None}).endswith("3.000")


def test_a_training_that_was_stopped_is_no_row(monkeypatch):
    monkeypatch.setattr(ciphers.attempts, "train", lambda *args, **how: (None, "SIGINT"))
    with pytest.raises(KeyboardInterrupt):
        ciphers.row_of(None, None)


@pytest.mark.slow
def test_a_small_table_of_ciphers(tmp_path):
    output, picture = tmp_path / "ciphers.json", tmp_path / "ciphers.png"
    words = (
        "--preset",
        "release",
        "--seeds",
        3,
        4,
        "--rounds",
        100,
        "--batch_size",
        64,
        "--messages",
        2,
    )
    said = succeeded(benchmark("crypto", *words, "--output", output, "--picture", picture))
    rows = json.loads(output.read_text())["rows"]
    assert [row["seed"] for row in rows] == [3, 4]
    for row in rows:
        assert row["rounds"] == row["stats"][-1]["step"] == 100
        assert row["leak_at_least"] == pytest.approx(1.0, abs=0.01)  # one bit: which of the two
        assert row["successes"] == []
    assert said.count("criterion met 0 of 1 times") == 2
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_small_race_of_the_trio(tmp_path):
    output = tmp_path / "speed.json"
    words = (*TINY, *NARROW, "--rounds", 1, "--threads", 1)
    said = succeeded(benchmark("trio", *words, "--output", output))
    report = json.loads(output.read_text())
    names = {row["name"] for row in report["rows"]}
    assert names >= {"ours", "predict + 4 train_on_batch", "ours, Keras's defaults"}
    assert "PyTorch" in names or [one["name"] for one in report["left_out"]] == ["PyTorch"]
    for row in report["rows"]:
        assert row["ratio_to_ours"]["median"] > 0
        assert row["name"] in said
    assert report["rows"][0]["ratio_to_ours"]["median"] == 1.0
    assert report["share_of_limit"]["seconds"]["median"] > 0
    total = sum(one["times"] * one["multiply_adds"] for one in report["passes"])
    assert report["flops_of_step"] == pytest.approx(2 * 4 * total)


@pytest.mark.slow
def test_a_small_run_of_the_others(tmp_path):
    for name, words in (("startup", ()), ("scaling", ("--steps", 1))):
        output = tmp_path / f"{name}.json"
        succeeded(benchmark(name, *words, "--rounds", 1, "--output", output))
        rows = json.loads(output.read_text())["rows"]
        assert len(rows) >= 4
        assert all(len(row["seconds"]) == 1 for row in rows)
