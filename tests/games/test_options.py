"""Options are frozen, checked when built, and filled from presets; a game is data."""

import dataclasses
import json
import re

import pytest

from games import GAMES, OptionError, from_record, kind_of
from games.attacked import AttackedOptions
from games.base import DATASETS, IMAGE_PRESETS, ImageOptions
from games.gan import GANOptions, TrioOptions
from games.robgan import FineTuneOptions, RobGANOptions
from games.robust import RobustOptions

ON_IMAGES = [name for name, game in GAMES.items() if issubclass(game.options, ImageOptions)]
PLACE = {"data_dir": "somewhere"}


def preset(name, dataset="mnist", *, game="trio", **given):
    return GAMES[game].from_preset(name, kind_of(dataset), dataset=dataset, **PLACE, **given)


@pytest.mark.parametrize(
    ("game", "options", "named"),
    [
        ("trio", {"game": "chess"}, "--game chess"),
        ("trio", {"preset": "huge"}, "--preset huge"),
        ("trio", {"dataset": "cats"}, "--dataset cats"),
        ("trio", {"loss": "l1"}, "--loss l1"),
        ("trio", {"conditioning": "psychic"}, "--conditioning psychic"),
        ("trio", {"steps": 0}, "--steps 0"),
        ("trio", {"minutes": float("nan")}, "--minutes nan"),
        ("trio", {"minutes": 0.0}, "--minutes 0.0"),
        ("trio", {"batch_size": 1}, "--batch_size 1"),
        ("trio", {"seed": -1}, "--seed -1"),
        ("trio", {"ema_decay": 1.0}, "--ema_decay 1.0"),
        ("trio", {"r1_gamma": float("inf")}, "--r1_gamma inf"),
        ("trio", {"generator_width": 0}, "--generator_width 0"),
        ("trio", {"discriminator_learning_rate": 0.0}, "--discriminator_learning_rate 0.0"),
        ("trio", {"image_size": 30}, "--image_size 30"),
        ("trio", {"dataset": "folder", "data_dir": None}, "--data_dir"),
        ("trio", {"loss": "wasserstein", "spectral_norm": True}, "--spectral_norm"),
        ("robust", {"game": "trio"}, "--game trio"),
        ("robust", {"loss": "hinge"}, "--loss hinge"),
        ("robust", {"norm": "l1"}, "--norm l1"),
        ("robust", {"epsilon": -0.1}, "--epsilon -0.1"),
        ("robust", {"epsilon": 1.5}, "--epsilon 1.5"),
        ("robust", {"epsilon": float("nan")}, "--epsilon nan"),
        ("robust", {"attack_steps": 0}, "--attack_steps 0"),
        ("robust", {"step_size": 0.0}, "--step_size 0.0"),
        ("robust", {"step_size": 0.04}, "--step_size 0.04: 7 such steps never reach"),
        ("robust", {"step_size": 0.1, "loss": "fast"}, "--step_size 0.1: 1 such steps never reach"),
        ("robust", {"trades_beta": -1.0}, "--trades_beta -1.0"),
        ("robust", {"ramp_steps": -1}, "--ramp_steps -1"),
        ("robust", {"contrast": -1.0}, "--contrast -1.0"),
        ("robust", {"ema_decay": 1.0}, "--ema_decay 1.0"),
        ("robust", {"classifier_width": 0}, "--classifier_width 0"),
        (
            "robust",
            {"classifier_learning_rate": float("inf")},
            "--classifier_learning_rate inf",
        ),
        ("attacked", {"game": "robust"}, "--game robust"),
        ("attacked", {"norm": "l0"}, "--norm l0"),
        ("attacked", {"epsilon": -1.0}, "--epsilon -1.0"),
        ("attacked", {"epsilon": 1.01, "norm": "linf"}, "--epsilon 1.01"),
        ("attacked", {"epsilon": 20.0}, "--step_size 0.5: 25 such steps never reach"),
        ("attacked", {"first_steps": 26}, "--first_steps 26"),
        ("attacked", {"first_steps": 0}, "--first_steps 0"),
        ("attacked", {"pool_size": 99}, "--pool_size 99"),
        ("attacked", {"pool_size": 9}, "--pool_size 9"),
        ("attacked", {"sampling_steps": 7}, "--sampling_steps 7"),
        ("attacked", {"r1_gamma": float("nan")}, "--r1_gamma nan"),
        ("attacked", {"discriminator_width": 2000}, "--discriminator_width 2000"),
        ("attacked", {"jit": True}, "--jit: XLA cannot compile --game attacked"),
        ("robgan", {"game": "finetune"}, "--game finetune"),
        ("robgan", {"recipe": "nonsense"}, "--recipe nonsense: must be one of stable, original"),
        ("robgan", {"loss": "madry"}, "--loss madry: must be one of robgan, acgan"),
        ("robgan", {"pooling": "max"}, "--pooling max: must be one of mean, sum"),
        ("robgan", {"discriminator_steps": 0}, "--discriminator_steps 0"),
        ("robgan", {"epsilon": 1.5}, "--epsilon 1.5"),
        ("robgan", {"step_size": 0.05}, "--step_size 0.05: 5 such steps never reach"),
        ("finetune", {"game": "robgan"}, "--game robgan"),
        ("finetune", {"fake_weight": -1.0}, "--fake_weight -1.0"),
        ("finetune", {"fake_weight": float("nan")}, "--fake_weight nan"),
        ("finetune", {"step_size": 0.04}, "--step_size 0.04: 7 such steps never reach"),
        ("crypto", {"preset": "standard"}, "--preset standard: must be one of secret"),
        ("crypto", {"message_bits": 1}, "--message_bits 1"),
        ("crypto", {"audit_every": 150}, "--audit_every 150"),
    ],
)
def test_a_bad_value_is_named_in_one_line(game, options, named):
    with pytest.raises(OptionError) as caught:
        GAMES[game].options(**{"game": game, **options})
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_at_the_edge_are_allowed():
    RobustOptions(game="robust", epsilon=0.0, ramp_steps=0, contrast=0.0)
    RobustOptions(game="robust", epsilon=1.0, attack_steps=1, step_size=1.0)
    RobustOptions(game="robust", epsilon=2.0, norm="l2")
    AttackedOptions(game="attacked", pool_size=100, first_steps=25, epsilon=12.5)


