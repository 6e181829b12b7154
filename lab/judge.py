"""Be the discriminator: real or made? A visitor's eye beside those of trained discriminators."""

import dataclasses

import gradio as gr
import numpy as np

from images import datasets, pictures
from lab import shelf, show
from lab.attack import amplified
from lab.visit import Room, answering
from models.looking import slope

FIRST = ("trio-mnist", "robgan-mnist", "attacked-mnist")
PICTURES = 10  # of which half are real
DRAWN = 100  # made, from which the most and the least real-looking are shown
SHOWN = 8
NUMBERS = [str(number) for number in range(1, PICTURES + 1)]


@dataclasses.dataclass(frozen=True)
class Deal:
    """Ten pictures.

    Attributes:
        images: float32 (10, h, w, c) in [-1, 1].
        labels: int32 (10,).
        real: bool (10,).
        name: str, of the run that made the others.
        seed: int.
    """

    images: np.ndarray
    labels: np.ndarray
    real: np.ndarray
    name: str
    seed: int


@shelf.kept
def real_images(run):
    """The validation split of a run's data, by the run's name: images.splits.Split.

    The test split stays unseen, as everywhere but in `--mode evaluate` and `--mode attack`.
    """
    options = run.read_config()
    dataset = datasets.load(
        options.dataset, data_dir=options.data_dir, image_size=options.image_size
    )
    return dataset.validation


def dealt(name, seed):
    """Five real pictures and five made ones of the same classes, in random order: Deal."""
    rng = np.random.default_rng(int(seed))
    split = real_images(name)
    places = rng.choice(len(split.labels), PICTURES // 2, replace=False)
    labels = split.labels[places].astype(np.int32)
    made = shelf.sampler(name).plain(labels, rng)
    made = datasets.normalize(datasets.denormalize(made))  # rounded, as the real ones are
    images = np.concatenate([datasets.normalize(split.images[places]), made])
    order = rng.permutation(PICTURES)
    real = np.arange(PICTURES) < PICTURES // 2
    return Deal(images[order], np.tile(labels, 2)[order], real[order], name, int(seed))


def deal(name, seed):
    """Ten numbered pictures as HTML, the Deal, an empty answer and no result."""
    hand = dealt(name, seed)
    cards = [
        show.figure(datasets.denormalize(image), number, 80)
        for image, number in zip(hand.images, NUMBERS, strict=True)
    ]
    return show.row(*cards), hand, [], ""


def answer(hand, chosen, first, second):
    """The visitor's score beside those of two discriminators, as HTML."""
    if hand is None:
        raise ValueError("deal ten pictures first")
    half = PICTURES // 2
    if len(chosen) != half:
        raise ValueError(f"you marked {len(chosen)} pictures; {half} of the ten are real")
    marks = {"you": np.isin(NUMBERS, chosen)}
    for name in dict.fromkeys((first, second)):
        shown_to(name, hand.images)
        for who, sampler in eyes(name).items():
            scores = sampler.score(hand.images, hand.labels)
            marks[who] = scores >= np.sort(scores)[half]
    rows = [
        (who, f"{(said == hand.real).sum()} of {PICTURES}", " ".join(np.array(NUMBERS)[said]))
        for who, said in marks.items()
    ]
    rows.append(("the truth", "", " ".join(np.array(NUMBERS)[hand.real])))
    right = int((marks["you"] == hand.real).sum())
    return show.verdict(f"You were right about {right} of {PICTURES}.") + show.table(
        ("who", "right", "called real"), rows
    )


def shown_to(name, images):
    """The images, if a discriminator's are of their shape.

    Raises:
        ValueError: one line that says what it judges.
    """
    height, width, channels = shelf.sampler(name).discriminator.inputs[0].shape[1:]
    if images.shape[1:] != (height, width, channels):
        raise ValueError(f"{name} judges images of {height} x {width} x {channels}; choose another")
    return images


def eye(name):
    """What the discriminator of a run is called: the critic, if its file says that it is one."""
    return f"{name}, its {'critic' if is_critic(shelf.run_of(name)) else 'discriminator'}"


def is_critic(run):
    """Whether a run's discriminator is the one that learned on after the game."""
    return bool(run.agent_stamp("discriminator").get("critic"))


@shelf.kept
def as_played(run):
    """The discriminator as the game left it, by a run's name; None if only its critic is there."""
    there = run.has_checkpoint and is_critic(run)
    return run.load_game().discriminator if there else None


def eyes(name):
    """What judges with a run's discriminators, by what each is called: dict of str -> sampler.

    The discriminator of a trio is in its checkpoint, which the supplied runs leave out.
    """
    sampler, played = shelf.sampler(name), as_played(name)
    found = {eye(name): sampler}
    if played is not None:
        found[f"{name}, its discriminator"] = dataclasses.replace(sampler, discriminator=played)
    return found


def ranked(name, judge, seed):
    """The most and the least real-looking of a hundred, and what the judge looks at, as HTML."""
    rng, sampler = np.random.default_rng(int(seed)), shelf.sampler(name)
    labels = np.resize(np.arange(len(shelf.class_names(name)), dtype=np.int32), DRAWN)
    images = shown_to(judge, sampler.plain(labels, rng))
    discriminator = shelf.sampler(judge).discriminator
    order = np.argsort(-shelf.sampler(judge).score(images, labels))
    parts = []
    for said, places in (("most", order[:SHOWN]), ("least", order[-SHOWN:])):
        looks = slope(discriminator, images[places], labels[places])
        sheet = [
            datasets.denormalize(images[places]),
            np.stack([amplified(look) for look in looks]),
        ]
        caption = f"the {said} real-looking to {eye(judge)}; below, the change it would like best"
        drawn = pictures.grid(np.concatenate(sheet), SHOWN)
        parts.append(show.figure(drawn, caption, drawn.shape[1]))
    return show.row(*parts)


def build():
    """Lays out the room."""
    makers = shelf.names("generator", *FIRST)
    judges = shelf.names("sampler", *FIRST)
    with gr.Row():
        name = gr.Dropdown(makers, value=makers[0], label="Who makes the pictures")
        first = gr.Dropdown(judges, value=judges[0], label="Against")
        second = gr.Dropdown(judges, value=judges[min(1, len(judges) - 1)], label="And against")
        seed = gr.Number(0, label="Seed", minimum=0, maximum=1_000_000, step=1, precision=0)
    start = gr.Button("Deal ten pictures", variant="primary", elem_id="judge-deal")
    cards = gr.HTML(elem_id="judge-cards")
    marks = gr.CheckboxGroup(NUMBERS, label="Which five are real?", elem_id="judge-marks")
    check = gr.Button("Compare", elem_id="judge-check")
    result = gr.HTML(elem_id="judge-result")
    gr.Markdown("### Of a hundred, the most and the least real-looking")
    rank = gr.Button("Rank a hundred", elem_id="judge-rank")
    order = gr.HTML(elem_id="judge-ranked")
    hand = gr.State(None)
    start.click(answering(deal), [name, seed], [cards, hand, marks, result])
    check.click(answering(answer), [hand, marks, first, second], result)
    rank.click(answering(ranked), [name, first, seed], order)
    return {"maker": name, "first": first, "second": second, "seed": seed}


ROOM = Room("judge", "Be the discriminator", build)
