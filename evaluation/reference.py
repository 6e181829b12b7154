"""The judge: a convolutional classifier, trained by one fixed recipe for grey, one for colour.

Trained on real images it is the reference, on whose answers every figure of `generation.py` rests.
Trained on generated images alone it measures what they are worth as training data.
"""

import dataclasses
import functools
import hashlib
import logging
import math
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from agents import build_classifier, build_residual_classifier
from images.datasets import normalize
from images.writing import save_atomically
from models.augment import random_flip, random_translation
from models.game import copy_agent

ASSETS = pathlib.Path(__file__).resolve().parents[1] / "assets"
# Named after the images that it learned from, a JPEG copy of CIFAR-10's training pictures.
SUPPLIED = ASSETS / "judges" / "reference-cifar10-e408738eb3d03c69.keras"
BATCH_SIZE = 128
FEWEST_EPOCHS, MOST_EPOCHS = 6, 60
FEWEST_STEPS = 600  # whatever the epochs: a few hundred images are seen more often
PREDICTION_BATCH = 500
FEWEST_CAS_IMAGES, MOST_CAS_IMAGES = 6_000, 60_000
TAUGHT_PER_HELD_OUT = 12  # one in 13 of GAN-train's images only helps to choose the epoch


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a judge is made: its network, about how many steps it learns for, and with what.

    Raise the version with every change: cached references are then trained again.
    """

    version: int
    network: Callable
    width: int
    steps: int
    optimizer: Callable  # learning rates -> optimizer
    rates: Callable  # number of steps -> learning rates
    mirror: bool = False


def _warm(steps):
    """A rate that climbs to 0.1 for a fifth of the steps, then falls to nothing."""
    climb = max(1, steps // 5)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - climb), warmup_target=0.1, warmup_steps=climb
    )


GREY = Recipe(
    version=1,
    network=build_classifier,
    width=32,
    steps=2_800,  # 60,000 images are seen 6 times
    optimizer=keras.optimizers.Adam,
    rates=functools.partial(keras.optimizers.schedules.CosineDecay, 1e-3),
)
# The plain network reads 70 % of CIFAR-10 at most; too few to judge anything by.
COLOUR = Recipe(
    version=2,
    network=build_residual_classifier,
    width=16,
    steps=4_600,  # 45,000 images are seen 13 times
    optimizer=functools.partial(
        keras.optimizers.SGD, momentum=0.9, nesterov=True, weight_decay=5e-4
    ),
    rates=_warm,
    mirror=True,
)


def recipe_of(images):
    """The recipe for images (n, h, w, c)."""
    return GREY if images.shape[-1] == 1 else COLOUR


class BestEpoch(keras.callbacks.Callback):
    """Remembers the weights of the epoch with the best held-out accuracy, then the lowest loss."""

    def __init__(self):
        super().__init__()
        self.score = (-1.0, 0.0)
        self.weights = None

    def on_epoch_end(self, epoch, logs=None):
        score = (logs["val_accuracy"], -logs["val_loss"])
        if score > self.score:
            self.score = score
            self.weights = self.model.get_weights()


def train_judge(images, labels, *, held_out, num_classes, seed, epochs=None):
    """Trains a fresh judge by the recipe for such images, whatever they show.

    Batches of 128, shifts of up to 2 pixels (none for images under 14 pixels), the best epoch on
    held-out images; the rest as `GREY` or `COLOUR` says. The result depends on `seed` alone, not on
    the global random state.

    Args:
        images: uint8 (n, h, h, c), the teaching images.
        labels: int32 (n,), in [0, num_classes).
        held_out: (images, labels) of the same kind, used only to choose the epoch.
        num_classes: int.
        seed: int >= 0, of the first weights, the order and the shifts.
        epochs: int, or None for as many as the recipe's steps take, within 6 to 60 epochs, but at
            least 600 steps.
    Returns:
        keras.Model without an optimizer: float32 images in [-1, 1] -> class logits; its layer
        "features" is (b, d), >= 0.
    Raises:
        ValueError: if there is no image to learn from, or none held out.
    """
    if not len(images) or not len(held_out[0]):
        raise ValueError("the judge needs at least one image to learn from and one held out")
    batch_size = min(BATCH_SIZE, len(images))
    steps = len(images) // batch_size
    recipe = recipe_of(images)
    epochs = epochs or _epochs(steps, recipe)
    judge = recipe.network(
        images.shape[1], images.shape[-1], width=recipe.width, num_classes=num_classes
    )
    _initialise(judge, seed)
    learner = copy_agent(judge)  # the judge itself is never compiled: it keeps no optimizer
    learner.compile(
        optimizer=recipe.optimizer(recipe.rates(epochs * steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # on a CPU, XLA's convolutions take twice as long
    )
    best = BestEpoch()
    learner.fit(
        _batches(images, labels, batch_size, steps=steps, epochs=epochs, seed=seed),
        steps_per_epoch=steps,
        epochs=epochs,
        validation_data=(normalize(held_out[0]), np.asarray(held_out[1])),
        validation_batch_size=PREDICTION_BATCH,
        callbacks=[best],
        shuffle=False,
        verbose=0,
    )
    judge.set_weights(best.weights)
    return judge


def reference_classifier(dataset, cache_dir):
    """The judge that learned from real images; trained once per data set, then read from a cache.

    Its best epoch is chosen on the validation images. It judges, and must never teach an agent. For
    CIFAR-10 and its JPEG copies one is supplied, as the training takes half an hour.

    Args:
        dataset: `data.Dataset`; its test images are not touched.
        cache_dir: path of a folder, made if missing; the file's name holds a hash of the recipe
            and of the training and validation images. A file that cannot be read is replaced.
    Returns:
        keras.Model, as `train_judge`.
    """
    fingerprint = _fingerprint(dataset)
    if dataset.name == "cifar10" or SUPPLIED.stem.endswith(fingerprint):
        return keras.saving.load_model(SUPPLIED, compile=False)
    path = pathlib.Path(cache_dir) / f"reference-{dataset.name}-{fingerprint}.keras"
    if path.exists():
        try:
            return keras.saving.load_model(path, compile=False)
        except Exception as error:  # a damaged file causes many kinds of errors, with one remedy
            logging.getLogger(__name__).warning("%s is damaged (%s): training again", path, error)
    reference = train_judge(
        dataset.train.images,
        dataset.train.labels,
        held_out=(dataset.validation.images, dataset.validation.labels),
        num_classes=dataset.num_classes,
        seed=0,
    )
    save_atomically(path, reference.save)
    return reference


def gan_train_judge(training_source, dataset, matching, options):
    """Trains a fresh judge on generated images alone, for the classification accuracy score.

    Args:
        training_source: callable (n, seed) -> (images uint8, labels int32), or such a pair, of
            which all images are used.
        dataset: `datasets.Dataset`, of which only the sizes matter.
        matching: int (num_classes,), the real class that each requested one stands for.
        options: `generation.GenerationOptions`, of which `cas_images` and `seed` matter.
    Returns:
        keras.Model, as `train_judge`; its epoch is chosen on generated images as well.
    Source: Shmelkov et al. 2018 (GAN-train), arXiv:1807.09499; Ravuri & Vinyals 2019 (CAS),
        arXiv:1905.10887.
    """
    if callable(training_source):
        taught = options.cas_images or int(
            np.clip(len(dataset.train.labels), FEWEST_CAS_IMAGES, MOST_CAS_IMAGES)
        )
        training_source = training_source(taught + taught // TAUGHT_PER_HELD_OUT, options.seed)
    images, labels = (np.asarray(array) for array in training_source)
    order = np.random.default_rng(options.seed).permutation(len(labels))
    held_out, taught = np.split(order, [max(1, len(order) // (TAUGHT_PER_HELD_OUT + 1))])
    return train_judge(
        images[taught],
        matching[labels[taught]],
        held_out=(images[held_out], matching[labels[held_out]]),
        num_classes=dataset.num_classes,
        seed=options.seed,
    )


def judge_outputs(classifier, images):
    """The class logits that a classifier gives images, and its features of them.

    Args:
        classifier: keras.Model with a layer named "features", such as `train_judge` returns.
        images: uint8 (n, h, w, c).
    Returns:
        [class logits float32 (n, num_classes), features float32 (n, d), >= 0 after a ReLU].
    """
    both = keras.Model(
        classifier.input, [classifier.output, classifier.get_layer("features").output]
    )
    return predict(both, images)


def predict(model, images):
    """A model's outputs for images, batch by batch; unlike `Model.predict` it traces no graph.

    Args:
        model: keras.Model of one or several outputs, of float32 images in [-1, 1].
        images: uint8 (n, h, w, c), n > 0.
    Returns:
        list of float32 arrays (n, ...), one an output.
    """
    starts = range(0, len(images), PREDICTION_BATCH)
    batches = [model(normalize(images[i : i + PREDICTION_BATCH]), training=False) for i in starts]
    if len(model.outputs) == 1:
        return [np.concatenate(batches)]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def _epochs(steps, recipe):
    """How many epochs of this many steps a recipe takes."""
    epochs = min(max(round(recipe.steps / steps), FEWEST_EPOCHS), MOST_EPOCHS)
    return max(epochs, math.ceil(FEWEST_STEPS / steps))


def _initialise(model, seed):
    """Draws all kernels from the seed, as Keras's draw depends on the global random state."""
    for index, layer in enumerate(model.layers):
        if hasattr(layer, "kernel"):
            kernel_seed = int(np.random.default_rng((seed, index)).integers(2**31))
            initializer = keras.initializers.GlorotUniform(kernel_seed)
            layer.kernel.assign(initializer(layer.kernel.shape))


