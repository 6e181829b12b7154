"""What a check says: points, and what is wrong in terms of the idea."""

import dataclasses
import functools

import numpy as np

from course.points import MIME, WORTH

CLOSE = 1e-3


class WrongError(Exception):
    """What is wrong with a student's function: one line that names the idea."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What a check found. In a notebook it is shown as a line; the grader reads its numbers.

    Attributes:
        check: str, the name of the check.
        points, of: ints, points reached and points there are.
        says: str, one line.
    """

    check: str
    points: int
    of: int
    says: str

    def __repr__(self):
        mark = "✓" if self.points == self.of else "✗"
        return f"{mark} {self.check} ({self.points} of {self.of} points): {self.says}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": repr(self), MIME: dataclasses.asdict(self)}


def check(look):
    """Makes a check of a function that raises `WrongError` where a student's work is not right.

    Whatever else the student's code raises is said in one line, and never ends the notebook.
    """
    name = look.__name__
    of = WORTH[name]

    @functools.wraps(look)
    def run(*work):
        try:
            look(*work)
        except NotImplementedError:
            return Result(name, 0, of, "is not filled in yet")
        except WrongError as wrong:
            return Result(name, 0, of, str(wrong))
        except Exception as error:  # a student's code may raise anything
            return Result(name, 0, of, f"stops with {_first_line(error)}")
        return Result(name, of, of, "right")

    return run


def _first_line(error):
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def require(right, says):
    """Refuses work for which a condition does not hold.

    Raises:
        WrongError: `says`, unless `right`.
    """
    if not right:
        raise WrongError(says)


def array(value, shape, what):
    """A returned value as float32, after the checks that every one of them needs.

    Args:
        value: whatever a student's function has returned.
        shape: tuple of int.
        what: str, what it should be.
    Raises:
        WrongError: if it is nothing, is not of this shape, or not finite.
    """
    require(value is not None, f"nothing is returned: {what} is expected; is the return missing?")
    found = np.asarray(value, np.float32)
    if found.shape != shape:
        coupled = found.size == 1 < np.prod(shape)
        hint = (
            "; the mean of the batch couples the samples: keep one value for each"
            if coupled
            else ""
        )
        raise WrongError(f"{what} has shape {found.shape}, not {shape}{hint}")
    require(np.isfinite(found).all(), f"{what} holds NaN or infinity: a log of 0, or a 0 / 0")
    return found


def near(found, right, tolerance=CLOSE):
    """Whether two arrays are the same but for rounding."""
    found, right = np.asarray(found, np.float64), np.asarray(right, np.float64)
    if found.shape != right.shape:
        return False
    return bool(np.abs(found - right).max() <= tolerance * max(1e-6, np.abs(right).max()))


def expect(found, right, otherwise, mistakes):
    """Compares with the right result and, if it differs, with the results of known mistakes.

    Args:
        found, right: arrays of one shape.
        otherwise: str, what to say of an unknown mistake.
        mistakes: dict, what to say -> the result of this mistake.
    Raises:
        WrongError: if `found` is not `right`.
    """
    if near(found, right):
        return
    for says, wrong in mistakes.items():
        require(not near(found, wrong), says)
    raise WrongError(otherwise)
