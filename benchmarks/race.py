"""A race: rows that do the same work take turns, so that a busy machine slows all alike."""

import contextlib
import gc
import importlib.metadata
import importlib.util
import multiprocessing
import os
import pathlib
import platform
import signal
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Peer(NamedTuple):
    """A library.

    Attributes:
        modules: names of what has to be importable.
        pip: what to give `pip install` if they are not.
        packages: names of the distributions whose versions are reported.
        rows: name of a row -> builder: the race's task -> callable without arguments, which does
            the work of a turn.
    """

    modules: tuple[str, ...]
    pip: str
    packages: tuple[str, ...]
    rows: dict[str, Callable]


class Apart:
    """A row in a process of its own, so that its threads do not disturb other rows.

    Args:
        prepare: callable without arguments; called there before the row's module is imported.
        build: the row's builder, as in a Peer.
        task: what the builder is given; all three as `pickle` takes them.
    Raises:
        RuntimeError: if the row cannot be built, with the reason; later, if it fails to work.
    """

    def __init__(self, prepare, build, task):
        spawned = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawned.Pipe()
        spawned.Process(target=_serve, args=(theirs, prepare), daemon=True).start()
        theirs.close()
        self._ask(build, task)

    def __call__(self):
        """Does the work of a turn and returns what comes of it."""
        return self._ask("work")

    def collect(self):
        """Makes the process collect garbage now, so that it need not during a turn."""
        self._ask("collect")

    def cpu_time(self):
        """Seconds that all threads of the process have worked so far."""
        return self._ask("cpu_time")

    def _ask(self, *question):
        try:
            self.pipe.send(question)
            done, outcome = self.pipe.recv()
        except (EOFError, BrokenPipeError):
            raise RuntimeError("its process has ended; is there too little memory?") from None
        if not done:
            raise RuntimeError(outcome)
        return outcome


def _serve(pipe, prepare):
    """The other end of `Apart`: builds the row, then does its work whenever asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    prepare()

    def answer(act):
        try:
            pipe.send((True, act()))
        except Exception as error:  # peers fail in their own ways
            pipe.send((False, first_line(error)))

    acts: dict[str, Callable] = {"collect": gc.collect, "cpu_time": time.process_time}
    build, task = pipe.recv()
    answer(lambda: acts.update(work=build(task)))
    with contextlib.suppress(EOFError):
        while True:
            (name,) = pipe.recv()
            answer(acts[name])


def run(task, our_rows, peers, *, rounds, announce):
    """Warms every row up once, then lets them work in turns.

    Args:
        task: what every builder of a row is given.
        our_rows: dict, name of a row -> builder, as in a Peer.
        peers: dict, name -> Peer.
        rounds: int >= 1.
        announce: callable for one line of text.
    Returns:
        (times, results, left_out): dict, name -> {"seconds", "cpu_seconds"}, lists of float, one
        a round; dict, name -> what the row's first turn returned; list of dicts, `name`, `why`.
    Raises:
        Exception: whatever a row of ours fails with; a peer that fails is left out.
    """
    ready, left_out = _build(task, our_rows, peers)
    times: dict[str, dict] = {name: {"seconds": [], "cpu_seconds": []} for name in ready}
    results = {}
    for name in list(ready):
        try:
            results[name] = ready[name]()
        except Exception as error:  # peers fail in their own ways, and the others race on
            if name in our_rows:
                raise
            left_out.append({"name": name, "why": f"fails: {first_line(error)}"})
            del ready[name], times[name]
    for entry in left_out:
        announce(f"{entry['name']} is left out: {entry['why']}")
    for turn in range(rounds):
        for name, work in ready.items():
            getattr(work, "collect", gc.collect)()
            cpu_time = getattr(work, "cpu_time", _cpu_time)
            cpu_start, start = cpu_time(), time.perf_counter()
            work()
            times[name]["seconds"].append(time.perf_counter() - start)
            times[name]["cpu_seconds"].append(cpu_time() - cpu_start)
        announce(f"round {turn + 1} of {rounds}")
    return times, results, left_out


def _cpu_time():
    """Seconds of all threads of this process and of the processes that it has waited for."""
    children = os.times()  # of this process itself it is too coarse for a short turn
    return time.process_time() + children.children_user + children.children_system


def _build(task, our_rows, peers):
    """The rows that can be built, as {name: callable}, and a list of those that cannot."""
    ready = {name: build(task) for name, build in our_rows.items()}
    left_out = []
    for name, peer in peers.items():
        if not all(map(importlib.util.find_spec, peer.modules)):
            why = f"not installed; pip install {peer.pip}"
            left_out.append({"name": name, "why": why})
            continue
        for row, build in peer.rows.items():
            try:
                with warnings.catch_warnings(action="ignore"):  # of what else is not installed
                    ready[row] = build(task)
            except Exception as error:  # such as a version that does not know its neighbours
                left_out.append({"name": row, "why": f"fails: {first_line(error)}"})
    return ready, left_out


def summary(name, times, our_times, *, count):
    """One row's speed; ratios are taken within a round, in which a busy machine slows both.

    Args:
        name: str.
        times, our_times: dicts, as of `run`, of this row and of the one to compare with.
        count: int, images of a turn.
    Returns:
        dict, as README.md says of a row.
    """
    return {
        "name": name,
        **times,
        "images_per_second": spread([count / one for one in times["seconds"]]),
        "ratio_to_ours": ratio(our_times["seconds"], times["seconds"]),
        "cpu_ratio_to_ours": ratio(our_times["cpu_seconds"], times["cpu_seconds"]),
    }


def summaries(times, ours, *, count):
    """The `summary` of every row.

    Args:
        times: dict, of `run`.
        ours: str, the row to compare with.
        count: int, images of a turn.
    """
    return [summary(name, each, times[ours], count=count) for name, each in times.items()]


def ratio(ours, theirs):
    """How many times as fast as ours they are, from the times of each round."""
    return spread([one / other for one, other in zip(ours, theirs, strict=True)])


def spread(values):
    """The median, the lowest and the highest."""
    return {"median": float(np.median(values)), "low": min(values), "high": max(values)}


def machine(threads, peers):
    """The machine of the race: its processor, its threads, and the versions of the packages."""
    names = ("tensorflow", "keras", "numpy", *(n for peer in peers.values() for n in peer.packages))
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


def first_line(error):
    """The first line of an error's text, or the name of its type."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
