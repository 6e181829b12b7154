"""Notebook 5: training under attack, honest figures, masked gradients, Rob-GAN's step."""

import numpy as np
import tensorflow as tf

from attacks import objectives
from course.checks import toys
from course.checks.report import array, check, expect, near, require
from models import losses


class Pusher:
    """An attack that moves images by a fixed amount, and notes what it was told to climb."""

    def __init__(self):
        self.images = None
        self.loss_fn = None

    def __call__(self, loss_fn, images, **_):
        self.loss_fn, self.images = loss_fn, tf.convert_to_tensor(images)
        return tf.clip_by_value(self.images + 0.4 * toys.images(7), -1.0, 1.0)

    def climbed(self, images):
        """What it was told to climb, at these images."""
        answer = self.loss_fn(images)  # type: ignore[misc]  # it has been called by then
        return answer[0] if isinstance(answer, tuple) else answer


def _objects():
    return toys.classifier(), Pusher(), toys.images(), toys.labels()


def _require_aim(attack, classifier, images, labels):
    """Refuses an attack that was not told to climb the loss with the true labels."""
    require(attack.loss_fn is not None, "nothing is attacked: call attack(loss_fn, images)")
    require(near(attack.images, images), "the attack must start from the images as they are")
    logits = classifier(images)
    own = tf.argmax(logits, axis=1, output_type=tf.int32)
    expect(
        array(attack.climbed(images), (len(labels),), "what the attack climbs"),
        objectives.cross_entropy(labels, logits),
        "the attack climbs something else than each image's cross-entropy with its label",
        {
            "the attack climbs minus the loss: it would help the classifier": (
                -objectives.cross_entropy(labels, logits)
            ),
            "the attack leads away from what the classifier sees, not from the label": (
                objectives.cross_entropy(own, logits)
            ),
        },
    )


@check
def adversarial_loss(work):
    classifier, attack, images, labels = _objects()

    def loss_at(images):
        return tf.reduce_mean(objectives.cross_entropy(labels, classifier(images)))

    with tf.GradientTape() as tape:
        answer = work(classifier, attack, images, labels)
    found = array(answer, (), "the loss, the mean over the batch,")
    attacked = attack(None, images) if attack.loss_fn is None else _again(attack, images)
    require(
        not near(found, loss_at(images)),
        "this is the loss at the images as they are: the classifier must learn from the attacked",
    )
    _require_aim(attack, classifier, images, labels)
    expect(
        found,
        loss_at(attacked),
        "this is not the mean cross-entropy of the attacked images with their labels",
        {
            "the attacker maximises, the classifier minimises: its loss is the cross-entropy, not"
            " minus it": -loss_at(attacked)
        },
    )
    gradients = tape.gradient(answer, classifier.trainable_variables)
    require(
        all(gradient is not None for gradient in gradients),
        "no gradient reaches the weights: call the classifier inside, and return a tensor",
    )


def _again(attack, images):
    return Pusher()(attack.loss_fn, images)


class Named:
    """Stands in for classifier and attack: an image is its class, and attacks are written down."""

    # label, seen before, seen after: right twice, fooled, mended, wrong as before, wrong otherwise
    CASES = [(0, 0, 0)] * 4 + [(1, 1, 2)] * 3 + [(2, 1, 2)] + [(3, 1, 1)] * 2 + [(0, 1, 2)] * 2

    def __init__(self):
        self.labels, self.before, self.after = np.array(self.CASES).T
        self.images = tf.constant(self.before.reshape(-1, 1, 1, 1), tf.float32)
        self.attacked = False

    def classify(self, images, training=False):
        """Logits of four classes."""
        return 5 * tf.one_hot(tf.cast(tf.reshape(images, (-1,)), tf.int32), 4)

    def attack(self, loss_fn, images, **_):
        """The attacked images."""
        self.attacked = True
        return tf.constant(self.after.reshape(-1, 1, 1, 1), tf.float32)


