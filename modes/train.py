"""--mode train."""

import dataclasses
import sys

from cli.terminal import INTERRUPTED, say
from devices import hardware
from devices.distribution import Devices, lost_worker
from evaluation import plots
from games import config as configs
from games import presets
from images import datasets
from models.building import build_game
from training import loop, run_folder

NEXT = {
    "trio": "generate --nice",
    "gan": "generate --nice",
    "robust": "evaluate",
    "attacked": "generate",
    "robgan": "finetune",
    "finetune": "evaluate --robustness",
}


def train(options):
    """--mode train: plays the game into the run folder.

    Takes the flags; returns the exit status, or raises ConfigError or one of EXPECTED_ERRORS.
    """
    name = options.dataset
    if options.resume and options.path:
        name = run_folder.Run(options.path).read_config().dataset if name == "auto" else name
    name = datasets.resolve(name, options.data_dir, announce=say)
    given = hardware.suited(
        configs.options_of(options), gpu=hardware.has_gpu(), shared=options.distribute != "none"
    )
    config = presets.from_preset(options.preset, name, **given)
    run = run_folder.Run(options.path or run_folder.default_path(config.game, config.dataset))
    if run.exists:
        run_folder.refuse_other(run, config.game, config.dataset)
    return play(run, config, options)


def play(run, config, options, build=build_game):
    """Plays a game into a folder that is free, or as --resume and --overwrite say.

    Args:
        run: runs.Run.
        config: config.Config, of a new run; a run that is resumed has its own.
        options: the namespace of `dcgan.parse`.
        build: callable, (config, dataset) -> the game to start with.
    Returns:
        int, the exit status.
    Raises:
        ConfigError, or one of EXPECTED_ERRORS.
    """
    if options.resume:
        config = resumed_config(run, options)
    elif run.exists and not options.overwrite:
        raise run_folder.RunError(
            f"{run.path}: already holds a run; --resume goes on with it, --overwrite replaces it,"
            " another --path leaves it alone"
        )
    dataset = datasets.load(
        config.dataset, data_dir=config.data_dir, image_size=config.image_size, seed=config.seed
    )
    if options.epochs:
        per_epoch = config.steps_per_epoch(len(dataset.train.images))
        config = dataclasses.replace(config, steps=options.epochs * per_epoch, minutes=None)
    devices = options.devices or Devices()
    devices.check(config.batch_size)
    if not devices.is_chief:
        run = run_folder.Onlooker(run.path)
    with run.locked():
        if options.overwrite:
            run.clear()
        where = "" if options.distribute == "none" else f" on {devices}"
        say(f"training the {config.game} on {config.dataset}{where} into {run.path}")
        try:
            game, stopped_by = loop.train(
                run,
                config,
                dataset,
                resume=options.resume,
                show_bar=sys.stdout.isatty(),
                announce=say,
                build=build,
                devices=devices,
            )
        except devices.losses as error:
            raise run_folder.RunError(
                f"{lost_worker(error)} was lost, so the run ends here; the last checkpoint is"
                f" {run.checkpoint_file}; start all workers again with --resume"
            ) from None
        if devices.is_chief:
            plots.plot_losses(run.read_stats(), run.path / "losses.png")
    return report_end(run, config, game.step, stopped_by, options.distribute)


def resumed_config(run, options):
    """The config of the run to go on with, with the new length if one was given.

    A longer preset goes on with a shorter one's run, if they differ in length alone.

    Raises:
        ConfigError: if a flag says something else than the run's own config.
    """
    config = run.read_config()
    for name in (*configs.GAME_OPTIONS, "seed", "batch_size"):
        if name in options.given and getattr(options, name) != getattr(config, name):
            raise configs.ConfigError(
                f"--{name} {getattr(options, name)}: the run in {run.path} has"
                f" {getattr(config, name)}; only the length of a resumed run may change"
            )
    length = {"steps": options.steps, "minutes": options.minutes, "data_dir": options.data_dir}
    given = {name: value for name, value in length.items() if value is not None}
    if "preset" in options.given:
        steps = steps_of_longer(options.preset, config)
        given = {"preset": options.preset, "steps": steps, **given}
    if given.keys() & {"steps", "minutes"} or options.epochs:
        config = dataclasses.replace(config, minutes=None)
    return dataclasses.replace(config, **given)


def steps_of_longer(preset, config):
    """How long a preset would play a run of another one.

    Raises:
        ConfigError: if it also has other rules, or other agents.
    """
    wanted, played = (
        dataclasses.asdict(
            presets.from_preset(name, config.dataset, game=config.game, data_dir=config.data_dir)
        )
        for name in (preset, config.preset)
    )
    for name in sorted(wanted.keys() - {"preset", "steps"}):
        if wanted[name] != played[name]:
            raise configs.ConfigError(
                f"--preset {preset}: has another {name} than {config.preset}, the run's own;"
                " lengthen it with --steps, or start anew"
            )
    return wanted["steps"]


def report_end(run, config, step, stopped_by, distribute):
    """Says how the training ended and what to type next; returns the exit status."""
    where = f"train --game {config.game} --path {run.path}"
    if config.game == "finetune":
        where = f"finetune --game robgan --path {run.path.parent}"
    if stopped_by == "not finite":
        remedy = " or --r1_gamma 1" if hasattr(config, "r1_gamma") else ""
        raise run_folder.RunError(
            f"a loss became infinite or not a number at step {step}; the last good checkpoint is"
            f" {run.checkpoint_file}; start anew with a lower learning rate{remedy}"
        )
    if stopped_by == "signal":
        say(f"interrupted at step {step}, and saved; to go on:")
        again = "" if distribute == "none" else f" --distribute {distribute}"
        say(f"  python dcgan.py --mode {where}{again} --resume")
        return INTERRUPTED
    film = f"; the film is {run.film_file}" if run.film_file.exists() else ""
    say(f"done, {step} steps{film}; next:")
    say(f"  python dcgan.py --mode {NEXT[config.game]} {where.partition(' ')[2]}")
    return 0
