"""Serves the page until Ctrl-C."""

import errno
import os
import socket
import sys
import threading
import time
import webbrowser

from starlette.middleware import Middleware

from cli.terminal import say
from games import OptionError
from lab import page, show

WAITING = 60  # visitors' requests that may wait at a time
MOST_UPLOADED = "1kb"  # the page uploads nothing as a file
# The browser itself refuses whatever does not come from this server.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:;"
    " connect-src 'self' data:;"
    " style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:;"
    " worker-src 'self' blob:; frame-ancestors 'self' https://huggingface.co"
)


class OwnOnly:
    """Middleware that lets a page load nothing from elsewhere."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def with_policy(message):
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"content-security-policy", POLICY.encode()),
                ]
            await send(message)

        await self.app(scope, receive, with_policy if scope["type"] == "http" else send)


def start(host="127.0.0.1", port=None):
    """Starts the server in a thread of its own.

    Args:
        host: str, the address to serve on.
        port: int, or None for the first free one from 7860.
    Returns:
        (gr.Blocks, str): the page, which `close` ends, and its address.
    Raises:
        OptionError: if the port is taken, or the address is not this machine's.
    """
    refuse_taken(host, port)
    blocks = page.build()
    blocks.queue(max_size=WAITING, default_concurrency_limit=1)
    _, address, _ = blocks.launch(
        server_name=host,
        server_port=port,
        share=False,
        inbrowser=False,
        quiet=True,
        prevent_thread_lock=True,
        max_file_size=MOST_UPLOADED,
        footer_links=[],
        ssr_mode=False,
        theme=page.THEME,
        css=show.CSS,
        app_kwargs={"middleware": [Middleware(OwnOnly)]},
    )
    threading.Thread(target=warm, daemon=True).start()
    return blocks, address


def refuse_taken(host, port):
    """Refuses an address that cannot be had, before there is any work.

    Raises:
        OptionError: one line.
    """
    if port is None:
        port = 0  # any will do, so only the host is tried
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OptionError(f"--port {port}: is taken; choose another, or leave it out") from None
        raise OptionError(f"--host {host}: cannot be served on ({error.strerror})") from None


def warm():
    """Loads what first visitors need, room after room."""
    for room in page.ROOMS:
        room.warm()


def serve(host, port):
    """Serves the page until Ctrl-C, and opens it if there is a screen; returns the exit status."""
    blocks, address = start(host, port)
    say(f"the lab is open at {address} (Ctrl-C closes it)")
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)
    try:
        while True:
            time.sleep(3600)
    finally:
        blocks.close(verbose=False)
