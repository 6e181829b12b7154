"""A command line -> checked options, by one engine for all modes of all games."""

import difflib
import shlex
import types

from absl import flags

from cli.modes import GAMELESS, GENERAL, IMAGE_TRAINING, MODES
from cli.values import Choice, parser_of
from games import GAMES, ImageOptions, OptionError, kind_of
from games.option import check

NOT_OURS = ("flagfile", "undefok")  # absl's own, which would read files and hide mistakes
MEANT = {  # what other programs call it
    **dict.fromkeys(("gpu", "cuda"), "device gpu"),
    **dict.fromkeys(("iters", "iterations"), "steps"),
    **dict.fromkeys(("dir", "data"), "data_dir"),
    **dict.fromkeys(("n", "num", "count"), "samples"),
    **{"lr": "generator_learning_rate", "bs": "batch_size", "eps": "epsilon"},
    **{"out": "output", "file": "input"},
}
LONGEST_SHOWN = 500  # characters of a refusal
OLD_NAMES = {"digits": "classes"}  # which still work, in every mode
OLD_NAMES_OF = {"generate": {"batch_size": "samples"}}


def playable():
    """The names that --game accepts."""
    return [name for name, game in GAMES.items() if game.parent is None]


def trained_game(mode, game):
    """The game that a training mode plays: for fine-tuning, the child of the game named."""
    children = [child for child in GAMES.values() if child.parent == game.name]
    return children[0] if mode == "finetune" else game


def modes_of(game):
    """The modes that a line with this game may have: the game's own, and those of no game."""
    return (*game.modes, *GAMELESS)


def flags_of(mode, game):
    """The flags of a mode of a game, by name: Flags, and fields of options.

    Args:
        mode: str, a key of `MODES`.
        game: games.Game, which does not matter to a mode of no game.
    """
    if mode in GAMELESS:
        return {**MODES[mode].flags, **{name: GENERAL[name] for name in ("mode", "device")}}
    trains = mode in ("train", "finetune")
    played = trained_game(mode, game)
    on_images = issubclass(game.options, ImageOptions)
    return {
        **{name: field for name, field in played.fields.items() if trains and name != "game"},
        **(IMAGE_TRAINING if trains and on_images else {}),
        **MODES[mode].flags,
        game.options.TELLS_APART: game.fields[game.options.TELLS_APART],
        **GENERAL,
    }


def every_flag():
    """Every flag of the program: name -> list of all flags of this name."""
    found: dict[str, list] = {}
    for name, game in GAMES.items():
        for mode in modes_of(game):
            for flag in flags_of(mode, GAMES[name]).values():
                same = found.setdefault(flag.name, [])
                if not any(flag is each for each in same):
                    same.append(flag)
    return found


def parse(argv):
    """Reads a command line, and refuses what is unknown, not for this mode, or contradictory.

    Args:
        argv: list of str, the program first.
    Returns:
        SimpleNamespace: the value of every flag of the program, its default or None if it was not
        given; `given`, the names of those that were; `text`, the word beside the flags, or None.
    Raises:
        OptionError: one line that names the flag and the fix.
    """
    values, rest = read(argv)
    options = types.SimpleNamespace(**{name: flag.value for name, flag in values.items()})
    options.given = {name for name, flag in values.items() if flag.present}
    options.devices = None  # until `cli.program.load_mode` has looked for them
    for flag in (each for mode in MODES.values() for each in mode.flags.values()):
        fill(options, flag.name, flag.default)
    for name, default in {"game": "trio", "dataset": "auto", "distribute": "none"}.items():
        fill(options, name, default)
    if options.mode is None:
        hint = f"did you mean --mode {rest[0]}?" if rest and rest[0] in MODES else "see --help"
        raise OptionError(f"--mode: must be one of {', '.join(MODES)}; {hint}")
    game = GAMES[options.game]
    if options.mode not in modes_of(game):
        able = [name for name in playable() if options.mode in GAMES[name].modes]
        raise OptionError(
            f"--mode {options.mode}: is for --game {' or '.join(able)}, not {game.name}"
        )
    check_owners(options, game)
    if len(rest) > MODES[options.mode].words:
        hint = "see --help"
        if options.mode == "send":
            hint = f"quote a text of several words: --mode send {shlex.quote(' '.join(rest))}"
        raise OptionError(shown(f"{rest[-1]}: a word that belongs to no flag; {hint}"))
    options.text = rest[0] if rest else None
    for name, flag in flags_of(options.mode, game).items():
        if name in options.given:
            check([flag], getattr(options, name))
    MODES[options.mode].check(options)
    if options.mode in ("train", "finetune"):
        check_training_options(options, trained_game(options.mode, game))
    return options


