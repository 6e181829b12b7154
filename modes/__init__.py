"""What `dcgan.py --mode ...` does, once the flags are known to be good: a function each.

A mode is loaded when it is asked for: what judging needs takes longer to load than drawing takes.
"""

import importlib

from crypto.messages import MessageError
from images.datasets import DataError
from training.exporting import ExportError
from training.run_folder import RunError

__all__ = ["EXPECTED_ERRORS", "work_of"]

EXPECTED_ERRORS = (DataError, ExportError, MessageError, RunError, OSError)
FILES = {"interpolate": "generate"}  # the others are each in a file of their name


def work_of(mode):
    """The function, options -> exit status, that does what a mode says."""
    return getattr(importlib.import_module(f"modes.{FILES.get(mode, mode)}"), mode)
