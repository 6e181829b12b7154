"""--mode export."""

from collections.abc import Callable

import numpy as np

from cli.terminal import say
from modes.opening import classifier_run, open_run, output_folder
from training import exporting

OUTPUTS = {
    "generator": ("images",),
    "discriminator": ("realness", "class_logits"),
    "classifier": ("class_logits",),
}


def export(options):
    """--mode export: an agent as a file for other programs; returns the exit status.

    Takes the flags; raises ConfigError or one of EXPECTED_ERRORS.
    """
    run, _ = open_run(options)
    holder = classifier_run(run) if options.agent == "classifier" else run
    agent = holder.load_agent(options.agent)
    line = exporting.export(
        agent,
        output_folder(options) / options.agent,
        format=options.format,
        examples=draw_inputs(agent, len(run.class_names())),
        outputs=OUTPUTS[options.agent],
    )
    say(line)
    return 0


def draw_inputs(agent, num_classes):
    """Inputs that an agent may meet: name -> array (EXAMPLES, ...)."""
    rng = np.random.default_rng(0)
    draws: dict[str, Callable] = {
        "latents": rng.standard_normal,
        "images": lambda shape: rng.uniform(-1, 1, shape),
        "labels": lambda shape: rng.integers(0, num_classes, shape),
    }
    return {
        tensor.name: draws[tensor.name]((exporting.EXAMPLES, *tensor.shape[1:])).astype(
            tensor.dtype
        )
        for tensor in agent.inputs
    }
