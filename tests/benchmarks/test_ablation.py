"""Rob-GAN rule by rule: each row changes what it says, and a tiny one is said and written."""

import json

import pytest

from benchmarks import ablation
from evaluation import table
from games.robgan import BEFORE, RobGANOptions


def test_from_the_old_game_to_today_s_every_rule_changes_once():
    rows = [ablation.rules_of(row) for row in ablation.CHANGES]
    assert rows[0] == BEFORE
    assert rows[-1] == {}
    for one, other in zip(rows, rows[1:], strict=False):
        assert other.items() < one.items()
    today = RobGANOptions(game="robgan")
    assert all(getattr(today, name) != value for name, value in BEFORE.items())


@pytest.mark.slow
def test_a_row_is_played(tmp_path):
    file = tmp_path / "figures.json"
    words = ["--dataset", "digits", "--rows", "all", "--seeds", "0", "--steps", "5"]
    assert ablation.main([*words, "--output", str(file)]) == 0
    ((figures,),) = (row["seeds"] for row in json.loads(file.read_text())["rows"])
    assert set(figures) == {*ablation.FIGURES, "robust"}
    assert all(0 <= figures[name] <= 2 for name in figures if name != "frechet_distance")


def test_a_tiny_row_is_said_and_written(tmp_path, capsys, monkeypatch):
    figures = {
        "gan_test": 0.5,
        "recall": 0.2,
        "frechet_distance": 9.0,
        "diversity": 0.8,
        "robust": 0.5,
    }
    assert set(ablation.FIGURES) | {"robust"} == set(figures)
    assert set(ablation.FIGURES) <= set(table.FIGURES)
    asked = []

    def play(row, seed, options):
        asked.append((row, seed))
        return {name: value + seed / 100 for name, value in figures.items()}

    monkeypatch.setattr(ablation, "play", play)
    file = tmp_path / "figures.json"
    words = ["--rows", "eyes", "--seeds", "0", "2", "--output", str(file)]
    assert ablation.main(words) == 0
    assert asked == [("eyes", 0), ("eyes", 2)]
    (row,) = json.loads(file.read_text())["rows"]
    assert row["rules"] == {"generator": "residual"}
    assert "51.0 (50.0, 52.0)" in capsys.readouterr().out
