"""A run folder: which files a run makes, whose they are, and who may write there."""

import contextlib
import os
import pathlib

import filelock

import games
from training import reading
from training.reading import RunError


class Folder:
    """The places of a run's files; arguments and errors as `Record`."""

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

    def frames(self):
        """The sample pictures, in the film's order: of the first steps, then of the epochs."""
        return [
            *sorted(self.samples.glob("step-*.png")),
            *sorted(self.samples.glob("epoch-*.png")),
        ]

    def _made(self):
        """The files here that a run may have made, by their names; config.json comes last."""
        files = self._named() + self.frames()
        files += self.tensorboard.rglob("events.out.tfevents.*")
        files += [*self._halves(), self.config_file]
        return [file for file in files if os.path.lexists(file)]

    def _named(self):
        """The files that a run makes in the folder itself, besides config.json."""
        files = [self.stats_file, self.checkpoint_file, self.previous_checkpoint_file]
        return files + [self.film_file, self.curve_file, self.losses_file, *self.agent_files]

    def _halves(self):
        """The unfinished files that a kill has left, under their temporary names."""
        for file in (*self._named(), self.config_file):
            yield from self.path.glob(f".{file.stem}-????????{file.suffix}")

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


def players():
    """The names of the agents of all games, without repetition."""
    return dict.fromkeys(
        name for game in games.GAMES.values() for name in (*game.players, *game.listeners)
    )
