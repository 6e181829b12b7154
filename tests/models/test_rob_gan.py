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
    discriminator_turns,
    kernels_of,
    moved,
    play,
    put_back,
    real_batch,
    reported,
    spy,
    state,
    tiny_robgan,
)

BY_RECIPE = pytest.mark.parametrize(
    "rules",
    [{"recipe": "stable"}, {"recipe": "original"}, {"recipe": "original", "batch_norm": True}],
    ids=lambda rules: "-".join(map(str, rules.values())),
)
BY_LOSS = pytest.mark.parametrize("loss", ["robgan", "acgan"])


def statistics(agent):
    return [variable.numpy() for variable in agent.non_trainable_variables]


def differ(one, other):
    """Whether each array of a list is another than its like."""
    return [bool((a != b).any()) for a, b in zip(one, other, strict=True)]


def play_discriminator(game, images=None, attacked=None):
    """One turn of the discriminator, on attacked images that the attacker finds if not given."""
    real_images, labels = real_batch()
    attacked = game.attacker_turn(real_images, labels) if attacked is None else attacked
    game.discriminator_turn(real_images if images is None else images, attacked, labels)


def attacked_turns(game):
    """Records the images that each attacker's turn finds from now on."""
    found, turn = [], game.attacker_turn

    def recording(*data):
        found.append(turn(*data))
        return found[-1]

    game.attacker_turn = recording
    return found


# Turns.


@BY_RECIPE
def test_a_turn_moves_its_own_agent_its_statistics_and_nobody_else(rules):
    game = play(tiny_robgan(**rules, optimizer=adam, steps=2), 1)
    before, calls = state(game), spy(game)
    trainable = [variable.trainable for variable in game.discriminator.variables]
    attacked = game.attacker_turn(*real_batch())
    assert moved(before, state(game)) == set()
    assert {call.role for call in calls} == {"discriminator"}
    assert len(calls) == game.attack.steps
    assert not any(call.training for call in calls)  # an attack asks outside training
    assert [variable.trainable for variable in game.discriminator.variables] == trainable

    agent = game.discriminator
    kernels, kept = kernels_of(agent), statistics(agent)
    play_discriminator(game, attacked=attacked)
    assert moved(before, after := state(game)) == {"discriminator", "discriminator's optimizer"}
    assert all(differ(kernels, kernels_of(agent)))
    assert len(kept) == (4 if rules.get("batch_norm") else 0)
    assert all(differ(kept, statistics(agent)))

    agent = game.generator
    kernels, kept = kernels_of(agent), statistics(agent)
    game.generator_turn(*real_batch())
    assert moved(after, state(game)) == {"generator", "generator's optimizer"}
    assert all(differ(kernels, kernels_of(agent)))
    assert len(kept) == (2 if rules["recipe"] == "original" else 0)
    assert all(differ(kept, statistics(agent)))


@BY_RECIPE
def test_a_round_moves_every_agent_its_optimizer_and_its_average(rules):
    game = tiny_robgan(**rules, loss="acgan", r1_gamma=1.0, optimizer=adam, steps=1)
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
    game = tiny_robgan(discriminator_steps=turns, steps=1)
    found, calls = attacked_turns(game), spy(game)
    play(game, 2)
    assert len(found) == int(game.discriminator.optimizer.iterations) == 2 * turns
    assert game.step == 2
    for one, other in itertools.combinations(found, 2):
        assert (one != other).numpy().any()
    taught = [
        call for call in calls_of(calls, "discriminator") if call.training and call.outputs[1].size
    ]
    shown = np.reshape([call.inputs[0] for call in taught], (2, 3 * turns + 1, BATCH, 8, 8, 1))
    # A turn's real images, its fakes, its attacked images; at last the generator's fakes.
    np.testing.assert_array_equal(shown[:, 2:-1:3].reshape(np.shape(found)), found)


@pytest.mark.parametrize(("recipe", "beside"), [("stable", 1), ("original", 0)])
def test_the_order_of_the_turns(recipe, beside):
    game = tiny_robgan(recipe=recipe, discriminator_steps=2, steps=3)
    calls = spy(game)
    play(game, 1)
    roles = [f"{call.role}{' learns' * call.training}" for call in calls]
    turn = ["discriminator"] * 3 + ["generator learns"] + ["discriminator learns"] * (2 + beside)
    last = ["discriminator"] * beside + ["generator learns", "discriminator learns"]
    assert roles == turn * 2 + last


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


