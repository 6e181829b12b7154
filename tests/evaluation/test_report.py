"""A report as text and as pictures, of samples with and without requested classes."""

import re

import pytest

from evaluation import plots, table


def figure(value, standard_error=None, real=None):
    entry = {"value": value, "standard_error": standard_error, "real": real}
    return {name: number for name, number in entry.items() if number is not None}


def sample(images, gain=0.0):
    """An entry of a report; every figure is better by the gain than plain's."""
    by_class = {name: [0.1] * 10 for name in table.CLASS_COLUMNS}
    figures = {
        name: figure(0.5 + gain if known.better == "higher" else 0.5 - gain, None, 0.6)
        for name, known in table.FIGURES.items()
    }
    for name in ("gan_test", "precision", "recall", "kernel_distance"):
        figures[name]["standard_error"] = 0.03
    return {
        "images": images,
        "compared": min(images, 400),
        "figures": figures,
        "per_class": by_class,
        "confusion": [[4 if row == column else 0 for column in range(10)] for row in range(10)],
    }


@pytest.fixture
def report():
    report = {
        "dataset": "digits",
        "class_names": list("0123456789"),
        "reference_accuracy": figure(0.98765, 0.005),
        "samples": {
            "plain": sample(400),
            "nice": sample(400, gain=0.1),
            "rejection_sampled": sample(300, gain=0.08),
        },
    }
    for name in ("gan_train", "own_classifier", "score_auc"):
        for other in ("nice", "rejection_sampled"):
            del report["samples"][other]["figures"][name]
    return report


@pytest.fixture
def unlabelled_report(report):
    for each in report["samples"].values():
        del each["confusion"]
        for name in ("gan_test", "requested_share"):
            del each["per_class"][name]
        for name in ("gan_test", "score_auc", "gan_train", "own_classifier"):
            each["figures"].pop(name, None)
    return report


def line_of(lines, name):
    [line] = [line for line in lines if line.startswith(table.FIGURES[name].title)]
    return line


def test_table_shows_each_figure_with_its_error_and_its_real_side(report):
    lines = table.format_table(report).splitlines()
    assert lines[0] == "digits"
    plain, nice = (report["samples"][name]["figures"] for name in ("plain", "nice"))
    for name, known in table.FIGURES.items():
        line = line_of(lines, name)
        assert f" {table.ARROWS[known.better]} " in line
        scale, digits = (100, 2) if known.unit == "%" else (1, 4)
        expected = f"{scale * plain[name]['value']:.{digits}f}"
        if "standard_error" in plain[name]:
            expected += f" ± {scale * plain[name]['standard_error']:.{digits}f}"
        assert expected in line
        if name in nice:
            assert f"{scale * nice[name]['value']:.{digits}f}" in line
        assert line.endswith(f"{scale * plain[name]['real']:.{digits}f}")
    by_class = lines[-10:]
    assert [line.split()[0] for line in by_class] == list("0123456789")
    assert {len(line.split()) for line in by_class} == {7}
    assert len({len(line) for line in by_class}) == 1


def test_the_line_beneath_says_how_much_was_judged_and_how_well(report):
    lines = table.format_table(report).splitlines()
    reads = "reference classifier reads real test images: 98.77 %"
    judged = "plain 400 (in distances 400), nice 400 (in distances 400), rejection_sampled 300"
    assert f"images judged: {judged} (in distances 300); {reads}" in lines
    report["samples"]["rejection_sampled"] |= {"images": 400, "compared": 400}
    lines = table.format_table(report).splitlines()
    assert f"images judged: each 400 (in distances 400); {reads}" in lines
    report["samples"] = {"plain": report["samples"]["plain"]}
    lines = table.format_table(report).splitlines()
    assert f"images judged: plain 400 (in distances 400); {reads}" in lines


def test_a_mark_says_what_is_better_than_plain_by_more_than_chance(report):
    figures = report["samples"]["nice"]["figures"]
    figures["recall"]["value"] = 0.4  # a difference of 0.1 has a standard error of 0.042
    lines = table.format_table(report).splitlines()
    marks = {name: re.findall("[✓✗]", line_of(lines, name)) for name in table.FIGURES}
    found = {name: "".join(each) for name, each in marks.items() if each}
    # Those of rejection_sampled, 0.08 better, are within chance.
    assert found == {"gan_test": "✓", "precision": "✓", "recall": "✗", "kernel_distance": "✓"}
    assert "60.00 ± 3.00 ✓  " in line_of(lines, "gan_test")
    assert "0.4000 ± 0.0300 ✓  " in line_of(lines, "kernel_distance")


def test_columns_stand_on_the_decimal_point(report):
    report["samples"]["nice"]["figures"]["frechet_distance"]["value"] = 123.4567
    lines = table.format_table(report).splitlines()
    chosen = [line_of(lines, name) for name in ("precision", "frechet_distance", "coverage")]
    bare = [re.sub(r"± [\d.]+", lambda error: " " * len(error[0]), line) for line in chosen]
    points = [[place for place, letter in enumerate(line) if letter == "."] for line in bare]
    assert len(points[0]) == 4
    assert points[0] == points[1] == points[2]
    header = next(line for line in lines if "rejection_sampled" in line)
    assert header.split() == ["plain", "nice", "rejection_sampled", "real"]


def test_a_missing_class_leaves_a_gap(report):
    report["samples"]["plain"]["per_class"]["diversity"][3] = None
    lines = table.format_table(report).splitlines()[-10:]
    assert [len(line.split()) for line in lines] == [7, 7, 7, 6, 7, 7, 7, 7, 7, 7]


def test_table_without_requested_classes(unlabelled_report):
    text = table.format_table(unlabelled_report)
    assert "GAN-test" not in text
    assert "asked" not in text
    lines = text.splitlines()
    assert line_of(lines, "share_distance").endswith("60.00")
    assert lines[-11].split("  ")[0] == "class, %"
    assert {len(line.split()) for line in lines[-10:]} == {5}


def test_pictures_without_requested_classes(unlabelled_report, tmp_path):
    paths = plots.plot_report(unlabelled_report, tmp_path)
    assert [path.name for path in paths] == ["class_shares.png"]
    assert list(tmp_path.iterdir()) == paths


def test_pictures_of_requested_classes(report, tmp_path):
    paths = plots.plot_report(report, tmp_path)
    assert [path.name for path in paths] == ["confusion.png", "class_shares.png"]
