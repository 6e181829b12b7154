"""How TensorFlow is started: quietly, with the threads and the device that a game wants."""

import contextlib
import gc
import os
import sys
import tempfile

from games import OptionError

# Keras imports these two, a fifth of the whole, for wrappers and a picture that nothing here uses.
SPARED = ("sklearn", "matplotlib")


@contextlib.contextmanager
def silenced_stderr(expected=()):
    """Keeps what is written to file descriptor 2 and shows it only if the block fails.

    Args:
        expected: types of errors after which it is not shown either.
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
    """Imports within it do without what is `SPARED`, and look for no garbage: they make little."""
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
    """Imports TensorFlow for Keras, without the chatter of its start.

    With oneDNN, which TensorFlow itself takes only where a processor has AVX-512's instructions
    for networks: with AVX2 alone, too, the trio's step takes a quarter to a third less.

    Args:
        threads: int, that compute; None for as many as TF_NUM_INTRAOP_THREADS says, or as there
            are cores.
        side_by_side: int, operations at a time that have something to do; each gets its part of the
            threads. Small ones are faster beside each other than one by one in pieces.
        xla: bool, whether XLA will be used; looking for it takes a moment that others are spared.
        device: "cpu" to leave a GPU alone, "gpu" to insist on one, None for one if there is any.
        first: callable, what must be done before the devices are looked at; or None.
    Raises:
        OptionError: if there is no GPU to insist on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with silenced_stderr():
        with imported_sooner():
            import keras  # noqa: F401
            import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        if threads is None and side_by_side > 1:
            told = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
            threads = int(told) if told.isdecimal() and int(told) else cores()
        if threads is not None:
            part = max(1, threads // side_by_side)
            with contextlib.suppress(RuntimeError):  # it is at work already, and keeps what it has
                tf.config.threading.set_intra_op_parallelism_threads(part)
                tf.config.threading.set_inter_op_parallelism_threads(threads)
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        if first:
            first()
        # The devices and XLA are looked for, and talked of, at their first use.
        tf.constant(0)
        if xla:
            tf.function(lambda: tf.constant(0) + 1, jit_compile=True)()
    if device == "gpu" and not tf.config.get_visible_devices("GPU"):
        raise OptionError(
            "--device gpu: TensorFlow finds none; leave the flag out, or install its CUDA with"
            " pip install --constraint constraints.txt '.[gpu]'"
        )
