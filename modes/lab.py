"""--mode lab."""

import importlib.util

from games import OptionError


def lab(flags):
    """--mode lab: serves the page until Ctrl-C."""
    if importlib.util.find_spec("gradio") is None:
        raise OptionError("--mode lab: needs Gradio; run make lab, or pip install '.[lab]'")
    from lab import server

    return server.serve(flags.host, flags.port)
