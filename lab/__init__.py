"""The lab: a page in the browser to play with the agents.

Each room is a file. None holds rules of a game: rooms call what the modes of the program call.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before any room imports Gradio
