"""The agents of a run, as those who use them want them: a classifier, a sampler."""

from games import GAMES
from models import sampling
from models.attacked_discriminator import image_attack


def classifier_holder(run):
    """The run that holds a run's classifier: of a Rob-GAN its fine-tuning, if there is one."""
    return run.finetuned if run.finetuned.has_agents else run


def load_classifier(run):
    """The agent of a run that names classes; in the attacked game that is the discriminator."""
    return run.load_agent(GAMES[run.read_config().game].classifier)


def load_sampler(run, *, truncation=None, sampling_steps=None, announce=lambda line: None):
    """What draws with a run's agents.

    Args:
        run: run_folder.Run.
        truncation: as `sampling.Sampler`; without meaning for the attacked game.
        sampling_steps: int, from noise to image in the attacked game; None for the run's own.
        announce: as `sampling.Sampler`.
    Returns:
        sampling.Sampler, or sampling.AttackSampler for the attacked game.
    Raises:
        RunError: if an agent is missing or damaged.
    """
    config, discriminator = run.read_config(), run.load_agent("discriminator")
    if config.game == "attacked":
        steps = sampling_steps or config.sampling_steps
        return sampling.AttackSampler(discriminator, image_attack(config), steps)
    return sampling.Sampler(
        run.load_agent("generator"),
        discriminator,
        truncation=truncation,
        nice_truncation=getattr(config, "nice_truncation", None),
        announce=announce,
    )
