"""The run folder: config.json, stats.jsonl, the checkpoint, the agents to use, resume."""

import contextlib
import dataclasses
import importlib
import importlib.metadata
import json
import pathlib
import subprocess

import filelock
import keras

import games
from devices import hardware
from images.pictures import save_atomically, save_text

PRETRAINED = pathlib.Path(__file__).parents[1] / "assets" / "pretrained"


class RunError(Exception):
    """A run folder that cannot serve: one line that names the folder and the fix."""


class Run:
    """A folder with all that a training run has made.

    Args:
        path: str or path of the folder; `~` is expanded. Nothing is created yet.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path).expanduser()
        self.config_file = self.path / "config.json"
        self.stats_file = self.path / "stats.jsonl"
        self.checkpoint_file = self.path / "checkpoint.keras"
        self.samples = self.path / "samples"
        self.film_file = self.path / "training_process.gif"
        self.curve_file = self.path / "training.png"
        self.tensorboard = self.path / "tensorboard"
        self.agent_files = [self.path / f"{agent}.keras" for agent in players()]

    @property
    def exists(self):
        """Whether a run was started here."""
        return self.config_file.exists()

    @property
    def finetuned(self):
        """Run, of the fine-tuning that goes on with this one's agents."""
        return Run(self.path / "finetuned")

    @property
    def has_agents(self):
        """Whether there is an agent here to use."""
        return any(file.exists() for file in self.agent_files)

    def saved_at(self):
        """When an agent was last saved here, in seconds of the clock of files."""
        return max(file.stat().st_mtime for file in self.agent_files if file.exists())

    @contextlib.contextmanager
    def locked(self):
        """Keeps a second training out of the folder.

        Raises:
            RunError: if another process is training here, or the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.path / ".lock", timeout=0)
            with lock:
                yield
        except filelock.Timeout:
            raise RunError(
                f"{self.path}: another process is training here; use another --path"
            ) from None
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise RunError(
                f"{self.path}: cannot be written ({error.strerror}); use another --path"
            ) from None

    def start(self, config, class_names=(), played_on="1 device"):
        """Writes config.json: the options, the classes, the versions, the commit, the device.

        Args:
            config: Config of the run.
            class_names: sequence of str, in the order of the labels.
            played_on: str, the devices.
        """
        record = {
            "config": dataclasses.asdict(config),
            "class_names": list(class_names),
            "versions": {
                name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")
            },
            "git_commit": _git_commit(),
            "device": "gpu" if hardware.has_gpu() else "cpu",
            "played_on": played_on,
        }
        text = json.dumps(record, indent=2) + "\n"
        save_text(self.config_file, text)

    def clear(self):
        """Removes what an earlier run made here, and nothing else."""
        made = [self.config_file, self.stats_file, self.checkpoint_file, self.film_file]
        made += [self.curve_file, self.path / "losses.png"]
        made += [
            *self.agent_files,
            *self.samples.glob("epoch-*.png"),
            *self.tensorboard.rglob("events.out.tfevents.*"),
        ]
        for file in made:
            file.unlink(missing_ok=True)
        if self.finetuned.exists:
            self.finetuned.clear()  # it went on with agents that are no more

    def read_record(self):
        """What `start` wrote, as a dict.

        Raises:
            RunError: if there is none, or it cannot be read.
        """
        try:
            return json.loads(self.config_file.read_text())
        except FileNotFoundError:
            raise RunError(
                f"{self.path}: holds no run (no config.json); train one with --mode train"
            ) from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise RunError(f"{self.config_file}: cannot be read ({error})") from None

    def read_config(self):
        """The run's Config.

        Raises:
            RunError: if there is none, or it is not one of this version.
        """
        record = self.read_record()
        try:
            return games.from_record(record["config"])
        except (games.OptionError, TypeError, KeyError) as error:
            raise RunError(f"{self.config_file}: is not a run of this version ({error})") from None

    def class_names(self):
        """Names of the classes, in the order of the labels."""
        return tuple(self.read_record()["class_names"])

    def append_stats(self, row):
        """Adds one line to stats.jsonl.

        Args:
            row: dict of numbers; "step" says when.
        """
        with self.stats_file.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def read_stats(self):
        """The rows of stats.jsonl, oldest first; a line that was cut off is left out."""
        rows = []
        if self.stats_file.exists():
            for line in self.stats_file.read_text().splitlines():
                with contextlib.suppress(json.JSONDecodeError):
                    rows.append(json.loads(line))
        return rows

    def forget_stats_after(self, step):
        """Drops rows past a checkpoint, which a resumed run will write again."""
        rows = [row for row in self.read_stats() if row["step"] <= step]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        save_text(self.stats_file, text)

    def save(self, game):
        """Writes the checkpoint of the whole game, then each agent to use.

        Raises:
            OSError: if the disk is full, say; the earlier files stay as they were.
        """
        save_atomically(self.checkpoint_file, game.save)
        for name, agent in game.agents_to_save().items():
            self.save_agent(name, agent)

    def save_agent(self, name, agent):
        """Writes one of the agents to use."""
        save_atomically(self.path / f"{name}.keras", agent.save)

    def load_game(self):
        """The game as it was at its last checkpoint, optimizers and all.

        Raises:
            RunError: if there is no checkpoint or it is damaged.
        """
        self.register_classes()
        return _load(self.checkpoint_file, "train again with --overwrite")

    def register_classes(self):
        """Imports what plays this run's game, whose classes its files name."""
        importlib.import_module(games.GAMES[self.read_config().game].model)

    def load_agent(self, name):
        """One of the agents to use: "generator", "discriminator" or "classifier".

        Raises:
            RunError: if there is none or it is damaged.
        """
        self.register_classes()
        return _load(self.path / f"{name}.keras", "train one with --mode train")


