"""The pad that visitors draw on, with mouse, finger, pen or keyboard; or they open a picture.

Its value is a data URL, which never touches a disk: "data:image/png;base64,..." of a drawing, or
whatever kind of file a visitor has opened.
"""

import base64
import binascii

import gradio as gr

from images import handwriting
from images.datasets import DataError
from images.decoding import decode, resize_images, to_channels

SIDE = 280  # pixels of a picture of what was drawn
MOST_BYTES = 10 * 2**20  # of a picture that is opened
SMALL = 8  # pixels a side of scikit-learn's digits, which fill their squares
TOO_LARGE = "too large"  # the page's word for a file that it does not send

HTML = """
<canvas width="280" height="280" tabindex="0" role="img" aria-label="${label}: draw with the mouse
 or a finger; or move with the arrow keys, and draw with Shift and the arrow keys"></canvas>
<div class="tools">
  <button type="button" class="lab-clear">Clear</button>
  <label class="lab-open">Open a picture<input type="file" accept="image/*"
    aria-label="Open a picture"></label>
</div>
<p class="lab-hint">Keyboard: arrow keys move the pen, Shift and arrow keys draw.</p>
"""
CSS = """
canvas { width: 100%; max-width: 280px; aspect-ratio: 1; background: black; border-radius: 8px;
  touch-action: none; cursor: crosshair; border: 1px solid var(--border-color-primary); }
canvas:focus-visible { outline: 3px solid var(--color-accent); }
.tools { display: flex; gap: 8px; margin-top: 6px; align-items: center; flex-wrap: wrap; }
.tools button, .tools label { padding: 6px 12px; border-radius: 6px; cursor: pointer;
  border: 1px solid var(--border-color-primary);
  background: var(--button-secondary-background-fill);
  color: var(--button-secondary-text-color); font-size: 14px; }
.tools label:focus-within { outline: 3px solid var(--color-accent); }
.tools input { position: absolute; opacity: 0; width: 1px; height: 1px; }
.lab-hint { font-size: 12px; opacity: 0.75; margin: 4px 0 0; }
"""
SCRIPT = """
const canvas = element.querySelector('canvas'), pen = canvas.getContext('2d');
let drawing = false, at = [140, 140], timer = null, sent = props.value;
const blank = () => { pen.fillStyle = 'black'; pen.fillRect(0, 0, 280, 280); };
const send = (value) => { sent = value; props.value = value; trigger('input'); };
const soon = () => {
  timer ??= setTimeout(() => { timer = null; send(canvas.toDataURL()); }, 120); };
const place = (e) => { const box = canvas.getBoundingClientRect();
  return [(e.clientX - box.left) * 280 / box.width, (e.clientY - box.top) * 280 / box.height]; };
const stroke = (to) => { pen.strokeStyle = 'white'; pen.lineWidth = 22; pen.lineCap = 'round';
  pen.beginPath(); pen.moveTo(...at); pen.lineTo(...to); pen.stroke(); at = to; soon(); };
const show = (value) => { blank(); if (!value) return; const picture = new Image();
  picture.onload = () => { const side = Math.min(picture.width, picture.height);
    pen.drawImage(picture, (picture.width - side) / 2, (picture.height - side) / 2, side, side,
      0, 0, 280, 280); };
  picture.src = value; };
canvas.addEventListener('pointerdown', (e) => { canvas.setPointerCapture(e.pointerId);
  drawing = true; at = place(e); stroke([at[0] + 0.1, at[1]]); });
canvas.addEventListener('pointermove', (e) => { if (drawing) stroke(place(e)); });
for (const end of ['pointerup', 'pointercancel'])
  canvas.addEventListener(end, () => { drawing = false; });
canvas.addEventListener('keydown', (e) => {
  const way = {ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10],
    ArrowDown: [0, 10]}[e.key];
  if (!way) return;
  e.preventDefault();
  const to = at.map((value, i) => Math.max(0, Math.min(280, value + way[i])));
  if (e.shiftKey) stroke(to); else at = to; });
element.querySelector('.lab-clear').addEventListener('click', () => { blank(); send(''); });
element.querySelector('input').addEventListener('change', (e) => {
  const file = e.target.files[0];
  if (!file) return;
  if (file.size > MOST) { send('TOO LARGE'); return; }
  const reader = new FileReader();
  reader.onload = () => { show(reader.result); send(reader.result); };
  reader.readAsDataURL(file); e.target.value = ''; });
watch('value', () => { if (props.value !== sent) { sent = props.value; show(sent); } });
blank();
if (sent) show(sent);
""".replace("MOST", str(MOST_BYTES)).replace("TOO LARGE", TOO_LARGE)


def pad(label, **options):
    """The component, whose event `input` says that something was drawn or opened."""
    return gr.HTML(
        value="",
        label=label,
        html_template=HTML.replace("${label}", label),
        css_template=CSS,
        js_on_load=SCRIPT,
        apply_default_css=False,
        **options,
    )


def picture_of(value):
    """What a pad shows.

    Args:
        value: str of the pad, or whatever else a request may hold.
    Returns:
        uint8 (SIDE, SIDE, c), or None if nothing is drawn.
    Raises:
        DataError: if it is no picture, or too large.
    """
    if not value:
        return None
    if value == TOO_LARGE or not isinstance(value, str) or len(value) > 1.4 * MOST_BYTES:
        raise DataError(f"the picture has more than {MOST_BYTES // 2**20} MB; open a smaller one")
    head, comma, body = value.partition(",")
    try:
        content = base64.b64decode(body, validate=True) if comma else b""
    except (binascii.Error, ValueError):
        content = b""
    if not (head.startswith("data:") and content):
        raise DataError("the file is empty, or is no picture; open another")
    return decode(content, "the picture", SIDE)


def seen(value, shape):
    """What a network gets of a pad.

    A drawing for a network of small grey images is prepared as MNIST's digits were; of anything
    else the network gets the middle square.

    Args:
        value: as `picture_of`.
        shape: (h, w, c) of the network's images.
    Returns:
        uint8 (h, w, c), or None if nothing is drawn.
    Raises:
        DataError: as `picture_of`.
    """
    picture = picture_of(value)
    if picture is None:
        return None
    height, _, channels = shape
    if channels == 1:
        box = 1.0 if height <= SMALL else handwriting.BOX
        return handwriting.centred(handwriting.ink_of(picture), height, box)
    return to_channels(resize_images(picture[None], height), channels)[0]
