"""Draw for me: digits by class and seed, latents by hand, and from a sketch to a digit."""

import functools

import gradio as gr
import numpy as np

from images import datasets, pictures
from lab import shelf, show
from lab.pad import pad, seen
from lab.visit import Room, answering
from models.directions import principal_directions
from models.interpolation import blend, slerp
from models.inversion import PARTS, invert

FIRST = ("trio-mnist", "trio-cifar10", "robgan-mnist")
EVERY = "every class"
MOST = 100
FRAMES = 16
REACH = 4.0  # standard deviations that a slider leads along a direction
DRAWERS = ("plain", "nice")


def classes(name):
    """What a visitor may ask a run to draw: its classes, and every one."""
    known = shelf.sampler(name).num_classes is not None
    return [EVERY, *(shelf.class_names(name) if known else ())]


def labels_of(name, wanted, count):
    """The labels int32 (count,) of the images that are asked for.

    Raises:
        ValueError: if there is no such class.
    """
    names = shelf.class_names(name)
    if wanted == EVERY:
        return np.resize(np.arange(len(names), dtype=np.int32), count)
    if wanted not in names:
        raise ValueError(f"class {str(wanted)[:40]}: must be one of {', '.join(names)}")
    return np.full(count, names.index(wanted), np.int32)


def digits(name, wanted, count, seed, nice, truncation):
    """A sheet of images, as HTML, with a link that saves it."""
    sampler = shelf.sampler(name, truncation if truncation < REACH else None)
    labels = labels_of(name, wanted, int(count))
    kind = "nice" if nice and hasattr(sampler, "nice") else "plain"
    drawn = getattr(sampler, kind)(labels, np.random.default_rng(int(seed)))
    columns = min(10, len(labels))
    sheet = pictures.grid(datasets.denormalize(drawn), columns)
    caption = f"{len(labels)} images, {kind}, by {name}, seed {int(seed)}"
    return show.figure(sheet, caption, sheet.shape[1]) + show.save(show.png(sheet), "drawn.png")


@functools.lru_cache(64)
def directions(name, label):
    """The two principal directions of a run's latents for a class; found once."""
    return principal_directions(shelf.sampler(name), label, np.random.default_rng(0))


def one(name, latents, label):
    """The image float32 (h, w, c) of latents (latent_dim,)."""
    return batch(name, latents[None], [label])[0]


def batch(name, latents, labels):
    """The images float32 (n, h, w, c) of latents."""
    sampler = shelf.sampler(name)
    points, named = np.asarray(latents, np.float32), np.asarray(labels, np.int32)
    inputs = points if sampler.num_classes is None else [points, named]
    return np.asarray(sampler.generator(inputs, training=False))


def start_of(name, seed):
    """The latents (latent_dim,) of a seed."""
    return shelf.sampler(name).latents(1, np.random.default_rng(int(seed)))[0]


def by_hand(name, wanted, seed, first, second):
    """An image, moved along the two directions in which its class changes most, as HTML."""
    label = 0 if wanted == EVERY else int(labels_of(name, wanted, 1)[0])
    along = directions(name, label)
    latents = start_of(name, seed) + first * along[0] + second * along[1]
    image = datasets.denormalize(one(name, latents, label))
    return show.figure(image, f"{first:+.1f} and {second:+.1f} along the two directions", 200)


