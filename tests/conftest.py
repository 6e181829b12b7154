"""Quiet TensorFlow, two threads, a home of its own: no test reads or writes the user's caches."""

import functools
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest  # noqa: E402

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """An empty home folder, so that no data set or reference classifier is found by chance."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("KERAS_HOME", str(folder / ".keras"))
    return folder


def run_dcgan(folder, *words, timeout=240, **environment):
    """Runs the command line in a folder; returns the finished process."""
    return subprocess.run(
        [sys.executable, str(ROOT / "dcgan.py"), *map(str, words)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.fixture
def dcgan(tmp_path):
    """Runs the command line in an empty folder; returns the finished process."""
    return functools.partial(run_dcgan, tmp_path)
