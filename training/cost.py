"""What a training takes, said before it starts: parameters, and about how much memory."""

import math

PARTS = 4  # the weights, their gradient, and Adam's two averages; an averaged agent has its own
PASSES = 3  # maps of an agent are kept for the gradients of about so many of its calls


def described(game, config, images):
    """A line of the parameters of a game's agents and of the memory that it may take.

    Args:
        game: models.game.Game.
        config: options of the run, of which the batch size counts.
        images: uint8 (n, h, w, c), the training images.
    """
    learners = {agent.name: agent for agent in game.layers if agent.compiled}
    shown = ", ".join(f"{name} {agent.count_params():,}" for name, agent in learners.items())
    gigabytes = (4 * numbers(game, config.batch_size) + images.nbytes) / 1e9
    return f"parameters: {shown}; takes about {gigabytes + 0.6:.1f} GB of memory"


def numbers(game, batch_size):
    """How many floats a step needs, about: the agents, and the maps of a batch."""
    weights = sum(
        (PARTS if agent.compiled else 1) * agent.count_params()
        for agent in game.layers
        if hasattr(agent, "compiled")
    )
    maps = sum(_maps(agent) for agent in game.layers if agent.compiled)
    return weights + PASSES * batch_size * maps


def _maps(agent):
    """Floats that an agent's layers put out for one image."""
    shapes = [getattr(layer.output, "shape", None) for layer in agent.layers]
    return sum(math.prod(side or 1 for side in shape) for shape in shapes if shape)
