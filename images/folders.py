"""A folder of somebody's pictures -> three splits, with a line on all that was assumed."""

import numpy as np

from images import layouts
from images.decoding import read_pictures
from images.splits import TEST_SHARE, VALIDATION_SHARE, Split, deal

__all__ = ["load"]

PARTS = ("train", "validation", "test")


def load(folder, image_size, *, labelled, seed, announce):
    """Loads a folder of pictures in any layout that `layouts.survey` knows.

    Splits that the folder lacks are dealt from its training pictures, each by its content. Within a
    split the classes are mixed, in an order that names of files do not change.

    Args:
        folder: pathlib.Path.
        image_size: int, side that pictures are resized to, in pixels.
        labelled: bool, whether class folders are needed.
        seed: int; decides how pictures are dealt.
        announce: callable for lines of text on what was counted, assumed or left out.
    Returns:
        (class_names, (train, validation, test)): tuple of str, and three Splits.
    Raises:
        DataError: if the folder or a picture in it cannot be used.
    """
    layout = layouts.survey(folder, labelled)
    paths, labels, parts = _flat(layout)
    images, digests = read_pictures(paths, image_size, announce)
    repeated = _repeated(parts, digests)
    parts = _dealt(parts, digests, seed)
    # By content, so that the first pictures of a split are no class's: some figures take the first.
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__), int)
    places = [order[parts[order] == part] for part in PARTS]
    splits = [Split(images[chosen], labels[chosen]) for chosen in places]
    announce(_counted(folder, layout, splits))
    if several := _in_several_classes(labels, digests):
        announce(
            f"{several:,} pictures are in more than one class, so nobody can tell these apart; keep"
            " each in one"
        )
    if repeated:
        announce(
            f"{repeated:,} pictures of the test or validation folder are in the training folder as"
            " well, so figures measured on them are too good; delete them from one of the two"
        )
    for part, split in zip(PARTS, splits, strict=True):
        lacking = [n for i, n in enumerate(layout.class_names) if i not in split.labels]
        if lacking:
            announce(
                f"no {part} picture of {', '.join(lacking[:10])}: too few for all splits;"
                " add pictures, or make train, val and test folders"
            )
    return layout.class_names, splits


def _flat(layout):
    """The files, the labels int32 (n,) and the parts (n,) of all pictures."""
    paths, labels, parts = [], [], []
    for part, classes in layout.parts.items():
        for label, files in enumerate(classes):
            paths += files
            labels += [label] * len(files)
            parts += [part] * len(files)
    return paths, np.array(labels, np.int32), np.array(parts, object)


def _repeated(parts, digests):
    """How many pictures of other parts are also in "train"."""
    trained = {digest for part, digest in zip(parts, digests, strict=True) if part == "train"}
    pairs = zip(parts, digests, strict=True)
    return sum(part != "train" and digest in trained for part, digest in pairs)


def _in_several_classes(labels, digests):
    """How many different pictures there are in more than one class."""
    classes: dict[bytes, set[int]] = {}
    for label, digest in zip(labels.tolist(), digests, strict=True):
        classes.setdefault(digest, set()).add(label)
    return sum(len(found) > 1 for found in classes.values())


def _dealt(parts, digests, seed):
    """The parts after those that the folder lacks have got their share of "train"."""
    shares = {} if "test" in parts else {"test": TEST_SHARE}
    if "validation" not in parts:
        shares["validation"] = VALIDATION_SHARE * (1 - sum(shares.values()))
    places = np.flatnonzero(parts == "train")
    parts = parts.copy()
    parts[places] = deal([digests[place] for place in places], shares, seed)
    return parts


def _counted(folder, layout, splits):
    """One line: what was read, where it went, what was left out."""
    sizes = [len(split.labels) for split in splits]
    classes = "1 class" if len(layout.class_names) == 1 else f"{len(layout.class_names)} classes"
    shares = ", ".join(f"{size:,} {part}" for size, part in zip(sizes, PARTS, strict=True))
    left_out = f"; left out: {', '.join(layout.left_out)}" if layout.left_out else ""
    return f"{folder}: {sum(sizes):,} pictures in {classes} ({shares}){left_out}"
