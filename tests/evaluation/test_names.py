"""Names of classes in plots: any script, formulas, control characters; never a warning."""

import warnings

import numpy as np
import pytest

from evaluation import attack_plots, names, plots

ODD = ("猫", "$x_1$", "_a", "a\nb", "x" * 300, "\udcff")


@pytest.mark.parametrize("classes", [ODD, ("cat", "$5", "dog $"), ("猫", "狗")])
def test_no_name_breaks_a_plot_or_makes_it_speak(tmp_path, classes, monkeypatch):
    shares = np.full(len(classes), 1 / len(classes))
    image = np.zeros((8, 8, 1))
    row = {"original": image, "adversarial": image, "before": shares, "after": shares}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.plot_confusion(np.eye(len(classes), dtype=int), classes, tmp_path / "a.png")
        plots.plot_class_shares(shares, shares, classes, tmp_path / "b.png")
        attack_plots.plot_attack([row], classes, "an attack", tmp_path / "c.png")


def test_without_a_font_numbers_stand_for_names_and_a_line_says_which(monkeypatch):
    monkeypatch.setattr(names.font_manager.fontManager, "ttflist", [])
    names._fonts.cache_clear()
    assert names.for_plots(("猫", "dog")) == (["0", "1"], {})
    assert names.legend(("猫", "dog")).endswith("in plots: 0 猫, 1 dog")
    assert names.legend(("cat", "dog")) is None
    names._fonts.cache_clear()
