"""Pictures of a report and of a run's losses, without windows or global state of matplotlib."""

import math
import pathlib

import numpy as np
from matplotlib.figure import Figure

from evaluation import names
from images.pictures import save_figure

AGENT_COLOURS = {"generator": "tab:orange", "discriminator": "tab:blue", "classifier": "tab:green"}
REAL_COLOUR = "tab:blue"
FAKE_COLOUR = "tab:orange"

# Panels of `plot_losses`: a title, and the colour of each key that may be in a row.
PANELS = {
    "loss": {f"{agent}_loss": colour for agent, colour in AGENT_COLOURS.items()},
    "the discriminator's belief that an image is real": {
        "D(x)": REAL_COLOUR,
        "D(G(z))": FAKE_COLOUR,
    },
    "accuracy on held-out real images": {
        "val_accuracy": AGENT_COLOURS["classifier"],
        "val_robust_accuracy": "tab:red",
    },
}


def plot_confusion(confusion, class_names, path):
    """Draws how often each class was asked for (rows) and seen by the judge (columns).

    Args:
        confusion: int (num_classes, num_classes), rows are requested.
        class_names: sequence of str.
        path: where to write the picture; its suffix is the format.
    """
    confusion = np.asarray(confusion)
    shares = confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))
    side = max(4.0, 0.5 * len(class_names))
    figure = Figure(figsize=(side + 1.0, side), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), color=colour, ha="center", va="center", fontsize=7)
    ticks = range(len(class_names))
    shown, font = names.for_plots(class_names)
    axes.set_xticks(ticks, shown, rotation=90 if max(map(len, shown)) > 2 else 0, **font)
    axes.set_yticks(ticks, shown, **font)
    axes.set(xlabel="judged", ylabel="requested")
    figure.colorbar(picture, ax=axes, label="share of the requested class")
    save_figure(path, figure, dpi=120)


def plot_class_shares(judged_shares, real_shares, class_names, path):
    """Draws the share of each class as the reference judges it, generated beside real.

    Args:
        judged_shares, real_shares: float (num_classes,), of generated and of real images.
        class_names: sequence of str.
        path: where to write the picture.
    """
    figure = Figure(figsize=(max(5.0, 0.6 * len(class_names)), 3.5), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(class_names))
    axes.bar(places - 0.2, 100 * np.asarray(judged_shares), 0.4, color=FAKE_COLOUR)
    axes.bar(places + 0.2, 100 * np.asarray(real_shares), 0.4, color=REAL_COLOUR)
    shown, font = names.for_plots(class_names)
    axes.set_xticks(places, shown, rotation=90 if max(map(len, shown)) > 2 else 0, **font)
    axes.set(xlabel="judged class", ylabel="share of the images (%)")
    figure.legend(["generated", "real"], loc="outside upper center", ncols=2)
    save_figure(path, figure, dpi=120)


def plot_losses(stats, path):
    """Draws the losses of a run, the discriminator's beliefs and the held-out accuracy.

    Args:
        stats: list of dict, the rows of `stats.jsonl`. A key that is missing, or whose value is not
            finite, leaves a gap; a panel without any point is left out.
        path: where to write the picture.
    """
    along = next((key for key in ("step", "epoch") if any(key in row for row in stats)), None)
    panels = {}
    for title, colours in PANELS.items():
        curves = {key: _curve(stats, along, key) for key in colours}
        curves = {key: points for key, points in curves.items() if points}
        if curves:
            panels[title] = curves
    figure = Figure(figsize=(8.0, 2.6 * max(1, len(panels))), layout="constrained")
    all_axes = figure.subplots(max(1, len(panels)), sharex=True, squeeze=False)[:, 0]
    for axes, (title, curves) in zip(all_axes, panels.items(), strict=False):
        for key, points in curves.items():
            # A single point makes no line.
            marker = "o" if len(points) == 1 else None
            axes.plot(
                *zip(*points, strict=True), color=PANELS[title][key], marker=marker, label=key
            )
        axes.set_title(title, fontsize=10)
        axes.legend(loc="best", fontsize=8)
        axes.grid(alpha=0.3)
    if not panels:
        all_axes[0].text(
            0.5, 0.5, "nothing to draw yet", ha="center", transform=all_axes[0].transAxes
        )
    all_axes[-1].set_xlabel(along or "row")
    save_figure(path, figure, dpi=120)


def report_paths(folder):
    """The files that `plot_report` may write: class_shares.png and confusion.png."""
    return [pathlib.Path(folder) / f"{name}.png" for name in ("class_shares", "confusion")]


def plot_report(report, folder):
    """Draws a report of `evaluate_generation`.

    Args:
        report: dict; its plain sample is drawn.
        folder: path, made if missing; gets class_shares.png and, if images were asked to show a
            class, confusion.png.
    Returns:
        list of pathlib.Path, the files.
    """
    plain, class_names = report["samples"]["plain"], report["class_names"]
    shares_file, confusion_file = report_paths(folder)
    shares = plain["per_class"]
    plot_class_shares(shares["judged_share"], shares["real_judged_share"], class_names, shares_file)
    if "confusion" not in plain:
        return [shares_file]
    plot_confusion(plain["confusion"], class_names, confusion_file)
    return [confusion_file, shares_file]


def _curve(stats, along, key):
    """(x, y) of each row that holds a finite number under the key."""
    points = [(row.get(along, index), row.get(key)) for index, row in enumerate(stats)]
    return [point for point in points if all(map(_is_number, point))]


def _is_number(value):
    return isinstance(value, int | float) and math.isfinite(value)
