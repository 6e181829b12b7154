"""The run folder: what it refuses, what it keeps, what it finds."""

import errno
import json
import os

import pytest

import agents
from games import GAMES
from training import finding
from training.run_folder import Run, RunError


def options_of(game="trio", **options):
    return GAMES[game].from_preset("quick", **options)


def started(path, **options):
    run = Run(path)
    run.path.mkdir(parents=True, exist_ok=True)
    run.start(options_of(**options), ["zero", "one"])
    return run


def with_generator(run):
    agents.build_generator(8, 1, latent_dim=2, width=1).save(run.path / "generator.keras")
    return run


def test_config_json_says_what_made_the_run(tmp_path):
    run = started(tmp_path, dataset="digits", seed=5)
    record = json.loads((tmp_path / "config.json").read_text())
    assert record["config"]["seed"] == 5
    assert set(record["versions"]) == {"tensorflow", "keras", "numpy"}
    assert "git_commit" in record
    assert run.read_config() == options_of(dataset="digits", seed=5)
    assert run.class_names() == ("zero", "one")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"config": {"game": "chess"}}', '{"config": {"new": 1}}', "\xff"]
)
def test_a_bad_config_is_one_line_that_names_the_file(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RunError) as caught:
        Run(tmp_path).read_config()
    assert "config.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_second_training_is_kept_out(tmp_path):
    with (
        Run(tmp_path / "run").locked(),
        pytest.raises(RunError, match="another process"),
        Run(tmp_path / "run").locked(),
    ):
        pass
    with Run(tmp_path / "run").locked():
        pass  # free again


def test_a_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="another --path"), Run(tmp_path / "file").locked():
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_clear_removes_the_run_and_nothing_else(tmp_path):
    run = with_generator(started(tmp_path))
    run.append_stats({"step": 1})
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "samples").mkdir()
    for name in ("step-000025.png", "epoch-0001.png"):
        (tmp_path / "samples" / name).write_bytes(b"")
    (tmp_path / "samples" / "mine.png").write_bytes(b"")
    run.clear()
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"notes.txt", "samples/mine.png"}


def test_stats_survive_a_cut_off_line_and_forget_what_is_played_again(tmp_path):
    run = Run(tmp_path)
    for step in (10, 20, 30):
        run.append_stats({"step": step})
    with run.stats_file.open("a") as file:
        file.write('{"step": 4')
    assert [row["step"] for row in run.read_stats()] == [10, 20, 30]
    run.forget_stats_after(20)
    assert run.stats_file.read_text() == '{"step": 10}\n{"step": 20}\n'


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_a_damaged_agent_is_one_line_with_a_way_out(tmp_path, content):
    run = started(tmp_path)
    if content is not None:
        (tmp_path / "generator.keras").write_bytes(content)
    with pytest.raises(RunError) as caught:
        run.load_agent("generator")
    assert "generator.keras" in str(caught.value)
    assert "--mode train" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path):
    class Game:
        def save(self, path):
            with open(path, "wb") as file:  # noqa: PTH123
                file.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    run = Run(tmp_path)
    run.checkpoint_file.write_bytes(b"good")
    with pytest.raises(RunError, match="checkpoint.keras: .*No space.*--resume"):
        run.save(Game())
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.keras"]
    assert run.checkpoint_file.read_bytes() == b"good"


def test_find_prefers_the_latest_then_the_supplied(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(finding, "PRETRAINED", tmp_path / "supplied")
    with pytest.raises(RunError, match="--mode train"):
        finding.find("trio", "auto")
    supplied = with_generator(started(tmp_path / "supplied" / "trio-mnist"))
    assert finding.find("trio", "auto")[0].path == supplied.path
    old = with_generator(started(tmp_path / "runs" / "trio-mnist"))
    new = with_generator(started(tmp_path / "runs" / "trio-digits", dataset="digits"))
    os.utime(old.path / "generator.keras", (1, 1))
    run, is_supplied = finding.find("trio", "auto")
    assert (run.path.name, is_supplied) == (new.path.name, False)
    assert finding.find("trio", "mnist")[0].path.name == old.path.name


def test_another_game_or_dataset_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with_generator(started(tmp_path / "mine", game="gan", dataset="digits"))
    with pytest.raises(RunError, match="game gan, not trio"):
        finding.find("trio", "auto", tmp_path / "mine")
    with pytest.raises(RunError, match="on digits, not mnist"):
        finding.find("gan", "mnist", tmp_path / "mine")
    assert finding.find("gan", "digits", tmp_path / "mine")[1] is False


def test_the_home_folder_expands(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Run("~/run").path == tmp_path / "run"