def _batches(images, labels, batch_size, *, steps, epochs, seed):
    """All batches of all epochs in order: (images float32 in [-1, 1], labels)."""
    images, labels = tf.constant(images), tf.constant(np.asarray(labels, np.int32))
    draw = np.random.default_rng(seed)
    orders = [draw.permutation(len(labels))[: steps * batch_size] for _ in range(epochs)]
    max_shift, mirror = min(2, images.shape[1] // 14), recipe_of(images).mirror

    def batch(step, indices):
        shown = normalize(tf.gather(images, indices))
        shown = random_translation(shown, max_shift, tf.stack([seed, tf.cast(step, tf.int32)]))
        if mirror:
            shown = random_flip(shown, tf.stack([seed + 1, tf.cast(step, tf.int32)]))
        return shown, tf.gather(labels, indices)

    indices = tf.data.Dataset.from_tensor_slices(np.concatenate(orders)).batch(batch_size)
    return indices.enumerate().map(batch).prefetch(2)


def _fingerprint(dataset):
    """16 hexadecimal digits that change with the recipe and with the images."""
    digest = hashlib.sha256(
        f"{recipe_of(dataset.train.images).version} {dataset.num_classes}".encode()
    )
    for split in (dataset.train, dataset.validation):
        for array in (split.images, split.labels):
            array = np.ascontiguousarray(array)
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(array.data)
    return digest.hexdigest()[:16]
