"""The ways between latents and between classes: the images in between, as sheets and films."""

import keras
import numpy as np
from keras.layers import Embedding

from models.sampling import computed


def slerp(start, end, fraction):
    """The point at a fraction of the great arc between two latents, whose length it keeps.

    Args:
        start, end: float (..., latent_dim).
        fraction: float in [0, 1].
    Returns:
        float (..., latent_dim).
    Source: White 2016, arXiv:1609.04468.
    """
    lengths = (
        np.linalg.norm(start, axis=-1, keepdims=True),
        np.linalg.norm(end, axis=-1, keepdims=True),
    )
    cosine = np.sum(start * end, axis=-1, keepdims=True) / (lengths[0] * lengths[1])
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    nearly_parallel = np.sin(angle) < 1e-6
    safe = np.where(nearly_parallel, 1.0, angle)
    along = (np.sin((1 - fraction) * safe) * start + np.sin(fraction * safe) * end) / np.sin(safe)
    return np.where(nearly_parallel, (1 - fraction) * start + fraction * end, along)


def imagine_between(generator, latents, classes):
    """Images float32 (n, h, w, c) from latents and real-valued classes: 3.5 is between 3 and 4.

    Args:
        generator: class-conditional keras.Model, whose labels go into one or several Embeddings.
        latents: float32 (n, latent_dim).
        classes: float (n,) in [0, num_classes]; after the last class comes the first.
    """
    lower = np.floor(classes).astype(int)
    return blend(generator, latents, (lower, lower + 1), classes - lower)


def blend(generator, latents, ends, fractions):
    """Images float32 (n, h, w, c) from latents and classes between two.

    Args:
        generator, latents: as `imagine_between`.
        ends: two ints, or int (n,), the classes at fractions 0 and 1; after the last comes the
            first.
        fractions: float (n,) in [0, 1].
    """
    tables = [layer for layer in generator.layers if isinstance(layer, Embedding)]
    share, mixed = np.asarray(fractions)[:, None], []
    for codes in (table.get_weights()[0] for table in tables):
        start, end = (codes[np.broadcast_to(each, len(share)) % len(codes)] for each in ends)
        mixed.append(((1 - share) * start + share * end).astype(np.float32))
    inputs = [generator.inputs[0], *(table.output for table in tables)]
    from_codes = keras.Model(inputs, generator.output)
    return computed(from_codes, [latents, *mixed])


def walk(sampler, rng, *, frames, anchors=3, rows=2):
    """A closed walk, frame by frame: latents move in the upper rows, classes in the lower ones.

    Args:
        sampler: Sampler.
        rng: numpy.random.Generator.
        frames: int, frames of the whole loop.
        anchors: int, latents that the loop passes.
        rows: int, rows of each half; a generator without classes has only the upper half.
    Returns:
        (list, int): a float32 (images, h, w, c) in [-1, 1] for each frame; columns of the grid.
    """
    columns = sampler.num_classes or 10
    cells = rows * columns
    stops = [sampler.latents(cells, rng) for _ in range(anchors)]
    start, classes = stops[0], np.tile(np.arange(columns, dtype=float), rows)
    latents, named = [], []
    for time in np.arange(frames) / frames:
        leg, fraction = divmod(time * anchors, 1.0)
        latents.append(slerp(stops[int(leg)], stops[(int(leg) + 1) % anchors], fraction))
        named.append(classes)
        if sampler.num_classes is not None:
            latents.append(start)
            named.append((classes + time * columns) % columns)
    path = np.concatenate(latents).astype(np.float32)
    if sampler.num_classes is None:
        images = computed(sampler.generator, path)
    else:
        images = imagine_between(sampler.generator, path, np.concatenate(named))
    return np.split(images, frames), columns


def interpolation_rows(sampler, rng, *, columns=10):
    """A sheet with, for each class, a row from one latent to another, then one to the next class.

    Args:
        sampler: Sampler.
        rng: numpy.random.Generator.
        columns: int, steps of a way.
    Returns:
        float32 (rows * columns, h, w, c) in [-1, 1].
    """
    rows = sampler.num_classes or 10
    start, end = sampler.latents(rows, rng), sampler.latents(rows, rng)
    fractions = np.linspace(0, 1, columns)
    between = np.stack([slerp(start, end, f) for f in fractions], axis=1)  # (rows, columns, dim)
    between = between.reshape(rows * columns, -1).astype(np.float32)
    if sampler.num_classes is None:
        return computed(sampler.generator, between)
    fixed = np.repeat(np.arange(rows, dtype=float), columns)
    moving = (np.arange(rows)[:, None] + fractions[None]).ravel()
    return imagine_between(
        sampler.generator,
        np.concatenate([between, np.repeat(start, columns, axis=0)]),
        np.concatenate([fixed, moving]),
    )
