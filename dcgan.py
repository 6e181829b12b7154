"""Adversarial games on images: train the agents, look at what they make, measure how good it is.

python dcgan.py --mode train                  three agents play; runs/trio-mnist holds the result
python dcgan.py --mode generate --nice        a grid of their best digits
python dcgan.py --mode interpolate            a film of digits that turn into each other
python dcgan.py --mode attack                 small changes that the classifier falls for
python dcgan.py --mode evaluate               how good they are, in figures
python dcgan.py --mode export                 an agent as a file for other programs

--game trio      generator, discriminator, and a classifier that never sees a real image
--game gan       generator and discriminator
--game robust    a classifier that is attacked while it learns
--game attacked  a discriminator that is attacked until noise looks real to it: no generator
--game robgan    generator, discriminator and attacker; --mode finetune then makes the
                 discriminator a robust classifier
"""

import sys
import types

from absl import flags

from cli import terminal
from devices import cluster
from games import config as configs
from games import fields, presets

MODES = ("train", "finetune", "generate", "interpolate", "attack", "evaluate", "export")
DEVICES = ("cpu", "gpu")
FLAGS = flags.FLAGS

flags.DEFINE_enum("mode", None, MODES, "What to do.")
flags.DEFINE_enum("game", "trio", list(configs.PLAYED), "Who plays against whom.")
flags.DEFINE_enum(
    "dataset", "auto", configs.DATASETS, "auto is MNIST where it can be had, else digits."
)
flags.DEFINE_string("data_dir", None, "Folder with the data: mnist.npz, IDX files, or CLASS/*.png.")
flags.DEFINE_string("path", None, "The run folder; runs/<game>-<dataset> if not given.")
flags.DEFINE_enum("device", None, DEVICES, "Where to compute; a GPU if there is one.")
flags.DEFINE_integer("seed", None, "From which every random number is drawn; 0 if not given.")
flags.DEFINE_integer(
    "batch_size", None, "Images of a step, or of a grid; the game's own number if not given."
)

flags.DEFINE_enum("preset", "standard", configs.PRESET_NAMES, "How long and how well to train.")
flags.DEFINE_integer("epochs", None, "Length of the run in epochs.")
flags.DEFINE_integer("steps", None, "Length of the run in steps.")
flags.DEFINE_float("minutes", None, "Length of the run on the clock.")
flags.DEFINE_boolean("resume", False, "Go on with the run in the folder.")
flags.DEFINE_boolean("overwrite", False, "Start anew in a folder that holds a run.")
flags.DEFINE_enum(
    "distribute",
    "none",
    configs.DISTRIBUTIONS,
    "Share each batch among all devices of this machine, or of the workers that TF_CONFIG names.",
)

flags.DEFINE_enum(
    "nice", None, ("top", "drs"), "Keep the best 5 %, or =drs, discriminator rejection sampling."
)
flags.DEFINE_list("digits", None, "The classes to draw, such as 3,1,4.")
flags.DEFINE_float("truncation", None, "Cut the latents off at this many standard deviations.")
flags.DEFINE_string("arrays", None, "Also write images, labels and scores to this .npz file.")
flags.DEFINE_string("output", None, "Folder for what is written; evaluate's is the run folder.")
flags.DEFINE_integer("samples", None, "Images that are judged or attacked.")
flags.DEFINE_boolean("robustness", False, "Judge the classifier, under attack.")
flags.DEFINE_string("image", None, "A picture to attack; test images if not given.")
flags.DEFINE_integer(
    "label", None, "What the picture shows; what the classifier says if not given."
)
flags.DEFINE_integer("target", None, "The class to be taken for; any other one if not given.")
flags.DEFINE_string("agent", None, "Whom to export: generator, discriminator or classifier.")
flags.DEFINE_string("format", None, f"The file's: {', '.join(fields.EXPORT_FORMATS)}.")


def define(name, fields):
    """Defines the flag of an option, for whichever games have one of this name."""
    says = " Or: ".join(dict.fromkeys(field.metadata["says"] for field in fields))
    choices = dict.fromkeys(c for field in fields for c in field.metadata["choices"] or ())
    kind = str(fields[0].type)
    if choices:
        flags.DEFINE_enum(name, None, list(choices), says)
    elif "bool" in kind:
        flags.DEFINE_boolean(name, None, says)
    elif "float" in kind:
        flags.DEFINE_float(name, None, says)
    else:
        flags.DEFINE_integer(name, None, says)


for _name, _fields in configs.GAME_OPTIONS.items():
    define(_name, _fields)

GENERAL_FLAGS = ("mode", "game", "dataset", "path", "seed", "device")
LENGTH_FLAGS = ("epochs", "steps", "minutes")
ATTACK_FLAGS = ("epsilon", "norm", "attack_steps", "step_size")
TRAINING_FLAGS = ("preset", *LENGTH_FLAGS, "resume", "overwrite", "distribute", "data_dir") + (
    "batch_size",
)
MODE_FLAGS = {
    "train": (*TRAINING_FLAGS, *configs.options_of_games(*configs.PLAYED)),
    "finetune": (*TRAINING_FLAGS, *configs.options_of_games("finetune")),
    "generate": ("batch_size", "nice", "digits", "truncation", "sampling_steps", "arrays")
    + ("output",),
    "interpolate": ("truncation", "output"),
    "attack": ("image", "label", "target", "samples", "data_dir", "output", *ATTACK_FLAGS),
    "evaluate": ("data_dir", "samples", "truncation", "sampling_steps", "robustness", "epsilon")
    + ("norm", "output"),
    "export": ("agent", "format", "output"),
}
MODE_GAMES = {
    "train": configs.PLAYED,
    "finetune": ("robgan",),
    "generate": ("trio", "gan", "attacked", "robgan"),
    "interpolate": ("trio", "gan", "robgan"),
    "attack": ("trio", "robust", "attacked", "robgan"),
    "evaluate": configs.PLAYED,
    "export": configs.PLAYED,
}
LIMITS = {
    "epochs": (1, 1_000_000),
    "batch_size": (1, 65_536),
    "seed": (0, 1_000_000),
    "truncation": (0.01, 10),
    "label": (0, 1_000_000),
    "target": (0, 1_000_000),
}
SAMPLES = {"evaluate": (100, 1_000_000), "attack": (1, 1_000_000)}


