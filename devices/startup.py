"""How TensorFlow is started: quietly, with the threads and the device that a game needs."""

import contextlib
import gc
import logging
import os
import pathlib
import sys
import tempfile

from games import OptionError

# Keras imports these two for features that nothing here uses, in a fifth of its import time.
SPARED = ("sklearn", "matplotlib")


# Taken from the environment where it says something else: the user's own wishes.
USUAL = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # so that two small runs share a card
}
# Whatever the environment says: games are written for it, and a run must not depend on who plays.
PINNED = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": str(pathlib.Path(os.devnull) / "keras"),  # no keras.json is there, none is made
    "KERAS_MAX_EPOCHS": None,
    "KERAS_MAX_STEPS_PER_EPOCH": None,
    "KERAS_NNX_ENABLED": None,
    "MPLBACKEND": None,
}
QUIET = ("absl", "matplotlib", "PIL")


@contextlib.contextmanager
def without_own_settings():
    """Keras and Matplotlib that are imported within it have their usual settings (`PINNED`)."""
    before = {name: os.environ.pop(name, None) for name in PINNED}
    os.environ.update({name: value for name, value in PINNED.items() if value is not None})
    try:
        yield
    finally:
        for name in PINNED:
            os.environ.pop(name, None)
        os.environ.update({name: value for name, value in before.items() if value is not None})
        os.environ["KERAS_BACKEND"] = "tensorflow"  # for processes that are started from here
        os.environ.pop("MPLBACKEND", None)  # it is imported later, and draws into files only


@contextlib.contextmanager
def silenced_stderr(expected=()):
    """Collects what is written to file descriptor 2 and shows it only if the block fails.

    Args:
        expected: types of errors after which it is not shown.
    """
    with tempfile.TemporaryFile() as kept:
        saved = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except expected:
            raise
        except BaseException:
            kept.seek(0)
            os.write(saved, kept.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


@contextlib.contextmanager
def imported_sooner():
    """Speeds up imports in the block: hides the `SPARED` modules and collects no garbage."""
    spared = [name for name in SPARED if name not in sys.modules]
    was_enabled = gc.isenabled()
    gc.disable()
    sys.modules.update(dict.fromkeys(spared))  # type: ignore[arg-type]  # None means absent
    try:
        yield
    finally:
        for name in spared:
            del sys.modules[name]
        if was_enabled:
            gc.enable()


def cores():
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_tensorflow(threads=None, *, side_by_side=1, xla=False, device=None, first=None):
    """Imports TensorFlow for Keras, without its start-up messages.

    It switches on oneDNN, which TensorFlow uses by default only on processors with AVX-512's
    instructions for networks; with AVX2 alone it saves a quarter to a third of the trio's step.

    Args:
        threads: int, threads that compute; None for TF_NUM_INTRAOP_THREADS, or else the number of
            cores.
        side_by_side: int, operations that run at the same time, each with its part of the threads.
            Small operations are faster side by side than one after another on all threads.
        xla: bool, whether XLA will be used; starting it takes a moment that other runs are spared.
        device: "cpu" to ignore a GPU, "gpu" to insist on one, None to use one if there is any.
        first: callable, called before TensorFlow first looks at its devices; or None.
    Raises:
        OptionError: if "gpu" was asked for and there is none.
    """
    for name, value in USUAL.items():
        os.environ.setdefault(name, value)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    with silenced_stderr():
        with imported_sooner(), without_own_settings():
            import keras  # noqa: F401
            import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        if threads is None and side_by_side > 1:
            told = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
            threads = int(told) if told.isdecimal() and int(told) else cores()
        if threads is not None:
            part = max(1, threads // side_by_side)
            with contextlib.suppress(RuntimeError):  # it has already started, and keeps its threads
                tf.config.threading.set_intra_op_parallelism_threads(part)
                tf.config.threading.set_inter_op_parallelism_threads(threads)
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        if first:
            first()
        # TensorFlow looks for devices and XLA, and prints about them, when they are first used.
        tf.constant(0)
        if xla:
            tf.function(lambda: tf.constant(0) + 1, jit_compile=True)()
    if device == "gpu" and not tf.config.get_visible_devices("GPU"):
        raise OptionError(
            "--device gpu: TensorFlow finds none; leave the flag out, or install its CUDA with"
            " make setup GPU=1"
        )
