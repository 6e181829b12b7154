"""What Alice, Bob and Eve pay, against values by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from crypto import losses

PLAINTEXT = tf.constant([[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, 1.0, 1.0]])


@pytest.mark.parametrize(
    ("guess", "wrong"),
    [
        ([[1, -1, 1, -1], [1, 1, 1, 1]], [0.0, 0.0]),
        ([[-1, 1, -1, 1], [-1, -1, -1, -1]], [4.0, 4.0]),
        ([[0, 0, 0, 0], [1, 1, 0.5, -1]], [2.0, 1.25]),
    ],
)
def test_bits_wrong_by_hand(guess, wrong):
    answer = losses.bits_wrong(PLAINTEXT, tf.constant(guess, tf.float32))
    np.testing.assert_allclose(answer, wrong)


@pytest.mark.parametrize(
    ("wrong", "loss"), [(8.0, 0.0), (0.0, 1.0), (16.0, 1.0), (4.0, 0.25), (12.0, 0.25)]
)
def test_the_published_secrecy_loss_is_least_at_chance(wrong, loss):
    assert float(losses.published_secrecy_loss(tf.constant(wrong), 16)) == loss


def test_cross_entropy_by_hand():
    logits = tf.constant([[0.0, -2.0, -3.0, 1e9], [np.inf, 0.0, 0.0, 0.0]])
    answer = losses.bit_cross_entropy(PLAINTEXT, logits).numpy()
    expected = [math.log(2), math.log1p(math.exp(-2)), math.log1p(math.exp(3)), 1e9]
    np.testing.assert_allclose(answer[0], expected, rtol=1e-6)
    np.testing.assert_allclose(answer[1], [0.0, *[math.log(2)] * 3], rtol=1e-6)


def test_only_hidden_bits_count():
    values = tf.constant([[1.0, 10.0], [100.0, 1000.0]])
    assert float(losses.hidden_mean(values, tf.constant([[1.0, 0.0], [1.0, 0.0]]))) == 50.5
    assert float(losses.hidden_mean(values, tf.zeros((2, 2)))) == 0.0


@pytest.mark.parametrize(("entropy", "loss"), [(0.0, math.log(2)), (math.log(2), 0.0), (5.0, 0.0)])
def test_secrecy_costs_nothing_at_chance_and_beyond(entropy, loss):
    assert float(losses.secrecy_loss(tf.constant(entropy))) == pytest.approx(loss, abs=1e-7)
