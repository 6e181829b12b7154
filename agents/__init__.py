"""The agents: builders that return functional `keras.Model`s."""

from agents.adam import Adam
from agents.classifier import (
    build_classifier,
    build_residual_classifier,
    build_robust_classifier,
    build_robust_residual_classifier,
    one_reader,
)
from agents.discriminator import (
    build_class_discriminator,
    build_discriminator,
    class_head,
    logits_of_every_label,
    with_every_label,
)
from agents.generator import build_generator, build_style_generator
from agents.points import (
    build_point_classifier,
    build_point_discriminator,
    build_point_generator,
)
from agents.precision import compute_in
from agents.residual import build_residual_discriminator, build_residual_generator

__all__ = [
    "Adam",
    "build_class_discriminator",
    "build_classifier",
    "build_discriminator",
    "build_generator",
    "build_point_classifier",
    "build_point_discriminator",
    "build_point_generator",
    "build_residual_classifier",
    "build_residual_discriminator",
    "build_residual_generator",
    "build_robust_classifier",
    "build_robust_residual_classifier",
    "build_style_generator",
    "class_head",
    "compute_in",
    "logits_of_every_label",
    "one_reader",
    "with_every_label",
]
