"""Alice, Bob and Eve: a message, its key, what crosses the wire, and who reads what."""

import functools
import html

import gradio as gr
import numpy as np

from crypto import messages, sending
from crypto.audit.eves import FreshEve
from crypto.audit.exact import exact_audit
from crypto.ciphers import learned_cipher
from lab import shelf, show
from lab.visit import Room, answering
from training.attempts import WARNING

FIRST = ("crypto-secret", "crypto-release")
LONGEST = 400  # characters of a message
AUDITED = 4  # plaintexts, each under every key
PARTS, ROUNDS = 20, 100  # of a fresh Eve's training
SHOWN = 160  # hexadecimal digits


@shelf.kept
def cipher(run):
    """The cipher of a run, by its name: crypto.ciphers.Cipher."""
    binary = run.read_config().preset == "secret"
    return learned_cipher(run.load_agent("alice"), run.load_agent("bob"), binary=binary)


@shelf.kept
def agent(run, name):
    """An agent of a run, by the run's name and its own."""
    return run.load_agent(name)


@shelf.kept
def protected(run):
    """Indices of the bits that are kept from Eve, by a run's name."""
    return run.read_config().protected


def send(text, name, key):
    """Encrypts a message.

    Args:
        text: str.
        name: str, of a run.
        key: str, hexadecimal; empty for a fresh one.
    Returns:
        (HTML, the letter with what is needed to read it again).
    Raises:
        MessageError, or ValueError: one line, if the message or the key cannot be used.
    """
    content = (text or "").encode("utf-8", "replace")
    if not content:
        raise ValueError("the message is empty; type one")
    if len(text) > LONGEST:
        raise ValueError(f"the message has {len(text):,} characters; {LONGEST} is the most here")
    given = messages.parse_key(key.strip()) if key.strip() else None
    letter = sending.encrypt(cipher(name), content, given)
    return told(letter, name, len(content)), (letter, name, len(content))


def told(letter, name, length, heard=None, remark=""):
    """A letter as the three have it, as HTML.

    Args:
        letter: crypto.sending.Letter.
        name: str, of the run.
        length: int, bytes of the message.
        heard: float32 (blocks, bits), Bob's guess, if not the letter's.
        remark: str, about Bob's key.
    """
    heard = letter.heard if heard is None else heard
    guess = sending.overhear(agent(name, "eve"), letter, protected=protected(name))
    on_wire = letter.ciphertext.ravel()
    if cipher(name).binary:
        wire = cut(messages.packed_bits(letter.ciphertext).hex())
    else:
        wire = cut(" ".join(f"{value:+.2f}" for value in on_wire))
    rows = (
        ("The key, of Alice and Bob alone", cut(messages.packed_bits(letter.key).hex())),
        ("On the wire, for all to see", wire),
        (f"Bob reads{remark}", marked(letter.plaintext, heard, length)),
        ("Eve guesses", marked(letter.plaintext, guess, length)),
    )
    cells = "".join(
        f'<tr><th>{html.escape(head)}</th><td class="lab-code">{body}</td></tr>'
        for head, body in rows
    )
    return f'<div class="lab-scroll"><table class="lab-table">{cells}</table></div>'


