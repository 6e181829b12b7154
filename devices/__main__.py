"""Plays a game with several workers on this machine: processes that TF_CONFIG introduces.

python -m devices --workers 2 -- dcgan.py --mode train --distribute multiworker --dataset digits

Ctrl-C stops all of them at the same step, and the run is saved; if one dies, the others end too.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from cli import terminal
from devices import cluster, startup

GRACE = 60  # seconds in which the others can end by themselves once one worker has failed


def parse(argv):
    """Reads the flags.

    Args:
        argv: list of str, the program first.
    Returns:
        namespace of `workers` and `command`, the script and its own flags.
    Raises:
        OptionError: in one line, for a bad flag.
    """
    parser = terminal.LineParser("python -m devices", __doc__)
    says = "Number of processes; each gets its share of the cores."
    parser.add_argument("--workers", type=terminal.count, required=True, help=says)
    parser.add_argument("command", nargs="+", help="-- and then a script and its flags.")
    return parser.parse_args(argv[1:])


def launch(options):
    """Starts the workers and waits for all of them; returns the exit status.

    Args:
        options: as `parse` returns.
    """
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(options.workers))
    cores = str(max(1, startup.cores() // options.workers))
    threads = {"TF_NUM_INTRAOP_THREADS": cores, "TF_NUM_INTEROP_THREADS": cores}
    workers: list[subprocess.Popen] = []
    said: dict[str, int] = {}
    with forwarded_signals(workers):
        for index in range(options.workers):
            members = {cluster.VARIABLE: cluster.Cluster(addresses, index).as_text()}
            # In a session of its own, it gets the terminal's Ctrl-C once, from here.
            worker = subprocess.Popen(
                [sys.executable, *options.command],
                env={**threads, **os.environ, **members},
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            threading.Thread(target=pass_on, args=(worker.stderr, index, said)).start()
            workers.append(worker)
        return wait(workers)


def free_ports(count):
    """Free ports of this machine."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def pass_on(lines, index, said):
    """Shows a worker's errors as they come, except lines that another worker has already said."""
    for line in lines:
        if said.setdefault(line, index) == index:
            print(line, end="", file=sys.stderr, flush=True)


@contextlib.contextmanager
def forwarded_signals(workers):
    """Passes Ctrl-C and SIGTERM on to the workers, who save and end."""

    def forward(number, frame):
        for worker in workers:
            worker.send_signal(number)

    handlers = {s: signal.signal(s, forward) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def wait(workers):
    """Waits until all have ended, for `GRACE` seconds once one has failed.

    Returns:
        int, the exit status; if several failed, that of one who could still say why.
    """
    deadline = None
    while None in (statuses := [worker.poll() for worker in workers]):
        if deadline is None and any(statuses):
            deadline = time.monotonic() + GRACE
        if deadline and time.monotonic() > deadline:
            for worker in workers:
                worker.kill()
        time.sleep(0.1)
    failed = sorted(filter(None, statuses), reverse=True)  # killed ones, < 0, said nothing
    return (failed[0] if failed[0] > 0 else 128 - failed[0]) if failed else 0


def main(argv):
    """Returns the exit status, as `terminal.answer`."""
    if terminal.asks_for_help(argv[1 : argv.index("--")] if "--" in argv else argv[1:]):
        print(__doc__)
        return 0
    return terminal.answer("devices", argv, parse=parse, load=lambda options: (launch, (OSError,)))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
