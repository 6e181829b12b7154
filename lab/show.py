"""How results are shown: small pieces of HTML that need no file, and suit light and dark."""

import base64
import html
import io

import numpy as np

from images import pictures

CSS = """
.lab-row { display: flex; flex-wrap: wrap; gap: 12px; align-items: flex-start; }
.lab-figure { margin: 0; text-align: center; font-size: 13px; max-width: 100%; width: fit-content; }
.lab-figure img { image-rendering: pixelated; border-radius: 4px; max-width: 100%; height: auto; }
.lab-bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: 2px 8px;
  align-items: center; font-size: 13px; min-width: 220px; width: 100%; }
.lab-bars div { height: 14px; border-radius: 3px; background: var(--border-color-primary); }
.lab-bars div span { display: block; height: 100%; border-radius: 3px;
  background: var(--color-accent); }
.lab-verdict { font-size: 17px; margin: 4px 0 8px; }
.lab-note { opacity: 0.8; font-size: 13px; }
.lab-table { border-collapse: collapse; font-size: 14px; }
.lab-table, .lab-table tr, .lab-table td, .lab-table th { border: none !important; }
.lab-table td, .lab-table th { padding: 3px 10px; text-align: left;
  border-bottom: 1px solid var(--border-color-primary) !important; }
@media (max-width: 500px) {
  .lab-table { font-size: 12px; }
  .lab-table td, .lab-table th { padding: 3px 4px; }
}
.lab-scroll { overflow-x: auto; }
.lab-save { display: inline-block; margin: 6px 8px 0 0; padding: 6px 12px; border-radius: 6px;
  border: 1px solid var(--border-color-primary); }
.lab-code { font-family: var(--font-mono); font-size: 13px; overflow-wrap: anywhere; }
.lab-wrong { color: #d33; font-weight: bold; text-decoration: underline; }
"""


def png(image):
    """An image, uint8 (h, w, c), as a data URL."""
    stream = io.BytesIO()
    pictures.to_pillow(np.asarray(image)).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def figure(image, caption, width=140):
    """An image with a caption.

    Args:
        image: uint8 (h, w, c).
        caption: str, also what a screen reader says.
        width: int, pixels on the page.
    """
    return moving(png(image), caption, width)


def row(*parts):
    """Parts beside each other, or below each other where the page is narrow."""
    return f'<div class="lab-row">{"".join(parts)}</div>'


def note(text):
    """A remark in small print."""
    return f'<p class="lab-note">{html.escape(text)}</p>'


def verdict(text):
    """A sentence that says what came out."""
    return f'<p class="lab-verdict">{html.escape(text)}</p>'


def bars(shares, names, title):
    """A bar for each share in [0, 1].

    Args:
        shares: float (n,).
        names: sequence of n str.
        title: str, for screen readers.
    """
    cells = "".join(
        f"<span>{html.escape(name)}</span>"
        f'<div><span style="width:{100 * share:.1f}%"></span></div><span>{share:.1%}</span>'
        for name, share in zip(names, map(float, shares), strict=True)
    )
    return f'<div class="lab-bars" role="group" aria-label="{html.escape(title)}">{cells}</div>'


def table(heads, rows):
    """A table of texts."""
    head = "".join(f"<th>{html.escape(str(each))}</th>" for each in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(each))}</td>" for each in cells) + "</tr>"
        for cells in rows
    )
    return f'<div class="lab-scroll"><table class="lab-table"><tr>{head}</tr>{body}</table></div>'


def save(url, name):
    """A link that saves what a data URL holds."""
    return f'<a class="lab-save" href="{url}" download="{name}">Save {name}</a>'


def gif(sheets, milliseconds):
    """Sheets, each uint8 (h, w, c), as the data URL of a looping film."""
    first, *rest = [pictures.to_pillow(sheet) for sheet in sheets]
    stream = io.BytesIO()
    first.save(stream, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return "data:image/gif;base64," + base64.b64encode(stream.getvalue()).decode()


def moving(url, caption, width):
    """A film by its data URL, with a caption."""
    said = html.escape(caption)
    return (
        f'<figure class="lab-figure"><img src="{url}" width="{width}" alt="{said}">'
        f"<figcaption>{said}</figcaption></figure>"
    )


COLOURS = ("#1f77b4", "#e65a0a", "#2ca02c", "#9467bd")
WIDTH, HEIGHT, EDGE = 360, 130, 34


def curves(series, title, along=None, floor=np.inf):
    """Curves over a common axis, as a drawing.

    Args:
        series: dict, name -> sequence of n floats; one that is not finite leaves a gap.
        title: str.
        along: sequence of n floats, the axis; 0, 1, ... if not given.
        floor: float, a value that the picture reaches down to.
    """
    series = {name: np.asarray(values, float) for name, values in series.items()}
    every = np.concatenate([np.zeros(0), *series.values()])
    finite = every[np.isfinite(every)]
    if not len(finite):
        return note(f"{title}: nothing to draw yet")
    low, high = min(floor, float(finite.min())), float(finite.max())
    high = high if high > low else low + 1.0
    along = np.arange(len(next(iter(series.values())))) if along is None else np.asarray(along)
    span = max(float(along[-1] - along[0]), 1e-12)
    right = EDGE + (WIDTH - EDGE) * (along - along[0]) / span
    lines, legend = "", ""
    for (name, values), colour in zip(series.items(), COLOURS * len(series), strict=False):
        down = HEIGHT * (1 - (values - low) / (high - low))
        points = " ".join(
            f"{x:.1f},{y:.1f}" for x, y in zip(right, down, strict=True) if np.isfinite(y)
        )
        lines += f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        legend += f'<span style="color:{colour}">&#9632;</span> {html.escape(name)} '
    marks = "".join(
        f'<text x="0" y="{y}" font-size="11" fill="currentColor">{value:.3g}</text>'
        for y, value in ((10, high), (HEIGHT, low))
    )
    ends = f"{along[0]:.3g} to {along[-1]:.3g}"
    return (
        f'<figure class="lab-figure"><svg viewBox="0 -4 {WIDTH} {HEIGHT + 8}" width="{WIDTH}"'
        f' role="img" aria-label="{html.escape(title)}" style="max-width:100%">{marks}{lines}</svg>'
        f"<figcaption>{html.escape(title)}, {ends}: {legend}</figcaption></figure>"
    )
