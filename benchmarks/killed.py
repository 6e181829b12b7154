"""A process that kills itself at a chosen moment, and the comparison of what two runs have left."""

import dataclasses
import io
import json
import os
import signal
import threading
import time
import zipfile

CHECKPOINT = 2  # which file the first checkpoint is; config.json is the first
CHECKPOINT_EVERY = 0.4  # seconds, instead of minutes


@dataclasses.dataclass(frozen=True)
class Kill:
    """When a process kills itself, without a chance to tidy up.

    Attributes:
        seconds: float, after it has begun to write the file; of processor time if it `plays_on`.
        file: int, which of the files that it writes, from 1.
        plays_on: bool, whether it is to complete that file.
    """

    seconds: float
    file: int
    plays_on: bool = False

    def __str__(self):
        return f"{self.seconds:.2f} s {'after' if self.plays_on else 'into'} file {self.file}"


def forked(folder, words, kill=None):
    """Plays in a process of its own; returns its exit status, negative if a signal ended it."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = play(folder, words, kill)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def play(folder, words, kill):
    """What a forked process does: a command of the program, with a kill; returns its status."""
    import keras

    from cli.program import main
    from crypto import game as cipher
    from images import writing
    from training import callbacks, loop

    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(folder)
    cipher.XLA, loop.CRITIC_STEPS = False, 5
    callbacks.FIRST_CHECKPOINT = callbacks.CHECKPOINT_EVERY = CHECKPOINT_EVERY
    vars(loop)["GraphWriter"] = lambda *_: keras.callbacks.Callback()  # takes as long as the rest
    began, begun, write = time.process_time(), [], writing.whole_file

    def whole_file(*arguments, **options):
        begun.append(time.process_time() - began)
        if kill and kill.file == len(begun):
            die_in(kill.seconds, time.process_time if kill.plays_on else time.monotonic)
        return write(*arguments, **options)

    writing.whole_file = whole_file
    status = main(["dcgan.py", *map(str, words)])
    seconds = time.process_time() - began
    measured = {"files": len(begun), "playing": seconds - (begun + [seconds])[CHECKPOINT - 1]}
    (folder / "measured.json").write_text(json.dumps(measured))
    return status


def die_in(seconds, clock):
    """Kills this process once its clock has gone on by so many seconds."""
    end = clock() + seconds

    def wait():
        while clock() < end:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def compare(one, other):
    """In what two runs differ: list of str, empty if they are equal bit for bit."""
    found = []
    for file in sorted(one.glob("*.keras")):
        if file.stem == "checkpoint-previous":
            continue
        if not (other / file.name).exists():
            found.append(f"{file.name} is missing")
            continue
        left, right = arrays_of(file), arrays_of(other / file.name)
        apart = [name for name in left.keys() | right.keys() if left.get(name) != right.get(name)]
        if apart:
            found.append(f"{file.name} differs in {len(apart)} of {len(left)} arrays")
    return found


def arrays_of(file):
    """The arrays of a .keras file, those of its optimizers included: name -> bytes."""
    import h5py

    with zipfile.ZipFile(file) as archive:
        content = archive.read("model.weights.h5")
    arrays = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()].tobytes()

    with h5py.File(io.BytesIO(content)) as weights:
        weights.visititems(take)
    return arrays
