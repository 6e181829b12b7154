"""What every room shares: errors as messages, and links that carry what was set."""

import contextlib
import dataclasses
import functools
import inspect
import math
from collections.abc import Callable

import gradio as gr

from crypto.messages import MessageError
from games import OptionError
from images.datasets import DataError
from training.run_folder import RunError

EXPECTED = (DataError, MessageError, OptionError, RunError, ValueError, OSError)
LONGEST = 300  # characters of a message


@dataclasses.dataclass(frozen=True)
class Room:
    """A room of the page.

    Attributes:
        key: str, its name in links.
        title: str, on its tab.
        build: callable without arguments that lays it out, and returns the controls that a link
            carries: name -> component.
        warm: callable without arguments that loads what the first visitor needs.
    """

    key: str
    title: str
    build: Callable
    warm: Callable = lambda: None


def message(error):
    """An error that a visitor sees as a message in the page; the server goes on."""
    text = " ".join(str(error).split())[:LONGEST] or type(error).__name__
    return gr.Error(text, title="That cannot be done", print_exception=False)


def answering(work):
    """The work of a room, whose expected errors become messages in the page."""
    if inspect.isgeneratorfunction(work):

        @functools.wraps(work)
        def steps(*inputs):
            with messages(inputs):
                yield from work(*inputs)

        return steps

    @functools.wraps(work)
    def once(*inputs):
        with messages(inputs):
            found = work(*inputs)
        return found[0] if isinstance(found, list) and len(found) == 1 else found

    return once


@contextlib.contextmanager
def messages(inputs):
    """Turns the errors that inputs may cause into messages in the page."""
    try:
        yield
    except EXPECTED as error:
        raise message(error) from None
    except TypeError:
        if not any(each is None for each in inputs):
            raise
        raise message("a field is empty; fill it in") from None


def fitting(component, text):
    """The value that a link's text means for a component.

    Raises:
        ValueError: if the component does not allow it.
    """
    if isinstance(component, gr.Slider | gr.Number):
        value = float(text)
        low = -math.inf if component.minimum is None else component.minimum
        high = math.inf if component.maximum is None else component.maximum
        if not low <= value <= high:
            raise ValueError(f"must be from {low:g} to {high:g}")
        return int(value) if component.step and float(component.step).is_integer() else value
    if isinstance(component, gr.Radio | gr.Dropdown):
        known = {str(value): value for _, value in component.choices}
        if text not in known:
            raise ValueError(f"must be one of {', '.join(list(known)[:12])}")
        return known[text]
    if isinstance(component, gr.Checkbox):
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text == "true"
    most = getattr(component, "max_length", None) or LONGEST
    if len(text) > most:
        raise ValueError(f"is longer than {most} characters")
    return text
