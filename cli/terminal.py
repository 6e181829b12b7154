"""What the command lines share: printed lines, one-line errors, exit status. No TensorFlow."""

import argparse
import contextlib
import os
import pathlib
import shlex
import shutil
import stat
import sys
import warnings

from cli import shell
from games import OptionError


def tell(line):
    """Prints a line at once, even into a file or pipe; escapes what the encoding lacks.

    Raises:
        BrokenPipeError: if nobody reads it any more.
        OSError: if it cannot be written, to a full disk for one.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None


def say(line):
    """As `tell`; that nobody reads it any more is no reason to leave the work undone."""
    with contextlib.suppress(BrokenPipeError):
        tell(line)


def is_piped():
    """Whether standard input is a pipe or a file, from which a message can be read."""
    if sys.stdin is None or sys.stdin.closed:
        return False
    try:
        kind = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(kind) or stat.S_ISREG(kind) or stat.S_ISSOCK(kind)


def command(*words):
    """A command of this program, quoted so that it can be pasted and run in this folder.

    Args:
        *words: what follows the program, paths among them.
    """
    program = pathlib.Path(__file__).resolve().parents[1] / "dcgan.py"
    here = os.path.relpath(program)
    shown = here if here == "dcgan.py" else str(program)
    python = (
        "python" if shutil.which("python") == sys.executable else os.path.relpath(sys.executable)
    )
    if python.startswith(".."):
        python = sys.executable
    return shlex.join(map(str, (python, shown, *words)))


def one_line(error):
    """The text of an expected error, in one line."""
    if isinstance(error, OSError) and error.filename:
        return " ".join(f"{error.filename}: {error.strerror}".split("\n"))
    return " ".join(str(error).split())


class LineParser(argparse.ArgumentParser):
    """A parser that shows a text as it is, and raises a one-line OptionError for bad flags.

    Args:
        program: str, how it is called.
        text: str, what --help begins with.
    """

    def __init__(self, program, text):
        super().__init__(
            program,
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message):
        raise OptionError(message)


def count(text):
    """The whole number, at least 1, that a flag gives."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def asks_for_help(words):
    """Whether words, without the program, ask for help."""
    return any(word in ("--help", "-h", "-help") for word in words)


def fail(program, message, status):
    """Says in one line what was wrong; returns the exit status."""
    with contextlib.suppress(OSError, ValueError):
        print(f"{program}: {message}", file=sys.stderr)
    return status


def answer(program, argv, *, parse, load):
    """Does what a command line asks for, or says in one line what is wrong with it.

    Args:
        program: str, the name that begins the line of an error.
        argv: list of str, as `parse` takes it.
        parse: callable, argv -> options.
        load: callable, options -> (work, errors): a callable, options -> exit status, and the types
            of the errors that data and files may cause in it.
    Returns:
        int, the exit status: work's own, 1 for bad data or files, 2 for an OptionError, 130 for
        Ctrl-C, 141 if nobody reads what is said.
    """
    try:
        options = parse(argv)
        with shell.ctrl_c_ends(program):
            work, errors = load(options)
        try:
            with silent_libraries():
                return work(options)
        except BrokenPipeError:
            raise
        except errors as error:
            return fail(program, one_line(error), 1)
    except OptionError as error:
        return fail(program, " ".join(str(error).split()), 2)
    except BrokenPipeError:
        return shell.UNHEARD
    except OSError as error:
        return fail(program, one_line(error), 1)
    except KeyboardInterrupt:
        return fail(program, "interrupted", shell.INTERRUPTED)
    finally:
        shell.drop_unsaid()


@contextlib.contextmanager
def silent_libraries():
    """Keeps the warnings of libraries to themselves, unless Python was told which to show."""
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        yield
