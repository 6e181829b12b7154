"""The race of the trio's step: one set of networks, written in several ways."""

import functools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from benchmarks import flops, race
from devices import startup
from games import GAMES
from games.gan import TrioOptions
from images import datasets
from models import build_game

NUM_CLASSES = 10
IMAGES = 4096  # noise: what is learned does not change how long it takes
MATRIX = 2048  # side of the product that says what the cores can do
PRODUCTS = 4  # of a turn


class Task(NamedTuple):
    """What every row gets: the trio's options, steps of a turn, threads."""

    config: TrioOptions
    steps: int
    threads: int

    @property
    def split(self):
        """Images uint8 (n, size, size, channels) and labels, the same for every row."""
        rng = np.random.default_rng(0)
        size, _, channels = datasets.SHAPES[self.config.dataset]
        size = self.config.image_size or size
        images = rng.integers(0, 256, (IMAGES, size, size, channels)).astype(np.uint8)
        return datasets.Split(images, rng.integers(0, NUM_CLASSES, IMAGES).astype(np.int32))

    def game(self):
        """A GANTrio; all of them start with the same weights."""
        keras.utils.set_random_seed(0)
        split = self.split
        dataset = datasets.Dataset("noise", tuple("0123456789"), split, split, split)
        return build_game(self.config, dataset)

    def batches(self):
        """Endless images float32 in [-1, 1] and labels int32, as arrays."""
        split = self.split
        images, rng = datasets.normalize(split.images), np.random.default_rng(0)
        while True:
            chosen = rng.integers(0, IMAGES, self.config.batch_size)
            yield images[chosen], split.labels[chosen]


def ours(task, **compiled):
    """This project, as `fit` plays it: the whole step is one graph, fed by tf.data."""
    game = task.game()
    game.compile(**compiled)
    game.make_train_function()
    stream = iter(datasets.batches(task.split, task.config.batch_size, seed=0))

    def play():
        for _ in range(task.steps):
            game.train_function(stream)
        game.reset_metrics()

    return play


def defaults(task):
    """The same game as Keras compiles it by default, fed with arrays."""
    game = task.game()
    keras.Model.compile(game, optimizer=None)
    count = task.steps * task.config.batch_size
    split = task.split
    chosen = np.arange(count) % IMAGES
    images, labels = datasets.normalize(split.images[chosen]), split.labels[chosen]
    return lambda: game.fit(images, labels, batch_size=task.config.batch_size, verbose=0)


def ancestor(task, **compiled):
    """The scheme of keras-dcgan: a `predict` and four `train_on_batch` in a loop of Python.

    It does less: no averages, no R1, and one set of fakes for discriminator and classifier.
    """
    game, config = task.game(), task.config
    generator, discriminator, classifier = game.generator, game.discriminator, game.classifier
    realness = keras.losses.BinaryCrossentropy(from_logits=True)
    naming = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    discriminator.compile(discriminator.optimizer, loss=realness, **compiled)
    classifier.compile(classifier.optimizer, loss=naming, **compiled)
    stacked = keras.Model(generator.inputs, discriminator([generator.output, generator.inputs[1]]))
    stacked.compile(generator.optimizer, loss=realness, **compiled)
    rng, stream = np.random.default_rng(0), task.batches()
    real, fake = np.ones((config.batch_size, 1)), np.zeros((config.batch_size, 1))

    def draw():
        latents = rng.standard_normal((config.batch_size, config.latent_dim), np.float32)
        return latents, rng.integers(0, NUM_CLASSES, config.batch_size).astype(np.int32)

    def play():
        for _ in range(task.steps):
            images, labels = next(stream)
            latents, asked = draw()
            fakes = generator.predict([latents, asked], batch_size=config.batch_size, verbose=0)
            discriminator.trainable = True
            discriminator.train_on_batch([images, labels], real)
            discriminator.train_on_batch([fakes, asked], fake)
            discriminator.trainable = False  # the first call of each model decides what it moves
            latents, wanted = draw()
            stacked.train_on_batch([latents, wanted], real)
            classifier.train_on_batch(fakes, asked)

    return play


