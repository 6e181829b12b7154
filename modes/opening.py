"""What several modes begin and end with: the run that is meant, its data, where things go."""

import pathlib

from attacks.ball import Ball
from cli.terminal import say
from games import config as configs
from images import datasets
from training import run_folder

FEWEST_TEST_IMAGES = 100
USUAL_EPSILON = {"linf": 0.3, "l2": 2.0}  # for grey images; CIFAR-10's is in its run's config


def open_run(options, needs_data=False):
    """The run that the user means.

    Args:
        options: the namespace of `dcgan.parse`.
        needs_data: bool, whether supplied agents must be those of a data set that can be had.
    Returns:
        (Run, bool): the run, and whether its agents are supplied ones.
    Raises:
        RunError: as `runs.find`.
    """
    run, supplied = run_folder.find(options.game, options.dataset, options.path)
    if supplied and options.dataset == "auto" and needs_data:
        name = datasets.resolve("auto", options.data_dir, announce=say)
        run, supplied = run_folder.find(options.game, name, options.path)
    say(f"using the {'supplied' if supplied else 'trained'} agents of {run.path}")
    return run, supplied


def classifier_run(run):
    """The run that holds a run's classifier: of Rob-GAN its fine-tuning, once there is one."""
    if run.read_config().game == "robgan" and run.finetuned.has_agents:
        say(f"its classifier is the fine-tuned one of {run.finetuned.path}")
        return run.finetuned
    return run


def load_classifier(run):
    """The agent of a run that names classes: of the attacked game the discriminator itself."""
    return run.load_agent("discriminator" if run.read_config().game == "attacked" else "classifier")


def chosen_ball(options, config):
    """The ball that the flags ask for, or else the one that the run was trained against.

    Returns:
        attacks.ball.Ball.
    Raises:
        ConfigError: if there is no such ball.
    """
    attacked = config.game in ("robust", "robgan", "finetune")  # while it learned
    norm = options.norm or (config.norm if attacked else "linf")
    epsilon = options.epsilon
    if epsilon is None:
        epsilon = config.epsilon if attacked and norm == config.norm else USUAL_EPSILON[norm]
    try:
        return Ball(epsilon, norm)
    except ValueError as error:
        raise configs.ConfigError(f"--{error}") from None


def load_data(run, options):
    """The data set of a run, whose test split must be large enough to measure by.

    Raises:
        DataError: if it cannot be had or has too few test images.
    """
    config = run.read_config()
    dataset = datasets.load(
        config.dataset,
        data_dir=options.data_dir or config.data_dir,
        image_size=config.image_size,
        seed=config.seed,
    )
    if len(dataset.test.labels) < FEWEST_TEST_IMAGES:
        raise datasets.DataError(
            f"the test split of {config.dataset} holds {len(dataset.test.labels)} images, too few"
            f" to measure by; {FEWEST_TEST_IMAGES} or more are needed"
        )
    return dataset


def output_folder(options, usual="."):
    """Where what a mode makes is written: --output, or else the usual place."""
    return pathlib.Path(options.output or usual).expanduser()


def report_folder(options, run, supplied):
    """Where a report goes: beside the run, which for supplied agents is where one would be."""
    config = run.read_config()
    usual = run_folder.default_path(config.game, config.dataset) if supplied else run.path
    return output_folder(options, usual)
