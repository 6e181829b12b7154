"""Every refusal that the program can print has a line in docs/troubleshooting.md."""

import ast
import re

import pytest

from tests.support.program import ROOT

REFUSALS = {
    *{"OptionError", "DataError", "RunError", "ExportError", "MessageError", "PlaceError"},
    "CourseError",
}
FOLDERS = ("cli", "course", "crypto", "devices", "games", "images", "lab", "modes", "training")
SHORTEST = 12  # characters by which a message can be recognised


def plain(text):
    """A text without marks and line breaks."""
    return " ".join(text.replace("`", "").split())


PAGE = plain((ROOT / "docs" / "troubleshooting.md").read_text())


def fixed_parts(node):
    """The parts of a string in the source that are no placeholders."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            yield from fixed_parts(part)


def refusals():
    """(where, clauses) of every message that is written out where it is raised."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not (isinstance(node, ast.Call) and node.args):
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", None))
                parts = [*fixed_parts(node.args[0])] if name in REFUSALS else []
                texts = [clause for part in parts for clause in part.split(";")]
                clauses = [plain(text).strip(":,.() ") for text in texts]
                clauses = [clause for clause in clauses if len(clause) >= SHORTEST]
                if clauses:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", clauses


@pytest.mark.parametrize(("where", "clauses"), [*refusals()], ids=str)
def test_each_refusal_is_explained(where, clauses):
    assert any(clause in PAGE for clause in clauses), f"{where}: the page lacks {clauses}"


def test_refusals_are_found():
    assert len([*refusals()]) > 100
    assert re.search(r"\| 129, 130, 143 \|", PAGE)
