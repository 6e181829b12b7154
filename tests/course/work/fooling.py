"""Work on notebook 2."""

import keras
import numpy as np
import tensorflow as tf

from tests.course.work import right, wrong


@wrong("lesson_of", "the labels are swapped")
def swapped_labels(real_images, fake_images):
    targets = tf.concat([tf.zeros(len(real_images)), tf.ones(len(fake_images))], 0)
    return tf.concat([real_images, fake_images], 0), targets


@wrong("lesson_of", "images and targets do not match")
def targets_in_another_order(real_images, fake_images):
    targets = tf.concat([tf.ones(len(real_images)), tf.zeros(len(fake_images))], 0)
    return tf.concat([fake_images, real_images], 0), targets


@wrong("lesson_of", "real and fake together")
def real_images_alone(real_images, fake_images):
    return real_images, tf.ones(len(real_images))


@right("lesson_of")
def shuffled(real_images, fake_images):
    images = np.concatenate([fake_images, real_images])
    targets = np.repeat([0.0, 1.0], [len(fake_images), len(real_images)])
    order = np.random.default_rng(0).permutation(len(images))
    return images[order], targets[order]


@right("lesson_of")
def targets_as_a_column(real_images, fake_images):
    targets = tf.concat([tf.ones((len(real_images), 1)), tf.zeros((len(fake_images), 1))], 0)
    return [tf.concat([real_images, fake_images], 0), targets]


@wrong("real_or_fake_loss", "logits were taken for probabilities")
def of_probabilities(targets, logits):
    return keras.losses.BinaryCrossentropy()(targets, logits)


@wrong("real_or_fake_loss", "a sigmoid was taken twice")
def sigmoid_twice(targets, logits):
    return keras.losses.BinaryCrossentropy(from_logits=True)(targets, tf.sigmoid(logits))


@wrong("real_or_fake_loss", "was cut off")
def cut_off(targets, logits):
    return keras.losses.BinaryCrossentropy()(targets, tf.sigmoid(logits))


@right("real_or_fake_loss")
def by_keras(targets, logits):
    return keras.losses.BinaryCrossentropy(from_logits=True)(targets, logits)


@right("real_or_fake_loss")
def by_softplus(targets, logits):
    return tf.reduce_mean(tf.nn.softplus(logits) - targets * logits)


