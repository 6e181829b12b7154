"""The torch module that computes what a Keras classifier computes, with the same weights."""

import numpy as np
import torch
from keras import layers
from torch import nn

ACTIVATIONS = {"linear": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
TOLERANCE = 1e-4  # what the logits of the twins may differ by


def torch_twin(model, images):
    """Builds the twin of a chain of Conv2D, MaxPooling2D, Flatten, Dense and ReLU layers.

    Args:
        model: keras.Model, images (b, h, w, c) -> logits (b, num_classes), one layer after another.
        images: float32 (n, h, w, c), on which the two are compared.
    Returns:
        nn.Sequential, images (b, c, h, w) -> logits (b, num_classes), in its inference mode.
    Raises:
        ValueError: one line, for a layer without a twin, or where the logits differ.
    """
    parts = []
    shape = None  # (h, w, c) of what was flattened last
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        if isinstance(layer, layers.Flatten):
            shape = layer.input.shape[1:]
            parts.append(nn.Flatten())
        else:
            parts += _twins(layer, shape)
            shape = None
    twin = nn.Sequential(*parts).eval()
    _compare(model, twin, images)
    return twin


def _twins(layer, shape):
    """The torch layers that do what one Keras layer does; `shape` is what Flatten flattened."""
    if isinstance(layer, layers.Conv2D) and layer.groups == 1:
        return [*_padding(layer, 0.0), _convolution(layer), *_activation(layer)]
    if isinstance(layer, layers.MaxPooling2D):
        return [*_padding(layer, -np.inf), nn.MaxPool2d(layer.pool_size, layer.strides)]
    if isinstance(layer, layers.Dense):
        return [_dense(layer, shape), *_activation(layer)]
    if isinstance(layer, layers.ReLU) and not (layer.negative_slope or layer.threshold):
        return [nn.ReLU() if layer.max_value is None else nn.Hardtanh(0.0, layer.max_value)]
    raise ValueError(f"the layer {layer.name} ({type(layer).__name__}) has no twin in torch")


def _activation(layer):
    """The activation of a layer, if it has one."""
    name = layer.activation.__name__
    if name not in ACTIVATIONS:
        raise ValueError(f"the activation {name} of the layer {layer.name} has no twin in torch")
    return [] if name == "linear" else [ACTIVATIONS[name]()]


def _padding(layer, value):
    """What has to be added around the images where torch cannot pad by itself.

    TensorFlow's "same" puts the odd pixel at the bottom and at the right, and how much it adds
    hangs on the images' size.
    """
    before, after = np.transpose([_same(layer, axis) for axis in (0, 1)])
    if (before == after).all() and isinstance(layer, layers.Conv2D):
        return []  # by the convolution itself
    if not (before.any() or after.any()):
        return []
    return [nn.ConstantPad2d((before[1], after[1], before[0], after[0]), value)]


def _same(layer, axis):
    """Pixels that "same" adds before and after one axis (0 for rows, 1 for columns)."""
    if layer.padding == "valid":
        return 0, 0
    size, stride = layer.input.shape[1 + axis], layer.strides[axis]
    if isinstance(layer, layers.Conv2D):
        window = (layer.kernel_size[axis] - 1) * layer.dilation_rate[axis] + 1
    else:
        window = layer.pool_size[axis]
    added = max((-(-size // stride) - 1) * stride + window - size, 0)
    return added // 2, added - added // 2


def _convolution(layer):
    """The twin of a Conv2D; its padding is zero where it is not the same on both sides."""
    kernel = np.transpose(layer.kernel.numpy(), (3, 2, 0, 1))  # (out, in, rows, columns)
    sides = [_same(layer, axis) for axis in (0, 1)]
    padding = [before for before, _ in sides] if all(b == a for b, a in sides) else 0
    twin = nn.Conv2d(
        kernel.shape[1],
        kernel.shape[0],
        layer.kernel_size,
        stride=layer.strides,
        padding=padding,
        dilation=layer.dilation_rate,
        bias=layer.use_bias,
    )
    return _with_weights(twin, kernel, layer)


def _dense(layer, shape):
    """The twin of a Dense; after a Flatten its inputs are put in torch's order (c, h, w)."""
    kernel = layer.kernel.numpy()
    if shape is not None and len(shape) == 3:
        kernel = np.transpose(kernel.reshape(*shape, -1), (2, 0, 1, 3)).reshape(kernel.shape)
    twin = nn.Linear(*kernel.shape, bias=layer.use_bias)
    return _with_weights(twin, kernel.T, layer)


def _with_weights(twin, kernel, layer):
    """Puts the weights of a Keras layer into its twin."""
    with torch.no_grad():
        twin.weight.copy_(torch.tensor(kernel))
        if layer.use_bias:
            twin.bias.copy_(torch.tensor(layer.bias.numpy()))
    return twin


def _compare(model, twin, images):
    """Raises ValueError unless both give the same logits for the images."""
    theirs = twin(torch.tensor(np.transpose(images, (0, 3, 1, 2)))).detach().numpy()
    furthest = np.abs(np.asarray(model(images)) - theirs).max()
    if not furthest <= TOLERANCE:
        raise ValueError(
            f"its twin in torch differs by {furthest:.2g} in the logits; {TOLERANCE:g} is allowed"
        )
