"""Rob-GAN: who moves in whose turn, the attack, the losses, and who is shown what."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from models import losses
from tests.support.games import (
    BATCH,
    LATENT_DIM,
    NUM_CLASSES,
    adam,
    calls_of,
    cross_entropy,
    kernels_of,
    moved,
    play,
    real_batch,
    reported,
    spy,
    state,
    tiny_robgan,
)

BY_NORM = pytest.mark.parametrize("batch_norm", [False, True])
BY_LOSS = pytest.mark.parametrize("loss", ["robgan", "acgan"])


def statistics(agent):
    return [variable.numpy() for variable in agent.non_trainable_variables]


def differ(one, other):
    """Whether each array of a list is another than its like."""
    return [bool((a != b).any()) for a, b in zip(one, other, strict=True)]


def attacked_turns(game):
    """Records the images that each attacker's turn finds from now on."""
    found, turn = [], game.attacker_turn

    def recording(*data):
        found.append(turn(*data))
        return found[-1]

    game.attacker_turn = recording
    return found


# Turns.


@BY_NORM
def test_the_attacker_s_turn_moves_nobody_and_asks_outside_training(batch_norm):
    game = play(tiny_robgan(batch_norm=batch_norm, optimizer=adam), 1)
    before, calls = state(game), spy(game)
    trainable = [variable.trainable for variable in game.discriminator.variables]
    game.attacker_turn(*real_batch())
    assert moved(before, state(game)) == set()
    assert {call.role for call in calls} == {"discriminator"}
    assert len(calls) == game.attack.steps
    assert not any(call.training for call in calls)
    assert [variable.trainable for variable in game.discriminator.variables] == trainable


@BY_NORM
def test_the_discriminator_s_turn_moves_only_the_discriminator(batch_norm):
    game = play(tiny_robgan(batch_norm=batch_norm, optimizer=adam), 1)
    agent, before = game.discriminator, state(game)
    kernels, kept = kernels_of(agent), statistics(agent)
    game.discriminator_turn(*real_batch())
    assert moved(before, state(game)) == {"discriminator", "discriminator's optimizer"}
    assert all(differ(kernels, kernels_of(agent)))
    assert len(kept) == (4 if batch_norm else 0)
    assert all(differ(kept, statistics(agent)))


@BY_NORM
def test_the_generator_s_turn_moves_only_the_generator_and_its_statistics(batch_norm):
    game = play(tiny_robgan(batch_norm=batch_norm, optimizer=adam), 1)
    agent, before = game.generator, state(game)
    kernels, kept = kernels_of(agent), statistics(agent)
    game.generator_turn(BATCH)
    assert moved(before, state(game)) == {"generator", "generator's optimizer"}
    assert all(differ(kernels, kernels_of(agent)))
    assert len(kept) == 2
    assert all(differ(kept, statistics(agent)))


@BY_NORM
@BY_LOSS
def test_a_round_moves_every_agent_its_optimizer_and_its_average(loss, batch_norm):
    game = tiny_robgan(loss=loss, batch_norm=batch_norm, r1_gamma=1.0, optimizer=adam)
    before = state(game)
    results = reported(play(game, 1))
    after = state(game)
    agents = {"generator", "discriminator"}
    expected = {name for agent in agents for name in (agent, f"average_{agent}")}
    assert moved(before, after) == expected | {f"{agent}'s optimizer" for agent in agents}
    assert moved(before, after) == set(before)
    assert all(np.isfinite(values).all() for values in itertools.chain(*after.values()))
    names = {"discriminator_loss", "generator_loss", "D(x)", "D(G(z))", "attacked_accuracy"}
    assert set(results) == names
    assert np.isfinite(list(results.values())).all()


@pytest.mark.parametrize("turns", [1, 3])
def test_each_turn_of_the_discriminator_has_an_attack_of_its_own(turns):
    game = tiny_robgan(discriminator_steps=turns)
    found, calls = attacked_turns(game), spy(game)
    play(game, 2)
    assert len(found) == int(game.discriminator.optimizer.iterations) == 2 * turns
    assert game.step == 2
    for one, other in itertools.combinations(found, 2):
        assert (one != other).numpy().any()
    # In training mode: each turn's attacked and fake images, then a round's for the generator.
    shown = [call.inputs[0] for call in calls_of(calls, "discriminator") if call.training]
    shown = np.reshape(shown, (2, 2 * turns + 1, BATCH, 8, 8, 1))
    np.testing.assert_array_equal(shown[:, :-1:2].reshape(np.shape(found)), found)


