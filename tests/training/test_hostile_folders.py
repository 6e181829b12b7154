"""Run folders that are damaged, foreign or half written: one line that names the file and a fix."""

import json
import os
import pathlib
import shutil
import types

import keras
import numpy as np
import pytest

from games import GAMES
from tests.support.games import tiny_gan, tiny_trio
from training import reading
from training.run_folder import Onlooker, Run, RunError


def start(path, game="gan", **options):
    run = Run(path)
    run.path.mkdir(parents=True, exist_ok=True)
    chosen = GAMES[game].from_preset("quick", "small", dataset="digits", **options)
    run.start(chosen, ["a", "b", "c"], image_shape=(8, 8, 1))
    return run


def named(game, name):
    """A tiny game that says that it is the game of this name."""
    game.options = types.SimpleNamespace(game=name)
    return game


def saved(path):
    """A run with a checkpoint of step 1 behind one of step 2, and agents of step 2."""
    run, game = start(path), tiny_gan()
    for step in (1, 2):
        game.generator.optimizer.iterations.assign(step)
        run.save(game)
    return run


def one_line(caught, *words):
    text = str(caught.value)
    assert "\n" not in text and len(text) < 700
    for word in words:
        assert word in text, text


# config.json

VALUES = [
    ("seed", 0.5),
    ("seed", True),
    ("seed", "1"),
    ("steps", 10**400),
    ("steps", None),
    ("batch_size", [8]),
    ("game", []),
    ("minutes", "soon"),
    ("dataset", {"deep": 1}),
    ("generator_learning_rate", float("nan")),
]


@pytest.mark.parametrize(("name", "value"), VALUES, ids=str)
def test_an_option_of_a_wrong_type_is_refused_by_name(tmp_path, name, value):
    run = start(tmp_path)
    record = json.loads(run.config_file.read_text())
    record["config"][name] = value
    run.config_file.write_text(json.dumps(record))
    with pytest.raises(RunError) as caught:
        run.read_config()
    one_line(caught, "config.json", "--overwrite")


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"config": 1' + b"0" * 5000 + b"}", b" " * 2_000_000, b"\xff\xfe"]
)
def test_what_is_no_json_is_refused(tmp_path, content):
    run = start(tmp_path)
    run.config_file.write_bytes(content)
    for read in (run.read_config, run.class_names):
        with pytest.raises(RunError) as caught:
            read()
        one_line(caught, "config.json")
    assert run.is_damaged


def test_a_pipe_keeps_nobody_waiting(tmp_path):
    run = Run(tmp_path)
    for file in (run.config_file, run.stats_file, run.checkpoint_file):
        os.mkfifo(file)
    for read in (run.read_record, run.read_stats):
        with pytest.raises(RunError) as caught:
            read()
        one_line(caught, "not a regular file")
    with pytest.raises(RunError, match="not a regular file"):
        reading.load_model(run.checkpoint_file, "train anew")
    assert reading.read_stamp(run.checkpoint_file) == {}


@pytest.mark.parametrize("path", ["", "a\nb", "a\0b", "~nosuchuser/run"])
def test_a_path_that_no_folder_can_have_is_one_line(path):
    with pytest.raises(RunError) as caught:
        Run(path)
    one_line(caught, "--path")


# stats.jsonl


def test_rows_that_are_none_are_left_out_and_the_next_row_starts_a_line(tmp_path):
    run = Run(tmp_path)
    bad = [b"[]", b"3", b'{"loss": 1}', b'{"step": 0.5}', b'{"step": -1}', b'{"step": 3, "a": "b"}']
    bad += [b'{"step": 1' + b"0" * 30 + b"}", b"[" * 90_000, b"\xff", b"{" * 300_000]
    run.stats_file.write_bytes(b'{"step": 1}\n' + b"\n".join(bad) + b'\n{"step": 2')
    run.append_stats({"step": 5})
    assert [row["step"] for row in run.read_stats()] == [1, 5]


def test_a_row_that_the_disk_has_no_room_for_leaves_the_others_whole(tmp_path, monkeypatch):
    run = Run(tmp_path)
    run.append_stats({"step": 1})
    before = run.stats_file.read_bytes()

    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "_end_of_a_cut_off_line", full)
    with pytest.raises(OSError, match="No space"):
        run.append_stats({"step": 2})
    assert run.stats_file.read_bytes() == before


# Agents


def test_an_agent_is_what_its_file_is_named_after_and_says_its_step(tmp_path, capsys):
    run = saved(tmp_path)
    assert run.agent_stamp("generator") == {"agent": "generator", "step": 2}
    assert run.load_agent("generator").output_shape == (None, 8, 8, 1)
    assert capsys.readouterr().err == ""
    generator, discriminator = (
        run.path / f"{name}.keras" for name in ("generator", "discriminator")
    )
    content = generator.read_bytes()
    generator.write_bytes(discriminator.read_bytes())
    with pytest.raises(RunError) as caught:
        run.load_agent("generator")
    one_line(caught, "generator.keras", "another agent", "discriminator")
    generator.write_bytes(content)
    game = tiny_gan()
    run.save_agent("generator", game.average_generator, 1)
    run.load_agent("generator")
    assert "is of step 1, the checkpoint of step 2" in capsys.readouterr().err


