"""Work on notebook 5."""

import keras
import numpy as np
import tensorflow as tf

from attacks import objectives
from tests.course.work import right, wrong

cross_entropy = objectives.cross_entropy


def mean_loss(classifier, images, labels):
    return tf.reduce_mean(cross_entropy(labels, classifier(images)))


@wrong("adversarial_loss", "the classifier must learn from the attacked")
def learns_from_clean_images(classifier, attack, images, labels):
    attack(objectives.away_from(classifier, labels), images)
    return mean_loss(classifier, images, labels)


@wrong("adversarial_loss", "it would help the classifier")
def attack_that_helps(classifier, attack, images, labels):
    attacked = attack(lambda x: -cross_entropy(labels, classifier(x)), images)
    return mean_loss(classifier, attacked, labels)


@wrong("adversarial_loss", "from what the classifier sees, not from the label")
def attack_on_what_is_seen(classifier, attack, images, labels):
    seen = tf.argmax(classifier(images), axis=1, output_type=tf.int32)
    return mean_loss(classifier, attack(objectives.away_from(classifier, seen), images), labels)


@wrong("adversarial_loss", "not minus it")
def classifier_that_climbs(classifier, attack, images, labels):
    attacked = attack(objectives.away_from(classifier, labels), images)
    return -mean_loss(classifier, attacked, labels)


@right("adversarial_loss")
def loss_by_the_project(classifier, attack, images, labels):
    attacked = attack(objectives.away_from(classifier, labels), images, seed=(0, 1))
    return mean_loss(classifier, attacked, labels)


@right("adversarial_loss")
def loss_by_keras(classifier, attack, images, labels):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def climbed(images):
        return keras.losses.sparse_categorical_crossentropy(
            labels, classifier(images, training=False), from_logits=True
        )

    return loss(labels, classifier(tf.stop_gradient(attack(climbed, images)), training=True))


def seen(classifier, images):
    return np.argmax(classifier(images), axis=1)


@wrong("robust_accuracy", "when the attack mends it")
def only_after(classifier, attack, images, labels):
    attacked = attack(objectives.away_from(classifier, labels), images)
    return np.mean(seen(classifier, attacked) == labels)


@wrong("robust_accuracy", "among those that were right before")
def of_the_right_ones(classifier, attack, images, labels):
    attacked = attack(objectives.away_from(classifier, labels), images)
    before = seen(classifier, images) == labels.numpy()
    return np.mean((seen(classifier, attacked) == labels.numpy())[before])


@wrong("robust_accuracy", "not with the labels")
def unchanged(classifier, attack, images, labels):
    attacked = attack(objectives.away_from(classifier, labels), images)
    return np.mean(seen(classifier, attacked) == seen(classifier, images))


@right("robust_accuracy")
def before_and_after(classifier, attack, images, labels):
    attacked = attack(objectives.away_from(classifier, labels), images)
    marks = [seen(classifier, each) == np.asarray(labels) for each in (images, attacked)]
    return np.logical_and(*marks).mean()


@right("robust_accuracy")
def by_tensorflow(classifier, attack, images, labels):
    attacked = attack(lambda x: cross_entropy(labels, classifier(x)), images, seed=(1, 2))

    def marks(images):
        return tf.argmax(classifier(images), axis=1, output_type=tf.int32) == labels

    return tf.reduce_mean(tf.cast(marks(images) & marks(attacked), tf.float32))


@wrong("worst_case", "go image by image")
def strongest_attack(marks):
    return min(np.mean(each) for each in marks)


@wrong("worst_case", "this is the mean over the attacks")
def mean_over_attacks(marks):
    return np.mean(marks)


@right("worst_case")
def by_all(marks):
    return np.all(marks, axis=0).mean()


@right("worst_case")
def by_product(marks):
    return float(np.prod(np.asarray(marks, float), axis=0).mean())


@wrong("margin", "leave it out")
def margin_with_itself(labels, logits):
    return tf.reduce_max(logits, axis=1) - tf.gather(logits, labels, batch_dims=1)


@wrong("margin", "the sign is turned")
def margin_turned(labels, logits):
    return -margin_by_where(labels, logits)


@wrong("margin", "these are probabilities")
def margin_of_probabilities(labels, logits):
    return margin_by_where(labels, tf.nn.softmax(logits))


@right("margin")
def margin_by_where(labels, logits):
    own = tf.one_hot(labels, logits.shape[-1])
    return tf.reduce_max(logits - 1e9 * own, axis=1) - tf.reduce_sum(own * logits, axis=1)


@right("margin")
def margin_by_sorting(labels, logits):
    best = tf.math.top_k(logits, 2)
    own = tf.gather(logits, labels, batch_dims=1)
    other = tf.where(best.indices[:, 0] == labels, best.values[:, 1], best.values[:, 0])
    return other - own


@wrong("straight_through", "the gradient is still 0")
def rounds_alone(function, images):
    return function(images)


@wrong("straight_through", "on the way forth the defence must act")
def without_the_defence(function, images):
    return images + tf.stop_gradient(images - images)


@wrong("straight_through", "the gradient is still 0")
def all_stopped(function, images):
    return tf.stop_gradient(function(images))


@right("straight_through")
def by_stop_gradient(function, images):
    return images + tf.stop_gradient(function(images) - images)


@right("straight_through")
def by_custom_gradient(function, images):
    @tf.custom_gradient
    def passed(pixels):
        return function(pixels), lambda upstream: upstream

    return passed(images)


@wrong("rob_gan_loss", "the classes are missing")
def only_realness(real_logits, fake_logits, class_logits, labels):
    return tf.reduce_mean(tf.nn.softplus(-real_logits) + tf.nn.softplus(fake_logits))


@wrong("rob_gan_loss", "real and fake are swapped")
def swapped_realness(real_logits, fake_logits, class_logits, labels):
    return three_means(fake_logits, real_logits, class_logits, labels)


@right("rob_gan_loss")
def three_means(real_logits, fake_logits, class_logits, labels):
    realness = only_realness(real_logits, fake_logits, class_logits, labels)
    return realness + tf.reduce_mean(cross_entropy(labels, class_logits))


@right("rob_gan_loss")
def by_cross_entropies(real_logits, fake_logits, class_logits, labels):
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    classes = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    of_real = binary(tf.ones_like(real_logits), real_logits)
    of_fake = binary(tf.zeros_like(fake_logits), fake_logits)
    return of_real + of_fake + classes(labels, class_logits)
