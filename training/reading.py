"""Reads the files of a run folder without trusting them: errors name the file and the fix."""

import dataclasses
import json
import math
import stat
import types
import typing
import zipfile

import keras
import numpy as np

CONFIG_BYTES = 1_000_000
LINE_BYTES = 100_000  # of a row of stats.jsonl
LARGEST_INTEGER = 2**63
STAMP = "run.json"  # the member of a .keras file that says where it comes from


class RunError(Exception):
    """A run folder that cannot be used: one line that names the folder and the fix."""


def is_regular(path):
    """Whether a path is a regular file; reading a pipe, say, might never end.

    Raises:
        RunError: if the folder cannot be read.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from None


def read_json(path):
    """The dict in a small JSON file.

    Raises:
        FileNotFoundError: if there is no file.
        RunError: if it is no regular file, too large, or does not hold a dict.
    """
    if not is_regular(path):
        path.lstat()  # raises FileNotFoundError
        raise RunError(f"{path}: is not a regular file; move it away")
    try:
        with path.open("rb") as file:
            content = file.read(CONFIG_BYTES + 1)
        if len(content) > CONFIG_BYTES:
            raise ValueError(f"more than {CONFIG_BYTES} bytes")
        record = json.loads(content.decode())
        if not isinstance(record, dict):
            raise ValueError("no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: cannot be read ({_reason(error)})") from None
    return record


def check_types(config):
    """Refuses options with a value whose type is not that of its field.

    Args:
        config: instance of a dataclass.
    Raises:
        TypeError: one line that names the field.
    """
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if not _fits(value, hints[field.name]):
            raise TypeError(f"{field.name}: {str(value)[:40]!r} is of the wrong type")


def _fits(value, hint):
    """Whether an annotation such as `int | None` allows a value."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    if hint in (int, bool, str):
        return type(value) is hint  # True is no number here
    if hint in (None, types.NoneType):
        return value is None
    return True


def read_rows(path):
    """The rows of a stats.jsonl, oldest first, without lines that are cut off or not a row.

    A row is a dict of numbers, in which "step" is a whole number.

    Raises:
        RunError: if it is no regular file, or cannot be read.
    """
    if not is_regular(path):
        if path.is_symlink() or path.exists():
            raise RunError(f"{path}: is not a regular file; move it away")
        return []
    rows = []
    try:
        with path.open("rb") as file:
            while line := file.readline(LINE_BYTES):
                row = _row(line)
                if row is not None:
                    rows.append(row)
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from None
    return rows


def _row(line):
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or type(row.get("step")) is not int or row["step"] < 0:
        return None
    return row if all(_is_number(value) for value in row.values()) else None


def _is_number(value):
    if type(value) is int:
        return abs(value) < LARGEST_INTEGER
    return type(value) is float


def stamp(path, **record):
    """Writes into a .keras file where it comes from; Keras ignores this.

    Args:
        path: of a .keras file that nobody reads yet.
        **record: what JSON can hold, such as step=300.
    """
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(STAMP, json.dumps(record))


def read_stamp(path):
    """The dict that `stamp` wrote; empty if there is none or the file cannot be read."""
    try:
        if not is_regular(path):
            return {}
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(STAMP).file_size > CONFIG_BYTES:
                return {}
            record = json.loads(archive.read(STAMP))
    except (OSError, RunError, KeyError, ValueError, RecursionError, zipfile.BadZipFile):
        return {}
    return record if isinstance(record, dict) else {}


def load_model(path, remedy, custom_objects=None):
    """The keras.Model in a file, whose weights must all be finite.

    Args:
        path: of a .keras file.
        remedy: str, what to do if it cannot be used.
        custom_objects: dict, name -> class, or None.
    Raises:
        RunError: if there is none or it is damaged.
    """
    if not is_regular(path):
        if path.is_symlink() or path.exists():
            raise RunError(f"{path}: is not a regular file; move it away, and {remedy}")
        raise RunError(f"{path}: does not exist; {remedy}")
    try:
        model = keras.saving.load_model(path, custom_objects)
        weights = model.get_weights()
    except Exception as error:  # a damaged file makes Keras raise many kinds of errors
        raise RunError(
            f"{path}: is damaged or of another version ({_reason(error)}); {remedy}"
        ) from None
    if not all(np.isfinite(weight).all() for weight in weights):
        raise RunError(f"{path}: holds weights that are not numbers; {remedy}")
    return model


def _reason(error):
    """The first line of an error, or its name."""
    text = str(error).strip()
    return text.splitlines()[0][:120] if text else type(error).__name__


def check_agent(agent, path, name, remedy, *, image_shape=None, num_classes=None):
    """Refuses a model that is not the agent that its file is named after.

    Args:
        agent: keras.Model, loaded from `path`.
        path: of its file.
        name: str, the agent that it should be.
        remedy: str, what to do otherwise.
        image_shape: (h, w, c) of the run's images, (2,) of its points, or None if not known.
        num_classes: int, of the run, or None.
    Raises:
        RunError: one line that names the file.
    """

    def refuse(why):
        raise RunError(f"{path}: holds another agent ({why}); {remedy}")

    stamped = read_stamp(path).get("agent", name)
    if stamped != name:
        refuse(f"the {str(stamped)[:40]}")
    inputs, outputs = (getattr(agent, side, None) or [] for side in ("inputs", "outputs"))
    if not (isinstance(agent, keras.Model) and inputs and outputs):
        refuse(type(agent).__name__)
    if name == "generator":
        images, expected = outputs[0].shape, len(inputs[0].shape) == 2
    elif name in ("discriminator", "classifier"):
        images, expected = inputs[0].shape, len(outputs[0].shape) == 2
    else:
        return
    if not expected or len(images) != 1 + len(image_shape or "hwc"):
        refuse(f"from {tuple(inputs[0].shape)} to {tuple(outputs[0].shape)} is no {name}")
    if image_shape and tuple(images[1:]) != tuple(image_shape):
        refuse(f"images of {images[1:]}, the run's are {tuple(image_shape)}")
    if name == "classifier" and num_classes and outputs[0].shape[-1] != num_classes:
        refuse(f"{outputs[0].shape[-1]} classes, the run has {num_classes}")
