"""FID by Inception: what is missing is said, wrong files are refused, a peer finds the same."""

import hashlib
import importlib.util

import numpy as np
import pytest

from agents import build_classifier
from evaluation import inception, metrics
from evaluation.generation import GenerationOptions, evaluate_generation
from games import OptionError
from images.datasets import Dataset, Split
from tests.support.program import refused, run_apart


@pytest.fixture
def installed(monkeypatch):
    """Whether or not they are, the packages are found; what they would do is not asked for."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said = inception.find()
    assert "'.[fid]'" in said
    assert inception.URL in said
    assert str(tmp_path / "hub" / "checkpoints") in said


@pytest.mark.usefixtures("installed")
def test_only_the_weights_are_asked_for_if_the_packages_are_there(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    said = inception.find()
    assert "pip" not in said
    assert inception.URL in said


def test_a_file_that_is_given_but_cannot_be_used_is_refused(monkeypatch, tmp_path):
    with pytest.raises(OptionError, match="no such file"):
        inception.find(str(tmp_path / "none.pth"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (tmp_path / "some.pth").write_bytes(b"some")
    with pytest.raises(OptionError, match="pip install"):
        inception.find(str(tmp_path / "some.pth"))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("content", [b"", b"a pickle that runs what it likes"])
def test_another_file_is_refused_before_it_is_loaded(tmp_path, content, monkeypatch):
    monkeypatch.setattr(inception, "Inception", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    inception.cached().parent.mkdir(parents=True)
    inception.cached().write_bytes(content)
    for given in (None, str(inception.cached())):
        with pytest.raises(OptionError, match="is not weights-inception"):
            inception.find(given)


@pytest.mark.usefixtures("installed")
def test_the_right_file_is_found_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(inception, "Inception", lambda path: path)
    monkeypatch.setattr(inception, "HASH", hashlib.sha256(b"right").hexdigest()[:8])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    inception.cached().parent.mkdir(parents=True)
    inception.cached().write_bytes(b"right")
    assert inception.find() == inception.cached()


class Means:
    """Stands in for the network: the mean of each colour."""

    distance = staticmethod(metrics.frechet_distance)

    def features(self, images):
        return images.mean(axis=(1, 2))


def test_the_report_has_it_beside_that_of_real_images():
    random = np.random.default_rng(0)
    splits = [
        Split(random.integers(0, 256, (120, 8, 8, 3)).astype(np.uint8), np.arange(120) % 3)
        for _ in range(3)
    ]
    dataset = Dataset("noise", ("a", "b", "c"), *splits)
    plain, dark = (dataset.test.images, dataset.test.images // 2)
    labels = dataset.test.labels
    report = evaluate_generation(
        {"plain": (plain, labels), "dark": (dark, labels)},
        dataset,
        build_classifier(8, 3, width=4, num_classes=3),
        inception=Means(),
        options=GenerationOptions(seed=1),
    )
    found = {
        name: each["figures"]["inception_distance"] for name, each in report["samples"].items()
    }
    assert found["plain"]["value"] == pytest.approx(0, abs=1e-6)
    seen, dark_seen = (Means().features(images) for images in (plain, dark))
    assert found["dark"]["value"] == pytest.approx(metrics.frechet_distance(seen, dark_seen))
    assert 0 < found["dark"]["real"] < found["dark"]["value"]


# Without TensorFlow, with which what torch-fidelity needs may not be loaded in one process.
PEER = """
import sys
import numpy as np
import torch
import torch_fidelity

class Images(torch.utils.data.Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, place):
        return torch.tensor(self.images[place].transpose(2, 0, 1))

network, path = torch_fidelity.FeatureExtractorInceptionV3, "drawn.pth"
load, put = torch.load, network.load_state_dict
torch.load, network.load_state_dict = lambda *args, **how: {}, lambda self, state: None
torch.manual_seed(0)
drawn = network("drawn", ["2048"], feature_extractor_weights_path="none")
torch.load, network.load_state_dict = load, put
torch.save(drawn.state_dict(), path)
found = torch_fidelity.calculate_metrics(
    input1=Images(np.load("light.npy")),
    input2=Images(np.load("dark.npy")),
    fid=True,
    cuda=False,
    cache=False,
    verbose=False,
    feature_extractor_weights_path=path,
)
print(repr(float(found["frechet_inception_distance"])))
"""


@pytest.mark.skipif(
    importlib.util.find_spec("torch_fidelity") is None, reason="torch-fidelity is not installed"
)
def test_it_is_what_torch_fidelity_itself_finds(tmp_path, monkeypatch):
    """With weights that were drawn at random, as the true ones cannot be had everywhere."""
    random = np.random.default_rng(0)
    light = random.integers(0, 256, (60, 32, 32, 3)).astype(np.uint8)
    dark = random.integers(0, 128, (60, 32, 32, 3)).astype(np.uint8)
    np.save(tmp_path / "light.npy", light)
    np.save(tmp_path / "dark.npy", dark)
    (tmp_path / "peer.py").write_text(PEER)
    peer = run_apart(("peer.py",), folder=tmp_path, timeout=1800)
    assert peer.returncode == 0, peer.stderr
    theirs = float(peer.stdout.split()[-1])
    path = tmp_path / "drawn.pth"
    monkeypatch.setattr(inception, "HASH", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    found = inception.find(str(path))
    ours = found.distance(found.features(light), found.features(dark))
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert ours > 0


def test_grey_pictures_have_none(dcgan):
    words = ("--mode", "evaluate", "--dataset", "digits", "--inception", "some.pth")
    refused(dcgan(*words), 2, "--inception", "colour")
