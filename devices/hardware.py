"""How a game is computed: choices that depend only on whether there is a GPU."""

import tensorflow as tf

MOST_AT_ONCE = 50  # short steps in one call, so that they need not wait for Python


def has_gpu():
    """Whether there is a GPU that this process may use."""
    return bool(tf.config.get_visible_devices("GPU"))


def suited(options, *, xla, gpu, shared=False):
    """Fills in the precision and the compiler unless the user has chosen them.

    A CPU gets float32 and no XLA, whose convolutions are slower there. A GPU gets XLA and
    bfloat16, which has the range of float32, so no loss has to be scaled. Devices that share a
    batch get no XLA, since it would have to compile their common reductions as well.

    Args:
        options: dict of a run's options, None for those not given.
        xla: bool, whether XLA can compile the game.
        gpu: bool, whether there is a GPU to use.
        shared: bool, whether several devices share each batch.
    Returns:
        dict, the options with "precision" and "jit" set.
    """
    compiles = gpu and not shared and xla
    usual = {"precision": "bfloat16" if gpu else "float32", "jit": compiles}
    missing = {name: value for name, value in usual.items() if options.get(name) is None}
    return {**options, **missing}


def steps_at_once(steps, *, short):
    """How many of an epoch's steps are played in one call; one, unless they are short.

    The number divides the epoch's steps, because Keras would otherwise play beyond its end.

    Args:
        steps: int, of the epoch.
        short: bool, whether Python takes a good part of a step's time: on a GPU, or with points.
    """
    most = MOST_AT_ONCE if short else 1
    return max(number for number in range(1, most + 1) if steps % number == 0)
