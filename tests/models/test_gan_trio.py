"""The trio: labels, the third turn, and that real images reach the discriminator alone."""

import copy
import itertools
import json
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from games import GAMES
from games import gan as options
from models import gan_trio
from models.game import copy_agent
from models.relativistic import RelativisticTrio
from tests.support.games import (
    BATCH,
    IMAGE_SIZE,
    LATENT_DIM,
    NUM_CLASSES,
    ROLES,
    adam,
    calls_of,
    cross_entropy,
    kernels_of,
    moved,
    play,
    put_back,
    real_batch,
    reported,
    seeds_drawn,
    spy,
    state,
    tiny_trio,
)

PLAYERS = tuple(role for role in ROLES if role != "average_discriminator")
RESULTS = {"discriminator_loss", "generator_loss", "classifier_loss", "D(x)", "D(G(z))"}
AGENTS = ("generator", "discriminator", "classifier")


LABELLED = ("projection", "auxiliary")  # test_unlabelled.py is about "none"


def take_turn(game, agent):
    return getattr(game, f"{agent}_turn")(real_batch())


# Turns.


@pytest.mark.parametrize(
    ("loss", "conditioning"),
    [("non_saturating", "projection"), ("relativistic", "none"), ("hinge", "auxiliary")],
)
def test_a_turn_moves_its_own_agent_and_nobody_else(loss, conditioning):
    rules = {"r1_gamma": 1.0, "translation": 1, "classifier_translation": 1}
    rules |= {"spectral_norm": True, "optimizer": adam}
    game = tiny_trio(loss=loss, conditioning=conditioning, **rules)
    play(game, 1)  # so that every optimizer has its momenta
    for agent in AGENTS:
        before, kernels = state(game), kernels_of(getattr(game, agent))
        take_turn(game, agent)
        own = {agent, f"{agent}'s optimizer"}
        if (agent, conditioning) == ("classifier", "none"):
            own.add("reader_losses")
        assert moved(before, state(game)) == own
        assert len(kernels) >= 3
        for old, new in zip(kernels, kernels_of(getattr(game, agent)), strict=True):
            assert (old != new).any()


# Every loss and every conditioning; the other pairs are slow.
QUICK = {
    ("non_saturating", "none"),
    ("minimax", "projection"),
    ("hinge", "auxiliary"),
    ("least_squares", "projection"),
    ("wasserstein", "auxiliary"),
    ("relativistic", "none"),
}


@pytest.mark.parametrize(
    ("loss", "conditioning"),
    [
        pair if pair in QUICK else pytest.param(*pair, marks=pytest.mark.slow)
        for pair in itertools.product(options.LOSSES, options.CONDITIONINGS)
    ],
)
def test_every_loss_can_be_played_with_every_conditioning(loss, conditioning):
    game = tiny_trio(loss=loss, conditioning=conditioning, r1_gamma=1.0)
    before = state(game)
    results = reported(play(game, 1))
    assert set(results) == RESULTS
    assert np.isfinite(list(results.values())).all()
    after = state(game)
    assert moved(before, after) == set(before)
    assert len(before) == 8 + (conditioning == "none")  # the readers' losses
    assert all(np.isfinite(values).all() for values in itertools.chain(*after.values()))


@pytest.mark.parametrize(
    ("loss", "conditioning"),
    [
        ("relativistic", "auxiliary"),
        pytest.param("hinge", "none", marks=pytest.mark.slow),
    ],
)
def test_a_compiled_round_agrees_with_an_eager_one(loss, conditioning):
    rules = {"r1_gamma": 1.0, "translation": 1, "classifier_translation": 1}
    compiled, eager = (tiny_trio(loss=loss, conditioning=conditioning, **rules) for _ in "12")
    images, labels = (tf.concat([real_batch()[i], real_batch(1, 5)[i]], 0) for i in (0, 1))
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(BATCH)  # of 8 and of 5
    compiled_round = tf.function(compiled.train_step, autograph=False, reduce_retracing=True)
    for batch in batches:
        compiled_results = compiled_round(batch)
        eager.train_step(batch)
    results = {name: float(value) for name, value in compiled_results.items()}
    assert compiled.step == 2
    assert np.isfinite(list(results.values())).all()
    assert results == pytest.approx(reported(eager), rel=1e-3)
    for mine, theirs in zip(
        compiled.generator.get_weights(), eager.generator.get_weights(), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)


