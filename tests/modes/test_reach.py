"""Radii beyond all images, models that attacks cannot use, and agents for large images."""

import dataclasses

import numpy as np
import pytest

from attacks.attacker import check_classifier
from games import GAMES, OptionError
from games.option import check_reach
from models.sampling import Progress


@pytest.mark.parametrize(
    ("norm", "shape", "largest"),
    [("l2", (28, 28, 1), "28"), ("l2", (8, 8, 3), "13.86"), ("linf", (8, 8, 1), "1")],
)
def test_a_radius_beyond_all_images_is_refused_with_the_largest(norm, shape, largest):
    with pytest.raises(OptionError, match=f"--epsilon 255: {largest} is the largest"):
        check_reach(255, norm, shape)
    check_reach(float(largest), norm, shape)


def test_a_model_with_a_single_output_is_no_classifier_to_attack():
    with pytest.raises(ValueError, match="single output"):
        check_classifier(lambda x: x[:, 0, 0], np.zeros((2, 8, 8, 1), np.float32), np.array([0]))


def test_large_images_get_narrow_agents_and_usual_ones_the_usual():
    for game in (GAMES[name] for name in ("trio", "robust", "robgan", "attacked")):
        options = game.from_preset("standard", "colour")
        assert game.narrower(options, 32) == {}
        assert game.narrower(options, 64) == {}
        narrow = dataclasses.replace(options, **game.narrower(options, 256))
        widths = [getattr(narrow, name) for name in game.fields if name.endswith("_width")]
        assert widths and max(widths) <= 12


def test_a_long_drawing_says_how_far_it_is():
    lines, times = [], iter([0, 5, 12, 15, 30])
    progress = Progress(lines.append, 100, clock=lambda: next(times))
    for done in (10, 20, 30, 100):
        progress(done)
    assert lines == ["20 of 100 drawn, 0.8 min left"]
