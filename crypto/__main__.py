"""Alice and Bob learn to talk so that Eve, who learns to listen, cannot understand.

An experiment in learned secrecy, NOT cryptography to rely on: protect nothing with it.

python -m crypto --mode train           three networks play until an exact audit is satisfied
python -m crypto --mode send "hello"    the ciphertext, what Bob reads, what Eve guesses
python -m crypto --mode receive         decrypts what send has written
python -m crypto --mode audit           how many bits the ciphertext gives away, to anyone
python -m crypto --mode transcript      plaintexts, keys and ciphertexts, for your own attack
python -m crypto --mode export          Alice or Bob as a file for other programs

--preset secret    Eve is hinted, the wire carries bits, the audit decides when to stop
--preset paper     as published (Abadi & Andersen 2016, arXiv:1610.06918)
--preset release   as in the code that its authors released
"""

import sys
import types
from collections.abc import Callable

from absl import flags

from cli import terminal
from crypto.config import FIELDS, PRESETS, from_preset
from games.fields import EXPORT_FORMATS, ConfigError, check

EXPORTED = ("alice", "bob")
MODES = ("train", "send", "receive", "audit", "transcript", "export")
FLAGS = flags.FlagValues()  # our own, so that two command lines fit into one process


def define(kind, name, default, says, *choices):
    """Defines a flag of this command line."""
    kind(name, default, *choices, says, flag_values=FLAGS)


define(flags.DEFINE_enum, "mode", None, "What to do.", MODES)
define(flags.DEFINE_enum, "preset", "secret", "Who plays, and by which losses.", PRESETS)
FLAGS_BY_KIND = {
    flags.DEFINE_string: {
        "path": "The run folder; runs/crypto-<preset> if not given.",
        "input": "A file to send, or the ciphertext file to receive.",
        "output": "The file to write; the folder of what is exported.",
        "key": "The key in hexadecimal; send draws a fresh one if not given.",
        "key_file": "A file that holds the key; send writes one with --output.",
        "agent": f"Whom to export: {' or '.join(EXPORTED)}.",
        "format": f"The file's: {', '.join(EXPORT_FORMATS)}.",
    },
    flags.DEFINE_boolean: {
        "resume": "Go on with the run in the folder.",
        "overwrite": "Start anew in a folder that holds a run.",
        "exhaustive": "Count all plaintexts: a proof, and takes minutes.",
    },
    flags.DEFINE_integer: {
        "messages": "Plaintexts that are counted, 64 if not given and 8 of the published presets;"
        " after --protect: settings of the open bits, 8 if not given.",
        "eves": "Fresh Eves of each kind, 5 if not given; 0 for no Eves.",
        "num_messages": "Messages of a transcript; 10000 if not given.",
    },
}
for _kind, _flags in FLAGS_BY_KIND.items():
    for _name, _says in _flags.items():
        define(_kind, _name, False if _kind is flags.DEFINE_boolean else None, _says)
KINDS: dict[object, Callable] = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str | None: flags.DEFINE_string,
}
for _name, _field in FIELDS.items():
    if _name != "preset":
        _kind = KINDS[_field.type]
        define(_kind, _name, None, _field.metadata["says"])

GENERAL_FLAGS = ("mode", "preset", "path")
OPTIONS = tuple(name for name in FIELDS if name != "preset")
MODE_FLAGS = {
    "train": ("resume", "overwrite", *OPTIONS),
    "send": ("input", "output", "key", "key_file"),
    "receive": ("input", "output", "key", "key_file"),
    "audit": ("messages", "exhaustive", "eves", "output"),
    "transcript": ("num_messages", "seed", "output"),
    "export": ("agent", "format", "output"),
}
LIMITS = {"messages": (1, 65_536), "eves": (0, 100), "num_messages": (1, 10_000_000)}


def parse(argv):
    """Reads the flags and the text, and refuses what the mode does not use.

    Args:
        argv: list of str, the program first.
    Returns:
        SimpleNamespace: the value of every flag, `given`, the set of those on the line, and `text`,
        the one word beside them, or None.
    Raises:
        ConfigError: one line that names the flag and the fix.
    """
    words = [argv[0], *map(terminal.underscored, argv[1:])]
    try:
        rest = FLAGS(words)[1:]
    except flags.Error as error:
        raise ConfigError(" ".join(str(error).split())) from None
    if FLAGS.mode is None:
        raise ConfigError(f"--mode: say one of {', '.join(MODES)}; see --help")
    names = {*GENERAL_FLAGS, *(name for names in MODE_FLAGS.values() for name in names)}
    options = types.SimpleNamespace(**{name: FLAGS[name].value for name in names})
    options.given = {name for name in names if FLAGS[name].present}
    if len(rest) > (1 if FLAGS.mode in ("send", "receive") else 0):
        raise ConfigError(f"{rest[-1]}: a word that belongs to no flag; see --help")
    options.text = rest[0] if rest else None
    check_options(options)
    return options


def check_options(options):
    """Refuses values out of range, and flags that contradict the mode or each other.

    Raises:
        ConfigError: one line that names the flag and the fix.
    """
    mode = options.mode
    terminal.check_owners(options, GENERAL_FLAGS, MODE_FLAGS)
    terminal.check_limits(options, LIMITS)
    for name in options.given & FIELDS.keys():
        check([FIELDS[name]], getattr(options, name))
    for first, second in (("resume", "overwrite"), ("key", "key_file"), ("messages", "exhaustive")):
        if {first, second} <= options.given:
            raise ConfigError(f"--{first} with --{second}: choose one")
    if mode in ("send", "receive"):
        check_message(options)
    elif mode == "transcript" and not (options.output or "").endswith(".npz"):
        raise ConfigError(f"--output {options.output or ''}: --mode transcript writes a .npz file")
    elif mode == "export":
        terminal.check_export(options, EXPORTED)
    elif mode == "train":
        from_preset(options.preset, **{name: getattr(options, name) for name in OPTIONS})


def check_message(options):
    """Refuses to send nothing, two things at once, or to receive without a key.

    Raises:
        ConfigError: one line.
    """
    what = "a text to send" if options.mode == "send" else "the ciphertext in hexadecimal"
    if (options.text is None) == (options.input is None):
        raise ConfigError(f"--mode {options.mode}: give {what} or --input FILE, one of the two")
    if options.mode == "receive" and options.key is None and options.key_file is None:
        raise ConfigError("--mode receive: give --key HEX or --key_file FILE")


def help_text():
    """The text of --help: what there is to do, and the flags of each mode."""
    lines = [__doc__]
    groups = {"every mode": GENERAL_FLAGS, **{f"--mode {m}": n for m, n in MODE_FLAGS.items()}}
    for title, names in groups.items():
        lines.append(f"Flags of {title}:")
        for name in names:
            lines.append(f"  --{name}  {FLAGS[name].help}{_default(name)}")
        lines.append("")
    return "\n".join(lines)


def _default(name):
    """What a flag is if not given, where a preset does not say otherwise."""
    default = FIELDS[name].default if name in FIELDS else FLAGS[name].default
    return "" if default is None or default is False else f" Default: {default}."


def load_mode(options):
    """The mode, and the errors that it may end in; with them comes TensorFlow."""
    terminal.load_tensorflow(xla=True)
    from crypto import modes

    return getattr(modes, options.mode), modes.EXPECTED_ERRORS


def main(argv):
    """Runs one mode; returns the exit status, as `terminal.answer`."""
    if terminal.asks_for_help(argv):
        print(help_text())
        return 0
    return terminal.answer("crypto", argv, parse=parse, load=load_mode)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