@pytest.mark.parametrize(
    ("recipe", "silent"), [("stable", [None]), ("original", ["class_logits", "realness"])]
)
def test_the_attack_makes_each_image_worse_for_what_it_climbs(recipe, silent):
    """The class's loss alone, or the sum of both; where one head is silent, it climbs the other."""
    game = play(tiny_robgan(recipe=recipe, epsilon=0.2, steps=4, optimizer=adam), 2)
    learned, (images, labels) = state(game), real_batch()

    def climbed(shown):
        realness, class_logits = (out.numpy() for out in game.judge(shown, labels))
        of_realness = np.logaddexp(0, -realness[:, 0]) if recipe == "original" else 0
        return of_realness + cross_entropy(labels, class_logits)

    for name in silent:
        put_back(game, learned)
        if name:
            silenced = game.discriminator.get_layer(name)
            silenced.set_weights([0 * weight for weight in silenced.get_weights()])
        grown = climbed(game.attacker_turn(images, labels)) - climbed(images)
        assert grown.min() > 0
        assert grown.mean() > 0.02


# Losses.


@BY_LOSS
@pytest.mark.parametrize("recipe", ["stable", "original"])
def test_the_losses_that_are_reported(recipe, loss):
    rules = {"recipe": recipe, "loss": loss, "r1_gamma": 100.0, "steps": 1}
    game = play(tiny_robgan(**rules, optimizer=adam), 1)
    game.reset_metrics()  # the penalty is not among them
    images, labels = real_batch()
    calls = spy(game)
    play_discriminator(game)
    game.generator_turn(images, labels)
    shown = [call for call in calls_of(calls, "discriminator") if call.training]
    real, fake, *attacked, judged = (call.outputs for call in shown)
    assert len(attacked) == (recipe == "stable")
    (attacked,) = attacked or [real]  # the original judges attacked images once, for both heads
    beside = calls_of(calls, "discriminator")[-2].outputs  # outside the generator's tape
    asked = [call.inputs[1] for call in calls_of(calls, "generator")]
    if recipe == "stable":
        expected = np.logaddexp(0, fake[0] - real[0])[:, 0]
        generator_loss = np.logaddexp(0, beside[0] - judged[0])[:, 0]
    else:
        expected = (np.logaddexp(0, -real[0]) + np.logaddexp(0, fake[0]))[:, 0]
        generator_loss = np.logaddexp(0, -judged[0])[:, 0] + cross_entropy(asked[1], judged[1])
    expected = expected + cross_entropy(labels, attacked[1])
    if loss == "acgan":
        expected = expected + cross_entropy(asked[0], fake[1])
    assert reported(game) == pytest.approx(
        {
            "discriminator_loss": expected.mean(),
            "generator_loss": generator_loss.mean(),
            "D(x)": np.mean(1 / (1 + np.exp(-real[0]))),
            "D(G(z))": np.mean(1 / (1 + np.exp(-fake[0]))),
            "attacked_accuracy": np.mean(attacked[1].argmax(axis=1) == labels),
        },
        rel=1e-5,
    )


@BY_LOSS
def test_only_acgan_teaches_the_classes_of_fakes(loss):
    """A discriminator's turn on given fakes, told other labels or other class logits of them."""
    game = tiny_robgan(loss=loss, optimizer=adam)
    fakes, labels = real_batch(seed=5)
    begun, answer, change = state(game), game.discriminator.call, {}

    def call(inputs, training=None, mask=None):
        realness, class_logits = answer(inputs, training=training)
        factor = change.get("factor", 1.0) if np.array_equal(inputs[0], fakes) else 1.0
        return [realness, factor * class_logits]

    game.borrow = lambda agent, inputs: fakes
    game.draw_fakes = lambda agent, batch, draw: (
        None,
        (labels + change.get("shift", 0)) % NUM_CLASSES,
    )
    game.discriminator.call = call
    game.shown = lambda images, _: [images, real_batch()[1]]  # realness is told the same labels

    def learned(**changed):
        change.update(changed)
        play_discriminator(put_back(game, begun))
        change.clear()
        return state(game), reported(game)

    before, losses_before = learned()
    for changed in ({"shift": 1}, {"factor": 3.0}):
        after, losses_after = learned(**changed)
        if loss == "robgan":
            assert moved(before, after) == set()
            assert losses_before == losses_after
        else:
            assert moved(before, after) == {"discriminator", "discriminator's optimizer"}


