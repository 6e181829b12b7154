"""The checks that stand below each cell to fill in: `checks.name(your_function)`."""

from course.checks.attacks import (
    away_from,
    climb,
    climb_l2,
    gradient_of,
    pgd,
    project,
    project_l2,
    random_start,
    towards,
)
from course.checks.min_max import (
    discriminator_loss,
    discriminator_turn,
    generator_turn,
    minimax_loss,
    non_saturating_loss,
    scores,
    train_step,
)

__all__ = [
    "away_from",
    "climb",
    "climb_l2",
    "discriminator_loss",
    "discriminator_turn",
    "generator_turn",
    "gradient_of",
    "minimax_loss",
    "non_saturating_loss",
    "pgd",
    "project",
    "project_l2",
    "random_start",
    "scores",
    "towards",
    "train_step",
]
