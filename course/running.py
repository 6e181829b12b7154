"""Runs a notebook in a kernel of its own: with time limits, without the network, output bounded."""

import dataclasses
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import nbclient
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, DeadKernelError

ROOT = pathlib.Path(__file__).parents[1]
MOST_TEXT = 20_000  # characters of printed text that are kept of a notebook
MOST_OUTPUTS = 500  # other outputs
GUARD = [sys.executable, "-m", "course.guard", "-f", "{connection_file}"]
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
TOO_LONG = {"ename": "Timeout", "evalue": "takes too long, and was stopped", "traceback": []}


@dataclasses.dataclass
class Run:
    """What became of a notebook.

    Attributes:
        seconds: float, from the start of the kernel.
        ended: str, why the rest was not run; empty if everything was.
        stopped: list of str, a line for each cell that raised an error or took too long.
    """

    seconds: float = 0.0
    ended: str = ""
    stopped: list[str] = dataclasses.field(default_factory=list)


class BoundedClient(nbclient.NotebookClient):
    """Keeps a limited part of what a notebook prints, however much it is."""

    kept_text = kept_outputs = 0

    def process_message(self, msg, cell, cell_index):
        """As in nbclient; what is too much is dropped."""
        content = msg["content"]
        if msg["msg_type"] == "stream":
            content["text"] = content["text"][: max(0, MOST_TEXT - self.kept_text)]
            self.kept_text += len(content["text"])
            if not content["text"]:
                return None
        elif msg["msg_type"] in ("display_data", "execute_result"):
            self.kept_outputs += 1
            if self.kept_outputs > MOST_OUTPUTS:
                return None
        return super().process_message(msg, cell, cell_index)


def run(notebook, *, limit, cell_limit, variables):
    """Runs all cells, whatever they raise; the outputs are left in the notebook.

    Args:
        notebook: nbformat node, changed in place.
        limit, cell_limit: floats, seconds for the whole and for one cell.
        variables: dict of str, environment variables for the kernel.
    Returns:
        Run.
    """
    found, start = Run(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="notebook-") as folder:
        client = _client(notebook, folder)
        own = {"IPYTHONDIR": folder, "TMPDIR": folder, "PYTHONPATH": str(ROOT)}
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        surroundings = {**os.environ, **QUIET, **own, **variables}
        with client.setup_kernel(env=surroundings, cwd=folder, cleanup_kc=True, **silent):
            for index in range(len(notebook.cells)):
                left = limit - (time.monotonic() - start)
                if left <= 0:
                    found.ended = f"was stopped after {limit:g} seconds, at cell {index + 1}"
                if found.ended:
                    break
                client.timeout = math.ceil(min(cell_limit, left))  # the whole limit is used up
                _run_cell(client, index, found)
    found.seconds = time.monotonic() - start
    return found


def _client(notebook, folder):
    """A client for a guarded kernel, which talks through files in a folder, not over a network."""
    manager = AsyncKernelManager(transport="ipc", ip=f"{folder}/kernel")
    manager.kernel_spec.argv = GUARD  # type: ignore[union-attr]  # the name has a spec
    return BoundedClient(
        notebook,
        km=manager,
        interrupt_on_timeout=True,
        error_on_timeout=TOO_LONG,
        iopub_timeout=5,
        startup_timeout=120,
        shutdown_kernel="immediate",
        resources={"metadata": {"path": folder}},
    )


def _run_cell(client, index, found):
    """Runs a cell, and notes in `found` what it raised or that it ended the kernel."""
    try:
        client.execute_cell(client.nb.cells[index], index)
    except DeadKernelError:
        found.ended = f"ended its own kernel in cell {index + 1}"
    except CellExecutionError as error:
        found.stopped.append(f"cell {index + 1}: {error.ename}: {error.evalue}"[:200])
