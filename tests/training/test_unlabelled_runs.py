"""Whole trainings of the trio without labels."""

import dataclasses
import json

import numpy as np
import pytest

from images.splits import Split
from tests.support.games import moved, state
from tests.support.runs import train
from training.reading import RunError
from training.run_folder import Run

RULES = {"conditioning": "none", "classifier_warp": 0.3, "steps": 4}


def relabelled(dataset):
    """The data set with every label of a real image replaced by that of another."""

    def moved_on(split):
        return Split(split.images, np.roll(split.labels, 7))

    return dataclasses.replace(
        dataset, train=moved_on(dataset.train), validation=moved_on(dataset.validation)
    )


def test_a_run_uses_no_label_and_goes_on_as_if_it_had_never_stopped(tmp_path, digits):
    whole, _ = train(tmp_path / "whole", digits, **RULES)
    train(tmp_path / "halves", relabelled(digits), **{**RULES, "steps": 2})
    halves, _ = train(tmp_path / "halves", relabelled(digits), resume=True, **RULES)
    assert moved(state(whole), state(halves)) == set()
    saved = {path.name for path in tmp_path.glob("whole/*.keras")}
    assert {"generator.keras", "discriminator.keras", "classifier.keras"} <= saved


def test_a_run_of_the_older_rules_is_refused_in_a_line(tmp_path, digits):
    train(tmp_path, digits, **RULES)
    run = Run(tmp_path)
    record = json.loads(run.config_file.read_text())
    del record["config"]["classifier_warp"]
    run.config_file.write_text(json.dumps(record))
    with pytest.raises(RunError, match="without labels of version 0.9 or older") as caught:
        run.read_config()
    assert "\n" not in str(caught.value)