@check
def robust_accuracy(work):
    named = Named()
    labels, before, after = named.labels, named.before, named.after
    right = np.mean((before == labels) & (after == labels))
    conditional = np.sum((before == labels) & (after == labels)) / np.sum(before == labels)
    share = work(named.classify, named.attack, named.images, tf.constant(labels, tf.int32))
    found = array(share, (), "the share")
    require(named.attacked, "nothing is attacked: call attack(loss_fn, images)")
    expect(
        found,
        right,
        "this is not the share of images that are read correctly as they are and under attack",
        {
            "an image that is read wrongly as it is counts as right when the attack mends it: the"
            " image itself lies in its ball, so it must be right before as well": (
                np.mean(after == labels)
            ),
            "this is the share among those that were right before: the share of all images is what"
            " can be compared": conditional,
            "this compares with what the classifier saw before, not with the labels": (
                np.mean(before == after)
            ),
            "this is the accuracy without an attack": np.mean(before == labels),
            "this is the share that is fooled, not the share that stands": 1 - right,
        },
    )


@check
def worst_case(work):
    marks = np.array([[1, 1, 0, 1, 0, 1, 1], [1, 0, 1, 1, 0, 1, 1], [1, 1, 0, 0, 0, 1, 1]], bool)
    expect(
        array(work(marks), (), "the share"),
        marks.all(axis=0).mean(),
        "this is not the share of images that withstand every attack",
        {
            "this is the accuracy under the strongest attack: another attack may fool others of the"
            " images; go image by image": marks.mean(axis=1).min(),
            "this is the mean over the attacks: an image has fallen if any attack fools it": (
                marks.mean()
            ),
            "an image that withstands one attack is not robust: it must withstand all": (
                marks.any(axis=0).mean()
            ),
        },
    )


@check
def margin(work):
    labels, logits = toys.labels(), toys.classifier()(toys.images(8))
    right = objectives.margin(labels, logits)
    own = tf.gather(logits, labels, batch_dims=1)
    expect(
        array(work(labels, logits), (5,), "the margin"),
        right,
        "this is not the largest logit of another class less the label's own",
        {
            "the sign is turned: an attack climbs this, so it must rise as the label falls back": (
                -right
            ),
            "the label's own logit takes part in the maximum, so this is never below 0 and flat"
            " where an attack begins: leave it out": tf.reduce_max(logits, axis=1) - own,
            "these are probabilities, which saturate where the classifier is sure: the logits do"
            " not": objectives.margin(labels, tf.nn.softmax(logits)),
        },
    )
    far = array(work(labels, 1000.0 * logits), (5,), "the margin")
    require(near(far, 1000.0 * right), "the margin must grow with the logits, without an end")


@check
def straight_through(work):
    images = toys.images(9)

    def rounded(pixels):
        return tf.round(2 * pixels) / 2

    with tf.GradientTape() as tape:
        tape.watch(images)
        passed = work(rounded, images)
        require(passed is not None, "nothing is returned: is the return missing?")
        total = tf.reduce_sum(toys.images(10) * passed)
    gradient = tape.gradient(total, images)
    found = array(passed, toys.SHAPE, "the images")
    require(
        not near(found, images),
        "on the way forth the defence must act: the classifier is to see what it will see in the"
        " end",
    )
    require(near(found, rounded(images)), "on the way forth this is not what the defence does")
    require(
        gradient is not None and np.any(gradient),
        "on the way back the gradient is still 0: what rounds must stand inside tf.stop_gradient,"
        " and the images outside",
    )
    require(
        near(gradient, toys.images(10)),
        "on the way back the gradient must pass unchanged, as if the defence were not there",
    )


@check
def rob_gan_loss(work):
    labels = toys.labels()
    class_logits = toys.classifier()(toys.images(11))
    random = np.random.default_rng(12)
    real, fake = (tf.constant(random.normal(size=5), tf.float32) for _ in range(2))
    of_classes = tf.reduce_mean(objectives.cross_entropy(labels, class_logits))

    def realness(real, fake):
        return tf.reduce_mean(losses.logistic_discriminator_loss(real[:, None], fake[:, None]))

    expect(
        array(work(real, fake, class_logits, labels), (), "the loss, the mean over the batch,"),
        realness(real, fake) + of_classes,
        "this is not -log D(x') - log(1 - D(G(z))) plus the cross-entropy of the classes",
        {
            "the classes are missing: this discriminator also names what it sees": (
                realness(real, fake)
            ),
            "real or fake is missing: this is a robust classifier alone": of_classes,
            "real and fake are swapped": realness(fake, real) + of_classes,
            "the discriminator is to name the classes well: add their cross-entropy": (
                realness(real, fake) - of_classes
            ),
        },
    )
