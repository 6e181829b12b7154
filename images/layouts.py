"""How people lay out folders of pictures: which folder is a class, a split, or neither."""

import functools
import os
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from images.decoding import SUFFIXES
from images.files import DataError, explaining

__all__ = ["Layout", "natural", "survey"]

SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("val", "valid", "validation", "dev"), "validation"
)
SPLIT_NAME = re.compile(
    r"([a-z]+?)[ _.-]?(set|split|data|images?|imgs?|pictures|pics|photos)?", re.I
)
JUNK = {"__macosx", "@eadir", "thumbs.db", "desktop.ini", "$recycle.bin", "lost+found"}
# Pictures and films, but of formats that Pillow does not read, or not by itself.
UNREAD = {".heic", ".heif", ".avif", ".jxl", ".svg", ".psd", ".xcf", ".pdf", ".eps", ".mp4"} | {
    *(".mov", ".avi", ".webm", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".exr", ".dcm")
}
DEPTH = 4  # nested folders to search: wrapper/train/CLASS/images
MOST_NAMED = 5


class Layout(NamedTuple):
    """Where the pictures of each split and class are."""

    class_names: tuple[str, ...]
    parts: dict[str, list[list[Path]]]  # "train", "validation", "test" -> of each class, its files
    left_out: list[str]  # descriptions of what is not used


class Folder:
    """A folder, read when first asked, without hidden files and what operating systems leave."""

    def __init__(self, path):
        self.path = path
        self.name = path.name

    @functools.cached_property
    def _listing(self):
        with explaining(self.path), os.scandir(self.path) as entries:
            kept = [e for e in entries if e.name[0] != "." and e.name.lower() not in JUNK]
        kept.sort(key=lambda entry: natural(entry.name))
        folders = [Folder(self.path / entry.name) for entry in kept if entry.is_dir()]
        files = [self.path / entry.name for entry in kept if not entry.is_dir()]
        pictures = [path for path in files if path.suffix.lower() in SUFFIXES]
        others = [path for path in files if path.suffix.lower() not in SUFFIXES]
        return folders, pictures, others

    folders = property(lambda self: self._listing[0])
    pictures = property(lambda self: self._listing[1])
    others = property(lambda self: self._listing[2])

    @property
    def split(self):
        """The split that its name means, or None."""
        match = SPLIT_NAME.fullmatch(self.name)
        return SPLITS.get(match[1].lower()) if match else None

    def holding(self):
        """The folders inside it that hold pictures, directly or in folders of their own."""
        return [folder for folder in self.folders if folder.reaches()]

    def reaches(self, depth=DEPTH):
        """Whether it holds pictures, itself or within `depth` further folders."""
        deeper = depth > 0 and any(folder.reaches(depth - 1) for folder in self.folders)
        return bool(self.pictures) or deeper

    def below(self, depth=DEPTH):
        """All pictures in it and within `depth` further folders."""
        deeper = [path for f in self.folders for path in f.below(depth - 1)] if depth else []
        return self.pictures + deeper


def natural(name):
    """A sort key by which 2 comes before 10, and b between A and C."""
    pieces = re.split(r"(\d+)", name.casefold())
    return [int(piece) if piece.isdecimal() else piece for piece in pieces], name


def survey(path, labelled):
    """Finds the classes and splits in a folder, without opening a picture.

    Args:
        path: pathlib.Path of a folder.
        labelled: bool; if False, pictures without class folders are one class, named by the folder.
    Returns:
        Layout; splits that it lacks are to be dealt from "train".
    Raises:
        DataError: if it is not clear what is a class, or there are too few classes or pictures.
    """
    folder = _unwrapped(Folder(path))
    try:
        parts = _classes_by_part(folder)
        _check(folder, parts)
    except DataError:
        if labelled or not folder.reaches():
            raise
        name = path.expanduser().resolve().name
        parts = {part: {name: f.below()} for part, f in _unlabelled_parts(folder).items()}
        _check(folder, parts)
    names = tuple(parts["train"])
    files = {part: [classes[name] for name in names] for part, classes in parts.items()}
    used = {file.parent for part in files.values() for paths in part for file in paths}
    return Layout(names, files, _left_out(folder, used))


def _unwrapped(folder):
    """The folder itself, or the one that it merely wraps, as in data/cifar10/train."""
    for _ in range(DEPTH):
        inside = [] if folder.pictures else folder.holding()
        if len(inside) != 1 or inside[0].split or inside[0].pictures:
            break
        folder = inside[0]
    return folder


def _classes_by_part(folder):
    """Maps each part to its classes, and each class to its pictures."""
    divided = {f.name: f for f in folder.holding() if f.split and not f.pictures}
    others = [f.name for f in folder.holding() if not f.split]
    parts = _by_split(folder, divided.values())
    if others and len(parts) == 1 and len(next(iter(parts.values())).holding()) < 2:
        parts = {}  # a class called train, with its pictures one level deeper
    if not parts:
        direct = [f.name for f in folder.holding() if f.split]
        if len(direct) > 1 and not others:
            raise DataError(_needs(folder, f"pictures without classes in {_listed(direct)}"))
        return {"train": _class_folders(folder)}
    if "train" not in parts:
        raise DataError(f"{folder.path} has {_listed(divided)} but no train; add it")
    return {part: _class_folders(inside) for part, inside in parts.items()}


