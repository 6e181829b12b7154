"""What an option of a game is: a default, a line of help and its limits, each stated once."""

import dataclasses
import math

NORMS = ("linf", "l2")


class OptionError(ValueError):
    """An impossible option: one line that names the flag and what it may be."""


def option(default, says, *, low=None, high=None, choices=None):
    """A field of a game's options, which is also the flag of the same name.

    Args:
        default: its value if not given.
        says: str, what --help says of it.
        low, high: numbers, the smallest and the largest value that it may have.
        choices: tuple of str, the values that it may have.
    """
    return dataclasses.field(default=default, metadata=limits(says, low, high, choices))


def limits(says, low=None, high=None, choices=None):
    """What is known of an option besides its default; arguments as `option`."""
    return {"says": says, "low": low, "high": high, "choices": choices}


def width(agent, default):
    """Channels of an agent."""
    return option(default, f"Channels of the {agent}'s largest layer.", low=1, high=1024)


def learning_rate(agent, default):
    """Step size of an agent's optimizer."""
    return option(default, f"Adam's step size for the {agent}.", low=1e-8, high=1)


def ema_decay(default=0.999):
    """Share of an average that is kept at each step."""
    return option(default, "Decay of the averaged agents.", low=0, high=0.999999)


def beta_1():
    """Momentum of agents whose opponent learns (Radford et al. 2016)."""
    says = "Adam's momentum for generator and discriminator."
    return option(0.5, says, low=0, high=0.999)


def beta_2():
    """Memory of the size of their gradients."""
    says = "Adam's memory of the size of their gradients."
    return option(0.999, says, low=0, high=0.999999)


def falling():
    """Whether learning rates fall."""
    return option(False, "Let the learning rates fall to nothing over the run's steps.")


def batch_size(default):
    """Images of a step."""
    return option(default, "Images per step.", low=2, high=65_536)


def epsilon(default):
    """Radius of an attack's ball."""
    says = "Radius of the attack's ball, on the [0, 1] pixel scale."
    return option(default, says, low=0, high=1000)


def norm(default):
    """How the distance between an image and an attacked one is measured."""
    return option(default, "Norm of the attack's ball.", choices=NORMS)


def attack_steps(default):
    """Steps of an attack."""
    return option(default, "Steps of an attack.", low=1, high=10_000)


def step_size(default):
    """Length of a step of an attack."""
    says = "Length of one step of the attack, on the [0, 1] pixel scale."
    return option(default, says, low=1e-6, high=1000)


def r1_gamma(default):
    """Weight of a gradient penalty."""
    says = "Weight of the discriminator's lazy gradient penalty."
    return option(default, says, low=0, high=1000)


def translation(default=0):
    """Shifts of images."""
    return option(default, "Pixels by which training images are shifted.", low=0, high=32)


def mirror():
    """Whether images are mirrored."""
    return option(False, "Mirror half of the images, at random.")


def ramp_steps(default=1000):
    """Length of a ramp."""
    says = "Steps over which epsilon grows from 0 to its full value."
    return option(default, says, low=0, high=100_000_000)


def contrast(default=5.0):
    """Steepness of the threshold that pixels pass first."""
    says = "Steepness of the threshold that pixels pass first; 0 for none."
    return option(default, says, low=0, high=100)


def latent_dim(default=64):
    """Length of a latent vector."""
    return option(default, "Length of a latent vector.", low=1, high=4096)


def check(fields, value):
    """Refuses a value that no option of this name allows.

    Args:
        fields: list of dataclasses.Field, all of the same name.
        value: what a flag or a file says.
    Raises:
        OptionError: one line that names the flag and what it may be.
    """
    problems = [_problem(field, value) for field in fields]
    if all(problems):
        raise OptionError(f"--{fields[0].name} {value}: {problems[0]}")


def _problem(field, value):
    """What is wrong with a value of an option; None if nothing."""
    known = field.metadata
    if not known or (value is None and field.default is None):
        return None
    if known["choices"] and value not in known["choices"]:
        return f"must be one of {', '.join(known['choices'])}"
    low, high = known["low"], known["high"]
    if low is not None and not (math.isfinite(value) and low <= value <= high):
        return f"must be from {low} to {high}"
    return None


def check_reach(epsilon, norm, shape):
    """Refuses a radius that reaches beyond all images.

    Args:
        epsilon: float or None, on the [0, 1] pixel scale.
        norm: str, one of `NORMS`.
        shape: (h, w, c) of the images.
    Raises:
        OptionError: one line that names the largest radius that there is.
    """
    largest = math.sqrt(math.prod(shape)) if norm == "l2" else 1.0
    if epsilon is not None and epsilon > 1.001 * largest:  # what is said is rounded
        size = " x ".join(map(str, shape))
        raise OptionError(
            f"--epsilon {epsilon:g}: {largest:.4g} is the largest that there is in {norm} for"
            f" images of {size} pixels from 0 to 1"
        )


def check_ball(epsilon, norm, step_size, steps):
    """Refuses a radius beyond the pixel range, and steps too short to reach the edge of the ball.

    Raises:
        OptionError: one line that names the flag and what it may be.
    """
    if epsilon is not None and norm == "linf" and epsilon > 1:
        raise OptionError(f"--epsilon {epsilon}: must be from 0 to 1, the range of a pixel")
    if epsilon is not None and step_size is not None and step_size * steps < 0.999 * epsilon:
        raise OptionError(
            f"--step_size {step_size}: {steps} such steps never reach the edge of the ball of"
            f" --epsilon {epsilon}; {epsilon / steps:.4g} is the smallest"
        )
