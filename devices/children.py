"""Processes that work for another one."""

import multiprocessing
import os
import threading


def end_with_parent():
    """Ends this process when that which it works for has ended, if only by a kill."""
    threading.Thread(target=_wait, daemon=True).start()


def _wait():
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