def test_the_order_of_the_turns_and_that_each_sees_the_last_one_s_outcome():
    game = play(tiny_trio(), 1)
    average = copy_agent(game.average_generator)
    calls = spy(game)
    play(game, 1)
    roles = [call.role for call in calls if call.role.endswith(("generator", "classifier"))]
    assert roles == ["average_generator", "classifier", "generator", "generator"]
    # The classifier was taught by the average as the last round had left it, and the generator
    # was judged by the discriminator as the turn before had left it.
    judged, taught = calls_of(calls, "discriminator")[-1], calls_of(calls, "average_generator")[0]
    again = game.discriminator([tf.constant(x) for x in judged.inputs])
    np.testing.assert_allclose(again, judged.outputs[0], rtol=1e-5, atol=1e-6)
    again = average([tf.constant(x) for x in taught.inputs])
    np.testing.assert_allclose(again, taught.outputs[0], rtol=1e-5, atol=1e-6)
    moved_on = game.average_generator([tf.constant(x) for x in taught.inputs])
    assert np.abs(moved_on - taught.outputs[0]).max() > 1e-4


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])
@pytest.mark.parametrize("conditioning", LABELLED)
def test_each_image_is_judged_by_its_own_label(conditioning, loss):
    game = tiny_trio(conditioning=conditioning, loss=loss)
    calls = spy(game)
    images, labels = real_batch()
    game.discriminator_turn((images, labels))
    game.generator_turn((images, labels))
    made, judged = calls_of(calls, "generator"), calls_of(calls, "discriminator")
    (of_first, of_second) = (call.inputs[1] for call in made)
    assert (of_first != of_second).any()
    assert (of_first != labels.numpy()).any()
    paired = loss == "relativistic"  # whose generator is compared with real images
    shown = [images.numpy(), made[0].outputs[0], *[images.numpy()] * paired, made[1].outputs[0]]
    meant = [labels.numpy(), of_first, *[labels.numpy()] * paired, of_second]
    for call, picture, label in zip(judged, shown, meant, strict=True):
        np.testing.assert_array_equal(call.inputs[0], picture)
        if conditioning == "projection":
            np.testing.assert_array_equal(call.inputs[1], label)
        else:
            assert len(call.inputs) == 1


@pytest.mark.parametrize("conditioning", LABELLED)
def test_the_losses_that_are_reported(conditioning):
    game = tiny_trio(conditioning=conditioning, loss="non_saturating")
    calls = spy(game)
    images, labels = real_batch()
    game.discriminator_turn((images, labels))
    game.generator_turn((images, labels))
    game.classifier_turn((images, labels))
    real, fake, judged = (call.outputs for call in calls_of(calls, "discriminator"))
    asked = [call.inputs[1] for call in calls_of(calls, "generator")]
    asked += [call.inputs[1] for call in calls_of(calls, "average_generator")]
    (reading,) = [call.outputs[0] for call in calls_of(calls, "classifier")]
    discriminator_loss = np.logaddexp(0, -real[0]) + np.logaddexp(0, fake[0])  # (batch, 1)
    discriminator_loss, generator_loss = discriminator_loss[:, 0], np.logaddexp(0, -judged[0])[:, 0]
    if conditioning == "auxiliary":
        discriminator_loss = discriminator_loss + cross_entropy(labels.numpy(), real[1])
        discriminator_loss = discriminator_loss + cross_entropy(asked[0], fake[1])
        generator_loss = generator_loss + cross_entropy(asked[1], judged[1])
    results = reported(game)
    assert results["discriminator_loss"] == pytest.approx(discriminator_loss.mean(), rel=1e-5)
    assert results["generator_loss"] == pytest.approx(generator_loss.mean(), rel=1e-5)
    classifier_loss = cross_entropy(asked[2], reading).mean()
    assert results["classifier_loss"] == pytest.approx(classifier_loss, rel=1e-5)


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])
def test_matching_labels_adds_the_cross_entropy_of_the_logits_under_every_label(loss):
    games = [tiny_trio(loss=loss, label_matching=weight) for weight in (0.0, 0.3)]
    images, labels = real_batch()
    names = range(NUM_CLASSES)
    judge = games[1].discriminator
    every = [judge([images, tf.fill(labels.shape, name)]).numpy()[:, 0] for name in names]
    added = 0.3 * cross_entropy(labels.numpy(), np.stack(every, axis=1)).mean()
    for game in games:
        game.discriminator_turn((images, labels))
    plain, matching = (reported(game) for game in games)
    assert matching["discriminator_loss"] - plain["discriminator_loss"] == pytest.approx(
        added, rel=1e-4
    )
    assert matching["D(x)"] == pytest.approx(plain["D(x)"], rel=1e-5)


