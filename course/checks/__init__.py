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

__all__ = [
    "away_from",
    "climb",
    "climb_l2",
    "gradient_of",
    "pgd",
    "project",
    "project_l2",
    "random_start",
    "towards",
]
