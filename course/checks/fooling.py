"""Notebook 2: what a discriminator learns from, and fakes that are moved after every epoch."""

import numpy as np
import tensorflow as tf

from attacks import ProjectedGradientDescent
from attacks.outcome import judge_with_gradient
from course.checks import toys
from course.checks.attacks import COUPLED
from course.checks.report import array, check, expect, near, require


def _discriminator():
    """A smooth keras.Model, images of `toys.SHAPE` -> realness logits (batch, 1)."""
    return toys.classifier(seed=3, num_classes=1)


@check
def lesson_of(work):
    real, fake = toys.images(0)[:4], toys.images(1)
    answer = work(real, fake)
    require(
        isinstance(answer, tuple | list) and len(answer) == 2, "images and targets are expected"
    )
    images = array(answer[0], (9, *toys.SHAPE[1:]), "the images, real and fake together,")
    targets = np.ravel(np.asarray(answer[1], np.float32))
    require(targets.shape == (9,), f"there are {targets.size} targets for 9 images: one for each")
    found = {image.tobytes(): target for image, target in zip(images, targets, strict=True)}
    wanted = {image.tobytes(): 1.0 for image in real.numpy()}
    wanted |= {image.tobytes(): 0.0 for image in fake.numpy()}
    require(
        found.keys() == wanted.keys(), "each image, real or fake, must be there once, unchanged"
    )
    require(
        any(found[each] != 1 - wanted[each] for each in wanted),
        "the labels are swapped: real is 1, fake is 0",
    )
    require(
        found == wanted, "images and targets do not match: a real image's target is 1, a fake's 0"
    )


@check
def real_or_fake_loss(work):
    targets = tf.constant([1.0, 0, 0, 1, 1, 0, 1])
    logits = 2 * tf.constant(np.random.default_rng(0).normal(size=7), tf.float32)

    def loss_of(targets, logits):
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))

    chances = tf.clip_by_value(logits, 1e-7, 1 - 1e-7)
    expect(
        array(work(targets, logits), (), "the loss, the mean over the batch,"),
        loss_of(targets, logits),
        "this is not the mean cross-entropy of the targets and the sigmoid of the logits",
        {
            "logits were taken for probabilities: compute it from the logits": -tf.reduce_mean(
                targets * tf.math.log(chances) + (1 - targets) * tf.math.log(1 - chances)
            ),
            "a sigmoid was taken twice: the logits go into the cross-entropy as they are": loss_of(
                targets, tf.sigmoid(logits)
            ),
            "the labels are swapped: 1 is real": loss_of(1 - targets, logits),
            "the sign is of ascent: a loss is made small": -loss_of(targets, logits),
        },
    )
    sure = array(work(tf.constant([1.0]), tf.constant([-200.0])), (), "the loss of a sure error")
    require(
        near(sure, 200),
        "a very sure error must cost much: the log of a sigmoid that has become 0 was cut off; take"
        " the cross-entropy from logits",
    )


@check
def realness_gradient(work):
    discriminator, images = _discriminator(), toys.images()

    def gradient(function):
        return judge_with_gradient(lambda images: function(discriminator(images)[:, 0]), images)[1]

    right = gradient(lambda logits: logits)
    expect(
        array(work(discriminator, images), toys.SHAPE, "the gradient"),
        right,
        "this is not the gradient of each image's logit with respect to its pixels",
        {
            COUPLED.format(toys.SHAPE[0]): right / toys.SHAPE[0],
            "this leads to images that look fake: the logit of being real is to rise": -right,
            "this is the gradient of the sigmoid, which is flat where the discriminator is sure,"
            " and so are most fakes: climb the logit": gradient(tf.sigmoid),
            "this is the gradient of a loss, which is flat where it is nearly reached: climb the"
            " logit itself": gradient(tf.math.log_sigmoid),
        },
    )


