"""A race: every row attacks the same images, in turns, and is judged by the same classifier."""

import gc
import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import time
import warnings

import keras
import numpy as np

import data
from benchmarks.peers import OUR_ROWS, OURS, PEERS, PIXEL_RANGE, Task

PIXEL_SLACK = 1e-5  # rounding that a ball and the box are allowed, on the [0, 1] scale
SUCCESS_SLACK = 0.005  # a row whose success is further from ours does not count
EXPECTED_ERRORS = (data.DataError, ValueError)


def prepare(options):
    """Loads the classifier and the images.

    Args:
        options: the namespace of `benchmarks.attacks.parse`.
    Returns:
        Task.
    Raises:
        DataError: if the data set cannot be had.
        ValueError: one line, if the classifier cannot be loaded or is none for these images.
    """
    classifier = _load(options.weights)
    split = data.load(options.dataset, data_dir=options.data_dir).test
    shape = split.images.shape[1:]
    if classifier.input_shape[1:] != shape:
        raise ValueError(
            f"{options.weights}: takes images of {classifier.input_shape[1:]}, and those of"
            f" {options.dataset} are {shape}; use another --dataset or --weights"
        )
    if len(split.labels) < options.images:
        raise ValueError(
            f"--images {options.images}: {options.dataset} has {len(split.labels)} test images"
        )
    return Task(
        classifier,
        data.normalize(split.images[: options.images]),
        split.labels[: options.images],
        options.epsilon,
        options.step_size,
        options.steps,
        options.batch_size,
        options.threads,
    )


def _load(path):
    """The classifier in a file.

    Raises:
        ValueError: one line, if there is none.
    """
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # a damaged file fails in many ways, each Keras's own
        raise ValueError(f"{path}: holds no classifier ({_first_line(error)})") from None


def run(task, rounds, announce):
    """Warms every row up once, then lets them attack in turns.

    Args:
        task: Task.
        rounds: int >= 1.
        announce: callable for one line of text.
    Returns:
        dict for `json.dumps`: "rows", ours first, and "left_out", each as README.md says.
    Raises:
        ValueError: if our own row refuses the task.
    """
    ready, left_out = _build(task)
    seconds: dict[str, list[float]] = {name: [] for name in ready}
    images = {}
    for name in list(ready):
        try:
            images[name] = ready[name]()
        except Exception as error:  # peers fail in their own ways, and the others race on
            if name in OUR_ROWS:
                raise
            left_out.append({"name": name, "why": f"fails: {_first_line(error)}"})
            del ready[name], seconds[name]
    for entry in left_out:
        announce(f"{entry['name']} is left out: {entry['why']}")
    for turn in range(rounds):
        for name, attack in ready.items():
            gc.collect()
            start = time.perf_counter()
            attack()
            seconds[name].append(time.perf_counter() - start)
        announce(f"round {turn + 1} of {rounds}")
    rows = [_summary(task, name, times, seconds[OURS]) for name, times in seconds.items()]
    _judge(task, rows, images)
    return {"rows": rows, "left_out": left_out}


def _build(task):
    """The attacks that can be had, as {name: callable}, and a list of those that cannot."""
    ready = {name: build(task) for name, build in OUR_ROWS.items()}
    left_out = []
    for name, peer in PEERS.items():
        if not all(map(importlib.util.find_spec, peer.modules)):
            why = f"not installed; pip install {peer.pip}"
            left_out.append({"name": name, "why": why})
            continue
        for row, build in peer.rows.items():
            try:
                with warnings.catch_warnings(action="ignore"):  # of what else is not installed
                    ready[row] = build(task)
            except Exception as error:  # such as a version that does not know its neighbours
                left_out.append({"name": row, "why": f"fails: {_first_line(error)}"})
    return ready, left_out


def _summary(task, name, seconds, our_seconds):
    """One row's speed; the ratios are taken round by round, where a busy machine hits both."""
    count = len(task.images)
    speeds = [count / one for one in seconds]
    ratios = [one / other for one, other in zip(our_seconds, seconds, strict=True)]
    return {
        "name": name,
        "seconds": seconds,
        "images_per_second": _spread(speeds),
        "ratio_to_ours": _spread(ratios),
    }


def _spread(values):
    """The median, the lowest and the highest."""
    return {"median": float(np.median(values)), "low": min(values), "high": max(values)}


def _judge(task, rows, images):
    """Adds to each row how many labels are left, and whether it counts."""
    ours = None
    for row in rows:
        attacked = images[row["name"]]
        named = task.classifier.predict(attacked, task.batch_size, verbose=0).argmax(axis=1)
        success = float(np.mean(named != task.labels))
        ours = success if ours is None else ours  # ours is the first row
        furthest = float(np.abs(attacked - task.images).max()) / PIXEL_RANGE
        why_not = None
        if abs(success - ours) > SUCCESS_SLACK and row["name"] not in OUR_ROWS:
            why_not = "its success is not ours"
        if furthest > task.epsilon + PIXEL_SLACK or np.abs(attacked).max() > 1 + 2 * PIXEL_SLACK:
            why_not = "it leaves the ball or the box"
        row.update(success=success, furthest=furthest, counts=why_not is None, why_not=why_not)


def machine(threads):
    """What was raced on: the processor, its threads, and the versions of all that is installed."""
    names = ("tensorflow", "keras", "numpy", *(n for peer in PEERS.values() for n in peer.packages))
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "threads": threads,
        "system": platform.platform(),
        "python": platform.python_version(),
        "onednn_in_tensorflow": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "as TensorFlow chooses"),
        "versions": versions,
    }


def _processor():
    """The processor's name."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _first_line(error):
    """The beginning of an error's text, or what kind it is."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