def parse(argv):
    """Reads the flags, `--batch-size` as `--batch_size`, and refuses what the mode does not use.

    Args:
        argv: list of str, the program first.
    Returns:
        SimpleNamespace: the value of every flag, and `given`, the set of those on the line.
    Raises:
        ConfigError: for a bad flag, a stray word, a bad value, or a flag of another mode.
    """
    words = [argv[0]]
    for word in argv[1:]:
        words.append("--nice=top" if word == "--nice" else terminal.underscored(word))
    try:
        stray = FLAGS(words)[1:]
    except flags.Error as error:
        raise configs.ConfigError(" ".join(str(error).split())) from None
    if stray:
        raise configs.ConfigError(f"{stray[0]}: a word that belongs to no flag; see --help")
    if FLAGS.mode is None:
        raise configs.ConfigError(f"--mode: say one of {', '.join(MODES)}; see --help")
    names = {*GENERAL_FLAGS, *(name for names in MODE_FLAGS.values() for name in names)}
    options = types.SimpleNamespace(**{name: FLAGS[name].value for name in names})
    options.given = {name for name in names if FLAGS[name].present}
    options.devices = None  # until `load_mode` has looked for them
    check(options)
    return options


def check(options):
    """Refuses values out of range, and flags that contradict the mode or each other.

    Raises:
        ConfigError: one line that names the flag and the fix.
    """
    mode = options.mode
    if options.game not in MODE_GAMES[mode]:
        raise configs.ConfigError(
            f"--mode {mode}: is for --game {' or '.join(MODE_GAMES[mode])}, not {options.game}"
        )
    terminal.check_owners(options, GENERAL_FLAGS, MODE_FLAGS)
    terminal.check_limits(options, {**LIMITS, "samples": SAMPLES.get(mode, (1, 1))})
    for name in options.given & configs.GAME_OPTIONS.keys():
        fields.check(configs.GAME_OPTIONS[name], getattr(options, name))
    lengths = [f"--{name}" for name in LENGTH_FLAGS if name in options.given]
    if len(lengths) > 1:
        raise configs.ConfigError(f"{' with '.join(lengths)}: a run has one length; choose one")
    if options.resume and options.overwrite:
        raise configs.ConfigError("--resume with --overwrite: go on or start anew; choose one")
    if options.arrays is not None and not options.arrays.endswith(".npz"):
        raise configs.ConfigError(f"--arrays {options.arrays}: must end in .npz")
    if options.digits is not None:
        if not (options.digits and all(word.strip().isdecimal() for word in options.digits)):
            raise configs.ConfigError(
                f"--digits {','.join(options.digits)}: must be numbers, such as 3,1,4"
            )
        options.digits = [int(word) for word in options.digits]
    if mode == "train":
        presets.from_preset(options.preset, options.dataset, **configs.options_of(options))
    if mode == "finetune":
        given = {**configs.options_of(options), "game": "finetune"}
        presets.from_preset(options.preset, "auto", **given)  # the run knows its data set
    if mode == "export":
        terminal.check_export(options, configs.PLAYERS[options.game])


def help_text():
    """The text of --help: what there is to do, and the flags of each mode and each game."""
    lines = [__doc__]
    groups = {"every mode": GENERAL_FLAGS, **{f"--mode {m}": n for m, n in MODE_FLAGS.items()}}
    for title, names in groups.items():
        lines.append(f"Flags of {title}:")
        if title in ("--mode train", "--mode finetune"):
            names = TRAINING_FLAGS
        for name in names:
            flag = FLAGS[name]
            lines.append(f"  --{name}  {flag.help}{_default(flag.default)}")
        lines.append("")
    for games in configs.games_by_options():
        title = f"--mode train --game {' or '.join(games)}"
        lines.append(f"Flags of {'--mode finetune' if games == ('finetune',) else title}:")
        for name, field in configs.game_options(games[0]).items():
            choices = "|".join(field.metadata["choices"] or ())
            says = f"<{choices}>: {field.metadata['says']}" if choices else field.metadata["says"]
            lines.append(f"  --{name}  {says}{_default(field.default)}")
        lines.append("")
    return "\n".join(lines)


def _default(value):
    return "" if value is None or value is False else f" Default: {value}."


def load_mode(options):
    """The mode, and the errors that it may end in; with them comes TensorFlow.

    Raises:
        ConfigError: if several workers shall play and nobody says who they are.
    """
    if options.distribute == "multiworker":
        cluster.read()

    def look_for_devices():
        from devices import distribution

        options.devices = distribution.join(options.distribute)

    terminal.load_tensorflow(
        side_by_side=configs.SIDE_BY_SIDE.get(options.game, 1) if options.mode == "train" else 1,
        xla=bool(options.jit),
        device=options.device,
        first=look_for_devices,
    )
    import modes

    return modes.work_of(options.mode), modes.EXPECTED_ERRORS


def main(argv):
    """Runs one mode; returns the exit status, as `terminal.answer`."""
    if terminal.asks_for_help(argv):
        print(help_text())
        return 0
    return terminal.answer("dcgan.py", argv, parse=parse, load=load_mode)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
