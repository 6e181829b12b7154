"""Quiet TensorFlow, two threads, a home of its own: no test reads or writes the user's caches."""

import functools
import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import filelock  # noqa: E402
import pytest  # noqa: E402


def pytest_collection_finish():
    """Leaves what was imported out of garbage collections, of which there are fewer, too.

    With it, each takes a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


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


@pytest.fixture
def eager():
    """Nothing is traced: what is played for a few steps only is played sooner without."""
    from tests.support.runs import eagerly

    with eagerly():
        yield


@pytest.fixture
def short_drs(monkeypatch):
    """Rejection sampling that soon takes what there is."""
    from models import sampling

    monkeypatch.setattr(sampling, "DRS_ROUNDS", 2)
    monkeypatch.setattr(sampling, "DRS_BURN_IN", 50)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A function, game -> the folder of a tiny run of it; no test changes what is there.

    All workers share it: the first that asks for a game trains it.
    """
    from tests.support import runs

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    @functools.cache
    def folder_of(game):
        folder = shared / f"trained-{game}"
        with filelock.FileLock(f"{folder}.lock"):
            if not (folder / "done").exists():
                runs.train_by_command(game, folder / "run")
                (folder / "done").touch()
        return folder / "run"

    return folder_of
