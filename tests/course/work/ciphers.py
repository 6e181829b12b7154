"""Work on notebook 6."""

import numpy as np
import tensorflow as tf

from tests.course.work import right, wrong


@wrong("bits_wrong", "a wrong bit counts twice")
def twice(plaintext, guess):
    return tf.reduce_sum(tf.abs(plaintext - guess), axis=1)


@wrong("bits_wrong", "sum over the bits of a message")
def share_of_bits(plaintext, guess):
    return tf.reduce_mean(tf.abs(plaintext - guess), axis=1) / 2


@wrong("bits_wrong", "the mean of the batch couples the samples")
def one_number(plaintext, guess):
    return tf.reduce_mean(twice(plaintext, guess)) / 2


@right("bits_wrong")
def halved(plaintext, guess):
    return tf.reduce_sum(tf.abs(plaintext - guess) / 2, axis=-1)


@right("bits_wrong")
def by_products(plaintext, guess):
    return tf.reduce_sum((1 - plaintext * guess) / 2, axis=-1)


@wrong("secrecy", "is rewarded, although she need only flip her bits")
def not_squared(wrong_bits_of_eve, message_bits):
    half = message_bits / 2
    return (half - tf.reduce_mean(wrong_bits_of_eve)) / half


@wrong("secrecy", "chance is half of the bits")
def chance_is_all(wrong_bits_of_eve, message_bits):
    return ((message_bits - tf.reduce_mean(wrong_bits_of_eve)) / message_bits) ** 2


@wrong("secrecy", "first the mean, then the square")
def square_before_mean(wrong_bits_of_eve, message_bits):
    half = message_bits / 2
    return tf.reduce_mean(((half - wrong_bits_of_eve) / half) ** 2)


@right("secrecy")
def of_the_mean(wrong_bits_of_eve, message_bits):
    half = message_bits / 2
    return tf.square((half - tf.reduce_mean(wrong_bits_of_eve)) / half)


@right("secrecy")
def of_the_share(wrong_bits_of_eve, message_bits):
    return (1 - 2 * np.mean(wrong_bits_of_eve) / message_bits) ** 2


def of_bob_and_eve(plaintext, guess, overheard):
    return tf.reduce_mean(halved(plaintext, guess)), halved(plaintext, overheard)


@wrong("alice_and_bob_loss", "Eve is missing")
def without_eve(plaintext, guess, overheard):
    return of_bob_and_eve(plaintext, guess, overheard)[0]


@wrong("alice_and_bob_loss", "rewards an Eve who is always wrong")
def minus_eve(plaintext, guess, overheard):
    bob, eve = of_bob_and_eve(plaintext, guess, overheard)
    return bob - tf.reduce_mean(eve)


@wrong("alice_and_bob_loss", "rewards an Eve who knows")
def minus_secrecy(plaintext, guess, overheard):
    bob, eve = of_bob_and_eve(plaintext, guess, overheard)
    return bob - of_the_mean(eve, plaintext.shape[1])


@right("alice_and_bob_loss")
def bob_and_secrecy(plaintext, guess, overheard):
    bob, eve = of_bob_and_eve(plaintext, guess, overheard)
    return bob + of_the_mean(eve, plaintext.shape[1])


@right("alice_and_bob_loss")
def written_out(plaintext, guess, overheard):
    bits = plaintext.shape[-1]
    bob = tf.reduce_mean(tf.abs(plaintext - guess)) * bits / 2
    return bob + tf.reduce_mean(plaintext * overheard) ** 2


def learn(agents, optimizer, loss_fn):
    with tf.GradientTape() as tape:
        loss = loss_fn()
    optimizer.apply(tape.gradient(loss, agents), agents)


@wrong("eve_turn", "Alice moves in Eve's turn")
def moves_alice(alice, eve, optimizer, plaintext, key):
    def loss_fn():
        return tf.reduce_mean(halved(plaintext, eve(alice([plaintext, key]))))

    learn([*eve.trainable_variables, *alice.trainable_variables], optimizer, loss_fn)


@wrong("eve_turn", "climbs the loss")
def eve_errs_more(alice, eve, optimizer, plaintext, key):
    def loss_fn():
        return -tf.reduce_mean(halved(plaintext, eve(alice([plaintext, key]))))

    learn(eve.trainable_variables, optimizer, loss_fn)


@wrong("eve_turn", "no gradient reaches the weights")
def guess_outside(alice, eve, optimizer, plaintext, key):
    guess = eve(alice([plaintext, key]))
    learn(eve.trainable_variables, optimizer, lambda: tf.reduce_mean(halved(plaintext, guess)))


@right("eve_turn")
def ciphertext_first(alice, eve, optimizer, plaintext, key):
    ciphertext = alice([plaintext, key])
    variables = eve.trainable_variables
    learn(variables, optimizer, lambda: tf.reduce_mean(halved(plaintext, eve(ciphertext))))


@right("eve_turn")
def ciphertext_inside(alice, eve, optimizer, plaintext, key):
    def loss_fn():
        guess = eve(alice([plaintext, key], training=False), training=True)
        return tf.reduce_mean(by_products(plaintext, guess))

    learn(eve.trainable_variables, optimizer, loss_fn)


@wrong("entropy", "this is in nats")
def in_nats(counts):
    shares = counts[counts > 0] / counts.sum()
    return -(shares * np.log(shares)).sum()


@wrong("entropy", "holds NaN or infinity")
def with_zeros(counts):
    shares = counts / counts.sum()
    with np.errstate(all="ignore"):
        return -(shares * np.log2(shares)).sum()


@wrong("entropy", "the sign is turned")
def negative(counts):
    return -in_bits(counts)


@wrong("entropy", "divide by their sum")
def of_counts(counts):
    counts = counts[counts > 0]
    return -(counts * np.log2(counts)).sum()


@right("entropy")
def in_bits(counts):
    shares = counts[counts > 0] / counts.sum()
    return -(shares * np.log2(shares)).sum()


@right("entropy")
def by_loop(counts):
    total = sum(counts)
    return sum(count / total * np.log2(total / count) for count in counts if count)


@right("entropy")
def by_scipy(counts):
    from scipy.stats import entropy

    return entropy(counts, base=2)


def given_plaintext(table):
    return np.mean([in_bits(np.bincount(row)) for row in table])


@wrong("leak", "the leak is H(C) less that")
def what_is_left(table):
    return given_plaintext(table)


@wrong("leak", "is 0.000 bits")
def entropy_of_ciphertext(table):
    return in_bits(np.bincount(table.ravel()))


@wrong("leak", "bits")
def under_one_key(table):
    return in_bits(np.bincount(table[:, 0])) - given_plaintext(table)


@right("leak")
def by_entropies(table):
    return in_bits(np.bincount(table.ravel(), minlength=16)) - given_plaintext(table)


@right("leak")
def by_joint_counts(table):
    joint = np.zeros((16, 16))
    for plaintext, row in enumerate(table):
        np.add.at(joint[plaintext], row, 1)
    joint /= joint.sum()
    independent = joint.sum(axis=0) * joint.sum(axis=1, keepdims=True)
    there = joint > 0
    return (joint[there] * np.log2(joint[there] / independent[there])).sum()
