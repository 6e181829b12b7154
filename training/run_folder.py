"""The run folder: config.json, stats.jsonl, checkpoints, the agents to use, resuming."""

import contextlib
import dataclasses
import importlib
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys

import filelock

import games
from devices import hardware
from images.pictures import save_atomically, save_text
from models.game import Game
from training import reading
from training.reading import RunError

__all__ = ["PRETRAINED", "Onlooker", "Run", "RunError", "default_path", "find"]

PRETRAINED = pathlib.Path(__file__).parents[1] / "assets" / "pretrained"


class Run:
    """A folder with everything that a training has made.

    Args:
        path: str or path of the folder; `~` is expanded. Nothing is created yet.
    Raises:
        RunError: if a folder cannot have this name.
    """

    def __init__(self, path):
        self.path = _folder_named(path)
        self.config_file = self.path / "config.json"
        self.stats_file = self.path / "stats.jsonl"
        self.checkpoint_file = self.path / "checkpoint.keras"
        self.previous_checkpoint_file = self.path / "checkpoint-previous.keras"
        self.samples = self.path / "samples"
        self.film_file = self.path / "training_process.gif"
        self.curve_file = self.path / "training.png"
        self.losses_file = self.path / "losses.png"
        self.tensorboard = self.path / "tensorboard"
        self.agent_files = [self.path / f"{agent}.keras" for agent in players()]
        self.newest_is_damaged = False

    @property
    def exists(self):
        """Whether there is a run here, even one whose config.json is damaged.

        A training that was killed before its first checkpoint leaves no run.
        """
        return self.config_file.exists() and (self.has_checkpoint or self.has_agents)

    @property
    def has_checkpoint(self):
        """Whether there is a checkpoint here to resume from."""
        return self.checkpoint_file.exists() or self.previous_checkpoint_file.exists()

    @property
    def is_damaged(self):
        """Whether there is a config.json that cannot be read or is of another version."""
        try:
            self.read_config()
        except RunError:
            return self.config_file.exists()
        return False

    @property
    def finetuned(self):
        """Run, the fine-tuning of this one's agents."""
        return Run(self.path / "finetuned")

    @property
    def has_agents(self):
        """Whether there is an agent here to use."""
        return any(file.exists() for file in self.agent_files)

    def saved_at(self):
        """When an agent was last saved here: float, the file's time in seconds."""
        return max(file.stat().st_mtime for file in self.agent_files if file.exists())

    @contextlib.contextmanager
    def locked(self):
        """Keeps a second training out of the folder.

        Raises:
            RunError: if another process is training here, or the folder cannot be written.
        """
        lock = filelock.FileLock(self.path / ".lock", timeout=0)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except filelock.Timeout:
            raise RunError(
                f"{self.path}: another process is training here; use another --path"
            ) from None
        except (OSError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RunError(
                f"{self.path}: cannot be written ({reason}); use another --path"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def refuse_to_replace(self, overwrite):
        """Refuses a new training here if it would destroy something.

        Args:
            overwrite: bool, whether the user wants an earlier run replaced.
        Raises:
            RunError: if the folder holds a run and `overwrite` is False; or, in any case, if a run
                would replace files that no run of this program made.
        """
        foreign = None if self._is_ours() else next(iter(self._made()), None)
        if foreign:
            raise RunError(
                f"{foreign}: was not made by this program, and a training would replace it; move it"
                " away, or use another --path"
            )
        if self.exists and not overwrite:
            raise RunError(
                f"{self.path}: already holds a run; --resume goes on with it, --overwrite replaces"
                " it, another --path leaves it alone"
            )

    def refuse_to_resume(self):
        """Refuses to resume a run without a checkpoint.

        Raises:
            RunError: one line that says what to do instead.
        """
        if not self.has_checkpoint:
            self.read_record()  # raises if there is no run at all
            raise RunError(
                f"{self.path}: holds no checkpoint, so there is nothing to go on with; leave"
                " --resume out to start"
            )

    def start(self, config, class_names=(), played_on="1 device", image_shape=None):
        """Writes config.json: the options, the data, the versions, the commit, the device.

        Args:
            config: frozen options of the run.
            class_names: sequence of str, in the order of the labels.
            played_on: str, the devices.
            image_shape: (h, w, c) of the images, or None for a game without images.
        """
        options = dataclasses.asdict(config)
        if options.get("data_dir"):  # so that the run can be resumed from another folder
            options["data_dir"] = str(pathlib.Path(options["data_dir"]).expanduser().absolute())
        record = {
            "config": options,
            "class_names": list(class_names),
            "image_shape": list(image_shape) if image_shape else None,
            "versions": {
                name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")
            },
            "git_commit": _git_commit(),
            "device": "gpu" if hardware.has_gpu() else "cpu",
            "played_on": played_on,
        }
        text = json.dumps(record, indent=2) + "\n"
        save_text(self.config_file, text)

    def _made(self):
        """The files here that a run may have made, by their names; config.json comes last."""
        files = [self.stats_file, self.checkpoint_file, self.previous_checkpoint_file]
        files += [self.film_file, self.curve_file, self.losses_file, *self.agent_files]
        halves = [f".{file.stem}-*{file.suffix}" for file in (*files, self.config_file)]
        files += self.samples.glob("epoch-*.png")
        files += self.tensorboard.rglob("events.out.tfevents.*")
        files += [half for pattern in halves for half in self.path.glob(pattern)]
        files.append(self.config_file)
        return [file for file in files if os.path.lexists(file)]

    def _is_ours(self):
        """Whether this program made what is here, even if config.json is damaged."""
        try:
            record = reading.read_json(self.config_file)
        except FileNotFoundError:
            return False
        except RunError:
            others = (self.stats_file, self.checkpoint_file, self.path / ".lock")
            return any(file.exists() for file in others)
        options = record.get("config")
        return isinstance(options, dict) and "game" in options and "versions" in record

    def clear(self):
        """Removes what an earlier run made here, and nothing else."""
        for file in self._made():
            file.unlink(missing_ok=True)
        finetuned = self.finetuned
        if finetuned._is_ours():
            finetuned.clear()  # its agents came from this run, which is replaced

    def read_record(self):
        """The dict that `start` wrote.

        Raises:
            RunError: if there is none, or it cannot be read.
        """
        try:
            return reading.read_json(self.config_file)
        except FileNotFoundError:
            raise RunError(
                f"{self.path}: holds no run (no config.json); train one with --mode train"
            ) from None

    def read_config(self):
        """The frozen options of the run.

        Raises:
            RunError: if there are none, or they are not of this version.
        """
        record = self.read_record()
        try:
            config = games.from_record(record["config"])
            reading.check_types(config)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RunError(
                f"{self.config_file}: is not a run of this program and version ({reason}); use"
                " another --path, or train anew with --overwrite"
            ) from None
        return config

    def class_names(self):
        """Names of the classes, in the order of the labels.

        Raises:
            RunError: if config.json does not say.
        """
        names = self.read_record().get("class_names")
        if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            raise RunError(f"{self.config_file}: class_names must be a list of names")
        return tuple(names)

    def image_shape(self):
        """(h, w, c) of the run's images; None if config.json does not say."""
        shape = self.read_record().get("image_shape")
        good = isinstance(shape, list) and len(shape) == 3 and all(type(n) is int for n in shape)
        return tuple(shape) if good else None

    def append_stats(self, row):
        """Adds one line to stats.jsonl, whole or not at all.

        Args:
            row: dict of numbers; "step" says when.
        Raises:
            OSError: for instance, if the disk is full.
        """
        with self.stats_file.open("ab") as file:
            size = file.tell()
            try:
                file.write(self._end_of_a_cut_off_line() + json.dumps(row).encode() + b"\n")
                file.flush()
            except OSError:
                with contextlib.suppress(OSError):
                    os.truncate(self.stats_file, size)
                raise

    def _end_of_a_cut_off_line(self):
        """What must precede the next line: a line break, if a kill has cut off the last line."""
        with self.stats_file.open("rb") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                return b"" if file.read() == b"\n" else b"\n"
        return b""

    def read_stats(self):
        """The rows of stats.jsonl, oldest first; as `reading.read_rows`."""
        return reading.read_rows(self.stats_file)

    def forget_stats_after(self, step):
        """Drops the rows after a checkpoint, which a resumed run writes again."""
        rows = [row for row in self.read_stats() if row["step"] <= step]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        save_text(self.stats_file, text)

    def save(self, game):
        """Writes the checkpoint of the whole game, then each agent to use.

        The previous checkpoint is kept beside it, in case this one is damaged.

        Raises:
            RunError: for instance, if the disk is full; the earlier files stay as they were.
        """

        def write(temporary):
            game.save(temporary)
            reading.stamp(temporary, step=int(game.step), game=type(game).__name__)
            self._keep_previous()

        self._write(self.checkpoint_file, write)
        self.newest_is_damaged = False
        for name, agent in game.agents_to_save().items():
            self.save_agent(name, agent, game.step)

    def _keep_previous(self):
        """Gives the checkpoint a second name, which it keeps when the next takes the first."""
        if self.newest_is_damaged or not reading.is_regular(self.checkpoint_file):
            return
        second = self.path / f".{self.previous_checkpoint_file.stem}-{os.getpid()}.keras"
        second.unlink(missing_ok=True)
        try:
            os.link(self.checkpoint_file, second)
            second.replace(self.previous_checkpoint_file)
        except OSError:  # there are file systems without links
            self.checkpoint_file.replace(self.previous_checkpoint_file)

    def save_agent(self, name, agent, step, **more):
        """Writes one of the agents to use, with the step that it belongs to.

        Args:
            name: str.
            agent: keras.Model.
            step: int, of the game.
            **more: further facts for `agent_stamp`.
        Raises:
            RunError: if it cannot be written.
        """

        def write(temporary):
            agent.save(temporary)
            reading.stamp(temporary, agent=name, step=int(step), **more)

        self._write(self.path / f"{name}.keras", write)

    def _write(self, file, write):
        try:
            save_atomically(file, write)
        except (OSError, RuntimeError, ValueError) as error:  # h5py raises errors of its own
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:120]
            raise RunError(
                f"{file}: cannot be written ({reason}); make room, and go on with --resume"
            ) from error

    def agent_stamp(self, name):
        """What `save_agent` wrote into an agent's file besides the agent; {} if there is none."""
        return reading.read_stamp(self.path / f"{name}.keras")

    def outdated(self, game):
        """Names of the agents whose files are missing or belong to another step."""
        names = game.agents_to_save()
        return [name for name in names if self.agent_stamp(name).get("step") != game.step]

    def load_game(self, announce=lambda line: None):
        """The game as it was at its last checkpoint, optimizers and all.

        Args:
            announce: callable for one line of text, which says so if the last checkpoint is damaged
                and the previous one is used.
        Raises:
            RunError: if there is no checkpoint, none can be read, or it is of another game.
        """
        self.refuse_to_resume()
        try:
            return self._load_checkpoint(self.checkpoint_file)
        except RunError as error:
            if not self.previous_checkpoint_file.exists():
                raise
            try:
                game = self._load_checkpoint(self.previous_checkpoint_file)
            except RunError:
                raise error from None
            self.newest_is_damaged = True
            why = str(error).rpartition(";")[0]
            announce(f"{why}; using {self.previous_checkpoint_file.name}, of step {game.step}")
            return game

    def _load_checkpoint(self, file):
        remedy = "train again with --overwrite"
        self.register_classes()
        return self._checked(reading.load_model(file, remedy), file, remedy)

    def _checked(self, game, file, remedy):
        """A loaded game, if it is the one that config.json names."""
        expected = self.read_config().game
        if not isinstance(game, Game) or game.options.game != expected:
            found = game.options.game if isinstance(game, Game) else type(game).__name__
            raise RunError(f"{file}: holds {found}, config.json says {expected}; {remedy}")
        return game

    def register_classes(self):
        """Imports the module of this run's game, whose classes its files refer to."""
        importlib.import_module(games.GAMES[self.read_config().game].model)

    def load_agent(self, name):
        """One of the agents to use, such as "generator".

        Warns on standard error if the agent and the checkpoint belong to different steps.

        Raises:
            RunError: if the agent is missing or damaged, or is another one or another run's.
        """
        file, remedy = self.path / f"{name}.keras", "train one with --mode train"
        self.register_classes()
        agent = reading.load_model(file, remedy)
        reading.check_agent(
            agent,
            file,
            name,
            remedy,
            image_shape=self.image_shape(),
            num_classes=len(self.class_names()),
        )
        step = self.agent_stamp(name).get("step")
        saved = reading.read_stamp(self.checkpoint_file).get("step", step)
        if step is not None and step != saved:
            print(
                f"warning: {file} is of step {step}, the checkpoint of step {saved}; --mode train"
                " --resume writes both anew",
                file=sys.stderr,
            )
        return agent


class Onlooker(Run):
    """A run folder for workers other than the chief, which only read what the chief writes."""

    def _leave(self, *arguments, **options):
        """Does nothing: the chief does it."""

    start = clear = append_stats = forget_stats_after = save = save_agent = _leave

    @contextlib.contextmanager
    def locked(self):
        """The chief holds the lock."""
        yield


def _folder_named(path):
    """The path of a folder, `~` expanded.

    Raises:
        RunError: if it is empty, has control characters, or names a home that does not exist.
    """
    text = str(path)
    if not text or any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise RunError(f"--path {text!r}: must be the name of a folder")
    try:
        return pathlib.Path(path).expanduser()
    except RuntimeError:
        raise RunError(f"--path {text}: there is no such home folder") from None


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
    """The names of the agents of all games, without repetition."""
    return dict.fromkeys(
        name for game in games.GAMES.values() for name in (*game.players, *game.listeners)
    )


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
    """The folder of a run without --path; `which` as in `find`."""
    return pathlib.Path("runs") / f"{game}-{which}"