def test_the_order_of_the_turns():
    game = tiny_robgan(discriminator_steps=2, steps=3)
    calls = spy(game)
    play(game, 1)
    roles = [f"{call.role}{' learns' * call.training}" for call in calls]
    turn = ["discriminator"] * 3 + ["generator learns"] + ["discriminator learns"] * 2
    assert roles == turn * 2 + ["generator learns", "discriminator learns"]


# The attack.


@pytest.mark.parametrize(("ramp_steps", "share"), [(0, 1.0), (4, 0.2)])
def test_attacked_images_stay_in_the_ball_of_their_source_and_in_range(ramp_steps, share):
    game = tiny_robgan(ramp_steps=ramp_steps, epsilon=0.1)
    images, labels = real_batch()
    attacked = game.attacker_turn(images, labels).numpy()
    changes = np.abs(attacked - images)
    radius = 2 * 0.1 * share  # on the networks' scale, from -1 to 1
    assert changes.max() <= radius + 1e-6
    assert changes.max() >= 0.99 * radius
    assert np.abs(attacked).max() <= 1 + 1e-6


@pytest.mark.parametrize("head", ["realness", "class"])
def test_the_attack_makes_each_image_worse_for_the_joint_loss(head):
    """One of the heads is silent: the attacker climbs the other."""
    game = play(tiny_robgan(epsilon=0.2, steps=4, optimizer=adam), 4)
    for layer, name in (("class_logits", "realness"), ("realness", "class")):
        if head == name:
            silenced = game.discriminator.get_layer(layer)
            silenced.set_weights([0 * weight for weight in silenced.get_weights()])
    images, labels = real_batch()

    def joint(shown):
        realness, class_logits = (out.numpy() for out in game.discriminator(shown))
        return np.logaddexp(0, -realness[:, 0]) + cross_entropy(labels, class_logits)

    grown = joint(game.attacker_turn(images, labels)) - joint(images)
    assert grown.min() > 0
    assert grown.mean() > 0.02


# Losses.


@BY_LOSS
def test_the_losses_that_are_reported(loss):
    game = play(tiny_robgan(loss=loss, r1_gamma=100.0, optimizer=adam), 2)
    game.reset_metrics()  # the penalty is not among them
    images, labels = real_batch()
    calls = spy(game)
    game.discriminator_turn(images, labels)
    game.generator_turn(BATCH)
    shown = [call for call in calls_of(calls, "discriminator") if call.training]
    real, fake, judged = (call.outputs for call in shown)
    asked = [call.inputs[1] for call in calls_of(calls, "generator")]
    expected = np.logaddexp(0, -real[0]) + np.logaddexp(0, fake[0])
    expected = expected[:, 0] + cross_entropy(labels, real[1])
    if loss == "acgan":
        expected = expected + cross_entropy(asked[0], fake[1])
    generator_loss = np.logaddexp(0, -judged[0])[:, 0] + cross_entropy(asked[1], judged[1])
    assert reported(game) == pytest.approx(
        {
            "discriminator_loss": expected.mean(),
            "generator_loss": generator_loss.mean(),
            "D(x)": np.mean(1 / (1 + np.exp(-real[0]))),
            "D(G(z))": np.mean(1 / (1 + np.exp(-fake[0]))),
            "attacked_accuracy": np.mean(real[1].argmax(axis=1) == labels),
        },
        rel=1e-5,
    )


