"""The rows of the race: projected gradient descent of this project and of four libraries.

Every row does the same: it starts at the images, takes steps of the gradient's sign, projects back
into the Linf ball and the box after each, and returns the last iterate. README.md lists what is
done to make each row as fast as its documentation allows.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from attacks import Attacker, ProjectedGradientDescent
from benchmarks.race import Peer

BOUNDS = (-1.0, 1.0)  # the pixels as the classifiers see them
PIXEL_RANGE = BOUNDS[1] - BOUNDS[0]  # peers count lengths in units of the pixels


class Task(NamedTuple):
    """What every row gets.

    Attributes:
        classifier: keras.Model, images in [-1, 1] -> class logits (b, num_classes).
        images: float32 (n, h, w, c) in [-1, 1].
        labels: int32 (n,), the classes to leave.
        epsilon, step_size: float, as shares of the pixel range.
        steps, batch_size, threads: int.
    """

    classifier: keras.Model
    images: np.ndarray
    labels: np.ndarray
    epsilon: float
    step_size: float
    steps: int
    batch_size: int
    threads: int

    def batches(self):
        """The images and labels, batch by batch."""
        for start in range(0, len(self.images), self.batch_size):
            batch = slice(start, start + self.batch_size)
            yield self.images[batch], self.labels[batch]


def ours(task, keep_best=False):
    """This project, as its users call it."""
    attack = ProjectedGradientDescent(
        task.epsilon, task.step_size, task.steps, random_start=False, keep_best=keep_best
    )
    attacker = Attacker(attack, task.classifier, batch_size=task.batch_size)
    return lambda: attacker(task.images, task.labels)


def ours_keeping_the_best(task):
    """This project as it is by default: the best iterate, for one more call of the classifier."""
    return ours(task, keep_best=True)


def foolbox_pgd(task):
    """Foolbox; its loop is Python's, so the classifier is a graph, and `run` omits its report."""
    import foolbox

    model = foolbox.TensorFlowModel(tf.function(task.classifier), bounds=BOUNDS, device="/CPU:0")
    attack = foolbox.attacks.LinfPGD(
        abs_stepsize=PIXEL_RANGE * task.step_size, steps=task.steps, random_start=False
    )
    batches = [(tf.constant(images), tf.constant(labels)) for images, labels in task.batches()]
    epsilon = PIXEL_RANGE * task.epsilon
    return lambda: np.concatenate(
        [attack.run(model, *batch, epsilon=epsilon).numpy() for batch in batches]
    )


def toolbox_pgd(task):
    """ART; its loop is Python's as well, so the classifier is a graph."""
    from art.attacks.evasion import ProjectedGradientDescentTensorFlowV2
    from art.estimators.classification import TensorFlowV2Classifier

    classifier = TensorFlowV2Classifier(
        tf.function(task.classifier),
        nb_classes=task.classifier.output_shape[-1],
        input_shape=task.images.shape[1:],
        loss_object=keras.losses.CategoricalCrossentropy(from_logits=True),
        clip_values=BOUNDS,
    )
    attack = ProjectedGradientDescentTensorFlowV2(
        classifier,
        eps=PIXEL_RANGE * task.epsilon,
        eps_step=PIXEL_RANGE * task.step_size,
        max_iter=task.steps,
        num_random_init=0,
        batch_size=task.batch_size,
        verbose=False,
    )
    return lambda: attack.generate(task.images, task.labels)


def cleverhans_pgd(task, whole_graph=False):
    """CleverHans; its gradient is a graph already, and its loop is Python's."""
    from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

    def perturb(images, labels):
        return projected_gradient_descent(
            task.classifier,
            images,
            PIXEL_RANGE * task.epsilon,
            PIXEL_RANGE * task.step_size,
            task.steps,
            np.inf,
            clip_min=BOUNDS[0],
            clip_max=BOUNDS[1],
            y=labels,
            rand_init=False,
        )

    attack = tf.function(perturb) if whole_graph else perturb
    batches = [(tf.constant(images), tf.constant(labels)) for images, labels in task.batches()]
    return lambda: np.concatenate([attack(*batch).numpy() for batch in batches])


def cleverhans_graph(task):
    """CleverHans with its Python loop unrolled into one graph, which it does not recommend."""
    return cleverhans_pgd(task, whole_graph=True)


def torchattacks_pgd(task, channels_last=False):
    """torchattacks on the twin of the classifier; it counts pixels from 0 to 1 and is told so."""
    import torch
    import torchattacks

    from benchmarks.twin import torch_twin

    torch.set_num_threads(task.threads)
    torch.set_flush_denormal(True)  # as TensorFlow does
    order = torch.channels_last if channels_last else torch.contiguous_format
    twin = torch_twin(task.classifier, task.images[: task.batch_size]).to(memory_format=order)
    attack = torchattacks.PGD(
        twin, eps=task.epsilon, alpha=task.step_size, steps=task.steps, random_start=False
    )
    channels = task.images.shape[-1]
    attack.set_normalization_used(mean=[0.5] * channels, std=[0.5] * channels)
    batches = [
        (
            torch.tensor(images.transpose(0, 3, 1, 2)).contiguous(memory_format=order),
            torch.tensor(labels, dtype=torch.int64),
        )
        for images, labels in task.batches()
    ]
    return lambda: np.concatenate(
        [attack(*batch).numpy().transpose(0, 2, 3, 1) for batch in batches]
    )


def torchattacks_channels_last(task):
    """torchattacks with images and kernels in the order that oneDNN likes, as PyTorch advises."""
    return torchattacks_pgd(task, channels_last=True)


OURS = "ours"
OUR_ROWS = {OURS: ours, "ours, keep_best": ours_keeping_the_best}
PEERS = {
    "Foolbox": Peer(("foolbox",), "foolbox", ("foolbox",), {"Foolbox": foolbox_pgd}),
    "ART": Peer(
        ("art",),
        "adversarial-robustness-toolbox",
        ("adversarial-robustness-toolbox",),
        {"ART": toolbox_pgd},
    ),
    "CleverHans": Peer(
        ("cleverhans",),
        "cleverhans",
        ("cleverhans",),
        {"CleverHans": cleverhans_pgd, "CleverHans, one graph": cleverhans_graph},
    ),
    "torchattacks": Peer(
        ("torch", "torchattacks"),
        "torch==2.13.0 torchattacks",
        ("torch", "torchattacks"),
        {
            "torchattacks": torchattacks_pgd,
            "torchattacks, channels_last": torchattacks_channels_last,
        },
    ),
}
