"""--mode finetune."""

import functools

from devices import hardware
from games import config as configs
from games import presets
from models.building import build_finetuning
from modes.opening import open_run
from modes.train import play
from training import run_folder

INHERITED = ("epsilon", "norm", "batch_size", "image_size", "data_dir")


def finetune(options):
    """--mode finetune: a Rob-GAN's discriminator learns on as a classifier.

    What it makes goes into the folder `finetuned` of the run; the run itself stays as it is.
    Takes the flags; returns the exit status, or raises ConfigError or one of EXPECTED_ERRORS.
    """
    parent, supplied = open_run(options, needs_data=True)
    played = parent.read_config()
    given = {name: getattr(played, name) for name in INHERITED}
    given |= {
        name: value for name, value in configs.options_of(options).items() if value is not None
    }
    given = hardware.suited(
        {**given, "game": "finetune"}, gpu=hardware.has_gpu(), shared=options.distribute != "none"
    )
    config = presets.from_preset(options.preset, played.dataset, **given)
    folder = (
        run_folder.Run(run_folder.default_path("robgan", played.dataset)) if supplied else parent
    )
    build = functools.partial(
        build_finetuning,
        generator=parent.load_agent("generator"),
        classifier=parent.load_agent("classifier"),
    )
    return play(folder.finetuned, config, options, build)