def matrix_product(task):
    """A large float32 matrix product: the best that the same threads can reach."""
    factor = tf.random.stateless_normal((MATRIX, MATRIX), (0, 0))
    product = tf.function(lambda: tf.reduce_sum(factor @ factor), jit_compile=False)

    def play():
        for _ in range(PRODUCTS):
            product().numpy()

    return play


def pytorch(task, channels_last=False):
    """The twin of the same networks in a plain PyTorch loop; its images lie in memory."""
    import torch

    from benchmarks import twin
    from benchmarks.torch_trio import twin_of

    torch.set_num_threads(task.threads)
    torch.set_flush_denormal(True)  # as TensorFlow does
    torch.manual_seed(0)
    order = torch.channels_last if channels_last else torch.contiguous_format
    game, split = task.game(), task.split
    theirs = twin_of(game, order)
    theirs.check(*next(task.batches()))
    images, labels = twin.channels_first(split.images), torch.tensor(split.labels).long()

    def play():
        for _ in range(task.steps):
            chosen = torch.randint(IMAGES, (task.config.batch_size,))
            batch = (images[chosen].float() / 127.5 - 1).contiguous(memory_format=order)
            theirs.step(batch, labels[chosen])

    return play


def apart(build, side_by_side=1):
    """A row in a process of its own, where TensorFlow can have other threads than by default.

    Args:
        build: a row's builder.
        side_by_side: int, as of `startup.load_tensorflow`.
    """

    def row(task):
        prepare = functools.partial(
            startup.load_tensorflow, task.threads, side_by_side=side_by_side, xla=True
        )
        return race.Apart(prepare, build, task)

    return row


OURS, PRODUCT = "ours", "matrix product"
OUR_ROWS = {
    OURS: apart(ours, GAMES["trio"].side_by_side),
    "predict + 4 train_on_batch, no XLA": apart(functools.partial(ancestor, jit_compile=False)),
    "predict + 4 train_on_batch": apart(ancestor),
    "ours, Keras's defaults": apart(defaults),
    PRODUCT: apart(matrix_product),
}
PEERS = {
    "PyTorch": race.Peer(
        ("torch",),
        "torch==2.13.0",
        ("torch",),
        {
            "PyTorch": apart(pytorch),
            "PyTorch, channels_last": apart(functools.partial(pytorch, channels_last=True)),
        },
    )
}


def run(task, rounds, announce):
    """Races the rows on a task.

    Args:
        task: Task.
        rounds: int >= 1.
        announce: callable for one line of text.
    Raises:
        RuntimeError: if a row of ours fails.
    Returns:
        dict for `json.dumps`, as README.md says.
    """
    times, _, left_out = race.run(task, OUR_ROWS, PEERS, rounds=rounds, announce=announce)
    products = times.pop(PRODUCT)
    rows = race.summaries(times, OURS, count=task.steps * task.config.batch_size)
    game = task.game()
    of_step = flops.of_step(game, task.config.batch_size)
    work, products_work = task.steps * of_step, PRODUCTS * 2 * MATRIX**3
    share = work / products_work  # of the operations; over that of the time, of the limit
    return {
        "rows": rows,
        "left_out": left_out,
        "passes": [one._asdict() for one in flops.passes(game)],
        "flops_of_step": of_step,
        "limit_gflops": race.spread([products_work / 1e9 / each for each in products["seconds"]]),
        "share_of_limit": {
            clock: race.spread(
                [share * p / o for p, o in zip(products[clock], times[OURS][clock], strict=True)]
            )
            for clock in ("seconds", "cpu_seconds")
        },
        "machine": race.machine(task.threads, PEERS),
    }
