"""What a shell may do to a program: close its streams, fill its disk, press Ctrl-C at any moment.

Little is imported here, so that it is in force within milliseconds.
"""

import contextlib
import os
import signal
import sys

INTERRUPTED = 128 + signal.SIGINT  # what a shell reports for Ctrl-C
UNHEARD = 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1  # and for a closed pipe


def open_streams():
    """Gives an output that the shell has closed (`>&-`) a device that swallows everything."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nowhere(number)
            setattr(sys, name, open(number, "w", closefd=False))  # noqa: PTH123, SIM115


def nowhere(number):
    """Lets a file descriptor lead to a device that swallows everything."""
    handle = os.open(os.devnull, os.O_WRONLY)
    if handle != number:
        os.dup2(handle, number)
        os.close(handle)


def drop_unsaid():
    """Forgets what cannot be written, which Python's last flush would complain of once more."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            nowhere(sys.stdout.fileno())


@contextlib.contextmanager
def ctrl_c_ends(program):
    """Within it Ctrl-C ends the process in one line: libraries load, and nothing is to be saved.

    Raised as KeyboardInterrupt it could come out of a library that is half loaded as any error.

    Args:
        program: str, what the line begins with.
    """
    errors = os.dup(2)  # which is silenced while TensorFlow starts

    def end(number, frame):
        os.write(errors, f"{program}: interrupted\n".encode())
        os._exit(INTERRUPTED)

    before = None
    try:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            with contextlib.suppress(ValueError):  # not the main thread, which gets no signal
                before = signal.signal(signal.SIGINT, end)
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
        os.close(errors)
