"""Watch a game: two agents train in the page, as slowly as one likes, on points or digits."""

import dataclasses
import html
import threading
import time
from typing import Any

import gradio as gr
import numpy as np
import tensorflow as tf

import games
import models
from evaluation.points import measure
from games import GAMES
from games.gan import LOSSES
from images import datasets
from images.points import MIXTURES
from images.views import SIDE, view_of
from lab import show
from lab.visit import Room, answering
from models.turns import MOST_ROUNDS, Watched

DATA = ("ring", "grid", "digits")
LONGEST = 60.0  # seconds that a game is played at a press, so that others get their turn
SHOWN = 2000  # points
ARROWS = 48
GOOD = 0.6  # share of good samples with which the game counts as won
SLOW = 0.4  # seconds between two rounds when they are played one by one
# What the controls say, in their order: these options, then D's and G's turns in a round.
RULES = ("loss", "r1_gamma", "generator_learning_rate", "discriminator_learning_rate")
START = ("relativistic", 0.001, 0.002, 0.002, 1, 1)
START_OF_DIGITS = ("non_saturating", 1.0, 0.0005, 0.0005, 1, 1)
COLLAPSE = ("non_saturating", 0.0, 0.03, 0.001, 1, 5)
WATCHED_AVERAGE = 0.99  # the averaged generator follows fast enough to be watched


@dataclasses.dataclass
class Scene:
    """A visitor's game.

    Attributes:
        data: str, of `DATA`.
        watched: models.turns.Watched.
        rules: what the controls say, in the order of `RULES`, then D's and G's turns in a round.
        pace: int, rounds from one picture to the next.
        player: object, the call of `play` that goes on; None if the game is paused.
        lock: held while anything is played.
        rounds: int, played so far.
        rows: list of dict, what the curves show.
    """

    data: str
    watched: Watched
    rules: tuple
    pace: int = MOST_ROUNDS
    player: object = None
    rounds: int = 0
    rows: list = dataclasses.field(default_factory=list)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)


def begin(data, *rules):
    """A new game by the rules of the controls."""
    kind = games.kind_of(data)
    given = dict(zip(RULES, rules, strict=False))
    options = GAMES["gan"].from_preset(
        "quick", kind, dataset=data, falling=False, ema_decay=WATCHED_AVERAGE, **given
    )
    dataset = datasets.load(data)
    return Scene(data, Watched(models.build_game(options, dataset), dataset), tuple(rules))


def start_of(data):
    """The rules under which a game on these data holds, in the order of the controls."""
    return list(START_OF_DIGITS if data == "digits" else START)


def cure(scene, data):
    """The rules under which a collapsed game recovers, once it is revived."""
    pause(scene)
    if scene is not None and scene.data == data:
        with scene.lock:
            scene.watched.revive()
    return start_of(data)


def set_rules(scene, pace, *rules):
    """What the controls say now; a game that is being played takes it up at its next picture."""
    if scene is not None:
        scene.rules, scene.pace = tuple(rules), int(pace)


def pause(scene):
    """Ends the loop of `play` at its next picture."""
    if scene is not None:
        scene.player = None


def play(scene, data, pace, *rules):
    """Plays and shows the game until it is paused, or for `LONGEST` seconds.

    Yields:
        (Scene, picture, curves, status).
    """
    pause(scene)
    player = object()
    if scene is None or scene.data != data:
        yield scene, gr.skip(), gr.skip(), show.verdict("building the game ...")
        scene = begin(data, *rules)
    set_rules(scene, pace, *rules)
    scene.player, end = player, time.monotonic() + LONGEST
    while scene.player is player:
        advance(scene)
        late = time.monotonic() > end
        yield scene, *shown(scene, "paused; Play goes on" if late else "")
        if late:
            pause(scene)
        elif scene.pace == 1:
            time.sleep(SLOW)


def advance(scene):
    """Plays as many rounds as the pace says, by the rules that the controls say now."""
    turns = tuple(int(each) for each in scene.rules[-2:])
    with scene.lock:
        scene.watched.change(**dict(zip(RULES, scene.rules, strict=False)))
        row = scene.watched.play(scene.pace, turns)
    scene.rounds += scene.pace
    scene.rows.append({"round": scene.rounds, **row})


def step(agent, scene, data, *rules):
    """One turn of one agent alone; returns as `play` yields."""
    pause(scene)
    if scene is None or scene.data != data:
        scene = begin(data, *rules)
    with scene.lock:
        scene.watched.change(**dict(zip(RULES, rules, strict=False)))
        scene.watched.turn(agent)
    return scene, *shown(scene, f"one turn of the {agent} alone")


def new(scene, data, *rules):
    """A new game in the place of another; returns as `play` yields."""
    pause(scene)
    scene = begin(data, *rules)
    return scene, *shown(scene, "a new game")


def shown(scene, remark=""):
    """The picture, the curves and the status of a game, as HTML."""
    game, view = scene.watched.game, view_of(scene.data)
    if scene.data in MIXTURES:
        latents = tf.random.stateless_normal((SHOWN, game.latent_dim), (0, 1))
        points = game.average_generator(latents, training=False).numpy()
        found = measure(points, MIXTURES[scene.data])
        picture = plane(scene.watched, view, points)
        won = found["modes"] == found["of_modes"] and found["good"] >= GOOD
        status = f"{found['modes']} of {found['of_modes']} modes caught, {found['good']:.0%} good"
        status += ": it has found them all" if won else ""
    else:
        images, _ = game.sample(64, 0)
        picture = show.figure(view.sheet(images, 8), "what the generator draws", SIDE)
        slopes = scene.watched.slope(images[:8])
        picture += show.figure(view.sheet(normal(slopes), 8), "what D wants changed", SIDE)
        status = "digits of scikit-learn"
    said = f"round {scene.rounds}: {status}" + (f" ({remark})" if remark else "")
    return picture, plots(scene.rows), show.verdict(said)


