"""What an option of a run is: a field of a config, a flag, its limits. No TensorFlow here."""

import dataclasses
import math

NORMS = ("linf", "l2")
EXPORT_FORMATS = ("savedmodel", "onnx", "litert")


class ConfigError(ValueError):
    """An option that cannot be: one line that names the flag and what it may be."""


def option(default, says, *, low=None, high=None, choices=None):
    """A field of a config that is also the flag of its name.

    Args:
        default: its value if not given.
        says: str, what --help says of it.
        low, high: numbers, the smallest and the largest value that it may have.
        choices: tuple of str, the values that it may have.
    """
    limits = {"says": says, "low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata=limits)


def width(agent, default):
    """Channels of an agent."""
    return option(default, f"Channels of the {agent}'s largest layer.", low=1, high=1024)


def learning_rate(agent, default):
    """Step size of an agent's optimizer."""
    return option(default, f"Adam's step size for the {agent}.", low=1e-8, high=1)


def ema_decay(default):
    """Share of an average that stays at each step."""
    return option(default, "Decay of the averaged agents.", low=0, high=0.999999)


def epsilon(default):
    """Radius of an attack's ball."""
    says = "Radius of an attack's ball, as a share of the pixels' range."
    return option(default, says, low=0, high=1000)


def norm(default):
    """Norm of an attack."""
    return option(default, "Norm of an attack's step and ball.", choices=NORMS)


def attack_steps(default):
    """Length of an attack."""
    return option(default, "Gradient steps of an attack, at most.", low=1, high=10_000)


def step_size(default):
    """Length of a step of an attack."""
    says = "Length of such a step, as a share of the pixels' range."
    return option(default, says, low=1e-6, high=1000)


def r1_gamma(default):
    """Weight of a gradient penalty."""
    says = "Weight of the discriminator's lazy gradient penalty."
    return option(default, says, low=0, high=1000)


def translation(default):
    """Shifts of images."""
    says = "Pixels that the images which are learned from are shifted by."
    return option(default, says, low=0, high=32)


def ramp_steps(default):
    """Length of a ramp."""
    says = "Steps over which epsilon grows from 0 to what it is."
    return option(default, says, low=0, high=100_000_000)


def contrast(default):
    """Steepness of a first threshold."""
    says = "Steepness of the threshold that pixels first pass; 0 for none."
    return option(default, says, low=0, high=100)


def latent_dim(default):
    """Length of what an image is made of."""
    return option(default, "Length of a latent vector.", low=1, high=4096)


def check(fields, value):
    """Refuses a value that no one of the fields of a name allows.

    Args:
        fields: list of dataclasses.Field, of one name.
        value: what a flag or a file says.
    Raises:
        ConfigError: one line that names the flag and what it may be.
    """
    problems = [_problem(field, value) for field in fields]
    if all(problems):
        raise ConfigError(f"--{fields[0].name} {value}: {problems[0]}")


def _problem(field, value):
    """What a field's `option` has against a value; None if nothing."""
    limits = field.metadata
    if not limits or (value is None and field.default is None):
        return None
    if limits["choices"] and value not in limits["choices"]:
        return f"must be one of {', '.join(limits['choices'])}"
    low, high = limits["low"], limits["high"]
    if low is not None and not (math.isfinite(value) and low <= value <= high):
        return f"must be from {low} to {high}"
    return None
