"""Who plays: builders that return functional `keras.Model`s."""

from agents.classifier import build_classifier, build_robust_classifier
from agents.discriminator import (
    build_class_discriminator,
    build_discriminator,
    with_every_label,
)
from agents.generator import build_generator

__all__ = [
    "build_class_discriminator",
    "build_classifier",
    "build_discriminator",
    "build_generator",
    "build_robust_classifier",
    "with_every_label",
]