def test_matching_labels_teaches_the_discriminator_the_classes_of_real_images():
    game = tiny_trio(label_matching=3.0, optimizer=adam)
    images, labels = real_batch()
    for _ in range(25):
        before = state(game)
        game.discriminator_turn((images, labels))
    assert moved(before, state(game)) == {"discriminator", "discriminator's optimizer"}
    every_logit = game.logits_of_every_label(images).numpy()
    np.testing.assert_array_equal(every_logit.argmax(axis=1), labels)


@pytest.mark.parametrize(("num_classes", "passes"), [(3, False), (10, False), (11, True)])
def test_with_many_classes_a_negative_answer_passes(num_classes, passes):
    """Until images show their classes, units fall silent; what passes wakes them."""
    chosen = GAMES["trio"].from_preset("quick", "small", dataset="digits", classifier_width=4)
    dataset = types.SimpleNamespace(
        num_classes=num_classes, image_size=IMAGE_SIZE, channels=1, is_points=False
    )
    classifier = gan_trio.build(chosen, dataset).classifier
    layer = classifier.get_layer("features")
    layer.set_weights([layer.get_weights()[0], np.full(16, -100.0)])
    images, _ = real_batch()
    with tf.GradientTape() as tape:
        logits = classifier(images)
    gradient = tape.gradient(logits, layer.kernel.value)
    assert (np.abs(gradient).max() > 0) == passes


def repeated_turn(game, agent, calls):
    """The calls of a turn, then those of the same turn on the same draws once it has moved."""
    for _ in "12":
        calls.clear()
        getattr(game, agent).optimizer.iterations.assign(0)
        take_turn(game, agent)
        yield list(calls)


def test_the_classifier_learns_to_read_the_images_it_is_shown():
    game = tiny_trio()
    calls = spy(game)
    game.means["classifier_loss"].reset_state()
    losses = []
    for turn in repeated_turn(game, "classifier", calls):
        asked = calls_of(turn, "average_generator")[0].inputs[1]
        losses.append(cross_entropy(asked, calls_of(turn, "classifier")[0].outputs[0]).mean())
    assert losses[1] < losses[0] - 1e-4


# Real images and labels.

MARK = np.float32(0.123)


@pytest.mark.parametrize(
    ("loss", "conditioning"),
    [
        ("non_saturating", "projection"),
        ("relativistic", "projection"),
        ("wasserstein", "auxiliary"),
    ],
)
def test_no_one_but_the_discriminator_is_ever_shown_a_real_image(loss, conditioning):
    rules = {"r1_gamma": 1.0, "translation": 2, "classifier_translation": 2}
    game = tiny_trio(loss=loss, conditioning=conditioning, **rules)
    calls = spy(game)
    play(game, 2, (tf.fill((BATCH, 8, 8, 1), MARK), real_batch()[1]))
    shown = {
        role: any((x == MARK).any() for call in calls_of(calls, role) for x in call.inputs)
        for role in PLAYERS
    }
    assert shown.pop("discriminator")
    assert shown == dict.fromkeys(shown, False)
    assert len(calls_of(calls, "classifier")) >= 2


def test_the_classifier_is_shown_the_average_generator_s_images_and_nothing_else():
    game = tiny_trio(classifier_translation=0)
    calls = spy(game)
    play(game, 2)
    made, read = calls_of(calls, "average_generator"), calls_of(calls, "classifier")
    assert len(made) == len(read) == 2
    for one, other in zip(made, read, strict=True):
        np.testing.assert_array_equal(one.outputs[0], other.inputs[0])
        assert len(other.inputs) == 1


def test_each_turn_makes_as_many_images_as_there_are_real_ones():
    game = tiny_trio(loss="wasserstein", conditioning="auxiliary")
    calls = spy(game)
    play(game, 1, real_batch(batch=5))
    assert {role: {len(call.inputs[0]) for call in calls_of(calls, role)} for role in PLAYERS} == {
        **dict.fromkeys(PLAYERS, {5}),
        "average_classifier": set(),
    }


