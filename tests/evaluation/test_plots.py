"""Pictures are written whole, and stats with holes in them are drawn as far as they go."""

import pathlib

import numpy as np
import pytest

from evaluation import plots
from tests.support.files import assert_picture

STATS = [
    {"step": 0, "epoch": 0, "discriminator_loss": 1.4, "generator_loss": 0.7, "D(x)": 0.5},
    {"step": 50, "discriminator_loss": None, "generator_loss": float("nan"), "D(G(z))": 0.4},
    {"step": 100, "epoch": 1, "classifier_loss": 2.3, "val_accuracy": 0.1, "note": "resumed"},
    {"step": 200, "epoch": 2, "classifier_loss": 0.3, "val_accuracy": 0.9, "generator_loss": 0.9},
]


def test_confusion(tmp_path, drawn):
    confusion = np.array([[8, 2, 0], [0, 5, 5], [0, 0, 0]])
    plots.plot_confusion(confusion, ["cat", "dog", "owl"], tmp_path / "new" / "confusion.png")
    assert_picture(tmp_path / "new" / "confusion.png")
    axes = drawn[0].axes[0]
    np.testing.assert_allclose(
        axes.images[0].get_array(), [[0.8, 0.2, 0], [0, 0.5, 0.5], [0, 0, 0]]
    )
    assert [(text.get_text(), text.get_position()) for text in axes.texts] == [
        ("8", (0, 0)),
        ("2", (1, 0)),
        ("5", (1, 1)),
        ("5", (2, 1)),
    ]
    assert axes.get_xlabel() == "judged"
    assert axes.get_ylabel() == "requested"


def test_class_shares(tmp_path, drawn):
    plots.plot_class_shares([0.25, 0.75], [0.5, 0.5], ["0", "1"], tmp_path / "shares.png")
    assert_picture(tmp_path / "shares.png")
    heights = [bar.get_height() for bar in drawn[0].axes[0].patches]
    assert heights == [25, 75, 50, 50]


def test_losses_skip_what_is_missing(tmp_path, drawn):
    plots.plot_losses(STATS, tmp_path / "losses.png")
    assert_picture(tmp_path / "losses.png")
    curves = {
        line.get_label(): line.get_xydata().tolist()
        for axes in drawn[0].axes
        for line in axes.get_lines()
    }
    assert curves == {
        "generator_loss": [[0, 0.7], [200, 0.9]],
        "discriminator_loss": [[0, 1.4]],
        "classifier_loss": [[100, 2.3], [200, 0.3]],
        "D(x)": [[0, 0.5]],
        "D(G(z))": [[50, 0.4]],
        "val_accuracy": [[100, 0.1], [200, 0.9]],
    }
    assert drawn[0].axes[-1].get_xlabel() == "step"


def test_losses_by_epoch_or_row_where_there_is_no_step(tmp_path, drawn):
    plots.plot_losses([{"epoch": 3, "generator_loss": 1.0}], tmp_path / "a.png")
    plots.plot_losses([{}, {"generator_loss": 1.0}], tmp_path / "b.png")
    points = [figure.axes[0].get_lines()[0].get_xydata().tolist() for figure in drawn]
    assert points == [[[3, 1.0]], [[1, 1.0]]]
    assert [len(figure.axes) for figure in drawn] == [1, 1]


@pytest.mark.parametrize("stats", [[], [{"step": 1}], [{"step": 1, "D(x)": None}]])
def test_losses_of_nothing(stats, tmp_path):
    plots.plot_losses(stats, tmp_path / "losses.png")
    assert_picture(tmp_path / "losses.png")


def test_report(tmp_path):
    shares = {"judged_share": [0.4, 0.6], "real_judged_share": [0.5, 0.5]}
    report = {
        "class_names": ["0", "1"],
        "samples": {"plain": {"confusion": [[4, 1], [0, 5]], "per_class": shares}},
    }
    paths = plots.plot_report(report, tmp_path / "pictures")
    assert [path.name for path in paths] == ["confusion.png", "class_shares.png"]
    assert sorted(paths) == sorted((tmp_path / "pictures").iterdir())
    for path in paths:
        assert_picture(path)


def test_a_picture_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "losses.png"
    plots.plot_losses(STATS, path)
    before = path.read_bytes()

    def half_done(self, file, **kwargs):
        pathlib.Path(file).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(plots.Figure, "savefig", half_done)
    with pytest.raises(OSError, match="disk full"):
        plots.plot_losses(STATS, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_pyplot_is_left_alone():
    source = plots.__spec__.loader.get_source("evaluation.plots")
    assert "pyplot" not in source
