"""What a training can do without: output, pictures, statistics. If they fail, it goes on."""

import contextlib
import os
import sys

import keras

WARNING = "warning: "
HOOKS = [
    *(f"on_{phase}_{side}" for phase in ("train", "test") for side in ("begin", "end")),
    *(f"on_{phase}_batch_{side}" for phase in ("train", "test") for side in ("begin", "end")),
    "on_epoch_begin",
    "on_epoch_end",
]


class Teller:
    """Says lines, and keeps quiet if nobody can hear them any more.

    A failure is reported on standard error; from then on warnings go there and other lines
    nowhere.

    Args:
        say: callable for one line of text.
    Attributes:
        closed: bool, whether the reader has closed the pipe, which means that the run should end.
    """

    def __init__(self, say):
        self.say, self.closed, self.silent = say, False, False

    def __call__(self, line):
        if self.silent:
            if line.startswith(WARNING):
                complain(line)
            return
        try:
            self.say(line)
        except BrokenPipeError:
            self.closed = True
            self._fall_silent("nobody reads the output any more")
        except (OSError, ValueError) as error:  # a full disk; a file that is closed
            self._fall_silent(f"the output cannot be written ({error}); the training goes on")

    def _fall_silent(self, why):
        self.silent = True
        complain(WARNING + why)
        # Else the rest of the buffer would fail again when Python ends.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


def complain(line):
    """Says a line on standard error, if it is still open."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(line, file=sys.stderr, flush=True)


class Accessories:
    """Does what a training can do without, and reports each kind of failure once.

    Args:
        tell: callable for one line of text.
    """

    def __init__(self, tell):
        self.tell = tell
        self.failed: set[str] = set()

    @contextlib.contextmanager
    def spare(self, name):
        """Reports any error in the block, which then ends without ending the training.

        Args:
            name: str, what the block makes.
        """
        try:
            yield
        except Exception as error:  # whatever it is, it is no reason to lose a training
            if name not in self.failed:
                self.failed.add(name)
                text = " ".join(str(error).split())[:200] or type(error).__name__
                self.tell(f"{WARNING}{name} failed ({text}); the training goes on")

    def wrap(self, callback, name):
        """A callback that does what another does, and reports it if that fails."""
        return Accessory(callback, name, self)


class Accessory(keras.callbacks.Callback):
    """Passes every call on to a callback that may fail.

    Args:
        callback: keras.callbacks.Callback.
        name: str, what it makes, for the report of a failure.
        accessories: Accessories.
    """

    def __init__(self, callback, name, accessories):
        super().__init__()
        self.callback, self.name, self.accessories = callback, name, accessories

    def set_params(self, params):
        super().set_params(params)
        with self.accessories.spare(self.name):
            self.callback.set_params(params)

    def set_model(self, model):
        super().set_model(model)
        with self.accessories.spare(self.name):
            self.callback.set_model(model)


def _passed_on(hook):
    def call(self, *arguments, **options):
        with self.accessories.spare(self.name):
            getattr(self.callback, hook)(*arguments, **options)

    return call


for _hook in HOOKS:
    setattr(Accessory, _hook, _passed_on(_hook))


class Bar(keras.callbacks.ProgbarLogger):
    """Keras's progress bar as a callback that can be wrapped, since `fit` itself is quiet."""

    def set_params(self, params):
        super().set_params({**params, "verbose": 1})
