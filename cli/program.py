"""The program: a command line -> help, a refusal or the work of a mode, and the exit status."""

from cli import terminal
from cli.flags import parse, playable, spelled
from cli.help import help_text
from cli.modes import MODES
from games import GAMES, OptionError

NAME = "dcgan.py"


def main(argv):
    """Runs one mode; returns the exit status, as `terminal.answer`.

    Args:
        argv: list of str, the program first.
    """
    words = ours(argv[1:])
    if "--version" in words or terminal.asks_for_help(words):
        return terminal.answer(NAME, words, parse=list, load=lambda words: (explain, (OSError,)))
    return terminal.answer(NAME, argv, parse=parse, load=load_mode)


def ours(words):
    """The words before `--`: those after it are a text to send, whatever they look like."""
    return words[: words.index("--")] if "--" in words else words


def explain(words):
    """Prints the version or the help that is asked for; returns the exit status."""
    terminal.say(version() if "--version" in words else help_for(words))
    return 0


def version():
    """The project's version, as setup.cfg states it."""
    import configparser
    import pathlib

    setup = configparser.ConfigParser()
    setup.read(pathlib.Path(__file__).parents[1] / "setup.cfg")
    return setup["metadata"]["version"]


def help_for(words):
    """The help that a line asks for.

    Raises:
        OptionError: if there is no such mode or game.
    """
    plain = [word.replace("=", " ").split() for word in spelled(words)]
    flat = [word for words in plain for word in words]
    asked = dict(zip(flat, flat[1:], strict=False))
    mode, game = asked.get("--mode"), asked.get("--game")
    for name, value, known in (("mode", mode, MODES), ("game", game, playable())):
        if value is not None and value not in known:
            raise OptionError(f"--{name} {value}: must be one of {', '.join(known)}")
    return help_text(mode, game)


def load_mode(options):
    """The work of a mode and the errors that it may raise; this imports TensorFlow.

    Raises:
        OptionError: if several workers are to play and TF_CONFIG does not say who they are.
    """
    from devices import cluster, startup

    if options.distribute == "multiworker":
        cluster.read()

    def look_for_devices():
        from devices import distribution

        options.devices = distribution.join(options.distribute)

    game = GAMES[options.game]
    startup.load_tensorflow(
        side_by_side=game.side_by_side if options.mode == "train" else 1,
        xla=bool(options.jit) or game.name == "crypto",
        device=options.device,
        first=look_for_devices,
    )
    import modes

    return modes.work_of(options.mode), modes.EXPECTED_ERRORS
