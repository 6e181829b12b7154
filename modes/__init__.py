"""What `dcgan.py --mode ...` does, once the flags are known to be good: a function each."""

import data
import exporting
import runs
from modes.attack import attack
from modes.evaluate import evaluate
from modes.export import export
from modes.finetune import finetune
from modes.generate import generate, interpolate
from modes.train import train

__all__ = [
    "EXPECTED_ERRORS",
    "attack",
    "evaluate",
    "export",
    "finetune",
    "generate",
    "interpolate",
    "train",
]

EXPECTED_ERRORS = (data.DataError, exporting.ExportError, runs.RunError, OSError)
