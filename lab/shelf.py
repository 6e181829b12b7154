"""What visitors can choose: the supplied agents, and the runs of this folder."""

import functools
import pathlib
import threading

from games import GAMES
from games.base import POINTS
from training import finding, loading
from training.run_folder import Run, RunError

KEPT = 24  # agents, samplers and the like that stay in memory
_lock = threading.RLock()  # Keras loads one agent at a time


def runs():
    """Every run that can be read, by the name that the page shows: "trio-mnist", "runs/mine"."""
    found = {}
    for folder, prefix in ((finding.PRETRAINED, ""), (pathlib.Path("runs"), "runs/")):
        for path in sorted(folder.glob("*")):
            run = Run(path)
            if run.has_agents and not run.is_damaged:
                found[prefix + path.name] = run
    return found


def has(run, role):
    """Whether a run has what a room needs.

    Args:
        run: run_folder.Run.
        role: "classifier", "sampler", "generator" or "cipher".
    """
    config = run.read_config()
    game = GAMES[config.game]
    if role == "cipher":
        return game.name == "crypto"
    if game.name == "crypto" or config.dataset in POINTS:
        return False
    if role == "classifier":
        return game.classifier is not None and game.parent is None
    if role == "generator":
        return "generator" in game.players
    return "discriminator" in game.players


def names(role, *first):
    """The names of the runs with a role; those of `first` come first if they are there."""
    found = [name for name, run in runs().items() if has(run, role)]
    return sorted(found, key=lambda name: first.index(name) if name in first else len(first))


def run_of(name):
    """The run of a name that the page shows.

    Raises:
        RunError: if there is none, whatever else the name may be the path of.
    """
    found = runs().get(name)
    if found is None:
        raise RunError(f"{str(name)[:60]}: is none of the runs here; choose another")
    return found


def kept(load):
    """Keeps what a loader of a run's agents returns until the run is trained anew."""

    @functools.lru_cache(KEPT)
    def cached(name, *rest, saved_at):
        return load(run_of(name), *rest)

    @functools.wraps(load)
    def call(name, *rest):
        with _lock:
            return cached(name, *rest, saved_at=run_of(name).saved_at())

    return call


@kept
def classifier(run):
    """The classifier of a run, by its name: keras.Model, images -> class logits."""
    return loading.load_classifier(loading.classifier_holder(run))


@kept
def sampler(run, truncation=None):
    """What draws with a run's agents, by its name: as `loading.load_sampler`."""
    return loading.load_sampler(run, truncation=truncation)


@kept
def class_names(run):
    """The names of a run's classes, by its name: tuple of str."""
    return run.class_names()
