"""The layers of the house: imports go one way."""

import ast
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# Packages from the top of the house to its foundation; each may use those below it.
LAYERS = {
    **{"dcgan": 10, "benchmarks": 10, "course": 10},
    "cli": 9,
    "modes": 8,
    "lab": 7,
    "training": 6,
    "evaluation": 5,
    **{"models": 4, "crypto": 4},
    **{"agents": 3, "attacks": 3},
    "devices": 2,
    **{"images": 1, "games": 0},
}
# Leaves of higher packages that everybody may use.
LEAVES = ("cli.terminal",)
SOURCES = [
    path
    for path in sorted(ROOT.rglob("*.py"))
    if path.relative_to(ROOT).parts[0] not in (".venv", "tests", "runs")
]
NO_TENSORFLOW = {"games", "cli", "dcgan"}  # what --help loads


def package(path):
    """The package or top-level module that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(tree):
    """The modules that a file imports, anywhere in it: `a.b` of `from a import b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    here = package(path)
    assert here in LAYERS, f"{here} has no place in the house; give it one in LAYERS"
    for name in imported(ast.parse(path.read_text())):
        first = name.split(".")[0]
        if first == "absl":
            assert here == "cli", "only the command line knows of absl"
        if first not in LAYERS or first == here or name.startswith(LEAVES):
            continue
        if (here, first) == ("crypto", "models"):
            assert name.startswith("models.game."), "crypto knows of no model but the game"
            continue
        if path.name == "__main__.py" and first in ("cli", "dcgan"):  # a short form of the program
            continue
        assert LAYERS[first] < LAYERS[here], f"{here} must not import {name}"


def test_losses_know_nothing_of_ours():
    found = {
        name.split(".")[0] for name in imported(ast.parse((ROOT / "models/losses.py").read_text()))
    }
    assert not found & LAYERS.keys()


@pytest.mark.parametrize("name", sorted(NO_TENSORFLOW))
def test_what_help_loads_is_light(name):
    """No module of these imports at its top what takes long to load."""
    for path in SOURCES:
        if package(path) != name:
            continue
        at_top = {
            module.split(".")[0]
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for module in imported(ast.Module([node], []))
        }
        assert at_top <= {"absl", "cli", "games", *sys.stdlib_module_names}, path
