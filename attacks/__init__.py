"""How images are perturbed: attacks that climb a loss inside a ball around each image."""

from attacks.apgd import AutoProjectedGradientDescent
from attacks.attacker import Attacker
from attacks.pgd import ProjectedGradientDescent, fast_gradient_sign
from attacks.square import Square

__all__ = [
    "Attacker",
    "AutoProjectedGradientDescent",
    "ProjectedGradientDescent",
    "Square",
    "fast_gradient_sign",
]