def test_unmarked_agents_are_told_by_their_shapes(tmp_path):
    run, game = start(tmp_path), tiny_trio()
    agents = game.agents_to_save()
    agents["classifier"].save(tmp_path / "generator.keras")
    agents["generator"].save(tmp_path / "classifier.keras")
    keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()]).save(
        tmp_path / "discriminator.keras"
    )
    for name in agents:
        with pytest.raises(RunError) as caught:
            run.load_agent(name)
        one_line(caught, f"{name}.keras", "--mode train")


def test_weights_that_are_no_numbers_draw_nothing(tmp_path):
    run, game = start(tmp_path), tiny_gan()
    generator = game.average_generator
    generator.set_weights([np.full_like(w, np.nan) for w in generator.get_weights()])
    run.save_agent("generator", generator, 1)
    with pytest.raises(RunError) as caught:
        run.load_agent("generator")
    one_line(caught, "generator.keras", "not numbers")


# Checkpoints


def test_the_checkpoint_before_serves_when_the_last_is_damaged(tmp_path):
    run, lines = saved(tmp_path), []
    assert run.load_game(lines.append).step == 2
    assert lines == []
    run.checkpoint_file.write_bytes(run.checkpoint_file.read_bytes()[:5000])
    game = run.load_game(lines.append)
    assert game.step == 1
    assert len(lines) == 1 and "checkpoint.keras" in lines[0] and "of step 1" in lines[0]
    kept = run.previous_checkpoint_file.read_bytes()
    run.save(game)
    assert run.previous_checkpoint_file.read_bytes() == kept  # and not the damaged one
    run.previous_checkpoint_file.write_bytes(b"")
    run.checkpoint_file.unlink()
    with pytest.raises(RunError) as caught:
        run.load_game()
    one_line(caught, "checkpoint.keras", "--overwrite")


def test_a_checkpoint_of_another_game_is_refused(tmp_path):
    run = start(tmp_path, "gan")
    for name, game in (("trio", tiny_trio()), ("gan", tiny_gan())):
        named(game, name)
        if name == "gan":
            assert run._checked(game, run.checkpoint_file, "") is game
            continue
        with pytest.raises(RunError) as caught:
            run._checked(game, run.checkpoint_file, "train again with --overwrite")
        one_line(caught, "holds trio, config.json says gan")


def test_a_kill_between_any_two_writes_leaves_a_run_to_go_on_with(tmp_path, monkeypatch):
    """At each change of the folder a copy of it is what a kill would have left there."""
    run, game, copies = start(tmp_path / "run"), tiny_gan(), []
    replace = pathlib.Path.replace

    def copy_and_replace(self, target):
        for moment in "before", "after":
            if moment == "after":
                replace(self, target)
            copies.append(shutil.copytree(run.path, tmp_path / str(len(copies))))

    monkeypatch.setattr(pathlib.Path, "replace", copy_and_replace)
    for step in (1, 2):
        game.generator.optimizer.iterations.assign(step)
        run.save(game)
    steps = []
    for copy in map(Run, copies):
        if copy.has_checkpoint:
            found = copy.load_game()
            steps.append(found.step)
            stale = copy.outdated(found)
            assert stale == [] or copy.path != copies[-1]
        else:
            copy.refuse_to_replace(overwrite=False)  # nothing to lose: it may start again
    assert steps == sorted(steps) and set(steps) == {1, 2}


# What may be replaced


def test_a_folder_without_a_checkpoint_is_no_run(tmp_path):
    run = start(tmp_path)
    run.append_stats({"step": 1})
    assert not run.exists
    run.refuse_to_replace(overwrite=False)
    with pytest.raises(RunError) as caught:
        run.refuse_to_resume()
    one_line(caught, "nothing to go on with", "leave --resume out")


def test_a_run_is_replaced_only_when_asked_for_and_also_when_broken(tmp_path):
    run = saved(tmp_path)
    with pytest.raises(RunError, match="already holds a run"):
        run.refuse_to_replace(overwrite=False)
    run.refuse_to_replace(overwrite=True)
    run.config_file.write_text("{")
    assert run.exists and run.is_damaged
    run.refuse_to_replace(overwrite=True)
    run.clear()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("config", [None, '{"model_type": "bert"}', "{"])
def test_what_the_user_made_is_never_replaced(tmp_path, config):
    mine = tmp_path / "classifier.keras"
    mine.write_bytes(b"mine")
    if config:
        (tmp_path / "config.json").write_text(config)
    for overwrite in (False, True):
        with pytest.raises(RunError) as caught:
            Run(tmp_path).refuse_to_replace(overwrite)
        one_line(caught, "classifier.keras", "move it away")
    assert mine.read_bytes() == b"mine"


def test_what_a_kill_left_half_written_is_removed(tmp_path):
    run = start(tmp_path)
    half, mine = tmp_path / ".checkpoint-ab12cd34.keras", tmp_path / ".checkpoint-of-mine.keras"
    mine.write_bytes(b"mine")
    half.write_bytes(b"half")
    start(tmp_path)  # as a resume does
    assert set(tmp_path.iterdir()) == {run.config_file, mine}
    half.write_bytes(b"half")
    run.clear()
    assert list(tmp_path.iterdir()) == [mine]


def test_the_folder_of_the_data_is_kept_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert start(tmp_path / "run", data_dir="here").read_config().data_dir == str(tmp_path / "here")


def test_a_parent_is_locked_for_others_while_a_lock_is_held(tmp_path):
    parent = start(tmp_path)
    with parent.locked():
        with pytest.raises(RunError, match="another process"), Run(tmp_path).locked():
            pass
        with Onlooker(tmp_path).locked():
            pass
