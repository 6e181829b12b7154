"""Work on notebook 3."""

import keras
import numpy as np
import tensorflow as tf

from tests.course.work import right, wrong

softplus, mean = tf.nn.softplus, tf.reduce_mean


@wrong("discriminator_loss", "the labels are swapped")
def swapped(real_logits, fake_logits):
    return mean(softplus(real_logits)) + mean(softplus(-fake_logits))


@wrong("discriminator_loss", "logits were taken for probabilities")
def of_probabilities(real_logits, fake_logits):
    loss = keras.losses.BinaryCrossentropy()
    ones, zeros = tf.ones_like(real_logits), tf.zeros_like(fake_logits)
    return loss(ones, real_logits) + loss(zeros, fake_logits)


@wrong("discriminator_loss", "only real examples count")
def without_fakes(real_logits, fake_logits):
    return mean(softplus(-real_logits))


@wrong("discriminator_loss", "holds NaN or infinity: a log of 0")
def log_of_sigmoid(real_logits, fake_logits):
    real, fake = tf.sigmoid(real_logits), tf.sigmoid(fake_logits)
    return -mean(tf.math.log(real)) - mean(tf.math.log(1 - fake))


@right("discriminator_loss")
def two_cross_entropies(real_logits, fake_logits):
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    ones, zeros = tf.ones_like(real_logits), tf.zeros_like(fake_logits)
    return loss(ones, real_logits) + loss(zeros, fake_logits)


@right("discriminator_loss")
def one_cross_entropy_of_both(real_logits, fake_logits):
    logits = tf.concat([real_logits, fake_logits], 0)
    targets = tf.concat([tf.ones_like(real_logits), tf.zeros_like(fake_logits)], 0)
    return mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))


@wrong("minimax_loss", "this is the non-saturating loss")
def not_the_original(fake_logits):
    return mean(softplus(-fake_logits))


@wrong("minimax_loss", "the sign is turned")
def of_the_other_side(fake_logits):
    return mean(softplus(fake_logits))


@right("minimax_loss")
def log_sigmoid_of_minus(fake_logits):
    return mean(tf.math.log_sigmoid(-fake_logits))


@right("minimax_loss")
def minus_cross_entropy(fake_logits):
    zeros = tf.zeros_like(fake_logits)
    return -mean(tf.nn.sigmoid_cross_entropy_with_logits(zeros, fake_logits))


@wrong("non_saturating_loss", "which saturates")
def saturating(fake_logits):
    return mean(tf.math.log_sigmoid(-fake_logits))


@wrong("non_saturating_loss", "it rewards fakes that look fake")
def for_fakes_that_look_fake(fake_logits):
    zeros = tf.zeros_like(fake_logits)
    return mean(tf.nn.sigmoid_cross_entropy_with_logits(zeros, fake_logits))


@right("non_saturating_loss")
def with_labels_of_real(fake_logits):
    ones = tf.ones_like(fake_logits)
    return mean(tf.nn.sigmoid_cross_entropy_with_logits(ones, fake_logits))


@right("non_saturating_loss")
def minus_log_sigmoid(fake_logits):
    return -mean(tf.math.log_sigmoid(fake_logits))


@wrong("scores", "logits are no probabilities")
def mean_logits(real_logits, fake_logits):
    return mean(real_logits), mean(fake_logits)


@wrong("scores", "the sigmoid of the mean")
def sigmoid_of_mean(real_logits, fake_logits):
    return tf.sigmoid(mean(real_logits)), tf.sigmoid(mean(fake_logits))


@right("scores")
def scores_by_keras(real_logits, fake_logits):
    return [keras.ops.mean(keras.ops.sigmoid(each)) for each in (real_logits, fake_logits)]


@right("scores")
def scores_by_numpy(real_logits, fake_logits):
    return tuple(float(np.mean(1 / (1 + np.exp(-each)))) for each in (real_logits, fake_logits))


def loss_of_discriminator(game, real_points, fake_points):
    real_logits = game.discriminator(real_points, training=True)[:, 0]
    fake_logits = game.discriminator(fake_points, training=True)[:, 0]
    return two_cross_entropies(real_logits, fake_logits)


@wrong("discriminator_turn", "the generator's gradient flows in the discriminator's turn")
def moves_both(game, real_points, latents):
    variables = game.discriminator.trainable_variables + game.generator.trainable_variables
    with tf.GradientTape() as tape:
        loss = loss_of_discriminator(game, real_points, game.generator(latents))
    game.discriminator_optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


