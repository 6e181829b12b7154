"""The matrix of loss by penalty: its cells, and a line of each."""

import concurrent.futures

import pytest

from benchmarks import collapse
from games import OptionError


def test_wasserstein_has_a_penalty_of_its_own():
    options = collapse.parse(["--datasets", "ring", "--losses", "wasserstein", "hinge"])
    assert [loss for _, loss, _ in collapse.cells(options)] == ["wasserstein", "hinge", "hinge"]


@pytest.mark.usefixtures("eager")
def test_a_tiny_matrix_holds_a_row_a_cell():
    words = ["--datasets", "ring", "--losses", "minimax", "--gammas", "0", "--seeds", "0", "1"]
    options = collapse.parse([*words, "--steps", "5", "--bare"])
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        (row,) = collapse.fill(options, executor)
    assert (row["dataset"], row["loss"], row["gamma"]) == ("ring", "minimax", 0.0)
    assert row["least_good"] <= row["good"]
    assert 0 <= row["fewest"] <= row["modes"] <= 8 and 0 <= row["good"] <= 1
    assert f"{row['good']:8.1%}" in collapse.line(row)


def test_the_row_says_in_how_many_games_the_watch_spoke_and_how_often_rightly():
    game = {"of_modes": 8, "good": 0.5, "kl": 0.1, "modes": 8, "spoke": None, "rightly": None}
    played = [
        game,
        {**game, "modes": 3, "spoke": 800, "rightly": True},
        {**game, "spoke": 1200, "rightly": False},
        {**game, "modes": 2},
    ]
    row = collapse.summary(("ring", "hinge", 0.0), played)
    assert (row["collapsed"], row["spoke"], row["rightly"], row["first"]) == (2, 2, 1, 1000)
    assert collapse.line(row).split()[-4:] == ["2", "2", "1", "1000"]


@pytest.mark.parametrize("steps", ["0", "500", "many"])
def test_steps_are_whole_epochs(steps):
    with pytest.raises(OptionError, match="--steps"):
        collapse.parse(["--steps", steps])