def normal(slopes):
    """Slopes scaled to [-1, 1], each image by its own largest."""
    largest = np.abs(slopes).max(axis=(1, 2, 3), keepdims=True)
    return (slopes / np.maximum(largest, 1e-12)).astype(np.float32)


def plane(watched, view, points):
    """Points over D's field, and arrows of its slope at some of them, as HTML."""
    sheet = view.sheet(points, realness=watched.game.realness)
    some = points[:ARROWS]
    slopes = watched.slope(some)
    lengths = np.linalg.norm(slopes, axis=1, keepdims=True)
    ahead = slopes / np.maximum(lengths, 1e-12)
    starts, ends = view.places(some), view.places(some + 0.12 * ahead)
    lines = "".join(
        f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{u:.0f}" y2="{v:.0f}" marker-end="url(#tip)"/>'
        for (x, y), (u, v) in zip(starts, ends, strict=True)
    )
    said = html.escape(
        "orange: what G makes; blue: real; green: where D finds points most real; arrows: where D's"
        " slope leads G"
    )
    return (
        f'<figure class="lab-figure"><svg viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" role="img"'
        f' aria-label="{said}" style="max-width:100%"><defs><marker id="tip" viewBox="0 0 6 6"'
        ' refX="5" refY="3" markerWidth="5" markerHeight="5" orient="auto"><path d="M0 0 6 3 0 6z"'
        f' fill="#333"/></marker></defs><image href="{show.png(sheet)}" width="{SIDE}"'
        f' height="{SIDE}"/><g stroke="#333" stroke-width="1.2">{lines}</g></svg>'
        f"<figcaption>{said}</figcaption></figure>"
    )


def plots(rows):
    """The losses and D's beliefs so far, as HTML."""
    if not rows:
        return show.note("Nothing has been played yet.")
    rows = rows[-400:]
    along = [row["round"] for row in rows]
    panels = {
        "losses": ("discriminator_loss", "generator_loss"),
        "what D believes is real": ("D(x)", "D(G(z))"),
    }
    return show.row(
        *(
            show.curves({name: [row[name] for row in rows] for name in names}, title, along)
            for title, names in panels.items()
        )
    )


def build():
    """Lays out the room."""
    with gr.Row():
        with gr.Column(min_width=320):
            status = gr.HTML(show.verdict("Press Play."), elem_id="watch-status")
            picture = gr.HTML(elem_id="watch-picture")
        with gr.Column(min_width=320):
            data = gr.Radio(DATA, value="ring", label="What is to be learned")
            with gr.Row():
                start = gr.Button("Play", variant="primary", elem_id="watch-play")
                stop = gr.Button("Pause", elem_id="watch-pause")
                again = gr.Button("New game")
            with gr.Row():
                one_d = gr.Button("One step of D", elem_id="watch-d")
                one_g = gr.Button("One step of G", elem_id="watch-g")
            with gr.Row():
                collapse = gr.Button("Make it collapse", elem_id="watch-collapse")
                mend = gr.Button("Cure it", elem_id="watch-cure")
            pace = gr.Slider(
                1,
                MOST_ROUNDS,
                MOST_ROUNDS,
                step=1,
                label="Rounds a picture",
                info="1 is slow motion",
            )
            loss = gr.Dropdown(LOSSES, value=START[0], label="Loss")
            r1 = gr.Number(START[1], label="R1", minimum=0, maximum=100, step=0.001)
            with gr.Row():
                g_rate = gr.Number(
                    START[2], label="G's learning rate", minimum=1e-6, maximum=1, step=1e-4
                )
                d_rate = gr.Number(
                    START[3], label="D's learning rate", minimum=1e-6, maximum=1, step=1e-4
                )
            with gr.Row():
                d_turns = gr.Slider(1, 10, START[4], step=1, label="Turns of D in a round")
                g_turns = gr.Slider(1, 10, START[5], step=1, label="Turns of G in a round")
            curves = gr.HTML(elem_id="watch-curves")
    scene = gr.State(None, time_to_live=1800)
    rules: list[Any] = [loss, r1, g_rate, d_rate, d_turns, g_turns]
    seen = [scene, picture, curves, status]
    playing: dict[str, Any] = {
        "fn": answering(play),
        "inputs": [scene, data, pace, *rules],
        "outputs": seen,
        "concurrency_limit": 2,
        "concurrency_id": "games",
        "show_progress": "minimal",
    }
    now: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
    start.click(**playing)
    stop.click(pause, scene, None, **now)
    again.click(answering(new), [scene, data, *rules], seen, show_progress="minimal")
    for button, agent in ((one_d, "discriminator"), (one_g, "generator")):
        button.click(
            answering(lambda *inputs, agent=agent: step(agent, *inputs)),
            [scene, data, *rules],
            seen,
            show_progress="minimal",
        )
    collapse.click(lambda: list(COLLAPSE), None, rules, **now).then(**playing)
    mend.click(cure, [scene, data], rules, **now).then(**playing)
    data.input(start_of, data, rules, **now)
    gr.on([each.change for each in (pace, *rules)], set_rules, [scene, pace, *rules], None, **now)
    return {
        "data": data,
        "pace": pace,
        "loss": loss,
        "r1": r1,
        "g_rate": g_rate,
        "d_rate": d_rate,
        "d_turns": d_turns,
        "g_turns": g_turns,
    }


ROOM = Room("watch", "Watch a game", build)
