"""The watch that trips on a collapse and only then."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from tests.support.fakes import (
    IMAGES,
    LABELS,
    FakeGame,
    another_class,
    healthy,
    one_class_only,
    one_image_a_class,
)
from training import collapse


def watch(imagine, logs, looks=3, **options):
    lines = []
    callback = collapse.CollapseWatch(
        IMAGES,
        LABELS,
        announce=lines.append,
        **{"helps": "--r1_gamma 1", "conditional": True, **options},
    )
    callback.set_model(FakeGame(imagine))
    for epoch in range(looks):
        callback.on_epoch_end(epoch, logs)
    return callback.seen, lines


BALANCED = {"D(x)": 0.6, "D(G(z))": 0.4}


def test_the_watch_is_silent_on_a_healthy_game():
    assert watch(healthy, BALANCED) == ([], [])
    assert watch(healthy, BALANCED, conditional=False) == ([], [])
    assert watch(healthy, BALANCED, named=True) == ([], [])
    assert watch(another_class, BALANCED) == ([], [])  # of a game that invents its own classes


def test_the_nearest_image_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (90, 8, 8, 3)).astype(np.uint8)
    labels = random.integers(0, 3, 90).astype(np.int32)
    callback = collapse.CollapseWatch(images, labels, helps="", conditional=True, announce=print)
    pixels = images.reshape(90, -1) / 127.5 - 1
    judge = KNeighborsClassifier(n_neighbors=1).fit(pixels[:45], labels[:45])
    judged = judge.predict(pixels[45:])
    assert callback.real_agreement == np.mean(judged == labels[45:])
    shares = [np.mean(judged == name) for name in range(3)]
    np.testing.assert_array_equal(callback.real_shares, shares)


def test_where_the_nearest_image_tells_no_class_none_is_judged():
    """As in photographs: the pictures of a class have hardly a pixel in common."""
    shuffled = np.random.default_rng(0).permutation(LABELS)
    lines = []
    callback = collapse.CollapseWatch(
        IMAGES, shuffled, announce=lines.append, helps="", conditional=False, named=True
    )
    callback.set_model(FakeGame(one_class_only))
    for epoch in range(3):
        callback.on_epoch_end(epoch, BALANCED)
    assert (callback.seen, lines) == ([], [])


@pytest.mark.parametrize(
    ("imagine", "logs", "named", "sign"),
    [
        (one_class_only, BALANCED, False, "classes"),
        (one_image_a_class, BALANCED, True, "diversity"),
        (another_class, BALANCED, True, "labels"),
        (healthy, {"D(x)": 0.99, "D(G(z))": 0.01}, True, "balance"),
    ],
)
def test_the_watch_trips_once_and_says_what_helps(imagine, logs, named, sign):
    seen, lines = watch(imagine, logs, named=named)
    assert seen == [sign]
    assert len(lines) == 1
    assert lines[0].startswith("warning: ")
    assert "what usually helps: --" in lines[0]
    assert "\n" not in lines[0]


def test_the_watch_waits_for_a_second_look_and_for_the_game_to_begin():
    assert watch(one_image_a_class, BALANCED, looks=1)[0] == []
    assert watch(one_image_a_class, BALANCED, after=5001)[0] == []


def glances(imagine, beliefs, steps=300, per_epoch=10_000, **options):
    """Plays steps of a young game, the beliefs at each one being `beliefs(step)`."""
    told = []
    callback = collapse.CollapseWatch(
        options.pop("images", IMAGES),
        LABELS,
        announce=lambda line: told.append((step, line)),
        **{"helps": "--r1_gamma 1", "conditional": True, **options},
    )
    game = FakeGame(imagine, step=0)
    callback.set_model(game)
    for step in range(1, steps + 1):
        batch = (step - 1) % per_epoch
        if batch == 0:
            game.step = step - 1
            callback.on_epoch_begin(step // per_epoch)
            total = np.zeros(2)
        total = total + beliefs(step)  # logs are means of the epoch so far
        real, fake = total / (batch + 1)
        callback.on_train_batch_end(batch, {"D(x)": real, "D(G(z))": fake})
    return callback.seen, told


def colourful(imagine):
    return lambda labels, rng: np.repeat(imagine(labels, rng), 3, axis=-1)


def one_texture(labels, rng):
    """The same stripes for every latent and class, and a little noise."""
    stripes = np.tile([40, 200], 32).reshape(8, 8, 1)
    return stripes + rng.integers(0, 3, (len(labels), 8, 8, 1))


def faint(labels, rng):
    """A young, healthy generator: its digits are faint, but vary (9 % of the variance)."""
    return (0.3 * healthy(labels, rng) + 80).astype(np.uint8)


def young(step):
    """D(x) and D(G(z)) of a healthy trio on MNIST at its least balanced."""
    return np.array([0.79, 0.27])


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("imagine", [healthy, faint, one_image_a_class])
def test_a_glance_is_silent_on_a_young_and_healthy_game(imagine, conditional):
    assert glances(imagine, young, conditional=conditional) == ([], [])
    coloured = np.repeat(IMAGES, 3, axis=-1)
    assert glances(colourful(imagine), young, images=coloured, conditional=conditional) == ([], [])


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("per_epoch", [100, 130, 10_000])
def test_one_texture_for_everything_is_told_within_300_steps(colour, per_epoch):
    given = {"images": np.repeat(IMAGES, 3, axis=-1)} if colour else {}
    imagine = colourful(one_texture) if colour else one_texture
    seen, told = glances(imagine, young, per_epoch=per_epoch, **given)
    assert seen == ["diversity"]
    ((step, line),) = told
    assert step <= 300
    assert "look alike" in line and "--r1_gamma 1" in line


def test_a_discriminator_that_wins_late_in_a_long_epoch_is_told_within_300_steps():
    """The means of the epoch so far still say that all is well."""
    lost = 5000
    seen, told = glances(
        healthy,
        lambda step: np.array([0.5, 0.5] if step <= lost else [0.99, 0.01]),
        steps=lost + 300,
        samples=50,
    )
    assert seen == ["balance"]
    assert lost < told[0][0] <= lost + 300


def test_a_discriminator_that_wins_at_once_is_told_at_less_certainty():
    """0.88 and 0.11: digits, with a generator that does not learn and the preset's R1."""
    seen, told = glances(healthy, lambda step: np.array([0.88, 0.11]))
    assert (seen, told[0][0]) == (["balance"], 200)
