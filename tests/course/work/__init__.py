"""Students' work: wrong, with what a check must say of it, and right in another way than ours."""

WRONG = []  # (check, words of the message, function)
RIGHT = []  # (check, function)


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