def cut(text):
    """A text that is too long to show, cut off."""
    return html.escape(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


def marked(plaintext, guess, length):
    """A guess of a message, wrong bytes marked, and how many bits are wrong, as HTML."""
    right, found = (messages.from_blocks(blocks, length) for blocks in (plaintext, guess))
    letters = "".join(
        html.escape(shown) if same else f'<span class="lab-wrong">{html.escape(shown)}</span>'
        for shown, same in spelled(right, found)
    )
    signs = np.where(np.asarray(guess) > 0, 1, -1)
    wrong = int((signs != plaintext).ravel()[: 8 * length].sum())
    return f"{letters} <span>({wrong} of {8 * length} bits wrong)</span>"


def spelled(right, found):
    """(text, whether it is right) of each character of a guess, or of each byte that is none."""
    if right == found:
        return [(found.decode("utf-8", "replace"), True)]
    return [
        (chr(byte) if 32 <= byte < 127 else "\N{REPLACEMENT CHARACTER}", byte == meant)
        for byte, meant in zip(found, right, strict=True)
    ]


def flip(sent, bit):
    """What Bob reads if one bit of his key is wrong, as HTML.

    Args:
        sent: what `send` returned, or None.
        bit: int, of the key of the first block; it is counted on from there.
    """
    if not sent:
        raise ValueError("send a message first")
    letter, name, length = sent
    keys = letter.key.copy()
    flat = keys.reshape(-1)
    flat[int(bit) % len(flat)] *= -1.0
    heard = cipher(name).decrypt(letter.ciphertext, keys)
    return told(letter, name, length, heard, f", with bit {int(bit) % len(flat)} of his key wrong")


@functools.lru_cache(16)
def counted(name):
    """How much a ciphertext gives away, counted over every key, for some plaintexts: dict."""
    return exact_audit(cipher(name), messages=AUDITED, keys_tried=0)


def leak(name):
    """The count of what leaks, as HTML."""
    report, bits = counted(name), cipher(name).message_bits
    if not cipher(name).binary:
        said = f"{name} gives away at least {report['leak_at_least']:.3f} bits"
        more = f"of the {np.log2(AUDITED):.0f} that tell {AUDITED} plaintexts apart"
        return show.verdict(said) + show.note(
            f"{more}: with real numbers on the wire nearly every"
            " pair of plaintext and key has its own ciphertext."
        )
    said = f"{name} gives away at most {report['leak_at_most']:.5f} of {bits} bits"
    return show.verdict(said) + show.note(
        f"{AUDITED} plaintexts, each encrypted under all {report['keys']:,} keys and counted;"
        f" Bob misreads {report['bob_bits_wrong']:.5f} bits of a block."
    )


def listen(sent, name):
    """A fresh Eve learns to read the cipher while the visitor watches.

    Yields:
        HTML: her wrong bits so far; at the end also what she makes of the message.
    """
    bits, hidden = cipher(name).message_bits, protected(name)
    eve = FreshEve(agent(name, "alice"), hidden)
    eve.begin(0)
    wrong = [len(hidden) / 2]
    yield show.verdict("a fresh Eve begins; the first part takes the longest")
    for part in range(1, PARTS + 1):
        eve.play(ROUNDS)
        wrong.append(eve.bits_wrong())
        along = [ROUNDS * each for each in range(part + 1)]
        chance = [len(hidden) / 2] * (part + 1)
        lines = {"her wrong bits": wrong, "chance": chance}
        said = show.verdict(f"after {ROUNDS * part} rounds {wrong[-1]:.2f} of {bits} bits wrong")
        drawn = said + show.curves(lines, "a fresh Eve's rounds", along, floor=0)
        yield drawn
    if sent and sent[1] == name:
        letter, _, length = sent
        guess = sending.overhear(eve.eve, letter, protected=hidden)
        drawn += f'<p class="lab-code">She reads: {marked(letter.plaintext, guess, length)}</p>'
        yield drawn


def build():
    """Lays out the room."""
    names = shelf.names("cipher", *FIRST)
    gr.Markdown(f"{WARNING[0].upper()}{WARNING[1:]}")
    with gr.Row():
        text = gr.Textbox(
            "meet me at noon", label="Message", max_length=LONGEST, elem_id="secret-text", scale=2
        )
        name = gr.Dropdown(names, value=names[0], label="Whose cipher")
        key = gr.Textbox(
            "", label="Key, hexadecimal", placeholder="a fresh one if empty", max_length=2000
        )
    with gr.Row():
        go = gr.Button("Send", variant="primary", elem_id="secret-send")
        wrong = gr.Button("A wrong bit in Bob's key", elem_id="secret-flip")
        bit = gr.Number(0, label="Which bit", minimum=0, maximum=100_000, step=1, precision=0)
    letter = gr.HTML(elem_id="secret-letter")
    with gr.Row():
        with gr.Column(min_width=300):
            count = gr.Button("Count what leaks", elem_id="secret-count")
            leaked = gr.HTML(elem_id="secret-leak")
        with gr.Column(min_width=300):
            fresh = gr.Button("A fresh Eve", elem_id="secret-eve")
            heard = gr.HTML(elem_id="secret-heard")
    sent = gr.State(None)
    for event in (go.click, text.submit, name.input):  # the same message by another cipher
        event(answering(send), [text, name, key], [letter, sent])
    wrong.click(answering(flip), [sent, bit], letter)
    count.click(answering(leak), name, leaked)
    fresh.click(
        answering(listen),
        [sent, name],
        heard,
        concurrency_id="games",
        concurrency_limit=2,
        show_progress="minimal",
    )
    return {"message": text, "cipher": name, "bit": bit}


def warm():
    """Sends once, so that the first visitor does not wait for the trace."""
    for name in shelf.names("cipher", *FIRST)[:1]:
        send("warm", name, "")


ROOM = Room("secret", "Alice, Bob and Eve", build, warm)
