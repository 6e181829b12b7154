"""Notebook 4: fakes of a class, a discriminator that sees it, and figures that need a judge."""

import types

import numpy as np
import tensorflow as tf

from attacks.objectives import cross_entropy
from course.checks import toys
from course.checks.report import array, check, expect, near, require

RATE = 0.1


@check
def draw_fakes(work):
    answer = work(300, 8, 10, 0)
    require(
        isinstance(answer, tuple | list) and len(answer) == 2, "latents and labels are expected"
    )
    latents = array(answer[0], (300, 8), "the latents")
    labels = np.asarray(answer[1])
    require(labels.shape == (300,), f"the labels have shape {labels.shape}, not (300,)")
    require(
        np.issubdtype(labels.dtype, np.integer), f"the labels are {labels.dtype}: whole numbers"
    )
    require(
        labels.min() >= 0 and labels.max() <= 9,
        f"labels go from {labels.min()} to {labels.max()}; of 10 classes they go from 0 to 9",
    )
    counts = np.bincount(labels, minlength=10)
    require(counts.all(), f"class {counts.argmin()} is never asked for: draw from 0 to 9")
    require(counts.max() < 60, f"class {counts.argmax()} is asked for too often: draw uniformly")
    require(len(np.unique(latents[:, 0])) > 250, "many latents are the same: draw for each example")
    require(
        latents.min() < -1.2 and abs(latents.mean()) < 0.1,
        "the latents are not centred at 0: draw them from the normal distribution",
    )
    require(
        abs(latents.std() - 1) < 0.1 and np.abs(latents).max() > 2.2,
        "the latents are not normal: their standard deviation is 1, and they have tails",
    )
    tied = np.corrcoef(np.column_stack([latents, labels]).T)[-1, :-1]
    require(
        np.abs(tied).max() < 0.3,
        "the labels can be read off the latents: draw them independently, with another seed",
    )
    require(
        not near(latents, work(300, 8, 10, 1)[0]), "another seed must give other latents and labels"
    )


@check
def realness(work):
    features, weight, bias = toys.normal(0, 5, 6), toys.normal(1, 6), 0.3
    labels, embedding = tf.constant([0, 2, 1, 2, 3]), toys.normal(2, 4, 6)
    own = tf.gather(embedding, labels)
    plain = tf.linalg.matvec(features, weight) + bias
    right = plain + tf.reduce_sum(own * features, axis=1)
    expect(
        array(work(features, labels, weight, bias, embedding), (5,), "the logit"),
        right,
        "this is not w . f + b + e[y] . f for each image",
        {
            "the label never reaches the logit: an image of a wrong class would do as well": plain,
            "only the match with the class counts: w . f + b says whether it looks real at all": (
                right - plain
            ),
            "the embedding is added, but must be multiplied with the features: as it stands the"
            " label moves all images of a class alike, whatever they show": (
                plain + tf.reduce_sum(own, axis=1)
            ),
            "each image was matched with the first rows of the embedding, not with those of its"
            " label": plain + tf.reduce_sum(embedding[:1] * features, axis=1),
        },
    )


@check
def confusion(work):
    asked = np.array([0, 0, 0, 1, 2, 2, 1, 0])
    seen = np.array([0, 1, 1, 1, 0, 2, 1, 0])
    right = np.zeros((3, 3))
    np.add.at(right, (asked, seen), 1)
    expect(
        array(work(asked, seen, 3), (3, 3), "the table"),
        right,
        "entry [i, j] is not the number of images that were asked for as i and seen as j",
        {
            "rows and columns are swapped: a row is the class asked for": right.T,
            "these are shares: counts are asked for, so that it can be seen how sure they are": (
                right / right.sum(axis=1, keepdims=True)
            ),
            "each pair was counted once only: += on an index that occurs twice counts once; see"
            " np.add.at": np.minimum(right, 1),
        },
    )


