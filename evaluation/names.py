"""Names of classes as plots can show them: users name their folders in any script."""

import functools

from matplotlib import font_manager

LONGEST = 24  # characters
USUAL = "DejaVu Sans"  # which Matplotlib brings along


def printable(name):
    """A name in one line, without control characters, not too long."""
    text = "".join(each if each.isprintable() else repr(each)[1:-1] for each in str(name))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def for_plots(class_names):
    """What stands for the classes in a plot, and how it is set.

    Args:
        class_names: sequence of str.
    Returns:
        (list of str, dict): a text a class, in which nothing is taken for a formula, and keyword
        arguments of a Matplotlib text: of the names, in a font that has their letters, or else of
        the numbers of the classes.
    """
    names = [printable(name) for name in class_names]
    fonts = _fonts(frozenset("".join(names)))
    if fonts is None:
        return [str(number) for number in range(len(names))], {}
    return [name.replace("$", r"\$") for name in names], {"fontfamily": list(fonts)}


def legend(class_names):
    """The line that says which class a number in a plot is; None where plots show the names."""
    if _fonts(frozenset("".join(map(printable, class_names)))) is not None:
        return None
    named = ", ".join(f"{number} {printable(name)}" for number, name in enumerate(class_names))
    return f"no font here has the letters of the classes' names; in plots: {named}"


@functools.cache
def _fonts(letters):
    """The fonts that together have all the letters, the usual one first; None if there are none."""
    usual = font_manager.findfont(USUAL)
    missing = _without(usual, letters)
    if not missing:
        return (USUAL,)
    for font in font_manager.fontManager.ttflist:
        if not _without(font.fname, missing):
            return (USUAL, font.name)
    return None


def _without(file, letters):
    """Those of the letters that a font lacks."""
    try:
        known = font_manager.get_font(file).get_charmap()
    except (OSError, RuntimeError):  # a font that cannot be read
        return letters
    return {letter for letter in letters if ord(letter) not in known}