def test_the_images_that_teach_the_classifier_are_shifted():
    game = tiny_trio(classifier_translation=2)
    calls = spy(game)
    game.classifier_turn(real_batch())
    made, read = calls_of(calls, "average_generator")[0], calls_of(calls, "classifier")[0]
    assert (made.outputs[0] != read.inputs[0]).any((1, 2, 3)).sum() >= BATCH // 2
    for before, after in zip(made.outputs[0], read.inputs[0], strict=True):
        kept = after[after != -1]
        assert kept.size >= 36  # two pixels lost on either axis leave 6 x 6
        assert np.isin(kept, before).all()


@pytest.mark.parametrize("conditioning", LABELLED)
def test_real_data_acts_through_the_discriminator_s_weights_only(conditioning):
    """With a discriminator that cannot learn, other real images change nothing for anyone."""

    game = tiny_trio(conditioning=conditioning, optimizer=adam)
    game.discriminator.optimizer.learning_rate.assign(0.0)
    begun = state(game)

    def outcome(seed):  # the classifier hears of it in the second round
        return state(play(put_back(game, begun), 2, real_batch(seed)))

    one, other = outcome(0), outcome(1)
    assert moved(one, other) == {"discriminator's optimizer"}  # its momenta saw the images


@pytest.mark.parametrize(
    ("loss", "conditioning"),
    [
        ("relativistic", "projection"),
        ("non_saturating", "auxiliary"),
    ],
)
def test_real_labels_matter(conditioning, loss):
    images, labels = real_batch()
    permuted = tf.constant((labels.numpy() + 1) % NUM_CLASSES)

    game = tiny_trio(conditioning=conditioning, loss=loss, r1_gamma=1.0)
    begun = state(game)

    def outcome(some_labels):
        return state(play(put_back(game, begun), 2, (images, some_labels)))  # see above

    differing = moved(outcome(labels), outcome(permuted))
    assert differing >= {"discriminator", "generator", "classifier"}


# Chance.


def test_each_turn_draws_latents_of_its_own():
    game = tiny_trio()
    calls = spy(game)
    play(game, 2)
    makers = calls_of(calls, "generator") + calls_of(calls, "average_generator")
    drawn = np.concatenate([call.inputs[0] for call in makers])
    assert drawn.shape == (6 * BATCH, LATENT_DIM)
    assert len(np.unique(drawn, axis=0)) == 6 * BATCH


def test_labels_are_drawn_evenly_from_all_classes():
    game = tiny_trio()
    latents, labels = game.draw_fakes(game.classifier, 3000, draw=0)
    assert labels.dtype == tf.int32
    counts = np.bincount(labels.numpy(), minlength=NUM_CLASSES)
    assert len(counts) == NUM_CLASSES
    np.testing.assert_allclose(counts, 1000, atol=130)  # standard deviation 26
    assert np.abs(np.corrcoef(latents.numpy()[:, 0], labels.numpy())[0, 1]) < 0.06


def test_no_seed_is_drawn_twice():
    seeds = seeds_drawn(tiny_trio(loss="wasserstein", translation=1, classifier_translation=1), 2)
    assert len(seeds) >= 2 * 11
    assert len(set(seeds)) == len(seeds)


def test_the_seed_decides_everything_that_is_drawn():
    rules = {"translation": 1, "classifier_translation": 1, "r1_gamma": 1.0}
    game = tiny_trio(**rules)
    begun = state(game)
    first, again, other = (state(play(put_back(game, begun, seed=s), 2)) for s in (5, 5, 6))
    assert moved(first, again) == set()
    assert moved(first, other) >= set(PLAYERS)


# What the game offers.


def test_the_test_step_scores_the_average_classifier_and_teaches_nobody():
    game = play(tiny_trio(ema_decay=0.9), 2)
    images, labels = real_batch(seed=3, batch=50)
    before = state(game)
    accuracy = float(game.test_step((images, labels))["accuracy"])
    assert moved(before, state(game)) == set()
    answers = game.average_classifier(images).numpy().argmax(1)
    assert accuracy == pytest.approx((answers == labels.numpy()).mean(), abs=1e-6)
    game.reset_metrics()
    right = tf.constant(answers, tf.int32)
    assert float(game.test_step((images, right))["accuracy"]) == 1.0