@pytest.mark.parametrize(
    "original",
    [
        TrioOptions(game="trio", loss="hinge", minutes=2.5),
        GANOptions(game="gan", translation=3),
        RobustOptions(game="robust", loss="trades", step_size=0.2),
        AttackedOptions(game="attacked", epsilon=0.5, norm="linf", minutes=2.5),
        RobGANOptions(game="robgan", recipe="original", batch_norm=True, loss="acgan"),
        FineTuneOptions(game="finetune", fake_weight=0.0, step_size=0.1),
        GAMES["crypto"].from_preset("paper"),
    ],
)
def test_they_are_frozen_and_a_record_of_them_can_be_read(original):
    with pytest.raises(dataclasses.FrozenInstanceError):
        original.seed = 1
    record = json.loads(json.dumps(dataclasses.asdict(original)))
    assert from_record(record) == original
    with pytest.raises(TypeError):
        from_record({**record, "pool": 8})


def test_records_of_version_0_7_are_read():
    trio = dataclasses.asdict(GAMES["trio"].from_preset("quick", "small", dataset="digits"))
    later = {"style", "mirror", "beta_1", "beta_2", "falling"}
    old = {name: value for name, value in trio.items() if name not in later}
    gan = from_record({**old, "game": "gan"})  # it held the trio's options, too
    assert (type(gan), gan.steps, gan.r1_gamma) == (GANOptions, trio["steps"], trio["r1_gamma"])
    cipher = dataclasses.asdict(GAMES["crypto"].from_preset("paper"))
    del cipher["game"]
    assert from_record(cipher) == GAMES["crypto"].from_preset("paper")


@pytest.mark.parametrize("game", ON_IMAGES)
@pytest.mark.parametrize("name", IMAGE_PRESETS)
@pytest.mark.parametrize("dataset", DATASETS[1:])
def test_presets_build_for_every_game_and_what_is_given_wins(game, name, dataset):
    built = preset(name, dataset, game=game, seed=3, batch_size=7, epochs=None)
    assert type(built) is GAMES[game].options
    assert (built.game, built.preset, built.dataset, built.seed) == (game, name, dataset, 3)
    assert built.batch_size == 7
    assert from_record(json.loads(json.dumps(dataclasses.asdict(built)))) == built


