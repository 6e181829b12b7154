"""Students' work: wrong, with what a check must say of it, and right in another way than ours."""

from collections.abc import Callable

WRONG: list[tuple[str, str, Callable]] = []  # check, words of its message, function
RIGHT: list[tuple[str, Callable]] = []  # check, function


def wrong(check, says):
    """Marks a function as work that `check` must refuse with these words."""

    def add(function):
        WRONG.append((check, says, function))
        return function

    return add


def right(check):
    """Marks a function as work that `check` must pass."""

    def add(function):
        RIGHT.append((check, function))
        return function

    return add
