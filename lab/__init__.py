"""The lab: a page in the browser to play with the agents.

Each room is a file; none holds rules of a game, which the rooms call as the modes of the program do.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before any room imports Gradio
