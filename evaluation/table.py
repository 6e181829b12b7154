"""A report of `evaluate_generation` as text for the terminal."""

import math
from typing import NamedTuple


class Figure(NamedTuple):
    """A figure's title and unit; `better` is "higher", "lower" or "real" (like real images)."""

    title: str
    unit: str
    better: str


FIGURES = {
    "gan_test": Figure("GAN-test: seen as asked", "%", "higher"),
    "precision": Figure("precision", "%", "higher"),
    "recall": Figure("recall", "%", "higher"),
    "density": Figure("density", "", "higher"),
    "coverage": Figure("coverage", "%", "higher"),
    "frechet_distance": Figure("Frechet distance", "feature²", "lower"),
    "inception_distance": Figure("FID, by Inception", "feature²", "lower"),
    "kernel_distance": Figure("kernel distance", "MMD²", "lower"),
    "different_bins": Figure("statistically different bins", "%", "lower"),
    "diversity": Figure("diversity within a class", "%", "real"),
    "smallest_class_share": Figure("smallest class share", "%", "higher"),
    "largest_class_share": Figure("largest class share", "%", "lower"),
    "share_distance": Figure("class shares, off the wanted", "%", "lower"),
    "score_auc": Figure("discriminator finds the readable", "AUC", "higher"),
    "gan_train": Figure("GAN-train: teaches to read real", "%", "higher"),
    "own_classifier": Figure("the game's classifier reads real", "%", "higher"),
}
ARROWS = {"higher": "↑", "lower": "↓", "real": "="}
LEGEND = """\
↑ higher is better, ↓ lower, = near real's; ± one standard error
✓ better than plain, ✗ worse, by over two standard errors of the difference"""
CLASS_COLUMNS = {
    "gan_test": "GAN-test",
    "requested_share": "asked",
    "judged_share": "judged",
    "real_judged_share": "real judged",
    "diversity": "diversity",
    "real_diversity": "real diversity",
}


def format_table(report):
    """The report as text: a row per figure, a column per sample and one for real images.

    Args:
        report: dict, of `evaluate_generation`.
    Returns:
        str of several lines, in a fixed-width layout; the classes of the plain sample come last.
    """
    return "\n".join(
        [
            report["dataset"],
            LEGEND,
            "",
            *_lines(_figure_rows(report["samples"])),
            "",
            _judged_line(report),
            "",
            *_lines(_class_rows(report)),
        ]
    )


def _figure_rows(samples):
    """One row per figure; a mark says whether a sample is better than plain."""
    rows = [["", "", "", *samples, "real"]]
    plain = samples["plain"]["figures"]
    for name, figure in FIGURES.items():
        entries = [sample["figures"].get(name, {}) for sample in samples.values()]
        if not any(entries):
            continue
        cells = [
            _number(entry.get("value"), figure.unit, entry.get("standard_error"))
            + _mark(figure, entry, plain.get(name, {}))
            for entry in entries
        ]
        real = next((entry["real"] for entry in entries if "real" in entry), None)
        titles = [figure.title, figure.unit, ARROWS[figure.better]]
        rows.append([*titles, *cells, _number(real, figure.unit)])
    return rows


def _mark(figure, entry, plain):
    """Whether a sample's figure differs from plain's by more than chance, and which way."""
    if "standard_error" not in entry or "standard_error" not in plain:
        return ""
    gain = (entry["value"] - plain["value"]) * {"higher": 1, "lower": -1, "real": 0}[figure.better]
    noise = 2.0 * math.hypot(entry["standard_error"], plain["standard_error"])
    return " ✓" if gain > noise else " ✗" if gain < -noise else ""


def _judged_line(report):
    sizes = {
        name: f"{sample['images']} (in distances {sample['compared']})"
        for name, sample in report["samples"].items()
    }
    if len(sizes) > 1 and len(set(sizes.values())) == 1:
        sizes = {"each": sizes["plain"]}
    judged = ", ".join(f"{name} {size}" for name, size in sizes.items())
    accuracy = _number(report["reference_accuracy"]["value"], "%")
    return f"images judged: {judged}; reference classifier reads real test images: {accuracy} %"


def _class_rows(report):
    """One row per class of the plain sample, in percent."""
    by_class = report["samples"]["plain"]["per_class"]
    shown = {name: title for name, title in CLASS_COLUMNS.items() if name in by_class}
    values = zip(*(by_class[name] for name in shown), strict=True)
    rows = [
        [str(class_name), *(_number(value, "%") for value in row)]
        for class_name, row in zip(report["class_names"], values, strict=True)
    ]
    return [["class, %", *shown.values()], *rows]


def _number(value, unit, standard_error=None):
    if value is None:
        return ""
    scale, digits = (100, 2) if unit == "%" else (1, 4)
    error = "" if standard_error is None else f" ± {scale * standard_error:.{digits}f}"
    return f"{scale * value:.{digits}f}{error}"


def _lines(rows):
    """Lines with aligned columns and decimal points."""
    columns = list(zip(*rows, strict=True))
    for index, column in enumerate(columns[1:], 1):
        points = [cell.find(".") for cell in column]
        columns[index] = tuple(
            " " * (max(points) - point) + cell if point > 0 else cell
            for cell, point in zip(column, points, strict=True)
        )
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join(map(str.ljust, cells, widths)).rstrip() for cells in zip(*columns, strict=True)
    ]


def format_robustness(report):
    """A report of `evaluate_robustness` as text for the terminal, warnings last.

    Args:
        report: dict.
    Returns:
        str of several lines.
    """
    options = report["options"]
    ball = f"{options['norm']} {options['epsilon']:g}"
    rows = [["accuracy, %", ""], ["clean, all test images", _share(report["clean_accuracy"])]]
    rows.append(
        [
            f"clean, the {options['num_images']} attacked",
            _share(report["clean_accuracy_of_attacked"]),
        ]
    )
    rows += [[f"{name} within {ball}", _share(entry)] for name, entry in report["pgd"].items()]
    rows += [
        [("worst case: " if index == 0 else "  and ") + entry["attack"], _share(entry)]
        for index, entry in enumerate(report["worst_case"])
    ]
    curve = [["PGD-40 within", *(f"{point['epsilon']:.3g}" for point in report["curve"])]]
    curve.append(["accuracy, %", *(f"{100 * point['value']:.1f}" for point in report["curve"])])
    checks = ", ".join(check["name"] for check in report["checks"] if check["passed"])
    return "\n".join(
        [
            *_lines(rows),
            "",
            *_lines(curve),
            "",
            f"checks passed: {checks or 'none'}",
            *(f"warning: {says}" for says in report["warnings"]),
        ]
    )


def _share(entry):
    return _number(entry["value"], "%", entry["error"])
