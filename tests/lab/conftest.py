"""The page, served in this process for the tests of a file."""

import contextlib

import pytest

from tests.support.program import ROOT


@pytest.fixture(scope="package")
def address():
    """Where the page is served, from the project's own folder."""
    from lab import server

    with contextlib.chdir(ROOT):
        blocks, where = server.start()
        yield where
        blocks.close(verbose=False)
