"""Who moves when, what Eve is shown, what is drawn, and what a round in XLA changes: nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from crypto import parties
from crypto.draws import draw_flips, draw_messages
from crypto.game import EVE_TURNS, repeat, sign_errors
from models import build_game
from tests.support.ciphers import from_preset

PRESETS = ("secret", "paper", "release")


def tiny(preset="secret", bits=4, **given):
    options = from_preset(preset, message_bits=bits, key_bits=bits, batch_size=64, **given)
    return build_game(options, None)


def weights(agent):
    return [weight.copy() for weight in agent.get_weights()]


def same(left, right):
    return all((a == b).all() for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_turn_moves_those_only_whose_turn_it_is(preset):
    game = tiny(preset)
    alice, bob, eve = (weights(agent) for agent in (game.alice, game.bob, game.eve))
    game.alice_and_bob_turn()
    assert same(eve, weights(game.eve))
    assert not same(alice, weights(game.alice))
    assert not same(bob, weights(game.bob))
    pair = weights(game.pair)
    game.eve_turn()
    assert same(pair, weights(game.pair))
    assert not same(eve, weights(game.eve))


def test_a_round_is_one_turn_of_the_pair_and_two_of_eve():
    game = tiny()
    game.train_step()
    assert int(game.pair.optimizer.iterations) == game.step == 1
    assert int(game.eve.optimizer.iterations) == EVE_TURNS == 2


@pytest.mark.parametrize("preset", PRESETS)
def test_an_untrained_eve_guesses_half(preset):
    game = build_game(from_preset(preset, batch_size=4096), None)
    plaintext, key, told = game.deal(game.eve)
    ciphertext, _ = game.pair([plaintext, key])
    guess = game.listen(ciphertext, plaintext, told)
    wrong = float(tf.reduce_mean(game.count(plaintext, guess, 1.0 - told)))
    assert wrong == pytest.approx(8.0, abs=0.5)


def test_the_wire_carries_bits_and_lets_gradients_through():
    values = tf.constant([[-3.0, -0.1, 0.0, 0.1, 3.0]])
    with tf.GradientTape() as tape:
        tape.watch(values)
        carried = parties.Wire()(values)
    np.testing.assert_array_equal(carried, [[-1, -1, 1, 1, 1]])
    slope = tape.gradient(carried, values)
    np.testing.assert_allclose(slope, 1 - np.tanh(values) ** 2, atol=1e-6)


@pytest.mark.parametrize(("size", "stride"), [(4, 1), (2, 2), (1, 1), (3, 2)])
def test_the_convolution_is_that_of_keras(size, stride):
    values = tf.random.stateless_normal((5, 8, 3), (1, 2))
    ours = parties.Convolution(2, size, stride, "sigmoid")
    theirs = keras.layers.Conv1D(2, size, stride, padding="same", activation="sigmoid")
    answer, reference = ours(values), theirs(values)
    assert answer.shape == reference.shape
    kernel, bias = theirs.get_weights()
    ours.set_weights([kernel.reshape(-1, 2), bias])
    np.testing.assert_allclose(ours(values), reference, atol=1e-6)


@pytest.mark.parametrize(("message_bits", "key_bits"), [(16, 16), (5, 9), (20, 20)])
def test_bits_are_fair_and_know_nothing_of_each_other(message_bits, key_bits):
    count = 40_000
    drawn = draw_messages(count, message_bits, key_bits, (1, 2), range(message_bits))
    plaintext, key, told = (each.numpy() for each in drawn)
    bits = np.hstack([plaintext, key, 2.0 * told - 1.0])
    assert bits.shape == (count, 2 * message_bits + key_bits)
    assert set(np.unique(bits)) == {-1.0, 1.0}
    np.testing.assert_allclose(bits.mean(axis=0), 0.0, atol=5 / count**0.5)
    related = bits.T @ bits / count
    related[-message_bits:, -message_bits:] = 0.0  # those told share what decides it
    np.fill_diagonal(related, 0.0)
    np.testing.assert_allclose(related, 0.0, atol=5 / count**0.5)
    # As many are told as a share from U(0, 1) makes it: each number is as likely as another.
    frequencies = np.bincount(told.sum(axis=1).astype(int), minlength=message_bits + 1) / count
    np.testing.assert_allclose(frequencies, 1 / (message_bits + 1), atol=0.008)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5])
def test_a_noisy_wire_turns_as_many_bits_as_it_should(rate):
    flips = draw_flips((1000, 100), (1, 2), rate).numpy()
    assert set(np.unique(flips)) <= {-1.0, 1.0}
    assert (flips < 0).mean() == pytest.approx(
        rate, abs=4 * (rate * (1 - rate) / flips.size) ** 0.5
    )


def test_the_wire_grows_quiet_as_an_attempt_goes_on():
    game = tiny(bits=8, noise=0.4, noisy_rounds=4)
    sent = tf.ones((4096, 8))
    turned = []
    for _ in range(5):
        turned.append(float(tf.reduce_mean(tf.cast(game.disturb(sent) < 0, tf.float32))))
        game.alice_and_bob_turn()
    np.testing.assert_allclose(turned, [0.4, 0.3, 0.2, 0.1, 0.0], atol=0.012)
    assert turned[-1] == 0.0
    game.begin_attempt()
    assert bool(tf.reduce_any(game.disturb(sent) < 0))


def test_without_noise_bob_gets_what_alice_sends():
    sent = tf.ones((64, 4))
    assert tiny("paper").disturb(sent) is sent
    assert tiny(noise=0.0).disturb(sent) is sent


def test_eve_is_told_no_bit_that_she_is_asked_for():
    game = tiny(bits=8)
    plaintext, key, told = game.deal(game.eve)
    ciphertext, _ = game.pair([plaintext, key])
    other = tf.where(told > 0, plaintext, -plaintext)
    guess, again = (game.listen(ciphertext, text, told) for text in (plaintext, other))
    np.testing.assert_array_equal(guess, again)
    shares = told.numpy().mean(axis=1)
    assert set(np.unique(told)) == {0.0, 1.0}
    assert shares.min() < 0.2 and shares.max() > 0.8


def test_every_turn_and_attempt_draws_anew():
    game = tiny(bits=8)
    drawn = [game.deal(game.eve)[0].numpy()]
    assert not (drawn[0] == game.deal(game.pair)[0].numpy()).all()
    np.testing.assert_array_equal(drawn[0], game.deal(game.eve)[0])
    game.eve_turn()
    drawn.append(game.deal(game.eve)[0].numpy())
    game.begin_attempt()
    drawn.append(game.deal(game.eve)[0].numpy())
    assert not (drawn[0] == drawn[1]).all()
    assert not (drawn[0] == drawn[2]).all()


def test_a_new_attempt_forgets_and_counts_on():
    game = tiny()
    repeat(game.train_step, 3)
    first = weights(game.alice)
    game.begin_attempt()
    assert (game.step, game.attempt_step, game.attempt_number) == (3, 0, 2)
    assert not same(first, weights(game.alice))
    rate, *moments = (np.asarray(v) for v in game.pair.optimizer.variables[1:])
    assert rate == pytest.approx(5e-3)
    assert not any(moment.any() for moment in moments)


def test_a_lone_bit_is_wrong_or_not():
    errors = sign_errors(tf.constant([[1.0, -1.0, 1.0]]), tf.constant([[0.2, -5.0, -0.1]]))
    np.testing.assert_array_equal(errors, [[0.0, 0.0, 1.0]])
