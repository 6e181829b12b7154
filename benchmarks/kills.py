"""Kill -9 at random moments: every game goes on, and ends as a run that nobody killed, bit for bit.

python -m benchmarks.kills                                40 kills in all games
python -m benchmarks.kills --games gan crypto --kills 4 --seed 3

Half of the kills come at a random moment from the first checkpoint on, half while a random file is
being written, the first ones included, so that some games have to begin again. Tiny games
play on pictures of scikit-learn's digits, with a checkpoint every few tenths of a second. Each game
is a process of its own, forked from one that has loaded TensorFlow and not yet used it.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile

from benchmarks import report
from benchmarks.killed import CHECKPOINT, Kill, compare, forked
from cli import terminal
from cli.terminal import say
from devices import startup

PICTURES = 12  # of each digit
LONGEST_DELAY = 0.1  # seconds after the beginning of a file at which the kill comes
WIDTHS = ("--generator_width", 4, "--discriminator_width", 4, "--latent_dim", 8)
IMAGES = ("--dataset", "folder", "--data_dir", "pictures", "--image_size", 8, "--batch_size", 16)
GAME = {  # the words of a command that plays it, but for the mode and the folder
    "gan": (*IMAGES, *WIDTHS, "--steps", 20),
    "trio": (*IMAGES, *WIDTHS, "--classifier_width", 4, "--conditioning", "auxiliary")
    + ("--steps", 20),
    "robust": (*IMAGES, "--classifier_width", 4, "--attack_steps", 2, "--steps", 20),
    "attacked": (*IMAGES, "--discriminator_width", 4, "--pool_size", 40, "--sampling_steps", 8)
    + ("--steps", 20),
    "robgan": (*IMAGES, *WIDTHS, "--attack_steps", 2, "--ramp_steps", 0, "--steps", 20),
    "crypto": ("--message_bits", 4, "--key_bits", 4, "--batch_size", 64)
    + ("--audit_every", 100, "--rounds", 300, "--attempts", 2),
    "finetune": ("--steps", 15),
}


def parse(argv):
    """Reads the flags; argv without the program.

    Raises:
        OptionError: one line that names the flag.
    """
    parser = terminal.LineParser("python -m benchmarks.kills", __doc__)
    add = parser.add_argument
    add("--games", choices=GAME, nargs="+", default=list(GAME), help="default all")
    add("--kills", type=terminal.count, default=40, help="in all; default 40")
    add("--seed", type=int, default=0, help="of the moments; default 0")
    report.add_output(parser)
    return parser.parse_args(argv)


def load_kills(options):
    """The work, and the errors that it may end in; with them comes TensorFlow, not yet started."""
    report.check_output(options.output)
    for name, value in startup.USUAL.items():
        os.environ.setdefault(name, value)
    with startup.silenced_stderr(), startup.without_own_settings():
        import keras  # noqa: F401

        import crypto.game  # noqa: F401
        import modes.finetune
        import modes.train  # noqa: F401
        import training.attempts
        import training.loop  # noqa: F401
    return start, (OSError,)


def start(options):
    """Plays each game whole, then kills and resumes; returns 1 if anything differs, else 0."""
    import numpy as np

    rng = np.random.default_rng(options.seed)
    rows = []
    with tempfile.TemporaryDirectory() as room:
        folder = pathlib.Path(room)
        write_pictures(folder / "pictures")
        whole = {game: play_whole(game, folder) for game in with_parents(options.games)}
        for number in range(options.kills):
            turn, place = divmod(number, len(options.games))
            game = options.games[place]
            found = whole[game]
            if (turn + place) % 2:
                kill = Kill(rng.uniform(0, LONGEST_DELAY), int(rng.integers(1, found["files"] + 1)))
            else:
                kill = Kill(rng.uniform(0, found["playing"]), CHECKPOINT, plays_on=True)
            rows.append(play_killed(game, folder, kill))
            say(f"{number + 1:3d}  {rows[-1]['line']}")
    bad = sum(bool(row["differences"]) for row in rows)
    say(f"seed {options.seed}: of {len(rows)} killed runs {len(rows) - bad} ended as if not killed")
    report.write(options.output, {"settings": {**vars(options), "output": None}, "rows": rows})
    return 1 if bad else 0


def with_parents(games):
    """The games to play whole: Rob-GAN, too, if its fine-tuning is played."""
    return list(dict.fromkeys(["robgan", *games] if "finetune" in games else games))


def write_pictures(folder):
    """Writes scikit-learn's digits as PNG files of 32 x 32 pixels, a folder a class."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for label in range(10):
        (folder / str(label)).mkdir(parents=True)
        for index, image in enumerate(digits.images[digits.target == label][:PICTURES]):
            picture = Image.fromarray((image * 15).astype("uint8")).resize((32, 32))
            picture.save(folder / str(label) / f"{index}.png")


def words_of(game, path, *more):
    """The words of a command that trains a game."""
    if game == "finetune":
        return ("--mode", "finetune", "--game", "robgan", "--path", path, *GAME[game], *more)
    return ("--mode", "train", "--game", game, "--path", path, *GAME[game], *more)


def run_of(game, path):
    """The folder of the run of a game."""
    return path / "finetuned" if game == "finetune" else path


def prepare(game, folder, path):
    """Makes the folder in which a game is to be played; a fine-tuning needs its parent there."""
    if game == "finetune":
        shutil.copytree(folder / "whole-robgan", path)


def play_whole(game, folder):
    """Plays a game without a kill; returns its "playing" seconds and number of "files"."""
    path = folder / f"whole-{game}"
    prepare(game, folder, path)
    status = forked(folder, words_of(game, path))
    if status:
        raise OSError(f"{game} ended with {status}: {(folder / 'log').read_text()[-2000:]}")
    found = json.loads((folder / "measured.json").read_text())
    say(f"     {game}: {found['playing']:.1f} s from its first checkpoint, {found['files']} files")
    return found


def play_killed(game, folder, kill):
    """Plays a game that is killed, resumes it, and compares it with the one that was not.

    Returns:
        dict: the game, the kill, what differs, and all that in a line.
    """
    path = folder / "killed"
    shutil.rmtree(path, ignore_errors=True)
    prepare(game, folder, path)
    status = forked(folder, words_of(game, path), kill)
    run, differences = run_of(game, path), []
    if status not in (0, -signal.SIGKILL):
        differences.append(f"status {status} instead of a kill")
    saved = [name for name in ("checkpoint", "checkpoint-previous") if named(run, name).exists()]
    if status or not saved:
        again = forked(folder, words_of(game, path, *(["--resume"] if saved else [])))
        if again:
            differences.append(f"status {again}: {(folder / 'log').read_text()[-300:]}")
    differences += compare(run_of(game, folder / f"whole-{game}"), run)
    went_on = "resumed" if saved else "began again"
    line = f"{game:9s} {'killed ' + str(kill) if status else 'had ended':28s} {went_on:12s}"
    line += "; ".join(differences) or "equal"
    return {
        "game": game,
        "kill": dataclasses.asdict(kill),
        "differences": differences,
        "line": line,
    }


def named(run, name):
    """The .keras file of a run that has this name."""
    return run / f"{name}.keras"


def main(argv):
    """Kills and compares; returns the exit status, as `terminal.answer`."""
    return terminal.answer("benchmarks.kills", argv, parse=parse, load=load_kills)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
