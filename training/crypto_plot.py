"""The curves of a training of the cipher, like the paper's figure, as a picture file."""

import math

from matplotlib.figure import Figure

from images.pictures import save_figure

BITS_WRONG = {"bob_bits_wrong": ("Bob", "tab:blue"), "eve_bits_wrong": ("Eve", "tab:red")}


def plot_training(rows, config, path):
    """Draws the wrong bits of Bob and Eve, and the exact leak below them.

    Args:
        rows: list of dict, of stats.jsonl; if it is empty, nothing is drawn.
        config: games.crypto.CryptoOptions of the run.
        path: where to write the picture.
    """
    if not rows:
        return
    figure = Figure(figsize=(7.0, 6.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    rounds = [row["step"] for row in rows]
    for name, (title, colour) in BITS_WRONG.items():
        wrong = [row.get(name, math.nan) for row in rows]  # a resumed row may have no means
        above.plot(rounds, wrong, ".-", label=title, color=colour)
    above.axhline(len(config.protected) / 2, color="grey", linestyle=":", label="guessing")
    above.set(
        ylabel=f"bits wrong, Bob's of {config.message_bits}, Eve's of {len(config.protected)}"
    )
    above.legend()
    below.fill_between(
        rounds,
        [row["leak_at_least"] for row in rows],
        [row["leak_at_most"] for row in rows],
        color="tab:purple",
        alpha=0.3,
    )
    below.plot(rounds, [row["leak_at_most"] for row in rows], ".-", color="tab:purple")
    below.set(xlabel="rounds", ylabel="bits leaked, counted", ylim=(0, None))
    save_figure(path, figure)


def plot_seeds(histories, config, path):
    """Draws the wrong bits of Bob and Eve in many trainings of one game, as in the paper's figures.

    Args:
        histories: list of lists of dict, the stats.jsonl of each.
        config: games.crypto.CryptoOptions of one of them.
        path: where to write the picture.
    """
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    axes = figure.subplots()
    for index, rows in enumerate(histories):
        rounds = [row["step"] for row in rows]
        for name, (title, colour) in BITS_WRONG.items():
            label = None if index else title
            wrong = [row.get(name, math.nan) for row in rows]
            axes.plot(rounds, wrong, color=colour, alpha=0.6, label=label)
    axes.axhline(config.message_bits / 2, color="grey", linestyle=":", label="guessing")
    axes.set(xlabel="rounds", ylabel=f"bits wrong of {config.message_bits}", ylim=(0, None))
    axes.legend()
    save_figure(path, figure)