def fill(options, name, default):
    """Gives a flag its default if it is not on the command line."""
    if getattr(options, name, None) is None:
        setattr(options, name, default)


def read(argv):
    """The values on a command line, name -> absl flag, and the words that belong to no flag.

    Raises:
        OptionError: for an unknown flag, or a value of the wrong kind.
    """
    values = flags.FlagValues()
    values.set_gnu_getopt(True)
    names = every_flag()
    for name, same in names.items():
        if "bool" in str(same[0].type):
            flags.DEFINE_boolean(name, None, "", flag_values=values)
        else:
            flags.DEFINE(merged_parser(name, same), name, None, "", flag_values=values)
    try:
        rest = values([argv[0], *spelled(argv[1:])])[1:]
    except flags.UnrecognizedFlagError as error:
        near = [MEANT[error.flagname]] if error.flagname in MEANT else []
        near = near or difflib.get_close_matches(error.flagname, names, 1)
        hint = f"did you mean --{near[0]}?" if near else "see --help"
        if "send" in " ".join(argv):
            hint += "; write a text that begins with a dash after --: --mode send -- '-text'"
        raise OptionError(shown(f"--{error.flagname}: there is no such flag; {hint}")) from None
    except (flags.Error, ValueError) as error:  # the latter of --noresume=x
        said = str(error).removeprefix("flag ")
        if "('Non-boolean" in said:
            said = f"{said.partition(': ')[0]}: must be true or false"
        raise OptionError(shown(said)) from None
    return {name: values[name] for name in names}, rest


def shown(text):
    """A text in one line, its control characters escaped and its middle left out if it is long."""
    line = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return line if len(line) <= LONGEST_SHOWN else f"{line[:200]} ... {line[-200:]}"


def merged_parser(name, same):
    """The parser of all flags of one name, whatever their modes and games."""
    registered = {"mode": MODES, "game": playable(), "preset": all_presets()}
    choices = registered.get(name) or dict.fromkeys(
        choice for flag in same for choice in flag.metadata.get("choices") or ()
    )
    return Choice(choices) if choices else parser_of(same[0])


def all_presets():
    """The names of every game's presets."""
    return dict.fromkeys(preset for game in GAMES.values() for preset in game.presets)


def spelled(words):
    """The words of a command line with each flag as it is defined; words after `--` stay.

    Dashes in a flag's name become `_`, `--nice` becomes `--nice=top`, old names become new ones.
    """
    end = words.index("--") if "--" in words else len(words)
    line = " ".join(words[:end]).replace("=", " ").lower() + " "
    drawing = "--mode generate " in line
    old = {**OLD_NAMES, **(OLD_NAMES_OF["generate"] if drawing else {})}
    for word in words[:end]:
        if not word.startswith("--"):
            yield word
            continue
        name, equals, value = word[2:].partition("=")
        name = name.replace("-", "_")
        if name in NOT_OURS:
            raise OptionError(f"--{name}: there is no such flag; see --help")
        yield f"--{old.get(name, name)}{equals}{value}" if word != "--nice" else "--nice=top"
    yield from words[end:]


def check_owners(options, game):
    """Refuses flags that this mode of the game does not have.

    Raises:
        OptionError: one line that names the flag and the modes or games that have it.
    """
    for name in sorted(options.given - flags_of(options.mode, game).keys()):
        able = [other for other in playable() if options.mode in GAMES[other].modes]
        games = [other for other in able if name in flags_of(options.mode, GAMES[other])]
        modes = [mode for mode in modes_of(game) if name in flags_of(mode, game)]
        if modes and not games:
            owners = f"--mode {' or '.join(modes)}, not {options.mode}"
        else:
            games = games or [other for other in playable() if any_mode_knows(GAMES[other], name)]
            owners = f"--game {' or '.join(games)}, not {game.name}"
        raise OptionError(f"--{name}: is for {owners}")


def any_mode_knows(game, name):
    """Whether a flag is one of some mode of a game."""
    return any(name in flags_of(mode, game) for mode in game.modes)


def check_training_options(options, game):
    """Builds the options of a run once, to refuse impossible ones before any work.

    Raises:
        OptionError: as the game's options.
    """
    given = game.given(options)
    if options.resume or game.parent is not None:  # the run knows its data
        given = {**given, "dataset": None, "data_dir": None}
    game.from_preset(game.preset_of(options), kind_of(given.get("dataset")), **given)
