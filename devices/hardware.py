"""What a game is computed with: pure choices, given whether there is a GPU."""

import tensorflow as tf

MOST_AT_ONCE = 8  # steps that a GPU is handed in one call, so that it need not wait for Python


def has_gpu():
    """Whether there is a GPU that this process may use."""
    return bool(tf.config.get_visible_devices("GPU"))


def suited(options, *, xla, gpu, shared=False):
    """Fills in the precision and the compiler where the user has left them to the machine.

    A CPU takes float32 without XLA, whose convolutions are slower there. A GPU takes XLA and
    bfloat16, whose range is float32's: no loss has to be scaled. Where devices share a batch
    there is no XLA either, since what they reduce together would have to be compiled as well.

    Args:
        options: dict of the options of a run, None for what was not given.
        xla: bool, whether the game can be compiled by it.
        gpu: bool, whether there is a GPU to use.
        shared: bool, whether several devices share each batch.
    Returns:
        dict, the options with "precision" and "jit" set.
    """
    compiles = gpu and not shared and xla
    usual = {"precision": "bfloat16" if gpu else "float32", "jit": compiles}
    missing = {name: value for name, value in usual.items() if options.get(name) is None}
    return {**options, **missing}


def steps_at_once(steps, *, gpu):
    """How many of an epoch's steps are handed over in one call: on a CPU each by itself.

    Keras would play beyond the end of an epoch that they do not divide.
    """
    most = MOST_AT_ONCE if gpu else 1
    return max(number for number in range(1, most + 1) if steps % number == 0)
