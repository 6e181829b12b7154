"""Options are frozen, validated when built, and filled from presets."""

import dataclasses
import json

import pytest
from games.config import (
    AttackedConfig,
    FineTuneConfig,
    GANConfig,
    OptionError,
    RobGANConfig,
    RobustConfig,
)

from games import config, presets


def refused(kind, options, named):
    with pytest.raises(OptionError) as caught:
        kind(**options)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


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
    refused(GANConfig, options, named)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"game": "trio"}, "--game trio"),
        ({"loss": "hinge"}, "--loss hinge"),
        ({"norm": "l1"}, "--norm l1"),
        ({"epsilon": -0.1}, "--epsilon -0.1"),
        ({"epsilon": 1.5}, "--epsilon 1.5"),
        ({"epsilon": float("nan")}, "--epsilon nan"),
        ({"attack_steps": 0}, "--attack_steps 0"),
        ({"step_size": 0.0}, "--step_size 0.0"),
        ({"step_size": 0.04}, "--step_size 0.04: 7 such steps never reach"),
        ({"step_size": 0.1, "loss": "fast"}, "--step_size 0.1: 1 such steps never reach"),
        ({"trades_beta": -1.0}, "--trades_beta -1.0"),
        ({"ramp_steps": -1}, "--ramp_steps -1"),
        ({"contrast": -1.0}, "--contrast -1.0"),
        ({"ema_decay": 1.0}, "--ema_decay 1.0"),
        ({"classifier_width": 0}, "--classifier_width 0"),
        ({"classifier_learning_rate": float("inf")}, "--classifier_learning_rate inf"),
    ],
)
def test_a_bad_value_of_a_robust_classifier(options, named):
    refused(RobustConfig, {"game": "robust", **options}, named)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"game": "robust"}, "--game robust"),
        ({"norm": "l0"}, "--norm l0"),
        ({"epsilon": -1.0}, "--epsilon -1.0"),
        ({"epsilon": 1.01, "norm": "linf"}, "--epsilon 1.01"),
        ({"epsilon": 20.0}, "--step_size 0.5: 25 such steps never reach"),
        ({"first_steps": 26}, "--first_steps 26"),
        ({"first_steps": 0}, "--first_steps 0"),
        ({"pool_size": 99}, "--pool_size 99"),
        ({"pool_size": 9}, "--pool_size 9"),
        ({"sampling_steps": 7}, "--sampling_steps 7"),
        ({"r1_gamma": float("nan")}, "--r1_gamma nan"),
        ({"discriminator_width": 2000}, "--discriminator_width 2000"),
        ({"discriminator_learning_rate": 0.0}, "--discriminator_learning_rate 0.0"),
    ],
)
def test_a_bad_value_of_an_attacked_discriminator(options, named):
    refused(AttackedConfig, {"game": "attacked", **options}, named)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"game": "finetune"}, "--game finetune"),
        ({"recipe": "nonsense"}, "--recipe nonsense: must be one of stable, original"),
        ({"loss": "madry"}, "--loss madry: must be one of robgan, acgan"),
        ({"pooling": "max"}, "--pooling max: must be one of mean, sum"),
        ({"discriminator_steps": 0}, "--discriminator_steps 0"),
        ({"epsilon": 1.5}, "--epsilon 1.5"),
        ({"step_size": 0.05}, "--step_size 0.05: 5 such steps never reach"),
    ],
)
def test_a_bad_value_of_a_rob_gan(options, named):
    refused(RobGANConfig, {"game": "robgan", **options}, named)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"game": "robgan"}, "--game robgan"),
        ({"fake_weight": -1.0}, "--fake_weight -1.0"),
        ({"fake_weight": float("nan")}, "--fake_weight nan"),
        ({"step_size": 0.04}, "--step_size 0.04: 7 such steps never reach"),
    ],
)
def test_a_bad_value_of_a_fine_tuning(options, named):
    refused(FineTuneConfig, {"game": "finetune", **options}, named)


def test_values_at_the_edge_are_allowed():
    RobustConfig(game="robust", epsilon=0.0, ramp_steps=0, contrast=0.0)
    RobustConfig(game="robust", epsilon=1.0, attack_steps=1, step_size=1.0)
    RobustConfig(game="robust", epsilon=2.0, norm="l2")
    AttackedConfig(game="attacked", pool_size=100, first_steps=25, epsilon=12.5)


@pytest.mark.parametrize(
    "original",
    [
        RobustConfig(game="robust", loss="trades", step_size=0.2),
        AttackedConfig(game="attacked", epsilon=0.5, norm="linf", minutes=2.5),
        RobGANConfig(game="robgan", recipe="original", batch_norm=True, loss="acgan"),
        FineTuneConfig(game="finetune", fake_weight=0.0, step_size=0.1),
    ],
)
def test_a_record_of_any_game_can_be_read(original):
    record = json.loads(json.dumps(dataclasses.asdict(original)))
    assert config.from_record(record) == original
    with pytest.raises(TypeError):
        config.from_record({**record, "pool": 8})


