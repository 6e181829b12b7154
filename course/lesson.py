"""What the notebooks share: data, the length of a training, pictures in a cell."""

import io
import os
import pathlib

from devices import startup

startup.load_tensorflow()

import keras  # noqa: E402
import matplotlib  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from PIL import Image  # noqa: E402

from images import datasets, pictures  # noqa: E402
from images.splits import Split  # noqa: E402
from training.finding import PRETRAINED  # noqa: E402

matplotlib.rcParams["figure.dpi"] = 100
DATASET = "COURSE_DATASET"  # the variable that chooses the data, in place of "auto"
QUICK = "COURSE_QUICK"  # the variable that shortens every training, as the grader does
MOST_IMAGES = 10_000  # a class works with these; MNIST has 60,000
PICTURES = pathlib.Path(__file__).parent / "pictures"
SHORTER = 50  # times, a training that only shows that the cells run


def load(most_pixels=28):
    """The data of a notebook: MNIST where it can be had, or else scikit-learn's small digits.

    Args:
        most_pixels: int, side to which larger images are resized, where that saves time.
    Returns:
        images.datasets.Dataset, with at most 10,000 images to learn from.
    """
    keras.utils.set_random_seed(0)
    name = datasets.resolve(os.environ.get(DATASET, "auto"))
    found = datasets.load(name)
    if found.image_size > most_pixels:
        found = datasets.load(name, image_size=most_pixels)
    few = Split(found.train.images[:MOST_IMAGES], found.train.labels[:MOST_IMAGES])
    print(f"{name}: {len(few.labels)} images of {found.image_size} x {found.image_size} pixels")
    return datasets.Dataset(name, found.class_names, few, found.validation, found.test)


def supplied(agent, data):
    """An agent of the trio that comes with the project, trained for an hour and more on MNIST.

    Args:
        agent: str, "generator" or "classifier".
        data: as `load` returns.
    Returns:
        keras.Model.
    """
    return keras.saving.load_model(PRETRAINED / f"trio-{data.name}" / f"{agent}.keras")


def steps(count):
    """The length of a training: `count`, or a fiftieth of it when only a grader watches."""
    return max(2, count // SHORTER) if os.environ.get(QUICK) else count


def batches(images, labels, size, count, seed=0):
    """Random batches, as arrays.

    Args:
        images: float32 (n, ...).
        labels: int32 (n,).
        size, count, seed: ints.
    Yields:
        (images (size, ...), labels (size,)), `count` times.
    """
    random = np.random.default_rng(seed)
    for _ in range(count):
        places = random.integers(len(images), size=size)
        yield images[places], labels[places]


def show(*rows, columns=10):
    """Images as a picture.

    Args:
        *rows: float32 (n, h, w, c) in [-1, 1] each; each begins a new row.
        columns: int.
    """
    filled = [np.asarray(row) for row in rows]
    whole = [
        np.concatenate([row, np.full((-len(row) % columns, *row.shape[1:]), -1.0)])
        for row in filled
    ]
    sheet = pictures.grid(datasets.denormalize(np.concatenate(whole)), columns)
    return pictures.to_pillow(sheet)


def plot(horizontal, curves, *, x, y, log=False):
    """Curves as a picture.

    Args:
        horizontal: numbers.
        curves: dict, name -> numbers.
        x, y: str, what the axes say.
        log: bool, whether the horizontal axis is logarithmic.
    """
    figure = Figure(figsize=(6, 3.2))
    axes = figure.subplots()
    for name, values in curves.items():
        axes.plot(horizontal, values, marker="." if len(values) < 40 else None, label=name)
    axes.set(xlabel=x, ylabel=y, xscale="log" if log else "linear")
    axes.grid(alpha=0.3)
    axes.legend()
    return picture(figure)


def scatter(clouds, half_width):
    """Points in the plane as a picture.

    Args:
        clouds: dict, name -> float (n, 2), drawn in this order.
        half_width: float, half the side of the square that is shown.
    """
    figure = Figure(figsize=(4, 4))
    axes = figure.subplots()
    for name, points in clouds.items():
        across, up = np.asarray(points).T
        axes.scatter(across, up, s=4, label=name)
    axes.set(xlim=(-half_width, half_width), ylim=(-half_width, half_width), aspect="equal")
    axes.legend(loc="center")
    return picture(figure)


def expected(name):
    """The picture that belongs here, as a PIL image; it was made with the small digits."""
    return Image.open(PICTURES / f"{name}.png")


def picture(figure):
    """A Matplotlib figure as a PIL image, which every notebook shows."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return Image.open(buffer)
