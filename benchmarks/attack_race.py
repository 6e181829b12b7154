"""The race of attacks: every row attacks the same images and is judged by the same classifier."""

import keras
import numpy as np

from benchmarks import race
from benchmarks.peers import OUR_ROWS, OURS, PEERS, PIXEL_RANGE, Task
from images import datasets

PIXEL_SLACK = 1e-5  # rounding that a ball and the box are allowed, on the [0, 1] scale
SUCCESS_SLACK = 0.005  # a row whose success is further from ours does not count
EXPECTED_ERRORS = (datasets.DataError, ValueError)


def prepare(options):
    """Loads the classifier and the images.

    Args:
        options: the namespace of `benchmarks.attacks.parse`.
    Returns:
        Task.
    Raises:
        DataError: if the data set is not available.
        ValueError: one line, if the classifier cannot be loaded or does not fit these images.
    """
    classifier = _load(options.weights)
    split = datasets.load(options.dataset, data_dir=options.data_dir).test
    shape = split.images.shape[1:]
    if classifier.input_shape[1:] != shape:
        raise ValueError(
            f"{options.weights}: takes images of {classifier.input_shape[1:]}, and those of"
            f" {options.dataset} are {shape}; use another --dataset or --weights"
        )
    if len(split.labels) < options.images:
        raise ValueError(
            f"--images {options.images}: {options.dataset} has {len(split.labels)} test images"
        )
    return Task(
        classifier,
        datasets.normalize(split.images[: options.images]),
        split.labels[: options.images],
        options.epsilon,
        options.step_size,
        options.steps,
        options.batch_size,
        options.threads,
    )


def _load(path):
    """The classifier in a file.

    Raises:
        ValueError: one line, if there is none.
    """
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # a damaged file makes Keras raise many kinds of errors
        raise ValueError(f"{path}: holds no classifier ({race.first_line(error)})") from None


def run(task, rounds, announce):
    """Races the attacks on a task, and judges the images that each returns.

    Args:
        task: Task.
        rounds: int >= 1.
        announce: callable for one line of text.
    Returns:
        dict for `json.dumps`: "rows", ours first, and "left_out", each as README.md says.
    Raises:
        ValueError: if our own row refuses the task.
    """
    times, images, left_out = race.run(task, OUR_ROWS, PEERS, rounds=rounds, announce=announce)
    rows = race.summaries(times, OURS, count=len(task.images))
    _judge(task, rows, images)
    return {"rows": rows, "left_out": left_out}


def _judge(task, rows, images):
    """Adds to each row how many labels are left, and whether it counts."""
    ours = None
    for row in rows:
        attacked = images[row["name"]]
        named = task.classifier.predict(attacked, task.batch_size, verbose=0).argmax(axis=1)
        success = float(np.mean(named != task.labels))
        ours = success if ours is None else ours  # ours is the first row
        furthest = float(np.abs(attacked - task.images).max()) / PIXEL_RANGE
        why_not = None
        if abs(success - ours) > SUCCESS_SLACK and row["name"] not in OUR_ROWS:
            why_not = "its success is not ours"
        if furthest > task.epsilon + PIXEL_SLACK or np.abs(attacked).max() > 1 + 2 * PIXEL_SLACK:
            why_not = "it leaves the ball or the box"
        row.update(success=success, furthest=furthest, counts=why_not is None, why_not=why_not)


def machine(threads):
    """As `race.machine`, with the versions of all peers."""
    return race.machine(threads, PEERS)