@pytest.mark.parametrize("game", config.GAMES)
@pytest.mark.parametrize("preset", config.PRESET_NAMES)
@pytest.mark.parametrize("dataset", config.DATASETS[1:])
def test_presets_build_for_every_game(game, preset, dataset):
    built = presets.from_preset(preset, dataset, game=game, data_dir="somewhere", seed=3)
    assert type(built) is config.GAMES[game]
    assert (built.game, built.preset, built.dataset, built.seed) == (game, preset, dataset, 3)
    assert config.from_record(json.loads(json.dumps(dataclasses.asdict(built)))) == built


@pytest.mark.parametrize("game", ["robust", "robgan"])
def test_presets_know_the_kinds_of_images(game):
    built = {
        dataset: presets.from_preset("quick", dataset, game=game, data_dir="x")
        for dataset in config.DATASETS[1:]
    }
    epsilons = {dataset: built[dataset].epsilon for dataset in built}
    assert epsilons == {
        **{"mnist": 0.3, "fashion_mnist": 0.3, "digits": 0.1},
        **{"cifar10": 8 / 255, "folder": 8 / 255},
    }
    colour = {dataset for dataset in built if built[dataset].contrast == 0}
    assert colour == {"cifar10", "folder"}
    assert presets.from_preset("quick", "digits", game=game, epsilon=0.0).epsilon == 0.0


@pytest.mark.parametrize("dataset", ["mnist", "digits", "cifar10"])
def test_the_original_recipe_is_four_rules_and_what_is_given_wins(dataset):
    def built(**given):
        return dataclasses.asdict(presets.from_preset("quick", dataset, game="robgan", **given))

    stable, original = built(recipe="stable"), built(recipe="original")
    assert built() == stable
    changed = {name: value for name, value in original.items() if value != stable[name]}
    assert changed == {
        **{"recipe": "original", "discriminator_steps": 5, "r1_gamma": 0.0},
        **{"pooling": "sum", "batch_norm": True},
    }
    given = {"discriminator_steps": 2, "r1_gamma": 0.5, "pooling": "mean", "batch_norm": False}
    assert built(recipe="original", **given) == {**original, **given}
    with pytest.raises(OptionError, match="--recipe nonsense: must be one of stable, original"):
        built(recipe="nonsense")


def test_fine_tuning_goes_on_with_a_game_and_is_none_to_play():
    assert set(config.GAMES) - set(config.PLAYED) == {"finetune"}
    with pytest.raises(OptionError, match="--game finetune: must be one of"):
        config.Config(game="finetune")
    names = config.options_of_games("robgan", "finetune")
    assert len(names) == len(set(names))
    assert {"recipe", "fake_weight"} <= set(names)


@pytest.mark.parametrize(
    ("game", "option", "owners"),
    [
        ("robust", {"latent_dim": 8}, "trio or gan or robgan"),
        ("trio", {"sampling_steps": 9}, "attacked"),
        ("gan", {"epsilon": 0.1}, "robust or attacked or robgan or finetune"),
        ("attacked", {"trades_beta": 1.0}, "robust"),
        ("robust", {"r1_gamma": 1.0}, "trio or gan or attacked or robgan"),
        ("finetune", {"recipe": "stable"}, "robgan"),
        ("robgan", {"fake_weight": 1.0}, "finetune"),
    ],
)
def test_an_option_of_another_game_is_refused(game, option, owners):
    (name,) = option
    with pytest.raises(OptionError, match=f"--{name}: is for --game {owners}, not {game}"):
        presets.from_preset("quick", "mnist", game=game, **option)


def test_it_is_frozen_and_survives_json():
    original = GANConfig(loss="hinge", minutes=2.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        original.loss = "minimax"
    assert GANConfig(**json.loads(json.dumps(dataclasses.asdict(original)))) == original


@pytest.mark.parametrize("preset", config.PRESET_NAMES)
@pytest.mark.parametrize("dataset", config.DATASETS[1:])
def test_presets_build_and_what_is_given_wins(preset, dataset):
    built = presets.from_preset(preset, dataset, data_dir="somewhere", batch_size=7, loss=None)
    assert (built.preset, built.dataset, built.batch_size) == (preset, dataset, 7)
    assert built.loss == GANConfig.loss


@pytest.mark.parametrize("dataset", ["mnist", "digits"])
@pytest.mark.parametrize("game", presets.PRESETS)
def test_presets_grow(game, dataset):
    chosen = [presets.from_preset(name, dataset, game=game) for name in config.PRESET_NAMES]
    images = [each.steps * each.batch_size for each in chosen]
    assert images == sorted(images)
    assert len(set(images)) == 3


@pytest.mark.parametrize("game", ["trio", "gan"])
def test_short_runs_on_grey_images_have_narrow_agents(game):
    def widths(preset, dataset):
        built = presets.from_preset(preset, dataset, game=game, data_dir="x")
        short = preset in ("quick", "standard") and dataset in ("mnist", "fashion_mnist")
        assert (built.refine, built.batch_size) == ((False, 32) if short else (True, 64))
        return built.generator_width, built.discriminator_width, built.classifier_width

    assert widths("quick", "mnist") == widths("standard", "fashion_mnist") == (16, 24, 16)
    for preset, dataset in (("best", "mnist"), ("standard", "cifar10"), ("quick", "digits")):
        assert widths(preset, dataset) == (32, 48, 32)


def test_an_unknown_preset_is_refused():
    with pytest.raises(OptionError, match="--preset huge"):
        presets.from_preset("huge", "mnist")


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
