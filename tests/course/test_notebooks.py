"""The notebooks: made from their solutions, which pass every check in a fresh kernel."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from course import grade, make
from course.points import POINTS, WORTH
from tests.support.program import ROOT

COURSE = ROOT / "course"


@pytest.mark.parametrize("name", POINTS)
def test_the_student_s_notebook_is_up_to_date(name):
    text = (COURSE / f"{name}.ipynb").read_text()
    assert text == make.written(make.unsolved(name)), "run python -m course.make"
    notebook = json.loads(text)
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    assert "SOLUTION" not in text


@pytest.mark.parametrize("name", POINTS)
def test_each_check_stands_below_its_function(name):
    cells = make.unsolved(name).cells
    called = [check for cell in cells for check in grade.calls(cell)]
    assert called == list(POINTS[name])
    for before, cell in zip(cells, cells[1:], strict=False):
        for check in grade.calls(cell):
            assert cell.source == f"checks.{check}({check})"
            assert f"def {check}(" in before.source
            assert before.source.count(make.YOURS) == 1


@pytest.mark.parametrize("name", POINTS)
def test_solutions_are_tidy(name, tmp_path):
    path = tmp_path / f"{name}.ipynb"
    path.write_text(make.written(make.solved(name)))
    for words in (("check",), ("format", "--check", "--diff")):
        ruff = [sys.executable, "-m", "ruff", *words, "--config", str(ROOT / "pyproject.toml")]
        run = subprocess.run([*ruff, str(path)], capture_output=True, text=True, cwd=ROOT)
        assert run.returncode == 0, run.stdout + run.stderr


def passed(name, folder, *, whole):
    """Grades a solution in a kernel of its own; returns the Grade."""
    path = folder / f"{name}.ipynb"
    path.write_text(make.written(make.solved(name)))
    found = grade.grade(path, SimpleNamespace(limit=1200, whole=whole))
    assert not found.says
    assert not found.stopped, found.stopped
    assert [each["says"] for each in found.checks] == ["right"] * len(POINTS[name])
    assert found.points == found.of == sum(WORTH[check] for check in POINTS[name])
    return found


QUICK, *OTHERS = list(POINTS)[:3]  # `test_checks.py` asks every check without a kernel


@pytest.mark.parametrize(
    "name", [QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_a_solution_passes(name, tmp_path):
    passed(name, tmp_path, whole=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(POINTS))
def test_a_solution_passes_at_full_length(name, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATASET", "digits")
    assert passed(name, tmp_path, whole=True).seconds < 600