@pytest.mark.parametrize("game", ["robust", "robgan"])
def test_presets_know_the_kinds_of_images(game):
    built = {dataset: preset("quick", dataset, game=game) for dataset in DATASETS[1:]}
    assert {dataset: options.epsilon for dataset, options in built.items()} == {
        **{"mnist": 0.3, "fashion_mnist": 0.3, "digits": 0.1},
        **{"cifar10": 8 / 255, "folder": 8 / 255},
    }
    colour = {dataset for dataset in built if built[dataset].contrast == 0}
    assert colour == {"cifar10", "folder"}
    assert preset("quick", "digits", game=game, epsilon=0.0).epsilon == 0.0


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        (("mnist",), "grey"),
        (("digits",), "small"),
        (("cifar10",), "colour"),
        (("folder", 32, 3), "colour"),
        (("folder", 32, 1), "grey"),
        (("folder", 8, 1), "small"),
        (("stacked_mnist", 28, 3), "stacked"),
        (("ring",), "points"),
    ],
)
def test_presets_depend_on_the_kind_of_a_data_set(known, kind):
    assert kind_of(*known) == kind


@pytest.mark.parametrize("dataset", ["mnist", "digits", "cifar10"])
def test_the_original_recipe_is_the_published_game_and_what_is_given_wins(dataset):
    def built(**given):
        return dataclasses.asdict(preset("quick", dataset, game="robgan", **given))

    stable, original = built(recipe="stable"), built(recipe="original")
    assert built() == stable
    changed = {name: value for name, value in original.items() if value != stable[name]}
    assert changed == {
        **{"recipe": "original", "discriminator_steps": 5, "r1_gamma": 0.0},
        **{"pooling": "sum", "batch_norm": True, "attacked": "both", "relativistic": False},
        **{"conditioning": "none", "class_weight": 1.0, "realness_width": 0},
        "generator": "residual",
    }
    given = {"discriminator_steps": 2, "r1_gamma": 0.5, "pooling": "mean", "batch_norm": False}
    assert built(recipe="original", **given) == {**original, **given}
    with pytest.raises(OptionError, match="--recipe nonsense: must be one of stable, original"):
        built(recipe="nonsense")


@pytest.mark.parametrize(
    ("game", "option", "owners"),
    [
        ("robust", {"latent_dim": 8}, "trio or gan or robgan"),
        ("gan", {"conditioning": "none"}, "trio or robgan"),
        ("trio", {"sampling_steps": 9}, "attacked"),
        ("gan", {"epsilon": 0.1}, "robust or attacked or robgan or finetune"),
        ("attacked", {"trades_beta": 1.0}, "robust"),
        ("robust", {"r1_gamma": 1.0}, "trio or gan or attacked or robgan"),
        ("finetune", {"recipe": "stable"}, "robgan"),
        ("robgan", {"fake_weight": 1.0}, "finetune"),
        ("robgan", {"key_bits": 4}, "crypto"),
    ],
)
def test_an_option_of_another_game_is_refused(game, option, owners):
    (name,) = option
    with pytest.raises(OptionError, match=f"--{name}: is for --game {owners}, not {game}"):
        preset("quick", game=game, **option)


@pytest.mark.parametrize("dataset", ["mnist", "digits", "cifar10"])
@pytest.mark.parametrize("game", ON_IMAGES)
def test_presets_grow(game, dataset):
    chosen = [preset(name, dataset, game=game) for name in IMAGE_PRESETS]
    images = [each.steps * each.batch_size for each in chosen]
    assert images == sorted(images)
    assert len(set(images)) == 3


@pytest.mark.parametrize("game", ["trio", "gan"])
def test_short_runs_on_grey_images_have_narrow_agents(game):
    def widths(name, dataset):
        built = preset(name, dataset, game=game)
        short = name in ("quick", "standard") and dataset in ("mnist", "fashion_mnist")
        assert (built.refine, built.batch_size) == ((False, 32) if short else (True, 64))
        return built.generator_width, built.discriminator_width

    assert widths("quick", "mnist") == widths("standard", "fashion_mnist") == (16, 24)
    assert widths("best", "mnist") == widths("quick", "digits") == (32, 48)


def test_an_unknown_preset_is_refused():
    with pytest.raises(OptionError, match="--preset huge"):
        preset("huge")


