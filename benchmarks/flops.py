"""Multiplications and additions of a step of the trio, counted from the layers, pass by pass.

A multiplication and the addition after it are one operation here; processors are sold by counting
them as two (FLOPs). Only convolutions and matrix products are counted: normalisations,
activations, optimizers and averages are a hundredth of the operations, though not of the time.
"""

import math
from typing import NamedTuple

from keras import layers

from games.gan import RELATIVISTIC
from models.gan import R1_INTERVAL


class Pass(NamedTuple):
    """One way through an agent.

    Attributes:
        turn: str, whose turn.
        agent: str, who computes.
        what: str, which pass.
        times: float, how often in a step.
        multiply_adds: int, of one image each time.
    """

    turn: str
    agent: str
    what: str
    times: float
    multiply_adds: int


def of_layer(layer):
    """Multiply-adds of a layer for one image, forwards; 0 where there is no matrix."""
    if isinstance(layer, layers.Conv2DTranspose):  # each input pixel is spread over a kernel
        return math.prod(layer.input.shape[1:]) * math.prod(layer.kernel_size) * layer.filters
    if isinstance(layer, layers.Conv2D):  # each output pixel gathers from one, the margin included
        inputs = layer.input.shape[-1] // layer.groups
        return math.prod(layer.output.shape[1:]) * math.prod(layer.kernel_size) * inputs
    if isinstance(layer, layers.Dense):
        return layer.input.shape[-1] * layer.units
    if isinstance(layer, layers.Dot):
        return layer.input[0].shape[-1]
    return 0


def forward(agent):
    """Multiply-adds of a pass of one image through an agent."""
    return sum(map(of_layer, agent.layers))


def first(agent):
    """The part of these that belongs to layers that look at the image itself.

    If an agent learns from given images, their gradient is not needed.
    """
    (images,) = (tensor for tensor in agent.inputs if len(tensor.shape) == 4)
    looks = (layer for layer in agent.layers if getattr(layer, "input", None) is images)
    return sum(map(of_layer, looks))


def passes(game):
    """Every pass of a step of the trio, conditioned by projection.

    A layer's gradient to its weights and that to its input each cost what the layer costs. R1 is
    a pass forwards and one back to the image, and, for the gradient of that gradient, a pass
    forwards and one to the weights: leaky ReLUs have no second derivative to add.

    Args:
        game: models.GANTrio of any loss but "wasserstein", conditioned by projection.
    Returns:
        list of Pass.
    """
    generator, judge, reader = (
        forward(agent) for agent in (game.generator, game.discriminator, game.classifier)
    )
    judges_first, readers_first = first(game.discriminator), first(game.classifier)
    learned = [
        Pass("discriminator", "generator", "forwards", 1, generator),
        Pass("discriminator", "discriminator", "forwards, real and fake", 2, judge),
        Pass("discriminator", "discriminator", "to the weights", 2, judge),
        Pass("discriminator", "discriminator", "back, not to the image", 2, judge - judges_first),
        Pass("generator", "generator", "forwards", 1, generator),
        Pass("generator", "discriminator", "forwards", 1, judge),
        Pass("generator", "discriminator", "back to the image", 1, judge),
        Pass("generator", "generator", "back, and to the weights", 2, generator),
        Pass("classifier", "generator", "forwards, the average", 1, generator),
        Pass("classifier", "classifier", "forwards", 1, reader),
        Pass("classifier", "classifier", "to the weights", 1, reader),
        Pass("classifier", "classifier", "back, not to the image", 1, reader - readers_first),
    ]
    penalties = ["R1"]
    if game.options.loss in RELATIVISTIC:
        learned.append(Pass("generator", "discriminator", "forwards, real", 1, judge))
        penalties.append("R2")
    if not game.options.r1_gamma:
        return learned
    return [
        *learned,
        *(Pass("discriminator", "discriminator", p, 4 / R1_INTERVAL, judge) for p in penalties),
    ]


def of_step(game, batch):
    """FLOPs of a step: two for each multiply-add of each image."""
    return 2 * batch * sum(one.times * one.multiply_adds for one in passes(game))
