"""Whole trainings of the trio without labels."""

import dataclasses

import numpy as np

from images.splits import Split
from tests.support.games import moved, state
from tests.support.runs import train

RULES = {"conditioning": "none", "classifier_warp": 0.3, "steps": 2}


def relabelled(dataset):
    """The data set with every label of a real image replaced by that of another."""

    def moved_on(split):
        return Split(split.images, np.roll(split.labels, 7))

    return dataclasses.replace(
        dataset, train=moved_on(dataset.train), validation=moved_on(dataset.validation)
    )


def test_a_run_uses_no_label_and_goes_on_as_if_it_had_never_stopped(tmp_path, digits):
    whole, _ = train(tmp_path / "whole", digits, **RULES)
    train(tmp_path / "halves", relabelled(digits), **{**RULES, "steps": 1})
    halves, _ = train(tmp_path / "halves", relabelled(digits), resume=True, **RULES)
    assert moved(state(whole), state(halves)) == set()
