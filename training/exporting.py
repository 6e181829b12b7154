"""An agent as a file for other programs: SavedModel, ONNX or LiteRT, checked against Keras."""

import dataclasses
import importlib.util
import pathlib
import tempfile
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from cli.terminal import one_line
from devices.startup import silenced_stderr
from games import OptionError
from images.writing import MARK, Target, is_ours

TOLERANCE = 1e-5  # of the largest number that comes out, or of 1 where that is smaller
FULL_DISK = (OSError, tf.errors.OpError)  # as Python and as TensorFlow report it
EXAMPLES = 16  # with which a file is checked, all at once and one alone

RANGES = {
    "latents": "standard normal",
    "labels": "classes from 0",
    "images": "in [-1, 1]",
    "plaintext": "-1 or 1",
    "key": "-1 or 1",
}


class ExportError(Exception):
    """A file that cannot be written: one line that names it and says why."""


def _load_savedmodel(path):
    module = tf.saved_model.load(path)
    return lambda inputs: {name: out.numpy() for name, out in module.serve(inputs).items()}


def _load_onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


def _load_litert(path):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(path).get_signature_runner()
    return lambda inputs: runner(**inputs)


SAVEDMODEL_MARK = pathlib.Path(
    "assets.extra", "made_by.txt"
)  # the place for files of no use to TensorFlow


def _mark_savedmodel(path):
    (path / SAVEDMODEL_MARK).parent.mkdir()
    (path / SAVEDMODEL_MARK).write_text(MARK + "\n")


def _mark_onnx(path):
    import onnx

    model = onnx.load(path)
    model.doc_string = MARK
    onnx.save(model, path)


def _mark_litert(path):
    with path.open("ab") as file:  # as LiteRT's own metadata, which are a zip file behind the model
        file.write(MARK.encode())


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind of file, and the runtime that reads it.

    Attributes:
        name: str, what `keras.Model.export` calls it.
        suffix: str, of its files.
        modules: names of the modules that write and read it, besides TensorFlow.
        load: callable, path -> callable, dict of arrays by input -> dict of arrays by output.
        mark: callable, path -> None, which marks the file as made by this program.
    """

    name: str
    suffix: str
    modules: tuple
    load: Callable
    mark: Callable


FORMATS = {
    "savedmodel": Format("tf_saved_model", ".savedmodel", (), _load_savedmodel, _mark_savedmodel),
    "onnx": Format("onnx", ".onnx", ("tf2onnx", "onnxruntime"), _load_onnx, _mark_onnx),
    "litert": Format("litert", ".tflite", ("ai_edge_litert",), _load_litert, _mark_litert),
}


def check_place(path, overwrite):
    """Refuses a place where an export would replace what this program did not make.

    Args:
        path: pathlib.Path of the file or folder.
        overwrite: bool, whether the user wants another file or SavedModel replaced.
    Raises:
        ExportError, PlaceError, OSError: one line that names it.
    """
    if not path.is_dir():
        Target(path, overwrite, anew=True).check()
    elif not (path / "saved_model.pb").exists():
        raise ExportError(f"{path}: a folder that holds something else; use another --output")
    elif not overwrite and not ((mark := path / SAVEDMODEL_MARK).is_file() and is_ours(mark)):
        raise ExportError(
            f"{path}: already exists, and does not say that this program made it;"
            " --overwrite replaces it"
        )


def export(agent, stem, *, format, examples, outputs, overwrite=False):
    """Writes an agent to a file that needs neither Keras nor this program, if it passes a check.

    The file takes batches of any size. Its own runtime answers the examples before it gets its
    name; until then a file of that name stays as it is.

    Args:
        agent: keras.Model, functional.
        stem: path of the file, without the suffix of its format; its folder is made if missing.
        format: one of `FORMATS`.
        examples: dict, name of an input in the file -> array (n, ...), in the agent's order.
        outputs: names of the outputs in the file, in the agent's order; surplus names are ignored.
        overwrite: bool, whether a file that this program did not make may be replaced.
    Returns:
        str, a line that says what was written, its inputs and outputs, and how near it is to Keras.
    Raises:
        OptionError: if the format's runtime is not installed.
        ExportError: if the file's answers differ from the agent's, or a folder is in the way.
        PlaceError: if another file is in the way.
        OSError: if it cannot be written.
    """
    kind, path = FORMATS[format], pathlib.Path(f"{stem}{FORMATS[format].suffix}")
    if not all(map(importlib.util.find_spec, kind.modules)):
        raise OptionError(f"--format {format}: not installed; run pip install '.[export]'")
    check_place(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as room:
        made = pathlib.Path(room, path.name)
        try:
            with silenced_stderr(FULL_DISK):
                model = named(agent, examples, outputs)
                model(examples)  # Keras exports to ONNX only what was called
                model.export(str(made), format=kind.name, verbose=False)
                kind.mark(made)
                answers, gap = compare(agent, kind.load(str(made)), examples, outputs)
        except FULL_DISK as error:
            reason = one_line(error).rpartition("; ")[2]
            raise ExportError(f"{path}: not written ({reason})") from None
        if not gap <= TOLERANCE:  # which refuses NaN as well
            raise ExportError(f"{path}: not written, its outputs differ from Keras's by {gap:.1e}")
        size = sum(file.stat().st_size for file in (made, *made.rglob("*")) if file.is_file())
        _put(made, path)
    ports = " -> ".join(
        ", ".join(_port(name, array) for name, array in side.items())
        for side in (examples, answers)
    )
    return f"wrote {path}, {size / 1000:,.0f} kB: {ports}; checked, {gap:.1e} from Keras"


def named(agent, inputs, outputs):
    """The agent with dicts of these names as inputs and outputs; it shares the weights."""
    ports = {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in zip(inputs, agent.inputs, strict=True)
    }
    answers = zip(outputs, _answers(agent, ports), strict=False)
    return keras.Model(ports, dict(answers), name=agent.name)


def compare(agent, run, examples, outputs):
    """The answers of an agent, and the largest deviation of another runtime from them.

    Args:
        agent, examples, outputs: as `export`.
        run: callable, dict of arrays by input -> dict of arrays by output.
    Returns:
        (dict, float): the agent's outputs by name; the largest difference, as a share of the
        largest number in an output or of 1, whichever is more.
    """
    gaps = []
    for count in (1, EXAMPLES):
        inputs = {name: array[:count] for name, array in examples.items()}
        expected = dict(zip(outputs, map(np.asarray, _answers(agent, inputs)), strict=False))
        got = run(inputs)
        for name, answer in expected.items():
            gaps.append(np.abs(got[name] - answer).max() / max(1.0, np.abs(answer).max()))
    return expected, float(np.max(gaps))


def _answers(agent, inputs):
    """The agent's outputs as a list, given its inputs by name."""
    inputs = list(inputs.values())
    return keras.tree.flatten(agent(inputs if len(inputs) > 1 else inputs[0], training=False))


def _put(made, path):
    """Gives the new file its name; an old folder, which cannot be replaced, is moved first."""
    aside = made.with_name("replaced")
    if path.is_dir():
        path.rename(aside)
    try:
        made.rename(path)
    except BaseException:
        if aside.exists():
            aside.rename(path)
        raise


def _port(name, array):
    shape = ", ".join(("batch", *map(str, array.shape[1:])))
    return " ".join(filter(None, (name, str(array.dtype), f"({shape})", RANGES.get(name))))