def learned(loss, *, shift=0, factor=1.0):
    """A discriminator's turn on given fakes, told other labels or other class logits of them."""
    game = tiny_robgan(loss=loss, optimizer=adam)
    fakes, labels = real_batch(seed=5)
    game.borrow = lambda agent, inputs: fakes
    game.draw_fakes = lambda agent, batch, draw: (None, (labels + shift) % NUM_CLASSES)
    answer = game.discriminator.call

    def call(images, training=None, mask=None):
        realness, class_logits = answer(images, training=training)
        is_fake = np.array_equal(images, fakes)
        return [realness, factor * class_logits if is_fake else class_logits]

    game.discriminator.call = call
    game.discriminator_turn(*real_batch())
    return state(game), reported(game)


@pytest.mark.parametrize("change", [{"shift": 1}, {"factor": 3.0}])
@BY_LOSS
def test_only_acgan_teaches_the_classes_of_fakes(loss, change):
    (before, losses_before), (after, losses_after) = learned(loss), learned(loss, **change)
    if loss == "robgan":
        assert moved(before, after) == set()
        assert losses_before == losses_after
    else:
        assert moved(before, after) == {"discriminator", "discriminator's optimizer"}


def weights_after_a_turn(iteration, gamma):
    game = tiny_robgan(r1_gamma=gamma)
    game.discriminator.optimizer.iterations.assign(iteration)
    game.draw_fakes = lambda agent, batch, draw: (tf.ones((BATCH, LATENT_DIM)), real_batch()[1])
    game.discriminator_turn(*real_batch())
    return [weight.numpy() for weight in game.discriminator.trainable_variables]


@pytest.mark.parametrize(("iteration", "due"), [(0, 1), (1, 0), (2, 0), (3, 0), (4, 1), (8, 1)])
def test_r1_is_taken_every_fourth_turn_and_four_times_as_strong(iteration, due):
    gamma, learning_rate = 3.0, 0.1
    agent = tiny_robgan().discriminator
    with tf.GradientTape() as tape:
        squared = losses.squared_gradient_norm(lambda shown: agent(shown)[0], real_batch()[0])
        mean = tf.reduce_mean(squared)
    weights = [weight.value for weight in agent.trainable_variables]
    gradients = tape.gradient(mean, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert max(np.abs(gradient).max() for gradient in gradients) > 1e-3
    turns = (weights_after_a_turn(iteration, weight) for weight in (0.0, gamma))
    for plain, penalised, gradient in zip(*turns, gradients, strict=True):
        expected = -due * learning_rate * 4 * gamma / 2 * gradient
        np.testing.assert_allclose(penalised - plain, expected, rtol=1e-3, atol=1e-6)


# Who is shown what.


def test_no_real_image_reaches_the_generator():
    mark = np.float32(0.123)
    game = tiny_robgan(epsilon=1e-12, discriminator_steps=2)  # too little to hide the mark
    calls = spy(game)
    play(game, 2, (tf.fill((BATCH, 8, 8, 1), mark), real_batch()[1]))
    for role, marked in (("discriminator", True), ("generator", False)):
        inputs = [x for call in calls_of(calls, role) for x in call.inputs]
        assert any((x == mark).any() for x in inputs) is marked
    for call in calls_of(calls, "generator"):
        assert [x.shape for x in call.inputs] == [(BATCH, LATENT_DIM), (BATCH,)]


def test_the_discriminator_never_learns_from_an_image_as_it_is():
    game = tiny_robgan()
    images, labels = real_batch()
    calls = spy(game)
    play(game, 2, (images, labels))
    taught = [call.inputs[0] for call in calls_of(calls, "discriminator") if call.training]
    assert all((shown != images.numpy()).any((1, 2, 3)).all() for shown in taught)


@BY_NORM
def test_real_images_act_through_the_discriminator_s_weights_only(batch_norm):
    """With a discriminator that cannot learn, other real images change nothing for the generator.

    Not even by the statistics of its BatchNorm, for it is asked about a batch of fakes alone.
    """

    def outcome(seed):
        game = tiny_robgan(batch_norm=batch_norm, optimizer=adam)
        game.discriminator.optimizer.learning_rate.assign(0.0)
        return state(play(game, 2, real_batch(seed)))

    differing = {"discriminator's optimizer"}  # its momenta saw the images
    if batch_norm:
        differing |= {"discriminator", "average_discriminator"}
    assert moved(outcome(0), outcome(1)) == differing