@wrong("discriminator_turn", "the discriminator climbs the loss")
def climbs(game, real_points, latents):
    variables = game.discriminator.trainable_variables
    with tf.GradientTape() as tape:
        loss = -loss_of_discriminator(game, real_points, game.generator(latents))
    game.discriminator_optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


@wrong("discriminator_turn", "no gradient reaches the weights")
def loss_outside_the_tape(game, real_points, latents):
    variables = game.discriminator.trainable_variables
    loss = loss_of_discriminator(game, real_points, game.generator(latents))
    with tf.GradientTape() as tape:
        loss = loss * 1.0
    game.discriminator_optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


@wrong("discriminator_turn", "not by one step down the gradient")
def forgets_the_fakes(game, real_points, latents):
    variables = game.discriminator.trainable_variables
    with tf.GradientTape() as tape:
        loss = mean(softplus(-game.discriminator(real_points)))
    game.discriminator_optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


@right("discriminator_turn")
def fakes_inside_the_tape(game, real_points, latents):
    with tf.GradientTape() as tape:
        loss = loss_of_discriminator(game, real_points, game.generator(latents))
    gradient = tape.gradient(loss, game.discriminator.trainable_weights)
    pairs = zip(gradient, game.discriminator.trainable_weights, strict=True)
    game.discriminator_optimizer.apply_gradients(pairs)
    return loss


@right("discriminator_turn")
def one_pass_for_both_kinds(game, real_points, latents):
    fake_points = tf.stop_gradient(game.generator(latents))
    points = tf.concat([real_points, fake_points], 0)
    with tf.GradientTape() as tape:
        real_logits, fake_logits = tf.split(game.discriminator(points)[:, 0], 2)
        loss = one_cross_entropy_of_both(real_logits, fake_logits)
    variables = game.discriminator.trainable_variables
    game.discriminator_optimizer.apply(tape.gradient(loss, variables), variables)


@wrong("generator_turn", "no gradient reaches the weights")
def fakes_outside_the_tape(game, latents):
    variables = game.generator.trainable_variables
    fake_points = game.generator(latents)
    with tf.GradientTape() as tape:
        loss = not_the_original(game.discriminator(fake_points)[:, 0])
    game.generator_optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


@wrong("generator_turn", "the discriminator moves in the generator's turn")
def moves_the_discriminator(game, latents):
    variables = game.generator.trainable_variables + game.discriminator.trainable_variables
    with tf.GradientTape() as tape:
        loss = not_the_original(game.discriminator(game.generator(latents))[:, 0])
    game.generator_optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


@wrong("generator_turn", "which saturates")
def descends_the_original(game, latents):
    variables = game.generator.trainable_variables
    with tf.GradientTape() as tape:
        loss = saturating(game.discriminator(game.generator(latents))[:, 0])
    game.generator_optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


@right("generator_turn")
def generator_by_zip(game, latents):
    with tf.GradientTape() as tape:
        fake_logits = game.discriminator(game.generator(latents, training=True), training=False)
        loss = with_labels_of_real(fake_logits)
    gradient = tape.gradient(loss, game.generator.trainable_variables)
    pairs = zip(gradient, game.generator.trainable_variables, strict=True)
    game.generator_optimizer.apply_gradients(pairs)


@right("generator_turn")
def generator_in_a_graph(game, latents):
    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            loss = not_the_original(game.discriminator(game.generator(latents)))
        return tape.gradient(loss, game.generator.trainable_variables)

    game.generator_optimizer.apply(gradient(), game.generator.trainable_variables)


@wrong("train_step", "each turn draws its own")
def latents_twice(game, real_points, draw):
    latents = draw()
    fakes_inside_the_tape(game, real_points, latents)
    generator_by_zip(game, latents)


@wrong("train_step", "one of the discriminator, then one of the generator")
def generator_first(game, real_points, draw):
    generator_by_zip(game, draw())
    fakes_inside_the_tape(game, real_points, draw())


@wrong("train_step", "the generator has no turn")
def discriminator_alone(game, real_points, draw):
    fakes_inside_the_tape(game, real_points, draw())


@right("train_step")
def both_turns(game, real_points, draw):
    fakes_inside_the_tape(game, real_points, draw())
    generator_by_zip(game, draw())


@right("train_step")
def latents_first(game, real_points, draw):
    first, second = draw(), draw()
    one_pass_for_both_kinds(game, real_points, first)
    return generator_in_a_graph(game, second)
