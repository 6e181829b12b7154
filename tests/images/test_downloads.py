"""Downloads: what is found in the cache, what comes by the network, what a failure leaves."""

import hashlib
import io
import pathlib
import tarfile
import time
import urllib.request

import pytest

from images import datasets, downloads
from images.datasets import DataError
from tests.support.files import refusal, small_mnist, write_cifar, write_idx, write_mnist


@pytest.fixture
def cache(home):
    """The folder of an empty cache."""
    folder = home / ".keras" / "datasets"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def no_network(monkeypatch):
    monkeypatch.setattr(downloads, "unreachable", lambda url: "blocked by the test")


@pytest.fixture
def serve(cache, monkeypatch):
    """Makes some files what the network would bring; returns the folder of the cache for them."""

    def files_of(name, *files):
        urls = {file.as_uri(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
        monkeypatch.setitem(downloads.DOWNLOADS, name, urls)
        return cache / downloads.CACHE_FOLDERS[name]

    return files_of


@pytest.fixture
def serve_fashion(serve, tmp_path):
    """`serve`s the four files, and breaks off one of them in the cache."""
    origin = tmp_path / "origin"
    origin.mkdir()
    write_idx(origin, small_mnist(), gz=True)
    folder = serve("fashion_mnist", *sorted(origin.iterdir()))
    folder.mkdir()
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"half of it")
    return folder


@pytest.fixture
def serve_cifar(serve, tmp_path):
    write_cifar(tmp_path / "cifar-10-batches-py")
    with tarfile.open(tmp_path / "cifar.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "cifar-10-batches-py", "cifar-10-batches-py")
    return serve("cifar10", tmp_path / "cifar.tar.gz")


def test_the_cache_of_keras_is_found(cache, no_network):
    write_mnist(cache)
    (cache / "fashion-mnist").mkdir()
    write_idx(cache / "fashion-mnist", small_mnist(), gz=True)
    write_cifar(cache / "cifar-10-batches-py-target" / "cifar-10-batches-py")
    for name in ("mnist", "fashion_mnist", "cifar10"):
        assert datasets.load(name).num_classes == 10


def test_the_cache_follows_the_home(home, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    assert downloads.cache_folder() == home / ".keras" / "datasets"
    monkeypatch.setenv("KERAS_HOME", "~/elsewhere")
    assert downloads.cache_folder() == home / "elsewhere" / "datasets"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(home / "missing"))
    assert downloads.cache_folder() == pathlib.Path("/tmp/.keras/datasets")


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_what_cannot_be_downloaded_is_named_with_the_ways_out(cache, no_network, name):
    message = refusal(cache, name=name)
    for part in ("blocked by the test", "--data_dir", "--dataset digits", "put it there"):
        assert part in message


def test_mnist_is_downloaded_into_the_cache(serve, tmp_path, capsys):
    path = write_mnist(tmp_path)
    folder = serve("mnist", path)
    assert datasets.resolve("auto", announce=pytest.fail) == "mnist"
    path.unlink()
    assert datasets.load("mnist").image_size == 28
    assert [path.name for path in folder.iterdir()] == ["mnist.npz"]
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith("Downloading ")


def test_fashion_mnist_completes_a_cache_that_was_broken_off(serve_fashion):
    assert datasets.load("fashion_mnist").class_names[-1] == "Ankle boot"
    assert len(list(serve_fashion.iterdir())) == 4


@pytest.mark.parametrize("broken_off", [False, True])
def test_cifar_is_downloaded_and_unpacked(serve_cifar, broken_off):
    if broken_off:
        write_cifar(serve_cifar / "cifar-10-batches-py")
        (serve_cifar / "cifar-10-batches-py" / "data_batch_1").unlink()
    assert datasets.load("cifar10").channels == 3
    assert [path.name for path in serve_cifar.iterdir()] == ["cifar-10-batches-py"]


@pytest.mark.parametrize("trouble", ["wrong content", "breaks off", "interrupted", "endless"])
def test_a_failed_download_leaves_nothing_behind(serve, tmp_path, monkeypatch, trouble):
    path = write_mnist(tmp_path)
    folder = serve("mnist", path)

    class Response(io.BytesIO):
        """The first bytes of an answer, and then its end or Ctrl-C."""

        headers = {"Content-Length": str(path.stat().st_size)}

        def read(self, count):
            if trouble == "interrupted" and self.tell():
                raise KeyboardInterrupt
            return super().read(count)

    if trouble == "wrong content":
        path.write_bytes(b"<html>log in first</html>")
    elif trouble == "endless":
        monkeypatch.setattr(downloads, "PIECE", 100)
    else:
        monkeypatch.setattr(downloads, "unreachable", lambda url: None)
        monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Response(bytes(1000)))
    with pytest.raises(KeyboardInterrupt if trouble == "interrupted" else DataError) as caught:
        datasets.load("mnist")
    assert list(folder.iterdir()) == []
    expected = {"wrong content": "not the file", "breaks off": "broke off", "endless": "more than"}
    assert expected.get(trouble, "") in str(caught.value)


@pytest.mark.parametrize("moves", range(5))
def test_of_several_files_all_arrive_or_none(serve_fashion, monkeypatch, moves):
    """The disk fails after some moves: one puts the old file aside, four bring the new ones."""
    replace, done = pathlib.Path.replace, []

    def fail_once(path, target):
        done.append(target)
        if len(done) == moves + 1:
            raise OSError("No space left on device")
        return replace(path, target)

    monkeypatch.setattr(pathlib.Path, "replace", fail_once)
    assert "No space left" in refusal(serve_fashion, name="fashion_mnist")
    (left,) = serve_fashion.iterdir()
    assert left.name == "train-labels-idx1-ubyte.gz" and left.read_bytes() == b"half of it"
    assert datasets.load("fashion_mnist").num_classes == 10  # the next attempt


def test_the_probe_gives_up_even_if_the_look_up_of_a_name_hangs(monkeypatch):
    def hang(*args, **kwargs):
        time.sleep(3)
        raise OSError("found at last")

    monkeypatch.setattr(urllib.request, "urlopen", hang)
    monkeypatch.setattr(downloads, "TIMEOUT", 0.1)
    start = time.monotonic()
    assert "no answer" in downloads.unreachable("https://example.invalid/mnist.npz")
    assert time.monotonic() - start < 2


def test_the_probe_says_what_is_in_the_way(tmp_path):
    assert "No such file" in downloads.unreachable((tmp_path / "missing").as_uri())
    assert downloads.unreachable(pathlib.Path(__file__).as_uri()) is None