@pytest.mark.parametrize(
    ("images", "batch_size", "steps"),
    [(54_000, 64, 843), (1293, 64, 202), (1293, 4096, 200), (10, 2, 200), (200 * 64, 64, 200)],
)
def test_an_epoch_is_as_many_passes_as_fill_200_steps(images, batch_size, steps):
    built = GANOptions(game="gan", batch_size=batch_size)
    assert built.steps_per_epoch(images) == steps
    passes = steps * batch_size / images
    assert round(passes) >= 1
    assert abs(passes - round(passes)) * images < batch_size  # whole passes, but for one batch


def test_a_default_stands_once():
    """What a game plays by if nothing is said is what its options say, and nothing else."""
    for name, game in GAMES.items():
        built = game.options(game=name, **PLACE) if game.options.PLACES else game.options(game=name)
        for field in dataclasses.fields(built):
            if field.name not in ("game", "data_dir"):
                assert getattr(built, field.name) == field.default


def test_a_rob_gan_of_version_0_8_goes_on_by_its_own_rules():
    today = preset("quick", "mnist", game="robgan")
    record = dataclasses.asdict(today)
    older = {name: value for name, value in record.items() if name not in GAMES["robgan"].before}
    read = from_record(older)
    assert dataclasses.asdict(read) == {**record, **GAMES["robgan"].before}
    assert (read.attacked, read.realness_width, read.generator) == ("both", 0, "residual")
    assert from_record(record) == today


@pytest.mark.parametrize("dataset", ["mnist", "digits", "cifar10"])
@pytest.mark.parametrize("name", IMAGE_PRESETS)
def test_without_labels_a_run_has_as_many_images_in_larger_batches(name, dataset):
    labelled, found = preset(name, dataset), preset(name, dataset, conditioning="none")
    assert found.steps * found.batch_size == labelled.steps * labelled.batch_size
    assert (found.batch_size, found.classifier_warp > 0) == (128, True)
    changed = {"conditioning", "batch_size", "steps", "classifier_warp"}
    changed |= {"classifier_learning_rate"} | (
        {"label_matching"} if dataset == "cifar10" else set()
    )
    for field in dataclasses.fields(found):
        same = getattr(found, field.name) == getattr(labelled, field.name)
        assert same == (field.name not in changed), field.name
    given = {"steps": 7, "batch_size": 32, "classifier_warp": 0.1}
    wins = dataclasses.asdict(preset(name, dataset, conditioning="none", **given))
    assert wins == {**dataclasses.asdict(found), **given}


def test_a_run_without_labels_of_version_0_9_is_refused():
    record = dataclasses.asdict(preset("quick", "mnist", conditioning="none"))
    del record["classifier_warp"]
    with pytest.raises(OptionError, match="without labels of version 0.9 or older"):
        from_record(record)


def test_only_a_projection_matches_labels():
    assert preset("best", "cifar10").label_matching == 0.1
    assert preset("best", "cifar10", conditioning="projection").label_matching == 0.1
    found = preset("best", "cifar10", conditioning="auxiliary")
    assert (found.label_matching, found.steps) == (0.0, preset("best", "cifar10").steps)
    for conditioning in ("auxiliary", "none"):
        with pytest.raises(OptionError, match="--label_matching 0.2: needs --conditioning proj"):
            preset("quick", "mnist", conditioning=conditioning, label_matching=0.2)


def test_what_cannot_be_played_without_labels_is_refused():
    with pytest.raises(OptionError, match="--conditioning none: finds classes of images"):
        GAMES["trio"].from_preset("quick", "points", dataset="ring", conditioning="none")
    with pytest.raises(OptionError, match="need each other"):
        preset("quick", "mnist", classifier_warp=0.2)


@pytest.mark.parametrize(
    ("game", "dataset"),
    [*((name, "mnist") for name in ON_IMAGES), ("gan", "ring"), ("trio", "grid")],
)
def test_what_is_advised_after_a_collapse_can_be_played(game, dataset):
    played, kind = GAMES[game], kind_of(dataset)
    advice = played.points_help if kind == "points" else played.collapse_help
    given = re.findall(r"(?<!lower )--(\w+)(?: ([\w.]+))?", advice)
    assert given or not advice
    for name, text in given:
        value = type(played.fields[name].default)(text) if text else True
        chosen = played.from_preset("quick", kind, dataset=dataset, **{name: value})
        assert getattr(chosen, name) == value