@wrong("realness_gradient", "flat where the discriminator is sure")
def of_the_sigmoid(discriminator, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        realness = tf.sigmoid(discriminator(images))
    return tape.gradient(realness, images)


@wrong("realness_gradient", "the mean of the batch couples the samples")
def of_the_mean(discriminator, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        realness = tf.reduce_mean(discriminator(images))
    return tape.gradient(realness, images)


@wrong("realness_gradient", "of a loss, which is flat where it is nearly reached")
def of_the_loss(discriminator, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.nn.softplus(-discriminator(images))
    return -tape.gradient(loss, images)


@right("realness_gradient")
def of_the_sum(discriminator, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        realness = tf.reduce_sum(discriminator(images, training=False)[:, 0])
    return tape.gradient(realness, images)


@right("realness_gradient")
def of_logits(discriminator, images):
    pixels = tf.Variable(images)
    with tf.GradientTape() as tape:
        logits = discriminator(pixels)
    return tape.gradient(logits, pixels).numpy()


def climbed(discriminator, images, step_size, steps, *, sign=1.0, clip=True, unit=True):
    """The solution, in which a part can be left out."""
    for _ in range(steps):
        up = of_the_sum(discriminator, images)
        if unit:
            up /= tf.sqrt(tf.reduce_sum(up**2, axis=(1, 2, 3), keepdims=True))
        images = images + sign * 2 * step_size * up
        images = tf.clip_by_value(images, -1.0, 1.0) if clip else images
    return images


@wrong("move", "walk downhill")
def walks_downhill(discriminator, images, step_size, steps):
    return climbed(discriminator, images, step_size, steps, sign=-1.0)


@wrong("move", "pixels beyond -1 and 1 are no image")
def never_clips(discriminator, images, step_size, steps):
    return climbed(discriminator, images, step_size, steps, clip=False)


@wrong("move", "only one step is taken")
def one_step(discriminator, images, step_size, steps):
    return climbed(discriminator, images, step_size, 1)


@wrong("move", "which is 2 wide")
def half_as_long(discriminator, images, step_size, steps):
    return climbed(discriminator, images, step_size / 2, steps)


@right("move")
def moved_by_normalising(discriminator, images, step_size, steps):
    images = images.numpy()
    for _ in range(steps):
        up = of_the_sum(discriminator, tf.constant(images)).numpy()
        length = np.linalg.norm(up.reshape(len(up), -1), axis=1).reshape(-1, 1, 1, 1)
        images = np.clip(images + 2 * step_size * up / np.maximum(length, 1e-20), -1, 1)
    return images


@right("move")
def moved_in_a_graph(discriminator, images, step_size, steps):
    @tf.function
    def run(images):
        return climbed(discriminator, images, step_size, steps)

    return run(images)


@wrong("renew", "all fakes have become noise")
def renews_all(fakes, share, seed):
    return tf.random.stateless_uniform(fakes.shape, (seed, 0), -1.0, 1.0)


@wrong("renew", "the same fakes are renewed")
def renews_the_first(fakes, share, seed):
    count = int(share * len(fakes))
    noise = tf.random.stateless_uniform((count, *fakes.shape[1:]), (seed, 0), -1.0, 1.0)
    return tf.concat([noise, fakes[count:]], 0)


@wrong("renew", "has no negative pixels")
def renews_with_bright_noise(fakes, share, seed):
    random = np.random.default_rng(seed)
    chosen = random.random(len(fakes)) < share
    return tf.where(chosen[:, None, None, None], random.random(fakes.shape, "float32"), fakes)


@wrong("renew", "single pixels were replaced")
def renews_pixels(fakes, share, seed):
    random = np.random.default_rng(seed)
    noise = random.uniform(-1, 1, fakes.shape).astype("float32")
    return tf.where(random.random(fakes.shape) < share, noise, fakes)


@right("renew")
def renews_by_chance(fakes, share, seed):
    random = np.random.default_rng(seed)
    chosen = random.random(len(fakes)) < share
    noise = random.uniform(-1, 1, fakes.shape).astype("float32")
    return tf.where(chosen[:, None, None, None], noise, fakes)


@right("renew")
def renews_a_fixed_number(fakes, share, seed):
    random = np.random.default_rng(seed)
    changed = np.array(fakes)
    places = random.permutation(len(changed))[: int(share * len(changed))]
    changed[places] = random.uniform(-1, 1, (len(places), *changed.shape[1:]))
    return changed


@wrong("play", "carried on into the next epoch")
def from_the_first_noise(fakes, epochs, teach, renew, move):
    moved = fakes
    for epoch in range(epochs):
        teach(moved)
        moved = move(renew(fakes, epoch))
    return moved


@wrong("play", "carried on into the next epoch")
def forgets_to_assign(fakes, epochs, teach, renew, move):
    for epoch in range(epochs):
        teach(fakes)
        move(renew(fakes, epoch))
    return fakes


@wrong("play", "first teach, then move")
def moves_first(fakes, epochs, teach, renew, move):
    for epoch in range(epochs):
        fakes = move(renew(fakes, epoch))
        teach(fakes)
    return fakes


@wrong("play", "each epoch has one of both")
def moves_once(fakes, epochs, teach, renew, move):
    for _ in range(epochs):
        teach(fakes)
    return move(renew(fakes, 0))


@right("play")
def by_a_loop(fakes, epochs, teach, renew, move):
    for epoch in range(epochs):
        teach(fakes)
        fakes = renew(fakes, epoch)
        fakes = move(fakes)
    return fakes


@right("play")
def by_recursion(fakes, epochs, teach, renew, move):
    if not epochs:
        return fakes
    teach(fakes)
    return by_recursion(move(renew(fakes, epochs)), epochs - 1, teach, renew, move)
