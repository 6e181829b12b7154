"""The matrix of loss by penalty: its cells, and a line of each."""

import json

from benchmarks import collapse


def test_wasserstein_has_a_penalty_of_its_own():
    options = collapse.parse(["--datasets", "ring", "--losses", "wasserstein", "hinge"])
    assert [loss for _, loss, _ in collapse.cells(options)] == ["wasserstein", "hinge", "hinge"]


def test_a_tiny_matrix_is_said_and_written(tmp_path, capsys):
    file = tmp_path / "figures.json"
    words = ["--datasets", "ring", "--losses", "minimax", "--gammas", "0", "--seeds", "0"]
    assert collapse.main([*words, "--steps", "5", "--output", str(file)]) == 0
    (row,) = json.loads(file.read_text())["rows"]
    assert (row["dataset"], row["loss"], row["gamma"]) == ("ring", "minimax", 0.0)
    assert 0 <= row["fewest"] <= row["modes"] <= 8 and 0 <= row["good"] <= 1
    assert collapse.line(row) in capsys.readouterr().out
