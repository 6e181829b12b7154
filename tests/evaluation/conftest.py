"""Fixtures of the tests of pictures."""

import matplotlib.figure
import pytest


@pytest.fixture
def drawn(monkeypatch):
    """The matplotlib figures that are written from now on."""
    kept, write = [], matplotlib.figure.Figure.savefig

    def savefig(figure, *args, **options):
        kept.append(figure)
        return write(figure, *args, **options)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", savefig)
    return kept
