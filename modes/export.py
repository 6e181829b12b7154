"""--mode export."""

from collections.abc import Callable

import numpy as np

from cli.terminal import say
from modes.selection import classifier_run, open_run, output_folder
from training import exporting

OUTPUTS = {
    "generator": ("images",),
    "discriminator": ("realness", "class_logits"),
    "classifier": ("class_logits",),
    "alice": ("ciphertext",),
    "bob": ("guess",),
}
INPUTS = {  # their names in the file; the inputs of the other agents have theirs already
    "alice": ("plaintext", "key"),
    "bob": ("ciphertext", "key"),
}


def export(flags):
    """--mode export: an agent as a file for other programs; returns the exit status.

    Takes the flags; raises OptionError or one of EXPECTED_ERRORS.
    """
    run, _ = open_run(flags)
    holder = classifier_run(run) if flags.agent == "classifier" else run
    agent = holder.load_agent(flags.agent)
    line = exporting.export(
        agent,
        output_folder(flags) / flags.agent,
        format=flags.format,
        examples=draw_inputs(flags.agent, agent, len(run.class_names())),
        outputs=OUTPUTS[flags.agent],
        overwrite=flags.overwrite,
    )
    say(line)
    return 0


def draw_inputs(name, agent, num_classes):
    """Examples of an agent's inputs: their name in the file -> array (EXAMPLES, ...)."""
    rng = np.random.default_rng(0)
    draws: dict[str, Callable] = {
        "latents": rng.standard_normal,
        "images": lambda shape: rng.uniform(-1, 1, shape),
        "labels": lambda shape: rng.integers(0, num_classes, shape),
    }
    named = zip(INPUTS.get(name) or [each.name for each in agent.inputs], agent.inputs)  # noqa: B905
    return {
        title: draws.get(title, lambda shape: rng.choice([-1, 1], shape))(
            (exporting.EXAMPLES, *tensor.shape[1:])
        ).astype(tensor.dtype)
        for title, tensor in named
    }