def _unlabelled_parts(folder):
    """Maps each part to a folder, all of whose pictures belong to it."""
    divided = [f for f in folder.holding() if f.split]
    parts = _by_split(folder, divided)
    whole = folder.pictures or len(divided) < len(folder.holding()) or "train" not in parts
    return {"train": folder} if whole else parts


def _by_split(folder, inside):
    """Maps each split to the one folder whose name means it."""
    parts: dict[str, Folder] = {}
    for found in sorted(inside, key=lambda folder: folder.split != "train"):
        if parts.setdefault(found.split, found) is not found:
            both = f"{parts[found.split].name} and {found.name}"
            raise DataError(f"{folder.path} has {both}, which both mean {found.split}; keep one")
    return parts


def _class_folders(folder):
    """Maps each class to its pictures, in natural order; refuses fewer than two classes."""
    classes = {f.name: _of_class(f) for f in folder.holding()}
    classes = {name: paths for name, paths in classes.items() if paths}
    if len(classes) < 2:
        found = f"{len(folder.pictures):,} pictures without one" if folder.pictures else None
        found = found or (next(iter(classes)) if classes else _others(folder.others) or "none")
        raise DataError(_needs(folder, found))
    return classes


def _of_class(folder):
    """The pictures of a class: those in its folder, or else in the only folder inside it."""
    if folder.pictures:
        return folder.pictures
    inside = [f for f in folder.folders if f.pictures]
    if len(inside) > 1:
        raise DataError(
            f"{folder.path} holds pictures in {_listed(f.name for f in inside)}; put the pictures"
            " of a class into one folder, or give --data_dir the folder of the classes"
        )
    return inside[0].pictures if inside else []


def _needs(folder, found):
    """The message about a folder without classes; if file names tell the class, what to do."""
    stems = Counter(_label_in(path.stem) for path in folder.pictures)
    message = f"{folder.path} needs a folder of pictures for each of two or more classes"
    if 1 < len(stems) <= len(folder.pictures) / 2 and None not in stems:
        names = sorted(stems, key=natural)
        return (
            f"{message}; the file names seem to tell the class: make {_listed(names, '/')} and move"
            " each picture into its own"
        )
    return f"{message}; found {found} (only a game without classes can do without the folders)"


def _label_in(stem):
    """The class that a file name seems to tell (cat.0, dog_3, 3_0001), or None."""
    found = re.fullmatch(r"(.*?[^\W\d_])[\W_]*\d+|(\d+)[\W_]+\d+", stem)
    return (found[1] or found[2]) if found else None


def _check(folder, parts):
    """Refuses classes that some part lacks, or that have too few pictures to deal."""
    for part, classes in parts.items():
        place = folder.path if len(parts) == 1 else f"{folder.path} ({part})"
        other = next((p for p in parts if parts[p].keys() - classes.keys()), None)
        if other:
            lacking = min(parts[other].keys() - classes.keys(), key=natural)
            raise DataError(
                f"{place} has no {lacking}, which {other} has; all need the same classes"
            )
        fewest = 4 - len(parts) if part == "train" else 1  # one for it and each part dealt from it
        for name, paths in classes.items():
            if len(paths) < fewest:
                held = _count(len(paths), "picture")
                raise DataError(f"{paths[0].parent} holds {held}; {name} needs at least {fewest}")


def _left_out(folder, used):
    """Descriptions of what in a folder is not used."""
    names: list[str] = []
    stray: list[Path] = []
    others: list[Path] = []

    def look(inside):
        if not any(path.is_relative_to(inside.path) for path in used):
            empty = "" if inside.folders or inside.pictures or inside.others else " (empty)"
            names.append(f"{inside.path.relative_to(folder.path)}/{empty}")
            return
        others.extend(inside.others)
        stray.extend([] if inside.path in used else inside.pictures)
        for deeper in inside.folders:
            look(deeper)

    look(folder)
    said = [_others(others)] if others else []
    said += [f"{_count(len(stray), 'picture')} outside of the class folders"] if stray else []
    more = [f"{len(names) - MOST_NAMED} more folders"] if len(names) > MOST_NAMED else []
    return said + names[:MOST_NAMED] + more


def _others(paths):
    """Says how many files are not read, of which kinds, and why; "" if there are none."""
    unread = [path for path in paths if path.suffix.lower() in UNREAD]
    rest = [path for path in paths if path.suffix.lower() not in UNREAD]
    verb = "that is no picture" if len(rest) == 1 else "that are no pictures"
    said = [f"{_count(len(rest), 'file')} {verb} ({_kinds(rest)})"] if rest else []
    if unread:
        said.append(
            f"{_count(len(unread), 'file')} in formats that are not read ({_kinds(unread)}):"
            " save them as PNG or JPEG"
        )
    return ", ".join(said)


def _kinds(paths):
    return _listed(sorted({path.suffix.lower() or path.name for path in paths}))


def _count(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(names, ending=""):
    names = [f"{name}{ending}" for name in names]
    more = [f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return ", ".join(names[:MOST_NAMED] + more)
