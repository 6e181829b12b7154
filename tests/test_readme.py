"""What the pages tell a user to type: it is understood, and the README's own commands run."""

import json
import pathlib
import re
import shlex
import subprocess

import pytest

from tests.support.program import DCGAN, ROOT, parse, run_apart, succeeded
from training import loop

FOLDERS = (ROOT, ROOT / "assets", ROOT / "course")
PAGES = [*(folder / "README.md" for folder in FOLDERS), *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?:\.venv/bin/)?python dcgan\.py (--[^`|&#\n]*)")


def commands(page):
    """The flags of every whole dcgan.py command on a page."""
    found = COMMAND.findall(page.read_text())
    return [shlex.split(words.replace("...", "")) for words in found if "--mode ..." not in words]


EVERY = [(page, words) for page in PAGES for words in commands(page)]


@pytest.mark.parametrize(
    ("page", "words"),
    EVERY,
    ids=lambda value: value.stem if isinstance(value, pathlib.Path) else "",
)
def test_every_command_is_understood(page, words):
    assert parse(*words).mode


def test_the_pages_hold_commands_and_no_dead_links():
    assert len(EVERY) > 10
    for page in PAGES:
        for target in re.findall(r"(?:\]\(|src=\")([^)#:\"]+)[)\"]", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"


@pytest.mark.parametrize("kind", ["trio-mnist", "trio-digits"])
def test_the_supplied_agents_draw_what_is_asked(dcgan, tmp_path, kind):
    dataset = kind.split("-")[1]
    said = succeeded(dcgan("--mode", "generate", "--nice", "--dataset", dataset))
    assert f"supplied agents of {ROOT / 'assets' / 'pretrained' / kind}" in said
    assert (tmp_path / "nice_generated_image.png").stat().st_size > 1000


def test_supplied_files_are_small():
    for path in (ROOT / "assets").rglob("*"):
        assert path.stat().st_size < 5_000_000, path


@pytest.mark.usefixtures("eager")
def test_make_demo_is_the_readmes_first_command(dcgan, tmp_path, monkeypatch):
    """The shell sees which commands the recipe types; they are run here, of a few steps."""
    assert "make demo" in (ROOT / "README.md").read_text()
    plan = ["make", "-n", "--no-print-directory", "-o", ".venv/.installed", "demo"]
    script = subprocess.run(plan, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    monkeypatch.setattr(loop, "CRITIC_STEPS", 3)
    typed = []
    for _ in range(2):  # the second time it goes on where the first ended
        echo = script.replace(".venv/bin/python dcgan.py", "echo")
        said = subprocess.run(["bash", "-ec", echo], cwd=tmp_path, capture_output=True, text=True)
        assert (said.returncode, said.stderr) == (0, "")
        typed.append(said.stdout)
        for line in said.stdout.splitlines():
            succeeded(dcgan(*shlex.split(line.replace("--preset quick", "--steps 3"))))
        assert (tmp_path / "nice_generated_image.png").exists()
    first, second = typed[0].splitlines(), typed[1].splitlines()
    assert "--mode train" in first[0] and "--preset quick --dataset digits" in first[0]
    assert "--mode generate --nice" in first[1]
    assert [line.strip() for line in second] == [f"{first[0].strip()} --resume", first[1]]


@pytest.mark.slow
def test_the_first_command_keeps_its_promise(tmp_path):
    """`--preset quick` on digits: the classifier that saw no real digit reads 93 % of them."""
    words = ("--mode", "train", "--preset", "quick", "--dataset", "digits", "--path", "run")
    succeeded(run_apart(DCGAN, *words, folder=tmp_path, timeout=600))
    rows = [json.loads(line) for line in (tmp_path / "run" / "stats.jsonl").open()]
    assert rows[-1]["val_accuracy"] > 0.93