def path(name, start, end, seed):
    """A film of the way from one class to another, as HTML with a link that saves it.

    Latents and class move: both of an image's ends are drawn from the seed.
    """
    labels = [int(labels_of(name, each, 1)[0]) for each in (start, end)]
    first, last = (start_of(name, int(seed) + place) for place in range(2))
    fractions = np.linspace(0, 1, FRAMES)
    latents = np.stack([slerp(first, last, fraction) for fraction in fractions]).astype(np.float32)
    sampler = shelf.sampler(name)
    if sampler.num_classes is None:
        frames = batch(name, latents, labels * (FRAMES // 2))
    else:
        frames = blend(sampler.generator, latents, labels, fractions)
    return film(datasets.denormalize(frames), f"from {start} to {end}", "path.gif")


def film(frames, caption, name):
    """Frames uint8 (n, h, w, c), one by one and as a film, as HTML."""
    sheets = [pictures.grid(frame[None], 1) for frame in [*frames, *frames[::-1]]]
    url = show.gif(sheets, 90)
    strip = pictures.grid(frames, len(frames))
    return (
        show.row(show.moving(url, caption, 160), show.figure(strip, "frame by frame", 640))
        + show.save(url, name)
        + show.save(show.png(strip), name.replace(".gif", ".png"))
    )


def sketch(value, name):
    """From a sketch to a digit: what the generator can do that is nearest to it, as HTML."""
    sampler = shelf.sampler(name)
    image = seen(value, tuple(sampler.generator.output.shape[1:]))
    if image is None:
        yield show.note("Draw something first."), None
        return
    source, names = datasets.normalize(image), shelf.class_names(name)
    parts = invert(sampler.generator, source, num_classes=sampler.num_classes)
    for part, guess in enumerate(parts, 1):
        nearest = f"the nearest after part {part}" if part < PARTS else "the nearest"
        caption = f"{nearest}: a {names[guess.label]}, mean squared difference {guess.error:.3f}"
        found = show.figure(datasets.denormalize(guess.image), caption)
        last = (guess.latents, guess.label) if part == PARTS else None
        yield show.row(show.figure(image, "your sketch"), found), last


def walk(found, name):
    """A walk that begins at the latents of a sketch and leads along both directions, as HTML."""
    if not found:
        raise ValueError("find the digit of a sketch first")
    latents, label = found
    along = directions(name, label)
    turns = np.linspace(0, 2 * np.pi, FRAMES, endpoint=False)
    ways = [np.sin(t) * along[0] + (1 - np.cos(t)) / 2 * along[1] for t in turns]
    frames = batch(name, latents + 0.75 * REACH * np.stack(ways), [label] * FRAMES)
    return film(datasets.denormalize(frames), "a walk from your sketch", "walk.gif")


def build():
    """Lays out the room."""
    names = shelf.names("generator", *FIRST)
    known = classes(names[0])
    with gr.Row():
        name = gr.Dropdown(names, value=names[0], label="Who draws")
        wanted = gr.Dropdown(known, value=EVERY, label="Class")
        seed = gr.Number(0, label="Seed", minimum=0, maximum=1_000_000, step=1, precision=0)
    with gr.Row():
        count = gr.Slider(1, MOST, 64, step=1, label="Images")
        truncation = gr.Slider(
            0.1, REACH, REACH, step=0.1, label="Truncation", info=f"{REACH:g} is none"
        )
        nice = gr.Checkbox(False, label="Nice: the best of twenty")
    draw = gr.Button("Draw", variant="primary", elem_id="draw-go")
    sheet = gr.HTML(elem_id="draw-sheet")
    gr.Markdown("### Latents by hand\nThe two directions in which images of the class change most.")
    with gr.Row():
        first = gr.Slider(-REACH, REACH, 0, step=0.1, label="First direction")
        second = gr.Slider(-REACH, REACH, 0, step=0.1, label="Second direction")
    moved = gr.HTML(elem_id="draw-moved")
    gr.Markdown("### From one class to another")
    with gr.Row():
        start = gr.Dropdown(known[1:], value=known[1:][3:4][0], label="From")
        end = gr.Dropdown(known[1:], value=known[1:][8:9][0], label="To")
        go = gr.Button("Make the film", elem_id="draw-path")
    way = gr.HTML(elem_id="draw-film")
    gr.Markdown("### From sketch to digit\nThe latents whose image is nearest to what you draw.")
    with gr.Row():
        with gr.Column(min_width=300):
            board = pad("Your sketch", elem_id="sketch-pad")
        with gr.Column(min_width=300):
            with gr.Row():
                find = gr.Button("Find the digit", variant="primary", elem_id="sketch-find")
                stroll = gr.Button("Walk on from there", elem_id="sketch-walk")
            nearest = gr.HTML(elem_id="sketch-found")
            walked = gr.HTML(elem_id="sketch-walked")
    found = gr.State(None)
    draw.click(
        answering(digits), [name, wanted, count, seed, nice, truncation], sheet, api_name="draw"
    )
    for slider in (first, second):
        slider.input(
            answering(by_hand),
            [name, wanted, seed, first, second],
            moved,
            trigger_mode="always_last",
            show_progress="hidden",
            concurrency_limit=2,
        )
    go.click(answering(path), [name, start, end, seed], way)
    find.click(answering(sketch), [board, name], [nearest, found], api_name="sketch")
    stroll.click(answering(walk), [found, name], walked)
    name.change(answering(offered), name, [wanted, start, end], show_progress="hidden")
    return {
        "drawer": name,
        "class": wanted,
        "seed": seed,
        "count": count,
        "truncation": truncation,
        "nice": nice,
    }


def offered(name):
    """The classes of another run for the three choices of a class."""
    known = classes(name)
    ends = known[1:] or [EVERY]
    return [
        gr.Dropdown(known, value=EVERY),
        gr.Dropdown(ends, value=ends[0]),
        gr.Dropdown(ends, value=ends[-1]),
    ]


def warm():
    """Draws once, so that the first visitor does not wait for the trace."""
    for name in shelf.names("generator", *FIRST)[:1]:
        digits(name, EVERY, 64, 0, False, REACH)


ROOM = Room("draw", "Draw for me", build, warm)
