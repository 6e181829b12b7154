"""The record of a run in its folder: config.json and stats.jsonl."""

import contextlib
import dataclasses
import importlib
import importlib.metadata
import json
import os
import pathlib
import subprocess

import games
from cli.terminal import command
from devices import hardware
from images.writing import save_text
from training import reading
from training.folder import Folder
from training.reading import RunError


class Record(Folder):
    """A folder and the record of the training that made it; `run_folder.Run` adds the game.

    Args:
        path: str or path of the folder; `~` is expanded. Nothing is created yet.
    Raises:
        RunError: if a folder cannot have this name.
    """

    @property
    def is_damaged(self):
        """Whether there is a config.json that cannot be read or is of another version."""
        try:
            self.read_config()
        except RunError:
            return self.config_file.exists()
        return False

    def refuse_to_resume(self, game=None):
        """Refuses to resume a run without a checkpoint.

        Args:
            game: str, the name of the game that the user means, or None.
        Raises:
            RunError: one line that says what to do instead.
        """
        if not self.has_checkpoint:
            self.read_record(game)  # raises if there is no run at all
            raise RunError(
                f"{self.path}: holds no checkpoint, so there is nothing to go on with; leave"
                " --resume out to start"
            )

    def start(self, config, class_names=(), played_on="1 device", image_shape=None):
        """Writes config.json: the options, the data, the versions, the commit, the device.

        Also removes what a kill has left unfinished.

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
        for half in [*self._halves()]:
            half.unlink(missing_ok=True)
        save_text(self.config_file, json.dumps(record, indent=2) + "\n")

    def read_record(self, game=None):
        """The dict that `start` wrote.

        Args:
            game: str, the name of the game that the user means, or None.
        Raises:
            RunError: if there is none, or it cannot be read.
        """
        try:
            return reading.read_json(self.config_file)
        except FileNotFoundError:
            chosen = ("--game", game) if game else ()
            raise RunError(
                f"{self.path}: holds no run (no config.json); to train one there:"
                f" {command('--mode', 'train', *chosen, '--path', self.path)}"
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
        good = (
            isinstance(shape, list) and len(shape) in (1, 3) and all(type(n) is int for n in shape)
        )
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
