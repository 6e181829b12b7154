"""Downloads data sets into the cache that Keras uses, each of them whole or not at all."""

import contextlib
import hashlib
import http.client
import os
import sys
import tarfile
import tempfile
import threading
import urllib.request
from pathlib import Path

from images import archives
from images.files import DataError

__all__ = ["cache_folder", "find", "unreachable"]

TIMEOUT = 3.0  # seconds for a server to answer; a run without a network should start soon
PIECE, MOST_PIECES = 2**20, 256  # bytes of a read, and how many; the largest file has 170 MB
STALL = 10.0  # seconds without a byte that end a download

# Where Keras caches each data set, below ~/.keras/datasets, and its source: url, sha256.
CACHE_FOLDERS = {
    "mnist": "",
    "fashion_mnist": "fashion-mnist",
    "cifar10": "cifar-10-batches-py-target",
}
BUCKET = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
DOWNLOADS: dict[str, dict[str, str | None]] = {
    "mnist": {
        f"{BUCKET}mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    },
    "fashion_mnist": {
        f"{BUCKET}{stem}-idx{3 if stem.endswith('images') else 1}-ubyte.gz": None
        for stem in archives.IDX_STEMS
    },
    "cifar10": {
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz": (
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
        )
    },
}


def find(name):
    """Looks for a data set in the cache, and downloads it if it is missing or incomplete.

    Args:
        name: str, a key of `DOWNLOADS`.
    Returns:
        A callable that reads it, as `archives.find` returns.
    Raises:
        DataError: if it is not there and cannot be downloaded.
    """
    folder = cache_folder() / CACHE_FOLDERS[name]
    with contextlib.suppress(DataError):  # if only some of its files are there, download all
        return archives.find(name, folder)
    _download(name, folder)
    return archives.find(name, folder)


def cache_folder():
    """Where Keras keeps its data sets: $KERAS_HOME, ~/.keras or, as a last resort, /tmp/.keras."""
    given = os.environ.get("KERAS_HOME")
    home = Path(given or "~/.keras")
    with contextlib.suppress(RuntimeError):  # some users of containers have no home
        home = home.expanduser()
    if not given and not os.access(home.parent, os.W_OK):
        home = Path("/tmp/.keras")
    return home / "datasets"


def unreachable(url):
    """Asks a server for a file's headers: None if it answers within `TIMEOUT`, else the reason.

    It asks in a thread, since looking up a name can hang for a minute and ignores timeouts.
    """
    answers: list[str | None] = [f"no answer in {TIMEOUT:g} s"]

    def ask():
        try:
            request = urllib.request.Request(url, method="HEAD")
            urllib.request.urlopen(request, timeout=TIMEOUT).close()
            answers.append(None)
        except (OSError, ValueError, http.client.HTTPException) as error:
            answers.append(str(getattr(error, "reason", error)))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return answers[-1]


def _download(name, folder):
    """Downloads a data set into its folder of the cache, through a temporary folder inside it."""
    urls = list(DOWNLOADS[name])
    missing = archives.CIFAR_FOLDER if name == "cifar10" else urls[0].rpartition("/")[2]
    try:
        problem = unreachable(urls[0])
        if problem:
            raise OSError(problem)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
            for url in urls:
                _fetch(url, DOWNLOADS[name][url], Path(scratch))
            _move_all(sorted(Path(scratch).iterdir()), folder)
    except (OSError, ValueError, http.client.HTTPException, tarfile.TarError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{folder / missing} is missing and cannot be downloaded ({reason});"
            " put it there, pass --data_dir, or use --dataset digits"
        ) from error


def _fetch(url, sha256, folder):
    """Downloads a file into a folder, and unpacks it if it is a .tar.gz.

    Raises:
        OSError: if it arrives incomplete.
    """
    print(f"Downloading {url}", file=sys.stderr)
    target = folder / url.rpartition("/")[2]
    with urllib.request.urlopen(url, timeout=STALL) as response, target.open("wb") as file:
        for _ in range(MOST_PIECES):
            if not (piece := response.read(PIECE)):
                break
            file.write(piece)
        else:
            raise OSError(f"{url} has more than {MOST_PIECES * PIECE / 2**20:.0f} MB")
    length = response.headers.get("Content-Length")
    if length and int(length) != target.stat().st_size:
        raise OSError(f"{url} broke off")
    if sha256 and hashlib.sha256(target.read_bytes()).hexdigest() != sha256:
        raise OSError(f"{url} is not the file it should be")
    if target.name.endswith(".tar.gz"):
        with tarfile.open(target) as archive:
            archive.extractall(folder, filter="data")
        target.unlink()


def _move_all(paths, folder):
    """Moves files and folders into a folder, in place of their namesakes: all of them or none.

    The namesakes leave first, so that even a kill in between leaves no mixture of old and new files
    that looks complete. They end up beside `paths`.
    """
    targets = {path: folder / path.name for path in paths}
    with contextlib.ExitStack() as undo:
        for path, target in targets.items():
            if target.exists():
                old = path.with_name(f"{path.name}.old")
                target.replace(old)
                undo.callback(old.replace, target)
        for path, target in targets.items():
            path.replace(target)
            undo.callback(target.replace, path)
        undo.pop_all()  # nothing went wrong
