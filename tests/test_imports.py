"""The layers of the house: imports go one way."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
LAYERS = {
    "dcgan": 7,
    "benchmarks": 7,
    "modes": 5,
    "crypto": 4,
    "training": 3,
    "evaluation": 3,
    "models": 2,
    "agents": 1,
    "attacks": 1,
    "devices": 0,
    "images": 0,
    "games": 0,
    "cli": 0,
}
# Within one layer, and against the rule that any lower layer may be used.
ALLOWED = {
    ("dcgan", "dcgan"),
    ("devices", "games"),
    ("devices", "cli"),
    ("cli", "games"),
}
FORBIDDEN: set[tuple[str, str]] = set()
SOURCES = [
    path
    for path in sorted(ROOT.rglob("*.py"))
    if path.relative_to(ROOT).parts[0] not in (".venv", "tests", "runs")
]


def room(path):
    """The top-level module or package that a file belongs to."""
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imported(tree):
    """The first names of all modules that a file imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    here = room(path)
    assert here in LAYERS, f"{here} has no place in the house; give it one in LAYERS"
    for name in imported(ast.parse(path.read_text())):
        if name == "absl":
            command_lines = {ROOT / "dcgan.py", ROOT / "crypto" / "__main__.py"}
            assert path in command_lines, "only the command lines know of absl"
        if name not in LAYERS or name == here or (here, name) in ALLOWED:
            continue
        assert LAYERS[name] < LAYERS[here], f"{here} must not import {name}"
        assert (here, name) not in FORBIDDEN, f"{here} must not import {name}"


LIGHT = (
    "dcgan.py",
    "devices/__main__.py",
    "devices/cluster.py",
    "crypto/__main__.py",
    "crypto/config.py",
    "games/config.py",
    "games/fields.py",
    "games/presets.py",
    "cli/terminal.py",
)


@pytest.mark.parametrize("name", LIGHT)
def test_the_command_lines_are_light_to_load(name):
    at_top = {
        top
        for node in ast.parse((ROOT / name).read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for top in imported(node)
    }
    assert at_top <= {
        "absl",
        "cli",
        "crypto",
        "devices",
        "games",
        *sys.stdlib_module_names,
    }


LOADS = """
import gc, sys
from cli import terminal
terminal.load_tensorflow()
assert gc.isenabled() and {"tensorflow", "keras"} <= set(sys.modules)
print({"sklearn", "matplotlib"} & set(sys.modules))
import matplotlib.pyplot, sklearn.ensemble
"""


def test_tensorflow_comes_without_what_keras_only_looks_for():
    """Which is a fifth of the time until the first picture; who needs it can still load it."""
    process = subprocess.run(
        [sys.executable, "-c", LOADS], cwd=ROOT, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout == "set()\n"
