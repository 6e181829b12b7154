"""The Frechet distance that papers print, FID: by Inception's features and torch-fidelity.

Both come with the extra `fid`, but for the weights: a file of 91 MB, which is never downloaded
unasked. Source: Heusel et al. 2017, arXiv:1706.08500; Obukhov et al. 2020, torch-fidelity.
"""

import concurrent.futures
import hashlib
import importlib.util
import multiprocessing
import os
import pathlib
from typing import Any

import numpy as np

from devices import children
from games import OptionError

NAME = "weights-inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{NAME}"
HASH = "6726825d"  # how the SHA-256 of the file begins, as its name says
PACKAGES = ("torch", "torch_fidelity")
BATCH = 50


def cached():
    """Where torch-fidelity itself keeps the weights, a path that may not exist."""
    caches = os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")
    hub = pathlib.Path(os.environ.get("TORCH_HOME", pathlib.Path(caches) / "torch")) / "hub"
    return hub / "checkpoints" / NAME


def find(given=None):
    """The Inception network, if it can be had without a download.

    Args:
        given: str, a file of its weights; None for the one in the cache.
    Returns:
        Inception, or a str that says how to get what is missing.
    Raises:
        OptionError: one line, if a file was given and cannot be used, or if the cached one is
            damaged.
    """
    path = pathlib.Path(given or cached())
    if given and not path.is_file():
        raise OptionError(f"--inception {given}: no such file; it is {URL}")
    wanted = []
    if any(importlib.util.find_spec(name) is None for name in PACKAGES):
        wanted.append("run pip install '.[fid]'")
        if given:
            raise OptionError(f"--inception {given}: torch-fidelity is missing; {wanted[0]}")
    if not path.is_file():
        wanted.append(f"put {URL} into {cached().parent}")
    return " and ".join(wanted) or Inception(checked(path))


def checked(path):
    """The path of a file that is the weights.

    Raises:
        OptionError: if it is another file; nothing of it is loaded.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise OptionError(f"--inception {path}: {error.strerror}") from None
    if not digest.startswith(HASH):
        raise OptionError(f"--inception {path}: is not {NAME}, or not all of it; it is {URL}")
    return path


class Inception:
    """Inception v3 as FID knows it, in a process of its own.

    Where TensorFlow is loaded, loading what torch-fidelity needs can end the process.

    Args:
        weights: path of the file.
    """

    def __init__(self, weights):
        self.process = concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=children.end_with_parent
        )
        self.process.submit(_load, str(weights)).result()

    def features(self, images):
        """Features float32 (n, 2048) of images uint8 (n, h, w, 3)."""
        return self.process.submit(_features, images).result()

    def distance(self, real, generated):
        """FID, float >= 0, between two samples' features."""
        return self.process.submit(_distance, real, generated).result()


# What the process does; it keeps the network here.
_networks: list[Any] = []


def _load(weights):
    from torch_fidelity import FeatureExtractorInceptionV3

    _networks.append(
        FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=weights)
    )


def _features(images):
    import torch

    (network,) = _networks
    batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
    with torch.no_grad():
        return np.concatenate(
            [
                network(torch.tensor(np.transpose(batch, (0, 3, 1, 2))))[0].numpy()
                for batch in batches
            ]
        )


def _distance(real, generated):
    import torch
    from torch_fidelity import metric_fid

    moments = [
        metric_fid.fid_features_to_statistics(torch.from_numpy(features))
        for features in (real, generated)
    ]
    found = metric_fid.fid_statistics_to_metric(*moments, verbose=False)
    return float(found[metric_fid.KEY_METRIC_FID])
