"""Work on notebook 1."""

import keras
import numpy as np
import tensorflow as tf

from tests.course.work import right, wrong

cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits


@wrong("away_from", "couples the samples")
def mean_loss(classifier, labels):
    return lambda images: tf.reduce_mean(cross_entropy(labels=labels, logits=classifier(images)))


@wrong("away_from", "logits were taken for probabilities")
def loss_of_probabilities(classifier, labels):
    loss = keras.losses.sparse_categorical_crossentropy
    return lambda images: loss(labels, classifier(images))


@wrong("away_from", "a softmax was taken twice")
def loss_after_softmax(classifier, labels):
    return lambda images: cross_entropy(labels=labels, logits=tf.nn.softmax(classifier(images)))


@wrong("away_from", "sign is of descent")
def minus_the_loss(classifier, labels):
    return lambda images: -cross_entropy(labels=labels, logits=classifier(images))


@right("away_from")
def loss_by_keras(classifier, labels):
    loss = keras.losses.sparse_categorical_crossentropy
    return lambda images: loss(labels, classifier(images), from_logits=True)


@right("away_from")
def loss_by_hand(classifier, labels):
    def loss_fn(images):
        chances = tf.nn.softmax(classifier(images, training=False))
        return -tf.math.log(tf.gather(chances, labels, batch_dims=1))

    return loss_fn


@right("away_from")
def loss_one_hot(classifier, labels):
    hot = tf.one_hot(labels, 4)
    return lambda images: tf.nn.softmax_cross_entropy_with_logits(hot, classifier(images))