@check
def move(work):
    discriminator, images = _discriminator(), toys.images()
    weights = [each.copy() for each in discriminator.get_weights()]

    def realness(images):
        return discriminator(images)[:, 0]

    def ours(step_size, steps, images=images, loss_fn=realness):
        attack = ProjectedGradientDescent(
            None, step_size, steps, norm="l2", random_start=False, keep_best=False
        )
        return attack(loss_fn, images)

    right = ours(0.1, 4)
    found = array(work(discriminator, images, 0.1, 4), toys.SHAPE, "the moved images")
    require(np.abs(found).max() <= 1.0, "pixels beyond -1 and 1 are no image: clip after each step")
    up = judge_with_gradient(realness, images)[1]
    expect(
        found,
        right,
        "this is not `steps` steps, each uphill, of length step_size times 2, from where the last"
        " ended, with pixels clipped to -1 and 1",
        {
            "the fakes walk downhill: they are to look more real": (
                ours(0.1, 4, loss_fn=lambda images: -realness(images))
            ),
            "only one step is taken: each must go on from where the last ended": ours(0.1, 1),
            "the length is a share of the pixel range, which is 2 wide: twice step_size": (
                ours(0.05, 4)
            ),
            "the step is as long as the gradient, which is tiny or huge as the discriminator likes:"
            " divide it by its length": tf.clip_by_value(images + 0.2 * up, -1.0, 1.0),
        },
    )
    require(
        all(near(*pair, 1e-7) for pair in zip(weights, discriminator.get_weights(), strict=True)),
        "the discriminator has moved: here only pixels do",
    )
    alone = array(work(discriminator, images[:1], 0.1, 4), (1, *toys.SHAPE[1:]), "a single image")
    require(near(alone, right[:1]), "an image moves otherwise when others are in its batch")


@check
def renew(work):
    shape = (200, 4, 4, 1)
    fakes = tf.fill(shape, 0.5)
    found = array(work(fakes, 0.2, 0), shape, "the fakes")
    changed = (found != 0.5).reshape(len(found), -1)
    new = changed.any(axis=1)
    require(new.any(), "no fake has become noise")
    require(not new.all(), "all fakes have become noise: the others must go on with their way")
    noise = found[new]
    require(
        changed[new].mean() > 0.9,
        "single pixels were replaced: a fake that is renewed becomes noise as a whole",
    )
    require(noise.min() < 0, "the noise has no negative pixels: uniform from -1 to 1 is asked for")
    require(
        noise.min() < -0.9 and 0.9 < noise.max() <= 1.0 and abs(noise.mean()) < 0.1,
        "the noise must replace the fake, uniform from -1 to 1, not be added to it",
    )
    require(
        abs(new.mean() - 0.2) < 0.12, f"{new.mean():.0%} of the fakes are new; 20 % were asked for"
    )
    other = (np.asarray(work(fakes, 0.2, 1)) != 0.5).reshape(len(found), -1).any(axis=1)
    require(
        (other != new).any(),
        "with another seed the same fakes are renewed: so the others never begin anew",
    )


class Rounds:
    """What `play` calls, and what happened: images are numbers, so each history can be read."""

    def __init__(self):
        self.said = []

    def teach(self, fakes):
        """Notes which fakes the discriminator has learned from."""
        self.said.append(("teach", float(np.ravel(fakes)[0])))

    def renew(self, fakes, epoch):
        """Notes it; every renewal adds a hundred."""
        self.said.append(("renew", float(np.ravel(fakes)[0])))
        return fakes + 100.0

    def move(self, fakes):
        """Notes it; every move adds one."""
        self.said.append(("move", float(np.ravel(fakes)[0])))
        return fakes + 1.0


@check
def play(work):
    rounds = Rounds()
    fakes = tf.zeros((2, 1, 1, 1))
    found = work(fakes, 3, rounds.teach, rounds.renew, rounds.move)
    taught = [where for what, where in rounds.said if what == "teach"]
    moved = [where for what, where in rounds.said if what == "move"]
    require(taught, "the discriminator learns nothing: call teach(fakes) in every epoch")
    require(moved, "the fakes are never moved: they must follow the discriminator after each epoch")
    require(
        len(taught) == len(moved) == 3,
        f"in 3 epochs the discriminator was taught {len(taught)} times and the fakes moved"
        f" {len(moved)} times: each epoch has one of both",
    )
    require(
        rounds.said[0][0] == "teach",
        "the fakes are moved before the discriminator has learned anything: first teach, then move",
    )
    require(
        "renew" in [what for what, _ in rounds.said],
        "no fake is ever renewed: then the way from noise to an image is forgotten",
    )
    require(
        moved != [100.0, 100.0, 100.0] and taught[1:] != [0.0, 0.0],
        "each epoch begins with the first noise again: the moved fakes must be carried on into the"
        " next epoch",
    )
    require(
        taught == [0.0, 101.0, 202.0],
        "the discriminator learns from other fakes than the ones that were renewed, then moved, in"
        " the epoch before",
    )
    last = array(found, (2, 1, 1, 1), "the fakes after the last epoch")
    require(near(last, np.full(last.shape, 303.0)), "these are not the fakes of the last epoch")
