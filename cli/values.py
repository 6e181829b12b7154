"""Values as people write them: 8/255, 1e4, MNIST, 3-5. Each parser says what it expects."""

import difflib
import os
import pathlib
import re

from absl import flags

PLACES = ("path", "data_dir", "output", "image", "arrays", "input", "key_file")  # flags
LONGEST_PATH = 4095
UNITS = {"k": 1e3, "K": 1e3, "M": 1e6}
LARGEST_WHOLE = 1e15  # beyond it a float no longer tells neighbours apart


class Number(flags.ArgumentParser):
    """A number: 0.03, 1e4, 10k or 8/255; a whole one also as 10,000.

    Args:
        kind: int or float; an int may be written in any of these ways if its value is whole.
    """

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.syntactic_help = "a whole number" if kind is int else "a number"

    def parse(self, argument):
        if isinstance(argument, int | float):
            return argument
        text = str(argument).strip()
        if self.kind is int and re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", text):
            text = text.replace(",", "")
        above, slash, below = text.partition("/")
        try:
            value = _plain(above) / _plain(below) if slash else _plain(above)
        except (ValueError, ZeroDivisionError):
            with_point = text.replace(",", ".", 1)
            hint = f"; did you mean {with_point}?" if with_point != text else ""
            raise ValueError(f"must be {self.syntactic_help}{hint}") from None
        if self.kind is float:
            return value
        if not (abs(value) <= LARGEST_WHOLE and value.is_integer()):
            raise ValueError("must be a whole number")
        return int(value)


def _plain(text):
    """The float that a text such as 0.03, 1e4 or 10k says."""
    unit = UNITS.get(text[-1:], 1.0)
    return unit * float(text[:-1] if unit > 1 else text)


class Choice(flags.ArgumentParser):
    """One of a few words, in upper or lower case, with dashes or underscores.

    Args:
        choices: sequence of str.
    """

    def __init__(self, choices):
        super().__init__()
        self.choices = list(choices)

    def parse(self, argument):
        plain = argument.strip().lower().replace("-", "_").replace(" ", "_")
        for choice in self.choices:
            if choice.lower() == plain:
                return choice
        near = difflib.get_close_matches(plain, self.choices, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"must be one of {', '.join(self.choices)}{hint}")


class Words(flags.ArgumentParser):
    """A list of names, numbers and ranges of numbers, such as 3,1,4 or 3-5 or cat,dog."""

    def parse(self, argument):
        if isinstance(argument, list):
            return argument
        words: list[str] = []
        for word in (part.strip() for part in argument.split(",")):
            first, dash, last = word.partition("-")
            if dash and first.isdecimal() and last.isdecimal() and len(word) <= 9:
                low, high = int(first), int(last)
                if high < low or high - low > 10_000:
                    raise ValueError(f"{word} is no range from a smaller number to a larger one")
                words += map(str, range(low, high + 1))
            elif word:
                words.append(word)
            else:
                raise ValueError("must be names or numbers, such as 3,1,4 or 3-5")
        return words


class Place(flags.ArgumentParser):
    """A file or folder, with `~` spelled out; `-` stays."""

    def parse(self, argument):
        if not argument:
            raise ValueError("is empty; name a file or folder")
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in argument):
            raise ValueError("holds control characters, such as a line's end; rename it")
        if len(os.fsencode(argument)) > LONGEST_PATH:
            raise ValueError(f"is longer than {LONGEST_PATH} bytes, which no path can be")
        try:
            return str(pathlib.Path(argument).expanduser())
        except RuntimeError:
            raise ValueError("there is no such home folder") from None


def parser_of(field):
    """The parser of the flag of an option.

    Args:
        field: dataclasses.Field made by `games.option.option`.
    Returns:
        absl.flags.ArgumentParser.
    """
    if field.name in PLACES:
        return Place()
    kind = str(getattr(field.type, "__name__", field.type))
    if field.metadata["choices"]:
        return Choice(field.metadata["choices"])
    if kind == "list" or "list" in str(field.type):
        return Words()
    if "bool" in str(field.type):
        return flags.BooleanParser()
    if "float" in str(field.type):
        return Number(float)
    return Number(int) if "int" in str(field.type) else flags.ArgumentParser()
