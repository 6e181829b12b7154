"""Read and fool: a drawing, a classifier that never saw a real image, and a robust one."""

import functools
from typing import Any

import gradio as gr
import numpy as np
from scipy.special import softmax

from attacks import (
    Attacker,
    AutoProjectedGradientDescent,
    ProjectedGradientDescent,
    fast_gradient_sign,
)
from attacks.objectives import away_from, towards
from attacks.smallest import LARGEST, SmallestRadius
from images import datasets
from lab import shelf, show
from lab.pad import pad, seen
from lab.visit import Room, answering

STEPS = 40
ATTACKS = {"FGSM": "one step", "PGD": f"{STEPS} steps", "APGD": f"{STEPS} steps of its own size"}
NORMS = ("linf", "l2")
ANY = "any other class"
FIRST = ("trio-mnist", "robust-mnist")  # never saw a real image; robust
NOTHING = show.note("Draw something first.")


def logits(name, image):
    """Class logits (num_classes,) of an image, float32 (h, w, c) in [-1, 1]."""
    return shelf.classifier(name)(image[None], training=False).numpy()[0]


def read(value, *names):
    """What each classifier makes of a pad: a list of HTML."""
    return [opinion(name, value) for name in names]


def opinion(name, value):
    """What a classifier gets of a pad, and what it reads, as HTML."""
    image = seen(value, shape_of(name))
    if image is None:
        return NOTHING
    return judged(name, datasets.normalize(image), show.figure(image, "what the network gets", 112))


def judged(name, image, *figures):
    """Figures beside the classifier's probabilities of an image in [-1, 1], as HTML."""
    shares, names = softmax(logits(name, image)), shelf.class_names(name)
    best = int(shares.argmax())
    said = show.verdict(f"{name} reads {names[best]} ({shares[best]:.1%})")
    return said + show.row(*figures) + show.bars(shares, names, f"probabilities of {name}")


def shape_of(name):
    """(h, w, c) of a classifier's images."""
    return tuple(shelf.classifier(name).input.shape[1:])


def method(attack, epsilon, norm):
    """The attack that the page's controls mean; as `modes.attack.chosen_attack` builds it.

    Raises:
        ValueError: one line, if there is no such attack.
    """
    if attack == "FGSM":
        if norm != "linf":
            raise ValueError("FGSM knows linf alone; choose PGD or APGD for l2")
        return fast_gradient_sign(epsilon)
    if attack == "APGD":
        return AutoProjectedGradientDescent(epsilon, STEPS, norm=norm)
    step_size = max(2.5 * epsilon / STEPS, 1e-6)
    return ProjectedGradientDescent(epsilon, step_size, STEPS, norm=norm)


@functools.lru_cache(64)
def attacker(classifier, attack, targeted):
    """An Attacker, which is traced only once for the same controls."""
    aim = towards if targeted else away_from
    return Attacker(attack, lambda batch: classifier(batch, training=False), aim=aim)


def fool(value, attack, norm, epsilon, length, target, *names):
    """Attacks what is on the pad for each classifier: a list of HTML.

    Args:
        value: of the pad.
        attack, norm: str, of `ATTACKS` and `NORMS`.
        epsilon, length: float, the radius in either norm; only that of `norm` counts.
        target: str, a class, or `ANY`.
        *names: of classifiers.
    """
    chosen = method(attack, epsilon if norm == "linf" else length, norm)
    return [fooled(name, value, chosen, target) for name in names]


def fooled(name, value, attack, target):
    """One classifier's answer to an attack on what is on the pad, as HTML."""
    image = seen(value, shape_of(name))
    if image is None:
        return NOTHING
    names, source = shelf.class_names(name), datasets.normalize(image)
    before = int(logits(name, source).argmax())
    targeted = target in names
    wanted = names.index(target) if targeted else before
    found = attacker(shelf.classifier(name), attack, targeted)(source[None], [wanted])[0]
    after = int(logits(name, found).argmax())
    fell = after == wanted if targeted else after != before
    said = f"{name} falls: {names[after]}" if fell else f"{name} stands: still {names[after]}"
    figures = show.row(
        show.figure(image, "before", 112),
        show.figure(amplified(found - source), "the change", 112),
        show.figure(datasets.denormalize(found), "after", 112),
    )
    bars = show.bars(softmax(logits(name, found)), names, f"probabilities of {name}")
    return show.verdict(said) + figures + bars


