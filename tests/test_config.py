"""Options are frozen, validated when built, and filled from presets."""

import dataclasses
import json

import pytest

import config
from config import ConfigError, GANConfig


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"game": "chess"}, "--game chess"),
        ({"loss": "l1"}, "--loss l1"),
        ({"conditioning": "psychic"}, "--conditioning psychic"),
        ({"steps": 0}, "--steps 0"),
        ({"minutes": float("nan")}, "--minutes nan"),
        ({"minutes": 0.0}, "--minutes 0.0"),
        ({"batch_size": 1}, "--batch_size 1"),
        ({"seed": -1}, "--seed -1"),
        ({"ema_decay": 1.0}, "--ema_decay 1.0"),
        ({"r1_gamma": float("inf")}, "--r1_gamma inf"),
        ({"generator_width": 0}, "--generator_width 0"),
        ({"discriminator_learning_rate": 0.0}, "--discriminator_learning_rate 0.0"),
        ({"image_size": 30}, "--image_size 30"),
        ({"dataset": "folder"}, "--data_dir"),
        ({"loss": "wasserstein", "spectral_norm": True}, "--spectral_norm"),
    ],
)
def test_a_bad_value_is_named_in_one_line(options, named):
    with pytest.raises(ConfigError) as caught:
        GANConfig(**options)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_is_frozen_and_survives_json():
    original = GANConfig(loss="hinge", minutes=2.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        original.loss = "minimax"
    assert GANConfig(**json.loads(json.dumps(dataclasses.asdict(original)))) == original


@pytest.mark.parametrize("preset", config.PRESET_NAMES)
@pytest.mark.parametrize("dataset", config.DATASETS[1:])
def test_presets_build_and_what_is_given_wins(preset, dataset):
    built = config.from_preset(preset, dataset, data_dir="somewhere", batch_size=7, loss=None)
    assert (built.preset, built.dataset, built.batch_size) == (preset, dataset, 7)
    assert built.loss == GANConfig.loss


def test_presets_grow():
    for presets in (*config.PRESETS.values(), *config.SMALL_PRESETS.values()):
        steps = [presets[name]["steps"] for name in config.PRESET_NAMES]
        assert steps == sorted(steps)
        assert len(set(steps)) == 3


def test_an_unknown_preset_is_refused():
    with pytest.raises(ConfigError, match="--preset huge"):
        config.from_preset("huge", "mnist")


@pytest.mark.parametrize(
    ("images", "batch_size", "steps"),
    [(54_000, 64, 843), (1293, 64, 202), (1293, 4096, 200), (10, 2, 200), (200 * 64, 64, 200)],
)
def test_an_epoch_is_as_many_passes_as_fill_200_steps(images, batch_size, steps):
    built = GANConfig(batch_size=batch_size)
    assert built.steps_per_epoch(images) == steps
    passes = steps * batch_size / images
    assert round(passes) >= 1
    assert abs(passes - round(passes)) * images < batch_size  # whole passes, but for one batch
