"""Pictures of attacks: changes, answers before and after, and accuracy against epsilon."""

import numpy as np
from matplotlib.figure import Figure

from evaluation import names
from images.pictures import save_figure

BEFORE, AFTER = "tab:blue", "tab:red"
ROW_HEIGHT = 1.7  # inches


def plot_attack(rows, class_names, title, path):
    """Draws attacked images: original, perturbation, adversarial image, probabilities.

    Args:
        rows: list of dict with "original" and "adversarial", float (h, w, c) in [0, 1], and
            "before" and "after", class probabilities (num_classes,).
        class_names: sequence of str.
        title: str, the attack in words.
        path: where to write the picture; its suffix is the format.
    """
    figure = Figure(figsize=(10.0, ROW_HEIGHT * len(rows) + 1.0), layout="constrained")
    figure.suptitle(title)
    all_axes = figure.subplots(
        len(rows), 4, squeeze=False, gridspec_kw={"width_ratios": [1, 1, 1, 2.6]}
    )
    changes = [row["adversarial"] - row["original"] for row in rows]
    largest = max(float(np.abs(change).max()) for change in changes) or 1.0
    places = np.arange(len(class_names))
    shown, font = names.for_plots(class_names)
    for axes, row, change in zip(all_axes, rows, changes, strict=True):
        _show(axes[0], row["original"])
        _show(axes[1], 0.5 + 0.5 * change / largest)
        _show(axes[2], row["adversarial"])
        axes[3].bar(places - 0.2, row["before"], 0.4, color=BEFORE, label="before")
        axes[3].bar(places + 0.2, row["after"], 0.4, color=AFTER, label="after")
        axes[3].set(ylim=(0, 1), yticks=(0, 1))
        axes[3].set_xticks(places, shown, rotation=90 if max(map(len, shown)) > 2 else 0, **font)
        for place, said in ((0, row["before"]), (2, row["after"])):
            name = shown[int(np.argmax(said))]
            axes[place].set_xlabel(f"{name}, {said.max():.0%}", fontsize=9, **font)
    for axes, name in zip(
        all_axes[0], ("original", "", "adversarial", "probabilities"), strict=True
    ):
        axes.set_title(name, fontsize=10)
    all_axes[0, 1].set_title(f"perturbation\n(grey: none; × {0.5 / largest:.3g})", fontsize=10)
    all_axes[0, 3].legend(loc="upper right", fontsize=8)
    save_figure(path, figure, dpi=120)


def plot_robustness(report, path):
    """Draws accuracy against epsilon, and the worst case of the ensemble.

    Args:
        report: dict, of `evaluate_robustness`.
        path: where to write the picture.
    """
    figure = Figure(figsize=(6.5, 4.0), layout="constrained")
    axes = figure.subplots()
    points = report["curve"]
    axes.errorbar(
        [point["epsilon"] for point in points],
        [100 * point["value"] for point in points],
        [100 * point["error"] for point in points],
        marker="o",
        capsize=3,
        label="PGD-40",
    )
    worst = report["worst_case"][-1]
    axes.errorbar(
        report["options"]["epsilon"],
        100 * worst["value"],
        100 * worst["error"],
        marker="*",
        markersize=12,
        capsize=3,
        color=AFTER,
        label="worst case of " + ", ".join(row["attack"] for row in report["worst_case"]),
    )
    axes.set(
        xlabel=f"epsilon ({report['options']['norm']}, share of the pixel range)",
        ylabel="accuracy (%)",
        ylim=(-3, 103),
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    save_figure(path, figure, dpi=120)


def _show(axes, image):
    axes.imshow(image, cmap="gray", vmin=0.0, vmax=1.0)
    axes.set(xticks=(), yticks=())