def amplified(change):
    """A change of an image in [-1, 1] as a picture: grey where there is none, uint8 (h, w, c)."""
    largest = max(float(np.abs(change).max()), 1e-6)
    return np.rint(127.5 + 127.5 * change / largest).astype(np.uint8)


@functools.lru_cache(16)
def finder(classifier, norm):
    """A SmallestRadius, which is traced only once."""
    return SmallestRadius(lambda batch: classifier(batch, training=False), norm)


def smallest(value, norm, *names):
    """The smallest epsilon for which each classifier falls: a list of HTML."""
    answers = []
    for name in names:
        image = seen(value, shape_of(name))
        if image is None:
            answers.append(NOTHING)
            continue
        source = datasets.normalize(image)
        label = int(logits(name, source).argmax())
        radius = finder(shelf.classifier(name), norm)(source, label)
        stands = f"{name} stands up to epsilon {LARGEST[norm]:g}"
        falls = stands if radius is None else f"{name} falls at epsilon {radius:.3f}"
        answers.append(show.verdict(f"{falls} ({norm}, PGD-{STEPS})"))
    return answers


def targets(*names):
    """The classes that an attack can aim at: those that all classifiers know."""
    known = [set(shelf.class_names(name)) for name in names]
    return [ANY, *(each for each in shelf.class_names(names[0]) if all(each in k for k in known))]


def build():
    """Lays out the room."""
    choices = shelf.names("classifier", *FIRST)
    first = [choices[0], choices[min(1, len(choices) - 1)]]
    with gr.Row():
        with gr.Column(min_width=300):
            board = pad("Your drawing", elem_id="attack-pad")
            attack = gr.Radio(list(ATTACKS), value="PGD", label="Attack")
            norm = gr.Radio(NORMS, value="linf", label="Norm")
            epsilon = gr.Slider(
                0, 1, 0.2, step=0.01, label="Epsilon", info="on the [0, 1] pixel scale"
            )
            length = gr.Slider(
                *(0, LARGEST["l2"], 2.0),
                step=0.1,
                label="Length",
                info="of the change, on the [0, 1] pixel scale",
                visible=False,
            )
            target = gr.Dropdown(targets(*first), value=ANY, label="Target")
            with gr.Row():
                go = gr.Button("Attack", variant="primary", elem_id="attack-go")
                find = gr.Button("Smallest epsilon", elem_id="attack-smallest")
        pairs = []
        for number, (title, name) in enumerate(
            zip(("It never saw a real image", "It learned under attack"), first, strict=True)
        ):
            with gr.Column(min_width=300):
                choice = gr.Dropdown(choices, value=name, label=title)
                said = gr.HTML(NOTHING, elem_id=f"attack-read-{number}")
                result = gr.HTML(elem_id=f"attack-fooled-{number}")
                radius = gr.HTML(elem_id=f"attack-radius-{number}")
                pairs.append((choice, said, result, radius))
    picked, opinions, results, radii = (list(each) for each in zip(*pairs, strict=True))
    reading: dict[str, Any] = {
        "fn": answering(read),
        "inputs": [board, *picked],
        "outputs": opinions,
    }
    quick: dict[str, Any] = {
        "show_progress": "hidden",
        "trigger_mode": "always_last",
        "concurrency_limit": 2,
    }
    board.input(**reading, **quick, api_name="read")
    for choice in picked:
        choice.change(**reading, **quick)
    gr.on(
        [go.click, epsilon.release, length.release],
        answering(fool),
        [board, attack, norm, epsilon, length, target, *picked],
        results,
        trigger_mode="always_last",
        concurrency_limit=2,
        api_name="fool",
    )
    find.click(answering(smallest), [board, norm, *picked], radii, api_name="smallest")
    norm.change(
        lambda chosen: [gr.Slider(visible=chosen == each) for each in NORMS],
        norm,
        [epsilon, length],
        show_progress="hidden",
    )
    links = {"attack": attack, "norm": norm, "epsilon": epsilon, "length": length, "target": target}
    return {**links, "first": picked[0], "second": picked[1]}


def warm():
    """Loads what the first stroke needs, so that the visitor does not wait for it."""
    for name in shelf.names("classifier", *FIRST)[:2]:
        logits(name, np.zeros(shape_of(name), np.float32))


ROOM = Room("attack", "Read and fool", build, warm)
