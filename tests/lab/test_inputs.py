"""What visitors may send: a page that goes on, with a message where something cannot be done."""

import base64
import io
import random

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from lab import attack, draw, judge, pad, secret, visit

CLASSIFIER, SHAPE = "trio-digits", (8, 8, 1)


def url(content, kind="image/png"):
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def picture(mode="L", size=(40, 30), form="PNG", frames=1, **options):
    """A picture of random pixels as a file's bytes."""
    rng = np.random.default_rng(0)
    images = [
        Image.fromarray(rng.integers(0, 256, (*size[::-1], 3)).astype(np.uint8)).convert(mode)
        for _ in range(frames)
    ]
    stream = io.BytesIO()
    more = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(stream, form, **more, **options)
    return stream.getvalue()


PNG = picture()
GOOD = [
    url(picture(mode, form=form))
    for mode, form in (
        *[(mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")],
        *[("RGB", form) for form in ("JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "TGA")],
    )
]
GOOD += [url(picture("RGB", form="GIF", frames=5)), url(picture("RGB", form="WEBP", frames=3))]
GOOD += [url(picture(size=(1, 1))), url(picture(size=(3000, 2))), url(PNG, "text/html"), "", None]
BAD: list = [pad.TOO_LARGE, "x" * 15_000_000, "hello", "data:", "data:,", "data:image/png;base64,"]
BAD += ["data:image/png;base64,%%%", url(b""), url(b"hello"), url(PNG[:60]), url(PNG[:-40])]
BAD += [url(b"%PDF-1.4"), url(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), 7, [1], {"a": 1}]
BAD += [url(b"\x89PNG\r\n\x1a\n" + random.Random(seed).randbytes(200)) for seed in range(8)]


def huge():
    """A small file that says it is 60 megapixels."""
    stream = io.BytesIO()
    Image.new("1", (10_000, 6_000)).save(stream, "PNG")
    return url(stream.getvalue())


@pytest.mark.parametrize("value", GOOD, ids=range(len(GOOD)))
def test_what_is_a_picture_is_read(value):
    image = pad.seen(value, SHAPE)
    assert image is None if not value else (image.shape == SHAPE and image.dtype == np.uint8)


@pytest.mark.parametrize("value", [*BAD, huge()], ids=range(len(BAD) + 1))
def test_what_is_none_gets_a_message(value):
    with pytest.raises(gr.Error) as caught:
        visit.answering(attack.read)(value, CLASSIFIER)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("work", "inputs"),
    [
        (secret.send, ("a" * 10_000, "crypto-secret", "")),
        (secret.send, ("", "crypto-secret", "")),
        (secret.send, ("hello", "crypto-secret", "xyz")),
        (secret.send, ("hello", "crypto-secret", "00")),
        (secret.send, ("hello", "../../etc", "")),
        (secret.flip, (None, 3)),
        (attack.fool, (url(PNG), "PGD", "linf", 7.0, 7.0, attack.ANY, CLASSIFIER)),
        (attack.fool, (url(PNG), "PGD", "linf", -1.0, -1.0, attack.ANY, CLASSIFIER)),
        (attack.fool, (url(PNG), "FGSM", "l2", 0.1, 0.1, attack.ANY, CLASSIFIER)),
        (attack.read, (url(PNG), "nobody")),
        (attack.read, (url(PNG), "../../tmp")),
        (draw.digits, (CLASSIFIER, "eleven", 4, 0, False, 4.0)),
        (draw.digits, ("runs/none", draw.EVERY, 4, 0, False, 4.0)),
        (draw.digits, (CLASSIFIER, draw.EVERY, 4, None, False, 4.0)),
        (secret.send, (None, "crypto-secret", "")),
        (judge.answer, (None, [], CLASSIFIER, CLASSIFIER)),
    ],
)
def test_what_cannot_be_done_gets_a_message(work, inputs):
    with pytest.raises(gr.Error):
        visit.answering(work)(*inputs)


@pytest.mark.parametrize(
    ("component", "text", "value"),
    [
        (gr.Slider(0, 1, step=0.01), "0.2", 0.2),
        (gr.Slider(0, 1, step=0.01), "1.1", None),
        (gr.Slider(0, 1, step=0.01), "nan", None),
        (gr.Slider(0, 1, step=0.01), "lots", None),
        (gr.Slider(1, 9, step=1), "3", 3),
        (gr.Number(minimum=0, step=1), "-1", None),
        (gr.Radio(["a", "b"]), "b", "b"),
        (gr.Radio(["a", "b"]), "c", None),
        (gr.Checkbox(), "true", True),
        (gr.Checkbox(), "perhaps", None),
        (gr.Textbox(max_length=5), "hello", "hello"),
        (gr.Textbox(max_length=5), "hello!", None),
    ],
)
def test_a_link_sets_what_a_control_allows(component, text, value):
    if value is None:
        with pytest.raises(ValueError):
            visit.fitting(component, text)
    else:
        assert visit.fitting(component, text) == value
