"""Every command that is printed works as it stands, pasted into a shell, whatever the names."""

import subprocess
import sys

import pytest

from cli import flags
from tests.support.files import write_noise
from tests.support.program import DCGAN, TINY, succeeded
from tests.support.runs import CtrlC
from training import loop

PICTURES = 'my $HOME\'s "pictures"; rm -r ü'
RUN = "a run & `more` *"


def pasted(text, folder):
    """The words that a shell makes of the last command in what was printed, without the program."""
    line = [line for line in text.splitlines() if sys.executable in line][-1]
    line = line[line.index(sys.executable) :]
    shell = ["sh", "-c", f"printf '%s\\0' {line}"]
    answer = subprocess.run(shell, cwd=folder, capture_output=True, text=True, check=True)
    python, script, *words = answer.stdout.split("\0")[:-1]
    assert (python, (folder / script).resolve()) == (sys.executable, DCGAN[0])
    return words


@pytest.fixture
def interrupted(monkeypatch):
    """Trainings are interrupted at their first step."""
    monkeypatch.setattr(loop, "GraphWriter", CtrlC)
    monkeypatch.setattr(CtrlC, "STEP", 1)
    monkeypatch.setattr(loop, "CRITIC_STEPS", 2)


@pytest.mark.usefixtures("eager")
def test_printed_commands_go_on_and_draw(dcgan, tmp_path, interrupted):
    for index in range(6):
        write_noise(tmp_path / PICTURES / f"{index}.png")
    words = ("--mode", "train", "--game", "gan", *TINY["gan"], "--path", RUN, "--steps", 2)
    data = ("--dataset", "folder", "--data_dir", PICTURES, "--image_size", 8)
    first = dcgan(*words, *data)
    assert first.returncode == 130
    went_on = succeeded(dcgan(*pasted(first.stdout, tmp_path)))
    assert "done, 2 steps" in went_on
    assert "wrote" in succeeded(dcgan(*pasted(went_on, tmp_path)))


def test_the_command_of_a_refusal_trains_where_it_was_looked_for(dcgan, tmp_path):
    for mode in (("generate",), ("train", "--resume")):
        refusal = dcgan("--mode", *mode, "--game", "gan", "--path", RUN).stderr
        options = flags.parse(["dcgan.py", *pasted(refusal, tmp_path)])
        assert (options.mode, options.game, options.path) == ("train", "gan", RUN)
