"""The count of a step's operations, against the count that TensorFlow takes from its graph."""

import keras
import pytest
import tensorflow as tf

from benchmarks import flops
from models import losses
from tests.support.games import BATCH, IMAGE_SIZE, tiny_trio

COUNTED = {"Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", "MatMul"}
IMAGES = tf.TensorSpec((BATCH, IMAGE_SIZE, IMAGE_SIZE, 1))
LABELS = tf.TensorSpec((BATCH,), tf.int32)


def counted(function, *specs):
    """Multiply-adds an image of the convolutions and matrix products that a graph needs."""
    graph = tf.function(function, autograph=False).get_concrete_function(*specs).graph
    # What is traced and leads nowhere, such as the gradient of given images, is never run.
    ends = [*graph.control_outputs, *(tensor.op for tensor in graph.outputs)]
    needed = tf.compat.v1.graph_util.extract_sub_graph(
        graph.as_graph_def(add_shapes=True), [op.name for op in ends]
    )
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(needed, name="")
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    node = profiler.profile(graph, cmd="op", options=options.with_empty_output().build())
    total = 0
    while node.children:  # each kind of operation holds the next one
        (node,) = node.children
        total += node.float_ops if node.name in COUNTED else 0
    return total / 2 / BATCH


def without_dot(agent):
    """TensorFlow counts a Dot of two vectors as if it were a product of matrices."""
    dots = [layer for layer in agent.layers if isinstance(layer, keras.layers.Dot)]
    return flops.forward(agent) - sum(map(flops.of_layer, dots))


@pytest.mark.parametrize("refine", [True, False])
def test_a_pass_forwards_is_what_tensorflow_counts(refine):
    game = tiny_trio(refine=refine)
    latents = tf.TensorSpec((BATCH, game.latent_dim))
    made = counted(lambda z, y: game.generator([z, y]), latents, LABELS)
    assert made == flops.forward(game.generator)
    judged = counted(lambda x, y: game.discriminator([x, y]), IMAGES, LABELS)
    assert judged == without_dot(game.discriminator)
    assert counted(game.classifier, IMAGES) == flops.forward(game.classifier)


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])
def test_a_step_is_what_tensorflow_counts(loss):
    game = tiny_trio(loss=loss)
    step = counted(lambda x, y: game.train_step((x, y)), IMAGES, LABELS)
    of_dots = flops.forward(game.discriminator) - without_dot(game.discriminator)
    times = sum(one.times for one in flops.passes(game) if one.agent == "discriminator")
    assert step == flops.of_step(game, BATCH) / 2 / BATCH - times * of_dots


def test_r1_is_four_passes():
    """TensorFlow takes two more: the second derivatives that are zero are sent back like others."""
    game, penalised = tiny_trio(), tiny_trio(r1_gamma=1.0)
    judge = game.discriminator

    def penalty(images, labels):
        with tf.GradientTape() as tape:
            squared = losses.squared_gradient_norm(lambda x: judge([x, labels]), images)
        return tape.gradient(squared, judge.trainable_variables)

    zeros = 2 * without_dot(judge) - flops.first(judge)
    taken = counted(penalty, IMAGES, LABELS)
    assert taken == pytest.approx(4 * without_dot(judge) + zeros, rel=0.01)
    more = flops.of_step(penalised, BATCH) - flops.of_step(game, BATCH)
    assert more == 2 * BATCH * flops.forward(judge) * 4 / 16
