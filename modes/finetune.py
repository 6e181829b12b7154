"""--mode finetune."""

import functools

import games
import models
from devices import hardware
from games import GAMES
from models import fine_tuning
from modes.selection import open_run
from modes.train import play, resumed_options
from training import run_folder

INHERITED = ("epsilon", "norm", "batch_size", "image_size", "data_dir")


def finetune(flags):
    """--mode finetune: a Rob-GAN's discriminator learns on as a classifier.

    What it makes goes into the folder `finetuned` of the run; the run itself stays as it is.
    Takes the flags; returns the exit status, or raises OptionError or one of EXPECTED_ERRORS.
    """
    parent, supplied = open_run(flags, needs_data=True)
    played, game = parent.read_config(), GAMES["finetune"]
    given = {name: getattr(played, name) for name in INHERITED}
    given |= {name: value for name, value in game.given(flags).items() if value is not None}
    given["dataset"] = played.dataset
    given = hardware.suited(
        given, xla=game.xla, gpu=hardware.has_gpu(), shared=flags.distribute != "none"
    )
    kind = games.kind_of(played.dataset)
    options = game.from_preset(game.preset_of(flags), kind, **given)
    folder = run_folder.Run(run_folder.default_path("robgan", played.dataset))
    run = (folder if supplied else parent).finetuned
    if flags.resume:
        options = resumed_options(run, flags)
    return play(run, options, flags, build=functools.partial(build, parent))


def build(parent, options, dataset):
    """The game that goes on with the agents of a run."""
    return models.ready(fine_tuning.build(options, parent.load_agent))
