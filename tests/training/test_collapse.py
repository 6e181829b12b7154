"""The watch that trips on a collapse and only then."""

import pytest

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
        IMAGES, LABELS, announce=lines.append, **{"game": "trio", "conditional": True, **options}
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