@wrong("gradient_of", "the mean of the batch couples the samples")
def gradient_of_the_mean(loss_fn, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_mean(loss_fn(images))
    return tape.gradient(loss, images)


@wrong("gradient_of", "nothing is returned")
def gradient_unwatched(loss_fn, images):
    with tf.GradientTape() as tape:
        loss = loss_fn(images)
    return tape.gradient(loss, images)


@wrong("gradient_of", "sign is of descent")
def gradient_downhill(loss_fn, images):
    return -gradient_without_sum(loss_fn, images)


@right("gradient_of")
def gradient_without_sum(loss_fn, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = loss_fn(images)
    return tape.gradient(loss, images)


@right("gradient_of")
def gradient_of_a_variable(loss_fn, images):
    pixels = tf.Variable(images)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(loss_fn(pixels))
    return tape.gradient(loss, pixels).numpy()


@wrong("climb", "sign is of descent")
def step_down(images, gradient, step_size):
    return images - step_size * tf.sign(gradient)


@wrong("climb", "the step is as long as the gradient")
def step_without_sign(images, gradient, step_size):
    return images + step_size * gradient


@wrong("climb", "this is the step of the L2 ball")
def step_of_l2(images, gradient, step_size):
    return right_l2(images, gradient, step_size)


@right("climb")
def step_by_numpy(images, gradient, step_size):
    return images.numpy() + step_size * np.sign(gradient.numpy())


@right("climb")
def step_by_where(images, gradient, step_size):
    return images + tf.where(gradient > 0, step_size, tf.where(gradient < 0, -step_size, 0.0))


@wrong("climb_l2", "the length was taken over the whole batch")
def l2_of_the_batch(images, gradient, step_size):
    return images + step_size * gradient / tf.norm(gradient)


@wrong("climb_l2", "NaN")
def l2_by_zero(images, gradient, step_size):
    length = tf.sqrt(tf.reduce_sum(gradient**2, axis=(1, 2, 3), keepdims=True))
    return images + step_size * gradient / length


@right("climb_l2")
def right_l2(images, gradient, step_size):
    flat = tf.reshape(gradient, (len(gradient), -1))
    return images + step_size * tf.reshape(tf.math.l2_normalize(flat, axis=1), gradient.shape)


@right("climb_l2")
def l2_with_a_tiny_number(images, gradient, step_size):
    length = np.linalg.norm(gradient.numpy().reshape(len(gradient), -1), axis=1)
    return images + step_size * gradient / (length[:, None, None, None] + 1e-12)


@wrong("project", "no image: clip to the box")
def project_without_box(images, sources, radius):
    return tf.clip_by_value(images, sources - radius, sources + radius)


@wrong("project", "only the box was kept")
def project_into_the_box(images, sources, radius):
    return tf.clip_by_value(images, -1.0, 1.0)


@wrong("project", "must lie around the sources")
def project_around_zero(images, sources, radius):
    return tf.clip_by_value(images, -radius, radius)


@wrong("project", "this is the perturbation")
def project_to_perturbation(images, sources, radius):
    return tf.clip_by_value(images - sources, -radius, radius)


@right("project")
def project_by_steps(images, sources, radius):
    perturbation = np.clip(images.numpy() - sources.numpy(), -radius, radius)
    return np.clip(sources.numpy() + perturbation, -1, 1)


@right("project")
def project_once(images, sources, radius):
    low = tf.maximum(sources - radius, -1.0)
    return tf.minimum(tf.maximum(images, low), tf.minimum(sources + radius, 1.0))


@wrong("project_l2", "must stay where they are")
def project_to_the_edge(images, sources, radius):
    perturbation = images - sources
    length = tf.sqrt(tf.reduce_sum(perturbation**2, axis=(1, 2, 3), keepdims=True))
    return tf.clip_by_value(sources + radius * perturbation / length, -1.0, 1.0)


@wrong("project_l2", "that is the Linf ball")
def project_pixels(images, sources, radius):
    return project_once(images, sources, radius)


@right("project_l2")
def project_by_norm_clipping(images, sources, radius):
    perturbation = tf.clip_by_norm(images - sources, radius, axes=[1, 2, 3])
    return tf.clip_by_value(sources + perturbation, -1.0, 1.0)


@right("project_l2")
def project_by_where(images, sources, radius):
    moved = np.asarray(images) - np.asarray(sources)
    length = np.sqrt((moved**2).sum(axis=(1, 2, 3), keepdims=True))
    moved = np.where(length > radius, moved * radius / np.maximum(length, 1e-30), moved)
    return np.clip(sources + moved, -1, 1)


@wrong("random_start", "lie on one side")
def start_above(sources, radius, seed):
    noise = tf.random.stateless_uniform(sources.shape, (seed, 0), 0, radius)
    return tf.clip_by_value(sources + noise, -1.0, 1.0)


@wrong("random_start", "all images get the same noise")
def start_shared(sources, radius, seed):
    noise = tf.random.stateless_uniform(sources.shape[1:], (seed, 0), -radius, radius)
    return tf.clip_by_value(sources + noise, -1.0, 1.0)


@wrong("random_start", "outside the ball")
def start_normal(sources, radius, seed):
    noise = radius * tf.random.stateless_normal(sources.shape, (seed, 0))
    return tf.clip_by_value(sources + noise, -1.0, 1.0)


@wrong("random_start", "the same seed must give the same start")
def start_without_seed(sources, radius, seed):
    return tf.clip_by_value(sources + tf.random.uniform(sources.shape, -radius, radius), -1.0, 1.0)


@right("random_start")
def start_by_numpy(sources, radius, seed):
    noise = np.random.default_rng(seed).uniform(-radius, radius, sources.shape)
    return tf.clip_by_value(sources + noise.astype("float32"), -1.0, 1.0)


@right("random_start")
def start_by_shifting(sources, radius, seed):
    random = tf.random.Generator.from_seed(seed + 1)
    return tf.clip_by_value(sources + radius * (2 * random.uniform(sources.shape) - 1), -1.0, 1.0)


def attack(loss_fn, sources, radius, length, steps, seed, *, move=None, first=None):
    """The attack as in the solution, in which a part can be replaced."""
    move = move or (lambda images, up: project_once(images + length * tf.sign(up), sources, radius))
    images = start_by_numpy(sources, radius, seed) if first is None else first
    best, highest = images, loss_fn(images)
    for _ in range(steps):
        images = move(images, gradient_without_sum(loss_fn, images))
        loss = loss_fn(images)
        best = tf.where((loss > highest)[:, None, None, None], images, best)
        highest = tf.maximum(loss, highest)
    return best


@wrong("pgd", "project after the step, not before")
def pgd_projects_first(loss_fn, sources, epsilon, step_size, steps, seed=0):
    def move(images, up):
        return project_once(images, sources, 2 * epsilon) + 2 * step_size * tf.sign(up)

    return attack(loss_fn, sources, 2 * epsilon, 2 * step_size, steps, seed, move=move)


@wrong("pgd", "times the width of the pixel range")
def pgd_half_the_radius(loss_fn, sources, epsilon, step_size, steps, seed=0):
    return attack(loss_fn, sources, epsilon, step_size, steps, seed)


@wrong("pgd", "epsilon was divided by 255")
def pgd_of_bytes(loss_fn, sources, epsilon, step_size, steps, seed=0):
    return attack(loss_fn, sources, 2 * epsilon / 255, 2 * step_size / 255, steps, seed)


@wrong("pgd", "keep the best iterate of each image")
def pgd_last(loss_fn, sources, epsilon, step_size, steps, seed=0):
    images = start_by_numpy(sources, 2 * epsilon, seed)
    for _ in range(steps):
        up = tf.sign(gradient_without_sum(loss_fn, images))
        images = project_once(images + 2 * step_size * up, sources, 2 * epsilon)
    return images


@wrong("pgd", "keep the best iterate of each image")
def pgd_best_batch(loss_fn, sources, epsilon, step_size, steps, seed=0):
    images = best = start_by_numpy(sources, 2 * epsilon, seed)
    for _ in range(steps):
        up = tf.sign(gradient_without_sum(loss_fn, images))
        images = project_once(images + 2 * step_size * up, sources, 2 * epsilon)
        if tf.reduce_mean(loss_fn(images)) > tf.reduce_mean(loss_fn(best)):
            best = images
    return best


@wrong("pgd", "the sign is of descent")
def pgd_descends(loss_fn, sources, epsilon, step_size, steps, seed=0):
    return attack(lambda images: -loss_fn(images), sources, 2 * epsilon, 2 * step_size, steps, seed)


@wrong("pgd", "the start is not random")
def pgd_from_the_sources(loss_fn, sources, epsilon, step_size, steps, seed=0):
    first = tf.identity(sources)
    return attack(loss_fn, sources, 2 * epsilon, 2 * step_size, steps, seed, first=first)


@wrong("pgd", "take the gradient anew at each step")
def pgd_old_gradient(loss_fn, sources, epsilon, step_size, steps, seed=0):
    first = gradient_without_sum(loss_fn, sources)

    def move(images, _):
        return project_once(images + 2 * step_size * tf.sign(first), sources, 2 * epsilon)

    return attack(loss_fn, sources, 2 * epsilon, 2 * step_size, steps, seed, move=move)


@right("pgd")
def pgd_in_a_graph(loss_fn, sources, epsilon, step_size, steps, seed=0):
    @tf.function
    def run(sources):
        count = tf.constant(steps)  # a tensor, so that one step is traced and not all
        return attack(loss_fn, sources, 2 * epsilon, 2 * step_size, count, seed)

    return run(sources)


@right("pgd")
def pgd_best_before_the_step(loss_fn, sources, epsilon, step_size, steps, seed=0):
    """It keeps the best of all but the last iterate; a list of all of them is another way."""
    images = start_by_shifting(sources, 2 * epsilon, seed)
    seen = [images]
    for _ in range(steps):
        up = tf.sign(gradient_without_sum(loss_fn, images))
        images = project_once(images + 2 * step_size * up, sources, 2 * epsilon)
        seen.append(images)
    losses = np.stack([loss_fn(each) for each in seen])
    return np.stack([seen[which][place] for place, which in enumerate(losses.argmax(axis=0))])


@wrong("towards", "leads away from the target")
def towards_means_away(classifier, targets):
    return loss_by_keras(classifier, targets)


@right("towards")
def towards_by_log_softmax(classifier, targets):
    return lambda images: tf.gather(tf.nn.log_softmax(classifier(images)), targets, batch_dims=1)


@right("towards")
def towards_by_turning_round(classifier, targets):
    away = loss_by_keras(classifier, targets)
    return lambda images: -1.0 * away(images)
