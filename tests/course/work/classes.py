"""Work on notebook 4."""

import keras
import numpy as np
import tensorflow as tf

from tests.course.work import right, wrong


def normal(shape, seed, salt=0):
    return tf.random.stateless_normal(shape, (seed, salt))


@wrong("draw_fakes", "of 10 classes they go from 0 to 9")
def labels_from_one(batch, latent_dim, num_classes, seed):
    labels = np.random.default_rng(seed).integers(1, num_classes + 1, batch)
    return normal((batch, latent_dim), seed), labels


@wrong("draw_fakes", "is never asked for")
def last_class_never(batch, latent_dim, num_classes, seed):
    labels = np.random.default_rng(seed).integers(0, num_classes - 1, batch)
    return normal((batch, latent_dim), seed), labels


@wrong("draw_fakes", "can be read off the latents")
def labels_by_the_latents(batch, latent_dim, num_classes, seed):
    latents = normal((batch, latent_dim), seed)
    order = np.argsort(np.argsort(latents[:, 0]))
    return latents, (order * num_classes // batch).astype("int32")


@wrong("draw_fakes", "not centred at 0")
def uniform_latents(batch, latent_dim, num_classes, seed):
    random = np.random.default_rng(seed)
    return random.random((batch, latent_dim)), random.integers(0, num_classes, batch)


@right("draw_fakes")
def by_numpy(batch, latent_dim, num_classes, seed):
    random = np.random.default_rng(seed)
    return random.normal(size=(batch, latent_dim)), random.integers(0, num_classes, batch)


@right("draw_fakes")
def by_tensorflow(batch, latent_dim, num_classes, seed):
    labels = tf.random.stateless_uniform((batch,), (seed, 1), 0, num_classes, tf.int32)
    return normal((batch, latent_dim), seed), labels


@right("draw_fakes")
def with_as_many_of_each(batch, latent_dim, num_classes, seed):
    labels = np.random.default_rng(seed).permutation(np.arange(batch) % num_classes)
    return normal((batch, latent_dim), seed, 3), labels


@wrong("realness", "the label never reaches the logit")
def without_the_label(features, labels, weight, bias, embedding):
    return tf.linalg.matvec(features, weight) + bias


@wrong("realness", "must be multiplied with the features")
def embedding_added(features, labels, weight, bias, embedding):
    own = tf.gather(embedding, labels)
    return without_the_label(features, labels, weight, bias, embedding) + tf.reduce_sum(own, axis=1)


@wrong("realness", "has shape (5, 5)")
def every_pair(features, labels, weight, bias, embedding):
    own = tf.gather(embedding, labels)
    plain = without_the_label(features, labels, weight, bias, embedding)
    return plain + features @ tf.transpose(own)


@right("realness")
def by_einsum(features, labels, weight, bias, embedding):
    direction = weight + tf.gather(embedding, labels)
    return tf.einsum("bn,bn->b", features, direction) + bias


@right("realness")
def by_one_hot(features, labels, weight, bias, embedding):
    every = features @ tf.transpose(embedding)
    own = tf.reduce_sum(tf.one_hot(labels, len(embedding)) * every, axis=1)
    return tf.reduce_sum(features * weight, axis=-1) + bias + own


@wrong("confusion", "rows and columns are swapped")
def seen_by_asked(asked, seen, num_classes):
    return by_histogram(seen, asked, num_classes)


@wrong("confusion", "counts once")
def plus_equals(asked, seen, num_classes):
    table = np.zeros((num_classes, num_classes))
    table[asked, seen] += 1
    return table


@wrong("confusion", "these are shares")
def shares(asked, seen, num_classes):
    table = by_histogram(asked, seen, num_classes)
    return table / table.sum(axis=1, keepdims=True)


@right("confusion")
def by_histogram(asked, seen, num_classes):
    flat = np.bincount(num_classes * np.asarray(asked) + seen, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes)


@right("confusion")
def by_tensorflow_itself(asked, seen, num_classes):
    return tf.math.confusion_matrix(asked, seen, num_classes)


def learn(classifier, optimizer, images, labels, more=()):
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    variables = [*classifier.trainable_variables, *more]
    with tf.GradientTape() as tape:
        loss = loss_fn(labels, classifier(images() if callable(images) else images))
    optimizer.apply(tape.gradient(loss, variables), variables)


@wrong("classifier_turn", "the generator moves in the classifier's turn")
def moves_the_generator(generator, classifier, optimizer, latents, labels):
    more = generator.trainable_variables
    learn(classifier, optimizer, lambda: generator([latents, labels]), labels, more)


@wrong("classifier_turn", "the classifier learns its own answers")
def own_answers(generator, classifier, optimizer, latents, labels):
    images = generator([latents, labels])
    learn(classifier, optimizer, images, tf.argmax(classifier(images), axis=1))


@wrong("classifier_turn", "has not moved")
def only_looks(generator, classifier, optimizer, latents, labels):
    classifier(generator([latents, labels]), training=True)


@right("classifier_turn")
def images_first(generator, classifier, optimizer, latents, labels):
    learn(classifier, optimizer, generator([latents, labels], training=False), labels)


@right("classifier_turn")
def images_inside(generator, classifier, optimizer, latents, labels):
    learn(classifier, optimizer, lambda: tf.stop_gradient(generator([latents, labels])), labels)


@wrong("gan_test", "the share of errors")
def errors(judge, fake_images, labels):
    return np.mean(np.argmax(judge(fake_images), axis=1) != labels)


@wrong("gan_test", "the accuracy is asked for")
def loss_of_judge(judge, fake_images, labels):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return loss(labels, judge(fake_images))


@right("gan_test")
def share_by_numpy(judge, fake_images, labels):
    return np.mean(np.argmax(judge(fake_images), axis=1) == labels)


@right("gan_test")
def share_by_keras(judge, fake_images, labels):
    named = keras.metrics.sparse_categorical_accuracy(labels, judge(fake_images, training=False))
    return tf.reduce_mean(named)


@wrong("gan_train", "that is GAN-test")
def trained_on_real(train, fake_images, fake_labels, real_images, real_labels):
    return share_by_numpy(train(real_images, real_labels), fake_images, fake_labels)


@wrong("gan_train", "tested on the fakes that it has learned from")
def tested_on_fakes(train, fake_images, fake_labels, real_images, real_labels):
    return share_by_numpy(train(fake_images, fake_labels), fake_images, fake_labels)


@wrong("gan_train", "learns from real images, too")
def trained_on_both(train, fake_images, fake_labels, real_images, real_labels):
    images = np.concatenate([fake_images, real_images])
    classifier = train(images, np.concatenate([fake_labels, real_labels]))
    return share_by_numpy(classifier, real_images, real_labels)


@right("gan_train")
def from_fakes_to_real(train, fake_images, fake_labels, real_images, real_labels):
    return share_by_numpy(train(fake_images, fake_labels), real_images, real_labels)


@right("gan_train")
def from_fakes_by_tensorflow(train, fake_images, fake_labels, real_images, real_labels):
    classifier = train(tf.constant(fake_images), tf.constant(fake_labels))
    return share_by_keras(classifier, tf.constant(real_images), tf.constant(real_labels))
