"""--mode finetune."""

import functools

import games
import models
from devices import hardware
from games import GAMES
from models import fine_tuning
from modes.selection import data_of, open_run
from modes.train import play, resume
from training import finding, run_folder

INHERITED = ("epsilon", "norm", "image_size", "data_dir")


def finetune(flags):
    """--mode finetune: a Rob-GAN's discriminator learns on as a classifier.

    The result goes into the folder `finetuned` inside the run, which itself stays as it is.
    Takes the flags; returns the exit status, or raises OptionError or one of EXPECTED_ERRORS.
    """
    parent, supplied = open_run(flags, needs_data=True)
    folder = parent
    if supplied:
        folder = run_folder.Run(finding.default_path("robgan", parent.read_config().dataset))
    if flags.devices and not flags.devices.is_chief:
        folder = run_folder.Onlooker(folder.path)
    with folder.locked():  # nobody may replace its agents while they learn on
        return play_on(parent, folder.finetuned, flags)


def play_on(parent, run, flags):
    """Plays the fine-tuning of a run.

    Args:
        parent: run_folder.Run, whose agents learn on.
        run: run_folder.Run of the fine-tuning.
        flags: the namespace of `cli.flags.parse`.
    Returns:
        int, the exit status.
    """
    played, game = parent.read_config(), GAMES["finetune"]
    given = {name: getattr(played, name) for name in INHERITED}
    given |= {name: value for name, value in game.given(flags).items() if value is not None}
    given["dataset"] = played.dataset
    given = hardware.suited(
        given, xla=game.xla, gpu=hardware.has_gpu(), shared=flags.distribute != "none"
    )
    shape = parent.image_shape() or (None, None, None)
    kind = games.kind_of(played.dataset, *shape[1:])
    options = game.from_preset(game.preset_of(flags), kind, **given)
    start = functools.partial(build, parent)
    if flags.resume:
        run.refuse_to_resume()
        return resume(run, flags, build=start)
    return play(run, options, data_of(parent, options), flags, build=start)


def build(parent, options, dataset):
    """The game that goes on with the agents of a run."""
    return models.ready(fine_tuning.build(options, parent.load_agent))