class Onlooker(Run):
    """A run folder as workers other than the chief use it: to read what the chief writes."""

    def _leave(self, *arguments):
        """The chief does it."""

    start = clear = append_stats = forget_stats_after = save = save_agent = _leave

    @contextlib.contextmanager
    def locked(self):
        """The chief holds the lock."""
        yield


def _load(path, remedy):
    if not path.exists():
        raise RunError(f"{path}: not there; {remedy}")
    try:
        return keras.saving.load_model(path)
    except Exception as error:  # a damaged file fails in many ways, each Keras's own
        reason = (
            str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        )
        raise RunError(f"{path}: is damaged or of another version ({reason}); {remedy}") from None


def _git_commit():
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            cwd=pathlib.Path(__file__).parent,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def players():
    """The names of the agents of all games, each once."""
    return dict.fromkeys(
        name for game in games.GAMES.values() for name in (*game.players, *game.listeners)
    )


def find(game, which, path=None):
    """The run whose agents a user means: that of `path`, the latest of its kind, or ours.

    Args:
        game: str.
        which: str, the data set or, of a game without images, the preset; "auto" means whichever
            was trained last.
        path: run folder, or None for `runs/<game>-<which>`.
    Returns:
        (Run, bool): the run, and whether it is the pretrained one of assets/pretrained/.
    Raises:
        RunError: if there is none, or the folder holds another game or dataset.
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
        raise RunError(f"{path}: holds no trained agents; train some there with --mode train")
    pretrained = Run(PRETRAINED / f"{game}-{'mnist' if which == 'auto' else which}")
    if not pretrained.has_agents:
        raise RunError(
            f"{candidates[0].path if candidates else default_path(game, which)}: holds no trained"
            f" agents, and none are supplied for {game} on {which};"
            f" train some with --mode train --game {game}"
        )
    return pretrained, True


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
    """Where a run goes that was given no --path; `which` as in `find`."""
    return pathlib.Path("runs") / f"{game}-{which}"
