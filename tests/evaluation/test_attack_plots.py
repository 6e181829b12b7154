"""Pictures and the table of attacks: drawn for every kind of image, with every figure in them."""

import numpy as np
import pytest
from PIL import Image

from evaluation import attack_plots, table
from tests.support.files import assert_picture


def said(rng, classes):
    shares = rng.uniform(0.1, 1, classes)
    return shares / shares.sum()


def rows_of(count, channels, classes=10, largest=0.2, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        original = rng.uniform(0.3, 0.7, (8, 8, channels)).astype(np.float32)
        change = rng.uniform(-largest, largest, original.shape).astype(np.float32)
        adversarial = original + change
        probabilities = {name: said(rng, classes) for name in ("before", "after")}
        rows.append({"original": original, "adversarial": adversarial, **probabilities})
    return rows


NAMES = tuple(map(str, range(10)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 4])
def test_an_attack_is_drawn(tmp_path, drawn, count, channels):
    rows = rows_of(count, channels)
    attack_plots.plot_attack(rows, NAMES, "what it was", tmp_path / "new" / "attack.png")
    assert_picture(tmp_path / "new" / "attack.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["attack.png"]
    with Image.open(tmp_path / "new" / "attack.png") as picture:
        assert picture.format == "PNG"
        assert picture.size[0] == 1200
    (figure,) = drawn
    assert figure.get_suptitle() == "what it was"
    assert len(figure.axes) == 4 * count


@pytest.mark.parametrize("channels", [1, 3])
def test_what_each_panel_shows(tmp_path, drawn, channels):
    rows = rows_of(2, channels)
    attack_plots.plot_attack(rows, NAMES, "", tmp_path / "attack.png")
    changes = [row["adversarial"] - row["original"] for row in rows]
    largest = max(np.abs(change).max() for change in changes)
    for index, (row, change) in enumerate(zip(rows, changes, strict=True)):
        panels = drawn[0].axes[4 * index : 4 * index + 4]
        shown = [
            np.asarray(axes.images[0].get_array()).reshape(8, 8, channels) for axes in panels[:3]
        ]
        expected = [row["original"], 0.5 + 0.5 * change / largest, row["adversarial"]]
        np.testing.assert_allclose(shown, expected, atol=1e-6)
        assert panels[1].images[0].get_clim() == (0, 1)
        heights = [bar.get_height() for bar in panels[3].patches]
        np.testing.assert_allclose(heights, [*row["before"], *row["after"]])
        for axes, name in ((panels[0], "before"), (panels[2], "after")):
            likeliest = int(row[name].argmax())
            assert axes.get_xlabel() == f"{likeliest}, {row[name].max():.0%}"
    assert f"× {0.5 / largest:.3g}" in drawn[0].axes[1].get_title()


def test_no_perturbation_is_grey(tmp_path, drawn):
    attack_plots.plot_attack(rows_of(1, 1, largest=0.0), NAMES, "", tmp_path / "attack.png")
    assert_picture(tmp_path / "attack.png")
    np.testing.assert_array_equal(drawn[0].axes[1].images[0].get_array(), 0.5)


def test_long_names_of_classes_stand_upright(tmp_path, drawn):
    for names in (("cat", "dog"), ("0", "1")):
        attack_plots.plot_attack(rows_of(1, 3, classes=2), names, "", tmp_path / "attack.png")
    angles = [figure.axes[3].get_xticklabels()[0].get_rotation() for figure in drawn]
    assert angles == [90, 0]


def entry(value, error):
    return {"value": value, "error": error}


REPORT = {
    "options": {"epsilon": 0.15, "norm": "linf", "num_images": 321, "restarts": 3},
    "clean_accuracy": entry(0.9812, 0.0014),
    "clean_accuracy_of_attacked": entry(0.9723, 0.0025),
    "pgd": {"PGD-40": entry(0.8134, 0.0036), "PGD-100, 3 restarts": entry(0.8045, 0.0047)},
    "curve": [{"epsilon": e, **entry(1 - e, 0.01)} for e in (0.0, 0.125, 0.25)],
    "worst_case": [
        {"attack": "APGD-CE", **entry(0.7956, 0.0058)},
        {"attack": "APGD-DLR, targeted", **entry(0.7867, 0.0069)},
        {"attack": "Square", **entry(0.7778, 0.0071)},
    ],
    "checks": [
        {"name": "unbounded", "passed": True, "says": "unsaid"},
        {"name": "gradient", "passed": False, "says": "7.0% have none"},
    ],
    "warnings": ["7.0% have none"],
}


def test_robustness_is_drawn(tmp_path, drawn):
    attack_plots.plot_robustness(REPORT, tmp_path / "robustness.png")
    assert_picture(tmp_path / "robustness.png")
    (axes,) = drawn[0].axes
    curve, worst = axes.containers
    np.testing.assert_allclose(
        curve.lines[0].get_xydata(), [[0, 100], [0.125, 87.5], [0.25, 75]], rtol=1e-6
    )
    np.testing.assert_allclose(worst.lines[0].get_xydata(), [[0.15, 77.78]], rtol=1e-6)
    assert "linf" in axes.get_xlabel()
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0] == "PGD-40"
    assert labels[1].endswith("APGD-CE, APGD-DLR, targeted, Square")


def test_the_table_holds_every_figure_and_the_warnings():
    lines = table.format_robustness(REPORT).splitlines()
    for name, figures in {
        "clean, all": "98.12 ± 0.14",
        "clean, the 321 attacked": "97.23 ± 0.25",
        "PGD-40 within linf 0.15": "81.34 ± 0.36",
        "PGD-100, 3 restarts within linf 0.15": "80.45 ± 0.47",
        "worst case: APGD-CE": "79.56 ± 0.58",
        "  and APGD-DLR, targeted": "78.67 ± 0.69",
        "  and Square": "77.78 ± 0.71",
    }.items():
        (line,) = [line for line in lines if line.startswith(name)]
        assert line.endswith(figures)
    points = [
        line.split()[2:] for line in lines if line.startswith(("PGD-40 within  ", "accuracy"))
    ]
    assert points[1:] == [["0", "0.125", "0.25"], ["100.0", "87.5", "75.0"]]
    assert "checks passed: unbounded" in lines
    assert lines[-1] == "warning: 7.0% have none"
    assert not any("unsaid" in line for line in lines)


def test_the_table_without_any_check_passed():
    nothing = {**REPORT, "checks": [], "warnings": []}
    assert table.format_robustness(nothing).splitlines()[-1] == "checks passed: none"