@check
def classifier_turn(work):
    game = types.SimpleNamespace(generator=toys.network(5, 6, 0), turns=[])
    classifier = toys.network(6, 3, 1)
    optimizer = toys.Recorder(RATE, "classifier", game.turns)
    latents, labels = toys.normal(2, 16, 2), tf.constant(np.arange(16) % 3, tf.int32)

    def generator(inputs, training=False):
        drawn, asked = inputs
        return game.generator(tf.concat([drawn, tf.one_hot(asked, 3)], axis=1))

    variables = game.generator.trainable_variables
    generator.trainable_variables = variables  # type: ignore[attr-defined]
    images = generator([latents, labels])
    right = toys.descended(
        classifier, lambda: tf.reduce_mean(cross_entropy(labels, classifier(images))), RATE
    )
    own = tf.argmax(classifier(images), axis=1, output_type=tf.int32)
    by_itself = toys.descended(
        classifier, lambda: tf.reduce_mean(cross_entropy(own, classifier(images))), RATE
    )
    before, generator_before = toys.flat(classifier), toys.flat(game.generator)
    toys.call(work, generator, classifier, optimizer, latents, labels)
    require(
        near(toys.flat(game.generator), generator_before, 1e-7),
        "the generator moves in the classifier's turn: it would make images that are easy to read",
    )
    require(
        not near(toys.flat(classifier) - before, by_itself - before, 1e-3),
        "the classifier learns its own answers: it must learn the classes that were asked for",
    )
    toys.require_descent(classifier, before, right, "the classifier")


class Reader:
    """A classifier that reads the one number in an image, and errs as it was taught."""

    def __init__(self, taught=None):
        self.taught = taught

    def __call__(self, images, training=False):
        named = tf.cast(tf.round(tf.reshape(tf.cast(images, tf.float32), (-1,))), tf.int32)
        return 5 * tf.one_hot(named, 4)


def _pictures(numbers):
    return np.asarray(numbers, np.float32).reshape(-1, 1, 1, 1)


@check
def gan_test(work):
    asked = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    shown = np.array([0, 1, 2, 3, 0, 2, 1, 3])
    expect(
        array(work(Reader(), _pictures(shown), asked), (), "the accuracy"),
        0.75,
        "this is not the share of fakes that the judge reads as the class asked for",
        {
            "this is the share of errors": 0.25,
            "this is the number of right ones: divide by how many there are": 6.0,
            "this is a cross-entropy; the accuracy is asked for": tf.reduce_mean(
                cross_entropy(tf.constant(asked, tf.int32), Reader()(_pictures(shown)))
            ),
        },
    )


@check
def gan_train(work):
    fakes, asked = _pictures([0, 1, 2, 3, 0, 1]), np.array([0, 1, 2, 3, 0, 2])
    real, labels = _pictures([3, 2, 1, 0]), np.array([3, 2, 0, 1])
    taught = []

    def train(images, labels):
        taught.append((np.asarray(images), np.asarray(labels)))
        return Reader()

    found = array(work(train, fakes, asked, real, labels), (), "the accuracy")
    require(taught, "nobody is taught: call train(images, labels), which returns a classifier")
    images, named = taught[-1]
    require(
        len(images) != len(real) + len(fakes),
        "the classifier learns from real images, too: then it proves nothing about the fakes",
    )
    require(
        images.shape != real.shape or not near(images, real),
        "the classifier learns from real images and is tested on fakes: that is GAN-test; here it"
        " learns from fakes alone and is tested on real images",
    )
    require(
        images.shape == fakes.shape and near(images, fakes), "teach it all the fakes, as they are"
    )
    require(
        named.shape == asked.shape and (named == asked).all(),
        "the fakes must be taught with the classes that were asked for",
    )
    expect(
        found,
        0.5,
        "this is not the share of real images that the taught classifier reads correctly",
        {
            "the classifier is tested on the fakes that it has learned from: real images are the"
            " test": 5 / 6
        },
    )
