"""How good? The figures that evaluations have written into run folders, as plots and tables."""

import gradio as gr

from lab import shelf, show
from lab.visit import Room, answering
from training import reading

REPORTS = ("evaluation.json", "robustness.json", "audit.json")
FIRST = ("trio-mnist", "robust-mnist", "robgan-mnist")
NOT_THERE = "no figures yet; python dcgan.py --mode evaluate writes them"


def report(run, name):
    """A report of a run: dict, or None if it has none."""
    try:
        return reading.read_json(run.path / name)
    except FileNotFoundError:
        return None


def number(entry):
    """A figure as the reports hold it, with its standard error, as text."""
    if not isinstance(entry, dict):
        return f"{entry:.4g}" if isinstance(entry, float) else str(entry)
    error = entry.get("standard_error", entry.get("error"))
    said = f"{entry['value']:.4g}"
    return said if error is None else f"{said} ± {error:.2g}"


def of_images(found):
    """The figures of generated images, beside those of real ones."""
    rows = []
    for kind, sample in found["samples"].items():
        for name, entry in sample.get("figures", {}).items():
            real = entry.get("real") if isinstance(entry, dict) else None
            said = "-" if real is None else f"{real:.4g}"
            rows.append((kind, name.replace("_", " "), number(entry), said))
    return show.table(("sample", "figure", "value", "of real images"), rows)


def of_points(found):
    """The figures of points: modes and good samples."""
    rows = [
        (kind, f"{row['modes']} of {row['of_modes']}", f"{row['good']:.1%}", f"{row['kl']:.4f}")
        for kind, row in found["samples"].items()
    ]
    return show.table(("sample", "modes", "good", "KL"), rows)


def of_robustness(found):
    """Accuracy against epsilon, and under each attack."""
    curve = found["curve"]
    drawn = show.curves(
        {"accuracy": [point["value"] for point in curve]},
        f"accuracy under PGD against epsilon ({found['options']['norm']})",
        [point["epsilon"] for point in curve],
    )
    attacks = [("clean", found["clean_accuracy"]), *found["pgd"].items()]
    attacks += [(entry["attack"], entry) for entry in found["worst_case"]]
    names, shares = zip(*((name, entry["value"]) for name, entry in attacks), strict=True)
    title = (
        f"accuracy at epsilon {found['options']['epsilon']:g}; the last names are added one by one"
    )
    return show.row(drawn) + show.note(title) + show.bars(shares, names, title)


def of_secrecy(found):
    """What a cipher gives away, and what is left to each Eve."""
    exact = found["exact"]
    said = show.verdict(f"gives away {leak(exact)}")
    rows = [(name.replace("_", " "), number(value)) for name, value in exact.items()]
    return said + show.table(("figure", "value"), rows)


def leak(exact):
    """The leak that was counted, as text."""
    least, most = exact["leak_at_least"], exact["leak_at_most"]
    if exact["exhaustive"]:
        return f"{most:.4f} bits, proved over all plaintexts"
    return f"{least:.3f} to {most:.3f} bits"


def of_training(run):
    """The losses of a run, step by step."""
    rows = run.read_stats()
    parts = []
    for title, ending in (
        ("losses", "_loss"),
        ("accuracy", "accuracy"),
        ("bits wrong", "bits_wrong"),
    ):
        names = list(dict.fromkeys(n for row in rows for n in row if n.endswith(ending)))
        drawn = {name: [row.get(name, float("nan")) for row in rows] for name in names[:4]}
        if drawn:
            parts.append(show.curves(drawn, title, [row["step"] for row in rows]))
    return show.row(*parts)


SHOWN = {"robustness.json": of_robustness, "audit.json": of_secrecy}


def figures(name):
    """All that is known of a run, as HTML."""
    run, parts = shelf.run_of(name), []
    for file in REPORTS:
        found = report(run, file)
        if found is None:
            continue
        draw = SHOWN.get(file)
        if draw is None:
            points = any("of_modes" in sample for sample in found.get("samples", {}).values())
            draw = of_points if points else of_images
        try:
            parts.append(f"<h4>{file}</h4>{draw(found)}")
        except (KeyError, TypeError, AttributeError):
            parts.append(show.note(f"{file}: is of another version; evaluate the run again"))
    parts = parts or [show.note(NOT_THERE)]
    return "".join([*parts, "<h4>training</h4>", of_training(run)])


def overview():
    """The main figure of every run, as HTML."""
    rows = []
    for name, run in shelf.runs().items():
        config = run.read_config()
        rows.append((name, config.game, getattr(config, config.TELLS_APART), main_figure(run)))
    return show.table(("run", "game", "of", "main figure"), rows)


def main_figure(run):
    """The one figure by which a run is known, as text."""
    try:
        if found := report(run, "robustness.json"):
            worst = found["worst_case"][-1]["value"]
            return f"{worst:.1%} in the worst case, epsilon {found['options']['epsilon']:g}"
        if found := report(run, "audit.json"):
            return f"gives away {leak(found['exact'])}"
        if found := report(run, "evaluation.json"):
            plain = found["samples"]["plain"]
            if "modes" in plain:
                return f"{plain['modes']} of {plain['of_modes']} modes"
            return f"Fréchet distance {plain['figures']['frechet_distance']['value']:.2f}"
    except (KeyError, TypeError, IndexError, reading.RunError):
        return "a report of another version"
    return NOT_THERE


def build():
    """Lays out the room."""
    names = list(shelf.runs())
    first = next((name for name in FIRST if name in names), names[0])
    every = gr.HTML(overview(), elem_id="figures-all")
    name = gr.Dropdown(names, value=first, label="Which run")
    result = gr.HTML(answering(figures)(first), elem_id="figures-one")
    again = gr.Button("Look again for runs")
    name.change(answering(figures), name, result)
    again.click(lambda: [overview(), gr.Dropdown(list(shelf.runs()))], None, [every, name])
    return {"run": name}


ROOM = Room("figures", "How good?", build)
