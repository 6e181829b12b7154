"""The texts of --help: an overview, and the flags of a mode or a game."""

import textwrap

from cli.flags import flags_of, modes_of, playable, trained_game
from cli.modes import GENERAL, MODES
from games import GAMES
from games.base import KINDS

OVERVIEW = """Adversarial games: train the agents, look at what they make, measure how good it is.

python dcgan.py --mode train                  three agents play; runs/trio-mnist holds the result
python dcgan.py --mode generate --nice        a grid of their best digits
python dcgan.py --game crypto --mode send "hello"
"""
SET_ELSEWHERE = ("dataset", "steps")  # the machine and the preset decide
MORE = """--help --mode M   the flags of a mode
--help --game G   the options and presets of a game
--version"""


def help_text(mode=None, game=None):
    """The text of --help: an overview, or a mode, a game, or a mode of a game.

    Args:
        mode, game: str or None.
    """
    if mode is None and game is None:
        return overview()
    if mode is None:
        return "\n".join(of_game(GAMES[game]))
    if game is None:
        return "\n".join(of_mode(mode, [each for each in GAMES.values() if mode in modes_of(each)]))
    return "\n".join([title(GAMES[game]), *of_mode(mode, [GAMES[game]])])


def overview():
    """All modes and games, a line each."""
    modes = "\n".join(row(f"--mode {name}", mode.says) for name, mode in MODES.items())
    played = "\n".join(row(f"--game {name}", GAMES[name].says) for name in playable())
    return "\n".join([OVERVIEW, modes, "", played, "", MORE])


def title(game):
    """A game and who plays against whom, in one line."""
    return f"--game {game.name}: {' '.join(game.says.split())}"


def of_game(game):
    """The modes of a game, then its options and presets, as lines."""
    yield title(game)
    yield ""
    yield from (row(f"--mode {name}", MODES[name].says) for name in game.modes)
    yield f"\n--help --game {game.name} --mode M   the flags of a mode"
    for mode in ("train", "finetune"):
        if mode in game.modes:
            played = trained_game(mode, game)
            yield f"\nPresets of --mode {mode}, and what each changes:"
            yield from presets_of(played)
            yield from of_mode(mode, [game])


def presets_of(game):
    """What the presets of a game change, as lines; for each kind of data that has its own."""
    usual = game.presets_of("grey")
    yield from rows_of(usual)
    for kind, says in KINDS.items():
        presets = game.presets_of(kind)
        if presets != usual:
            yield f"With {says}:"
            yield from rows_of(presets)


def rows_of(presets):
    """Presets as lines; what all of them change stands once."""
    first, *others = presets.values()
    shared = {
        name: value
        for name, value in first.items()
        if others and all(name in other and other[name] == value for other in others)
    }
    if shared:
        yield row("every preset", in_words(shared))
    for preset, chosen in presets.items():
        own = {name: value for name, value in chosen.items() if name not in shared}
        yield row(
            f"--preset {preset}",
            in_words(own) or ("nothing else" if shared else "the defaults below"),
        )


def in_words(options):
    """Options, name -> value, as a list in a line."""
    return ", ".join(f"{name} {value}" for name, value in options.items())


def of_mode(mode, games):
    """The flags of a mode, each once, as lines that say if only some games have them."""
    yield f"\n--mode {mode}: {MODES[mode].says}"
    shown: dict[str, list] = {name: [] for game in games for name in flags_of(mode, game)}
    for game in games:
        for name, flag in flags_of(mode, game).items():
            shown[name].append((game, flag))
    for name, owners in shown.items():
        flag = owners[0][1]
        says = flag.metadata.get("says", "")
        choices = dict.fromkeys(c for _, each in owners for c in each.metadata["choices"] or ())
        if choices:
            says += f" One of {', '.join(choices)}."
        if flag.default not in (None, False, "") and name not in (*GENERAL, *SET_ELSEWHERE):
            says += f" Default: {flag.default}."
        if len(owners) < len(games):
            says += f" (--game {', '.join(game.name for game, _ in owners)})"
        yield row(f"--{name}", says)


def row(name, says):
    """A name and its description, wrapped beside it."""
    lines = textwrap.wrap(" ".join(says.split()), 66)
    titles = [name, *[""] * (len(lines) - 1)]
    return "\n".join(f"  {title:<32}{line}" for title, line in zip(titles, lines, strict=True))
