"""Quiet TensorFlow, two threads, a home of its own: no test reads or writes the user's caches."""

import functools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest  # noqa: E402


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """An empty home folder, so that no data set or reference classifier is found by chance."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("KERAS_HOME", str(folder / ".keras"))
    return folder


@pytest.fixture
def dcgan(tmp_path):
    """Runs dcgan.py in this process and an empty folder; returns as a finished process."""
    from tests.support import program

    return functools.partial(program.run, folder=tmp_path)


@pytest.fixture
def crypto(tmp_path, monkeypatch):
    """Runs `python -m crypto` in this process and an empty folder, without XLA."""
    from crypto import game
    from tests.support import program

    monkeypatch.setattr(game, "XLA", False)
    return functools.partial(program.run_crypto, folder=tmp_path)


@pytest.fixture(scope="session")
def digits():
    """The data set of real digits; no test changes it."""
    from images import datasets

    return datasets.load("digits")


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A function, game -> the folder of a tiny run of it; no test changes what is there."""
    from games import GAMES
    from tests.support import program
    from training import loop

    @functools.cache
    def folder_of(game):
        folder = tmp_path_factory.mktemp(game) / "run"
        words = ("--mode", "train", "--game", game, *program.TINY[game], "--steps", 30)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "CRITIC_STEPS", 30)
            said = program.succeeded(program.run(*words, "--path", folder))
        assert f"training {GAMES[game].title or 'the trio'} on digits" in said
        assert "done, 30 steps" in said
        return folder

    return folder_of
