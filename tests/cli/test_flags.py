"""Values as people write them, names that are nearly right, old names, and what --help shows."""

import configparser
import re

import pytest

from games import GAMES, OptionError
from games.base import KINDS
from tests.support.program import CRYPTO, DCGAN, ROOT, parse, refused, run, run_apart, succeeded

TRAIN = ("--mode", "train")
SEND = ("--game", "crypto", "--mode", "send")
GENERATE = ("--mode", "generate")


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ((*TRAIN, "--game", "robust", "--epsilon", "8/255"), "epsilon", 8 / 255),
        ((*TRAIN, "--game", "robust", "--epsilon=0.03"), "epsilon", 0.03),
        ((*TRAIN, "--steps", "1e4"), "steps", 10_000),
        ((*TRAIN, "--steps", "20/2"), "steps", 10),
        ((*TRAIN, "--steps", "10k"), "steps", 10_000),
        ((*TRAIN, "--steps", "1,500,000"), "steps", 1_500_000),
        (("--mode", "export", "--agent", "Generator", "--format", "ONNX"), "agent", "generator"),
        ((*TRAIN, "--dataset", "MNIST"), "dataset", "mnist"),
        ((*TRAIN, "--dataset", "fashion-mnist"), "dataset", "fashion_mnist"),
        ((*TRAIN, "--dataset", "Fashion MNIST"), "dataset", "fashion_mnist"),
        ((*TRAIN, "--loss", "Least-Squares"), "loss", "least_squares"),
        ((*TRAIN, "--refine=false"), "refine", False),
        ((*TRAIN, "--norefine"), "refine", False),
        (("--mode", "TRAIN"), "mode", "train"),
        ((*GENERATE, "--classes", "3-5"), "classes", ["3", "4", "5"]),
        ((*GENERATE, "--classes", "7,0-2, cat"), "classes", ["7", "0", "1", "2", "cat"]),
        ((*GENERATE, "--classes", "ankle-boot"), "classes", ["ankle-boot"]),
        ((*GENERATE, "--digits", "3,1"), "classes", ["3", "1"]),
        ((*GENERATE, "--batch_size", "20"), "samples", 20),
        ((*GENERATE, "--batch-size=20"), "samples", 20),
        ((*GENERATE, "--nice"), "nice", "top"),
        ((*GENERATE, "--nice=drs"), "nice", "drs"),
        ((*TRAIN, "--batch-size", "20"), "batch_size", 20),
        ((*TRAIN, "--path", "generate", "--batch_size", "20"), "batch_size", 20),
    ],
)
def test_a_value_is_understood_as_people_write_it(words, name, value):
    options = parse(*words)
    assert getattr(options, name) == value
    assert type(getattr(options, name)) is type(value)
    assert name in options.given


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((*TRAIN, "--steps", "1.5"), "--steps=1.5: must be a whole number"),
        ((*TRAIN, "--steps", "1e99"), "--steps=1e99: must be a whole number"),
        ((*TRAIN, "--steps", "inf"), "--steps=inf: must be a whole number"),
        ((*TRAIN, "--r1_gamma", "1/0"), "--r1_gamma=1/0: must be a number"),
        ((*TRAIN, "--r1_gamma", "much"), "--r1_gamma=much: must be a number"),
        ((*TRAIN, "--minutes", "inf"), "--minutes inf: must be from"),
        ((*TRAIN, "--dataset", "mnits"), "did you mean mnist?"),
        ((*TRAIN, "--loss", "hing"), "did you mean hinge?"),
        ((*TRAIN, "--game", "robgam"), "did you mean robgan?"),
        (("--mode", "trian"), "did you mean train?"),
        ((*TRAIN, "--batch-sise", "3"), "--batch_sise: there is no such flag"),
        ((*TRAIN, "--batch-sise", "3"), "did you mean --batch_size?"),
        ((*TRAIN, "--r1_gamma", "0,3"), "must be a number; did you mean 0.3?"),
        ((*TRAIN, "--steps", "1,50"), "--steps=1,50: must be a whole number"),
        ((*TRAIN, "--gpu"), "--gpu: there is no such flag; did you mean --device gpu?"),
        ((*TRAIN, "--bs", "3"), "did you mean --batch_size?"),
        (("train",), "did you mean --mode train?"),
        ((*SEND, "good", "morning"), "quote a text of several words: --mode send 'good morning'"),
        (("--game", "crypto", "--mode", "audit", "--output", "-"), "name a file for JSON"),
        ((*TRAIN, "--xyzzy", "3"), "--xyzzy: there is no such flag; see --help"),
        ((*TRAIN, "--game", "finetune"), "must be one of trio, gan, robust, attacked, robgan"),
        ((*GENERATE, "--classes", "5-3"), "5-3 is no range"),
        ((*GENERATE, "--classes", "3,,4"), "must be names or numbers"),
        ((*GENERATE, "--batch_size", "0"), "--samples 0"),
        ((*TRAIN, "--digits", "3"), "--classes: is for --mode generate, not train"),
        (("--mode", "attack", "--attack", "fgms"), "did you mean fgsm?"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_a_way_out(words, named):
    with pytest.raises(OptionError) as caught:
        parse(*words)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_version_is_that_of_the_project():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert succeeded(run("--version")) == setup["metadata"]["version"] + "\n"


def flags_shown(text):
    """The names of the flags that a text of --help lists, in order."""
    return re.findall(r"^  --(\w+)", text, re.MULTILINE)


@pytest.mark.parametrize("game", ["trio", "robgan", "crypto"])
def test_the_help_of_a_game_shows_its_own_options(game):
    shown = flags_shown(succeeded(run("--help", "--game", game)))
    played = [GAMES[game], *(each for each in GAMES.values() if each.parent == game)]
    own = {name for each in played for name in each.fields} - {"game"}
    assert own <= set(shown)
    others = {name for each in GAMES.values() for name in each.fields} - own - {"game"}
    assert others and not others & set(shown)


def test_the_help_of_a_mode_of_a_game_shows_what_that_takes():
    shown = flags_shown(succeeded(run("--help", "--game=gan", "--mode=generate")))
    assert {"samples", "nice", "classes", "truncation", "dataset", "path"} <= set(shown)
    assert len(shown) == len(set(shown))
    every = flags_shown(succeeded(run("--mode", "generate", "--help")))
    assert set(shown) <= set(every)
    assert "sampling_steps" in every  # of the attacked game alone
    assert not {"batch_size", "robustness", "attack"} & set(every)


def test_the_help_of_all_names_every_mode_and_game():
    said = succeeded(run("--help"))
    for name, game in GAMES.items():
        assert (f"--game {name} " in said) == (game.parent is None)
        assert all(f"--mode {mode} " in said for mode in game.modes)


@pytest.mark.parametrize("game", [name for name, each in GAMES.items() if not each.parent])
def test_help_of_a_game_tells_what_its_presets_change_for_every_kind_of_data(game):
    said = " ".join(succeeded(run("--help", "--game", game)).split())
    begin, played = said.index("what each changes:"), GAMES[game]
    for kind, says in {"grey": "", **KINDS}.items():
        presets = played.presets_of(kind)
        if kind != "grey" and presets == played.presets:
            assert f"With {says}:" not in said
            continue
        begin = begin if kind == "grey" else said.index(f"With {says}:")
        end = said.find(" With ", begin + 1)
        told = said[begin : end if end > 0 else said.index("--mode train:", begin)]
        for preset, chosen in presets.items():
            assert f"--preset {preset} " in told
            assert all(f"{name} {value}" in told for name, value in chosen.items())


def test_help_for_what_there_is_not():
    refused(run("--help", "--game", "chess"), 2, "--game chess", "trio")
    refused(run("--help", "--mode", "dream"), 2, "--mode dream", "train")


@pytest.mark.parametrize("words", [("--help", "--game", "robgan"), ("--version",)])
def test_help_and_version_load_no_tensorflow(words):
    code = (
        f"import sys, dcgan; status = dcgan.main(['dcgan.py', *{words!r}]);"
        "sys.exit(status or 'tensorflow' in sys.modules or 'numpy' in sys.modules)"
    )
    succeeded(run_apart(("-c", code), folder=ROOT))


@pytest.mark.parametrize(
    "words", [("--help",), ("--mode", "trian"), ("--mode", "train", "--nice"), ("--version",)]
)
def test_python_m_crypto_is_short_for_the_game(tmp_path, words):
    short = run_apart(CRYPTO, *words, folder=tmp_path)
    long = run_apart(DCGAN, "--game", "crypto", *words, folder=tmp_path)
    assert (short.returncode, short.stdout, short.stderr) == (
        long.returncode,
        long.stdout,
        long.stderr,
    )
