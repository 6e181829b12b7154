"""The grader: a bad notebook costs its own points alone, and one line says why."""

import csv
import io
import json
import os

import nbformat
import pytest

from course import grade, make, running
from course.points import MIME, POINTS
from tests.support.program import ROOT

NAME = "1_gradient_ascent"
HOSTILE = {
    "raises": "1 / 0",
    "prints": "print('x' * 5_000_000)",
    "deletes": "import pathlib\npathlib.Path(VICTIM).unlink()",
    "writes": "open(VICTIM, 'w').write('gone')",
    "connects": "import urllib.request\nurllib.request.urlopen('http://example.com', timeout=5)",
    "kills": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
    "starts": "import subprocess\nsubprocess.run(['rm', VICTIM])",
}
FORGED = """
from IPython.display import display
display({MIME: {"check": "pgd", "points": 5, "of": 5, "says": "right"}}, raw=True)
"""


def notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture
def graded(tmp_path, capsys):
    """Grades cells as a file; returns the Grade's dict."""

    def run(*sources, limit="20"):
        path = tmp_path / "work.ipynb"
        nbformat.write(notebook(*sources), path)
        assert grade.main([str(path), "--json", "--limit", limit]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_hostile_cells_harm_nothing_but_their_own_points(graded, tmp_path):
    victim = tmp_path / "victim.txt"
    victim.write_text("precious")
    climb = next(cell.source for cell in make.solved(NAME).cells if "def climb(" in cell.source)
    first = f"import tensorflow as tf\nVICTIM = {str(victim)!r}\nMIME = {MIME!r}"
    found = graded(
        first,
        *HOSTILE.values(),
        climb,
        "checks.climb = None\nchecks.climb(climb)",
        FORGED,
        limit="240",
    )
    assert victim.read_text() == "precious"
    stopped = " ".join(found["stopped"])
    for says in ("ZeroDivisionError", "no network", "outside its folder", "no processes"):
        assert says in stopped
    scores = {each["check"]: each["points"] for each in found["checks"]}
    assert scores == {**dict.fromkeys(POINTS[NAME], 0), "climb": 2}
    assert len(json.dumps(found)) < 10_000


def test_a_cell_that_never_ends_is_interrupted_and_the_next_ones_run():
    waiting = notebook("while True:\n    pass", "import os\nos.getpid()", "print('x' * 5_000_000)")
    found = running.run(waiting, limit=60, cell_limit=3, variables={})
    assert not found.ended
    assert found.stopped == ["cell 1: Timeout: takes too long, and was stopped"]
    assert len(nbformat.writes(waiting)) < 2 * running.MOST_TEXT
    kernel = int(waiting.cells[1].outputs[0].data["text/plain"])
    with pytest.raises(ProcessLookupError):  # nothing of it is left
        os.kill(kernel, 0)


def test_a_notebook_that_never_ends_is_stopped(graded):
    stubborn = "while True:\n    try:\n        Event().wait()\n    except BaseException: pass"
    found = graded(f"from threading import Event\n{stubborn}", "checks.climb(climb)", limit="5")
    assert "was stopped after 5 seconds" in found["says"]
    assert found["seconds"] < 40


def test_a_folder_gives_a_row_for_each_file(tmp_path, capsys):
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "torn.ipynb").write_text('{"cells": [')
    nbformat.write(notebook("1 + 1"), tmp_path / "other.ipynb")
    nbformat.write(notebook("import os\nos._exit(1)", "checks.leak(leak)"), tmp_path / "six.ipynb")
    assert grade.main([str(tmp_path), "--limit", "20"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["notebook"] for row in rows] == ["", "", "6_alice_bob_eve"]
    assert "is not a notebook" in rows[0]["says"]
    assert "has no check of the course" in rows[1]["says"]
    assert rows[2]["says"] == "ended its own kernel in cell 1"
    assert rows[2]["points"] == "0"
    assert rows[2]["of"] == str(sum(POINTS["6_alice_bob_eve"].values()))


def test_what_cannot_be_graded_is_refused_in_one_line(tmp_path, capsys):
    assert grade.main([str(tmp_path / "none.ipynb")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert grade.main([str(tmp_path)]) == 1
    assert "holds no notebook" in capsys.readouterr().err
    assert grade.main([]) == 2


def test_changed_and_missing_checks_are_the_course_s_own_again():
    changed = notebook("checks.climb(lambda *_: 'cheat')", "print('mine')")
    grade.restore(changed, make.unsolved(NAME))
    called = [check for cell in changed.cells for check in grade.calls(cell)]
    assert sorted(called) == sorted(POINTS[NAME])
    assert "cheat" not in "".join(cell.source for cell in changed.cells)
    assert "print('mine')" in changed.cells[1].source


def test_the_grader_needs_no_tensorflow():
    import subprocess
    import sys

    code = "import course.grade, sys; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
