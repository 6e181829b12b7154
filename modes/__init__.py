"""What `dcgan.py --mode ...` does, once the flags are known to be good: a function each.

A mode is loaded when it is asked for: what judging needs takes longer to load than drawing takes.
"""

import importlib

from images import datasets
from training import exporting, run_folder

__all__ = ["EXPECTED_ERRORS", "work_of"]

EXPECTED_ERRORS = (datasets.DataError, exporting.ExportError, run_folder.RunError, OSError)
FILES = {"interpolate": "generate"}  # the others are each in a file of their name


def work_of(mode):
    """The function, options -> exit status, that does what a mode says."""
    return getattr(importlib.import_module(f"modes.{FILES.get(mode, mode)}"), mode)
