"""Which run a user means: that of a path, the latest of its kind, or the supplied one."""

import pathlib

import games
from cli.terminal import command
from training.run_folder import Run, RunError

PRETRAINED = pathlib.Path(__file__).parents[1] / "assets" / "pretrained"


def find(game, which, path=None):
    """The run whose agents a user means: that of `path`, the latest of its kind, or a supplied one.

    Args:
        game: str.
        which: str, the data set or, for a game without images, the preset; "auto" means the run
            that was trained last.
        path: run folder, or None for `runs/<game>-<which>`.
    Returns:
        (Run, bool): the run, and whether it is a supplied one of assets/pretrained/.
    Raises:
        RunError: if there is none, or the folder holds another game or data set.
    """
    if path is not None:
        candidates = [Run(path)]
    elif which == "auto":
        candidates = [Run(folder) for folder in pathlib.Path("runs").glob(f"{game}-*")]
    else:
        candidates = [Run(default_path(game, which))]
    trained = [run for run in candidates if run.exists and run.has_agents]
    if trained:
        run = max(trained, key=Run.saved_at)
        refuse_other(run, game, which)
        return run, False
    if path is not None:
        if Run(path).exists:
            refuse_other(Run(path), game, which)
        train = command("--mode", "train", "--game", game, "--path", path)
        raise RunError(f"{path}: holds no trained agents; to train some there: {train}")
    pretrained = Run(PRETRAINED / f"{game}-{'mnist' if which == 'auto' else which}")
    if not pretrained.has_agents:
        raise RunError(
            f"{candidates[0].path if candidates else default_path(game, which)}: holds no trained"
            f" agents, and none are supplied for {game} on {which};"
            f" to train some: {command('--mode', 'train', '--game', game, *_chosen(game, which))}"
        )
    return pretrained, True


def _chosen(game, which):
    """The words of a command that choose a data set or, for a game without images, a preset."""
    return () if which == "auto" else (f"--{games.GAMES[game].options.TELLS_APART}", which)


def refuse_other(run, game, which):
    """Raises RunError if the run is of another game or, unless "auto", another data set."""
    config = run.read_config()
    if config.game != game:
        raise RunError(
            f"{run.path}: holds a run of the game {config.game}, not {game}; use another --path"
        )
    own = getattr(config, config.TELLS_APART)
    if which not in ("auto", own):
        raise RunError(f"{run.path}: holds a run on {own}, not {which}; use another --path")


def default_path(game, which):
    """The folder of a run without --path; `which` as in `find`."""
    return pathlib.Path("runs") / f"{game}-{which}"
