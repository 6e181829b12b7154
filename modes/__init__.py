"""What `dcgan.py --mode ...` does, once the flags are known to be good: a function each."""

import data
import runs
from modes.attack import attack
from modes.evaluate import evaluate
from modes.finetune import finetune
from modes.generate import generate, interpolate
from modes.train import train

__all__ = ["EXPECTED_ERRORS", "attack", "evaluate", "finetune", "generate", "interpolate", "train"]

EXPECTED_ERRORS = (data.DataError, runs.RunError, OSError)