@pytest.mark.parametrize("recipe", ["stable", "original"])
def test_the_slopes_are_penalised_every_sixteenth_turn_and_as_strongly(recipe):
    """That of realness at real images; in the relativistic game at fakes as well."""
    gamma, learning_rate = 3.0, 0.1
    game = tiny_robgan(recipe=recipe)
    sides = [real_batch(), real_batch(seed=5)][: 2 if recipe == "stable" else 1]
    with tf.GradientTape() as tape:
        squared = sum(
            tf.reduce_mean(
                losses.squared_gradient_norm(lambda shown, y=y: game.judge(shown, y)[0], x)
            )
            for x, y in sides
        )
    weights = [weight.value for weight in game.discriminator.trainable_variables]
    zero = tf.UnconnectedGradients.ZERO
    gradients = tape.gradient(squared, weights, unconnected_gradients=zero)
    gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]  # an embedding's too
    assert max(np.abs(gradient).max() for gradient in gradients) > 1e-3
    game.borrow = lambda agent, inputs: real_batch(seed=5)[0]
    game.draw_fakes = lambda agent, batch, draw: (None, real_batch(seed=5)[1])
    weights_after = discriminator_turns(
        game, lambda: play_discriminator(game, attacked=real_batch()[0])
    )
    plain = weights_after(0, r1_gamma=0.0)
    for iteration, due in ((0, 1), (15, 0), (16, 1)):
        penalised = weights_after(iteration, r1_gamma=gamma)
        for one, other, gradient in zip(plain, penalised, gradients, strict=True):
            expected = -due * learning_rate * 16 * gamma / 2 * gradient
            np.testing.assert_allclose(other - one, expected, rtol=1e-3, atol=1e-5)


# Who is shown what.


def test_no_real_image_reaches_the_generator():
    mark = np.float32(0.123)
    game = tiny_robgan(epsilon=1e-12, discriminator_steps=2, steps=1)  # too little to hide the mark
    calls = spy(game)
    play(game, 2, (tf.fill((BATCH, 8, 8, 1), mark), real_batch()[1]))
    for role, marked in (("discriminator", True), ("generator", False)):
        inputs = [x for call in calls_of(calls, role) for x in call.inputs]
        assert any((x == mark).any() for x in inputs) is marked
    for call in calls_of(calls, "generator"):
        assert [x.shape for x in call.inputs] == [(BATCH, LATENT_DIM), (BATCH,)]


def test_the_original_discriminator_never_learns_from_an_image_as_it_is():
    game = tiny_robgan(recipe="original", steps=1)
    images, labels = real_batch()
    calls = spy(game)
    play(game, 2, (images, labels))
    taught = [call.inputs[0] for call in calls_of(calls, "discriminator") if call.training]
    assert all((shown != images.numpy()).any((1, 2, 3)).all() for shown in taught)


def test_realness_is_of_images_as_they_are_and_classes_are_of_attacked_ones():
    """Other images change what is real, and not what a class is; and the reverse."""

    game = tiny_robgan()
    begun = state(game)

    def heads(images, attacked):
        play_discriminator(put_back(game, begun), images=images, attacked=attacked)
        layers = (game.discriminator.get_layer(name) for name in ("realness", "class_logits"))
        return [layer.get_weights() for layer in layers]

    one, other = real_batch()[0], real_batch(seed=7)[0]
    realness, classes = heads(one, one)
    real_realness, real_classes = heads(other, one)
    attacked_realness, attacked_classes = heads(one, other)
    assert any(differ(realness, real_realness))
    assert not any(differ(classes, real_classes))
    assert not any(differ(realness, attacked_realness))
    assert any(differ(classes, attacked_classes))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_real_images_act_through_the_original_discriminator_s_weights_only(batch_norm):
    """With a discriminator that cannot learn, other real images change nothing for the generator.

    Not even by the statistics of its BatchNorm, for it is asked about a batch of fakes alone.
    """

    game = tiny_robgan(recipe="original", batch_norm=batch_norm, optimizer=adam, steps=1)
    game.discriminator.optimizer.learning_rate.assign(0.0)
    begun = state(game)

    def outcome(seed):
        return state(play(put_back(game, begun), 2, real_batch(seed)))

    differing = {"discriminator's optimizer"}  # its momenta saw the images
    if batch_norm:
        differing |= {"discriminator", "average_discriminator"}
    assert moved(outcome(0), outcome(1)) == differing
