"""The matrix of loss by penalty: its cells, and a line of each."""

import concurrent.futures

import pytest

from benchmarks import collapse


def test_wasserstein_has_a_penalty_of_its_own():
    options = collapse.parse(["--datasets", "ring", "--losses", "wasserstein", "hinge"])
    assert [loss for _, loss, _ in collapse.cells(options)] == ["wasserstein", "hinge", "hinge"]


@pytest.mark.usefixtures("eager")
def test_a_tiny_matrix_holds_a_row_a_cell():
    words = ["--datasets", "ring", "--losses", "minimax", "--gammas", "0", "--seeds", "0", "1"]
    options = collapse.parse([*words, "--steps", "5"])
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        (row,) = collapse.fill(options, executor)
    assert (row["dataset"], row["loss"], row["gamma"]) == ("ring", "minimax", 0.0)
    assert row["least_good"] <= row["good"]
    assert 0 <= row["fewest"] <= row["modes"] <= 8 and 0 <= row["good"] <= 1
    assert f"{row['good']:8.1%}" in collapse.line(row)