def test_samples_come_from_the_average_repeat_by_seed_and_their_labels_cycle():
    game = play(tiny_trio(), 1)
    images, labels = game.sample(7, seed=1)
    assert images.shape == (7, 8, 8, 1)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, [0, 1, 2, 0, 1, 2, 0])
    np.testing.assert_array_equal(images, game.sample(7, seed=1)[0])
    assert (images != game.sample(7, seed=2)[0]).any((1, 2, 3)).all()
    game.generator.set_weights([0 * w for w in game.generator.get_weights()])
    np.testing.assert_array_equal(images, game.sample(7, seed=1)[0])
    code = game.average_generator.get_layer("class_code")
    code.set_weights([0 * weight for weight in code.get_weights()])
    assert (images != game.sample(7, seed=1)[0]).any((1, 2, 3)).all()


def test_the_averages_follow_their_agents():
    game = tiny_trio(ema_decay=0.5)
    for agent in (game.generator, game.classifier):
        agent.optimizer.iterations.assign(99)
    before = state(game)
    after = state(play(game, 1))
    for agent in ("generator", "classifier"):
        average = f"average_{agent}"
        for old, slow, new in zip(before[average], after[average], after[agent], strict=True):
            np.testing.assert_allclose(slow, (old + new) / 2, rtol=1e-5, atol=1e-7)


def test_the_agents_to_save_are_the_averages_and_the_discriminator_without_optimizers():
    game = play(tiny_trio(), 2)
    saved = game.agents_to_save()
    assert set(saved) == set(AGENTS)
    for name, agent in (
        ("generator", game.average_generator),
        ("discriminator", game.discriminator),
        ("classifier", game.average_classifier),
    ):
        assert getattr(saved[name], "optimizer", None) is None
        for mine, theirs in zip(agent.get_weights(), saved[name].get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert game.discriminator.optimizer is not None


def test_the_game_has_no_optimizer_of_its_own():
    assert tiny_trio().optimizer is None


# Files.

RULES = {
    "loss": "relativistic",
    "conditioning": "auxiliary",
    "r1_gamma": 0.5,
    "translation": 2,
    "classifier_translation": 1,
    "ema_decay": 0.75,
    "seed": 11,
}


def test_the_config_goes_round():
    game = tiny_trio(**RULES, optimizer=adam)
    written = json.loads(json.dumps(keras.saving.serialize_keras_object(game)))
    read = keras.saving.deserialize_keras_object(copy.deepcopy(written))  # it empties its argument
    assert type(read) is RelativisticTrio
    assert json.loads(json.dumps(read.get_config())) == written["config"]
    assert {key: getattr(read.options, key) for key in RULES} == RULES
    assert read.num_classes == NUM_CLASSES


def test_a_loaded_game_goes_on_as_if_it_had_never_stopped(tmp_path):
    game = play(tiny_trio(**RULES, optimizer=adam, spectral_norm=True), 1)
    game.save(tmp_path / "game.keras")
    loaded = keras.models.load_model(tmp_path / "game.keras")
    assert loaded.optimizer is None
    assert loaded.step == 1
    assert moved(state(game), state(loaded)) == set()
    before = state(game)
    assert moved(state(play(game, 1)), state(play(loaded, 1))) == set()
    assert moved(before, state(game)) == set(before)


@pytest.mark.slow  # quick: a training that is resumed in `training/test_loop.py`
def test_a_compiled_game_is_loaded_compiled_and_goes_on_by_fit(tmp_path):
    batches = tf.data.Dataset.from_tensors(real_batch()).repeat()

    def fit(game, epochs):
        options = {"steps_per_epoch": 2, "shuffle": False, "verbose": 0}
        history = game.fit(batches, epochs=epochs, initial_epoch=game.step // 2, **options).history
        assert set(history) == RESULTS
        assert np.isfinite(list(history.values())).all()
        return state(game)

    game = tiny_trio(loss="wasserstein", optimizer=adam)
    fit(game, 1)
    game.save(tmp_path / "game.keras")
    loaded = keras.models.load_model(tmp_path / "game.keras")
    assert moved(fit(game, 2), fit(loaded, 2)) == set()
    assert loaded.step == 4
