"""What the command lines share: a quiet start, lines and errors for people, the exit status.

No TensorFlow here until it is asked for.
"""

import argparse
import contextlib
import gc
import os
import signal
import sys
import tempfile

from games.fields import EXPORT_FORMATS, ConfigError

# Keras imports these two, a fifth of the whole, for wrappers and a picture that nothing here uses.
SPARED = ("sklearn", "matplotlib")
INTERRUPTED = 128 + signal.SIGINT  # what a shell reports for Ctrl-C


def say(line):
    """Prints a line at once, also into a file or a pipe."""
    print(line, flush=True)


def one_line(error):
    """The text of an expected error, in one line."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def underscored(word):
    """A word of the line with its flag written as it is defined: `--batch-size=3` with a `_`."""
    name, equals, value = word.partition("=")
    if not name.startswith("--"):
        return word
    return "--" + name[2:].replace("-", "_") + equals + value


def check_owners(options, general, mode_flags):
    """Refuses the flags that the mode has no use for.

    Args:
        options: namespace with `mode` and `given`, the names of the flags on the line.
        general: names of the flags of every mode.
        mode_flags: dict, mode -> names of its flags.
    Raises:
        ConfigError: one line that names the flag and the modes that it is for.
    """
    for name in sorted(options.given - set(general) - set(mode_flags[options.mode])):
        owners = " or ".join(owner for owner, names in mode_flags.items() if name in names)
        raise ConfigError(f"--{name}: is for --mode {owners}, not {options.mode}")


def check_limits(options, limits):
    """Refuses values out of range.

    Args:
        options: namespace of flags.
        limits: dict, name -> (smallest, largest).
    Raises:
        ConfigError: one line that names the flag and the range.
    """
    for name, (low, high) in limits.items():
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            raise ConfigError(f"--{name} {value}: must be from {low} to {high}")


def check_export(options, agents):
    """Refuses an export of an agent that there is not, or to an unknown format.

    Args:
        options: namespace with `agent` and `format`.
        agents: names of those that there are.
    Raises:
        ConfigError: one line that names the flag and what it may be.
    """
    for name, choices in {"agent": agents, "format": EXPORT_FORMATS}.items():
        value = getattr(options, name)
        if value not in choices:
            given = f"--{name} {value}: must be" if value else f"--{name}: say"
            raise ConfigError(f"{given} one of {', '.join(choices)}")


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
        ConfigError: if there is no GPU to insist on.
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
        raise ConfigError(
            "--device gpu: TensorFlow finds none; leave the flag out, or install its CUDA with"
            " pip install --constraint constraints.txt '.[gpu]'"
        )


class LineParser(argparse.ArgumentParser):
    """A parser that shows a text as it is, and refuses in one line, by a ConfigError.

    Args:
        program: str, how it is called.
        text: str, what --help begins with.
    """

    def __init__(self, program, text):
        super().__init__(
            program,
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message):
        raise ConfigError(message)


def count(text):
    """A flag's whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def asks_for_help(argv):
    """Whether a line of words, the program first, asks what there is to do."""
    return any(word in ("--help", "-h", "-help") for word in argv[1:])


def answer(program, argv, *, parse, load):
    """Does what a command line asks for, and says in one line what was wrong with it.

    Args:
        program: str, what such a line begins with.
        argv: list of str, as `parse` takes it.
        parse: callable, argv -> options.
        load: callable, options -> (work, errors): the callable, options -> exit status, that does
            it, and the types of the errors that data and files may cause in it.
    Returns:
        int, the exit status: work's own, 1 for bad data or files, 2 for a ConfigError, 130 for
        Ctrl-C.
    """

    def fail(message, status):
        print(f"{program}: {message}", file=sys.stderr)
        return status

    try:
        options = parse(argv)
        work, errors = load(options)
        try:
            return work(options)
        except errors as error:
            return fail(one_line(error), 1)
    except ConfigError as error:
        return fail(error, 2)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
