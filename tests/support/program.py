"""The command line as a user types it: in this process, or, where that is what is tested, apart.

The tests know no other way to the flags, so that only this file knows how they are read.
"""

import contextlib
import io
import os
import pathlib
import subprocess
import sys

from cli import flags
from cli.program import main

ROOT = pathlib.Path(__file__).parents[2]
DCGAN = (ROOT / "dcgan.py",)
CRYPTO = ("-m", "crypto")
DEVICES = ("-m", "devices", "--workers")

# Flags of a tiny game of each kind, which trains in a moment on the real digits of scikit-learn.
DIGITS = ("--dataset", "digits", "--batch-size", 16)
SMALL = ("--generator_width", 4, "--discriminator-width", 4, "--latent_dim", 8)
TINY = {
    "gan": (*DIGITS, *SMALL),
    "trio": (*DIGITS, *SMALL, "--classifier_width", 4),
    "robust": (*DIGITS, "--classifier_width", 4, "--attack_steps", 2, "--ramp_steps", 0),
    "attacked": (*DIGITS, "--discriminator_width", 4, "--pool_size", 60, "--sampling_steps", 8),
    "robgan": (*DIGITS, *SMALL, "--realness_width", 4, "--attack_steps", 2, "--ramp_steps", 0),
}


def parse(*words):
    """What dcgan.py understands; raises OptionError for what it refuses."""
    return flags.parse(["dcgan.py", *map(str, words)])


def run(*words, folder="."):
    """Runs dcgan.py in this process, in a folder.

    Returns:
        subprocess.CompletedProcess, as if it had been a process of its own.
    """
    said, complained = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
    ):
        status = main(["dcgan.py", *map(str, words)])
    return subprocess.CompletedProcess(words, status, said.getvalue(), complained.getvalue())


def run_crypto(*words, folder="."):
    """`run` of the game of Alice, Bob and Eve, as `python -m crypto` calls it."""
    return run("--game", "crypto", *words, folder=folder)


def start(script, *words, folder, **environment):
    """Starts a script, such as `DCGAN`, in a process of its own, which the caller waits for."""
    return subprocess.Popen(
        [sys.executable, *map(str, (*script, *words))],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_apart(script, *words, folder, timeout=240, **environment):
    """Runs a script, such as `DCGAN`, in a process of its own."""
    process = start(script, *words, folder=folder, **environment)
    try:
        said, complained = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(words, process.returncode, said, complained)


def wait_for(process, text):
    """Waits until a process that was started says a text; returns what it has said by then."""
    said = ""
    while text not in said:
        answer = process.stdout.readline()  # empty if the process has ended
        assert answer, said + process.stderr.read()
        said += answer
    return said


def succeeded(answer):
    """Asserts that nothing went wrong; returns what was said."""
    assert (answer.returncode, answer.stderr) == (0, ""), answer
    return answer.stdout


def refused(answer, status, *words, program="dcgan.py"):
    """Asserts one line on standard error that holds the words, and no traceback."""
    assert answer.returncode == status, answer.stdout + answer.stderr
    assert answer.stderr.count("\n") == 1, answer.stderr
    assert answer.stderr.startswith(f"{program}: "), answer.stderr
    for word in words:
        assert word in answer.stderr
