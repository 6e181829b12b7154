"""What each `dcgan.py --mode ...` does with flags that have been checked: one function a mode.

A mode is imported only when it is asked for: the imports of judging take longer than drawing.
"""

import importlib

from crypto.messages import MessageError
from images.datasets import DataError
from images.writing import PlaceError
from training.exporting import ExportError
from training.run_folder import RunError

__all__ = ["EXPECTED_ERRORS", "work_of"]

EXPECTED_ERRORS = (DataError, ExportError, MessageError, PlaceError, RunError, OSError)
FILES = {"interpolate": "generate"}  # every other mode is in a file of its own name


def work_of(mode):
    """The function of a mode, options -> exit status."""
    return getattr(importlib.import_module(f"modes.{FILES.get(mode, mode)}"), mode)
