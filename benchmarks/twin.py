"""Torch modules that compute what Keras models compute, with the same weights."""

import numpy as np
import torch
from keras import layers
from torch import nn

ACTIVATIONS = {"linear": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
TOLERANCE = 1e-4  # what the outputs of the twins may differ by


def torch_twin(model, images):
    """Builds the twin of a classifier that is a chain of layers; see `chain`.

    Args:
        model: keras.Model, images (b, h, w, c) -> logits (b, num_classes).
        images: float32 (n, h, w, c), on which the two are compared.
    Returns:
        nn.Sequential, images (b, c, h, w) -> logits (b, num_classes), in its inference mode.
    Raises:
        ValueError: one line, for a layer without a twin, or if the logits differ.
    """
    twin = chain(model.layers).eval()
    compare(model(images), twin(channels_first(images)))
    return twin


def chain(keras_layers):
    """The twin of a chain of Keras layers.

    Args:
        keras_layers: list of Conv2D, Conv2DTranspose, MaxPooling2D, Flatten, Dense, Reshape,
            RMSNormalization, ReLU, LeakyReLU and Activation layers, and the operation of
            `keras.ops.depth_to_space` after a convolution.
    Returns:
        nn.Sequential; feature maps have their channels first.
    Raises:
        ValueError: one line, for a layer without a twin.
    """
    parts: list[nn.Module] = []
    shape = None  # (h, w, c) of what was flattened last
    for layer in keras_layers:
        if isinstance(layer, layers.InputLayer):
            continue
        if isinstance(layer, layers.Flatten):
            shape = layer.input.shape[1:]
            parts.append(nn.Flatten())
            continue
        if isinstance(layer, layers.Reshape):
            parts += _unflatten(parts.pop(), layer.target_shape)
        elif type(layer).__name__ == "DepthToSpace":
            parts.append(_shuffle(parts, layer))
        else:
            parts += _twins(layer, shape)
        shape = None
    return nn.Sequential(*parts)


class PixelNorm(nn.Module):
    """Keras's RMSNormalization over the channels of a feature map."""

    def __init__(self, layer):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(layer.scale.numpy()).reshape(1, -1, 1, 1))
        self.epsilon = layer.epsilon

    def forward(self, images):
        power = images.square().mean(1, keepdim=True)
        return images * torch.rsqrt(power + self.epsilon) * self.gain


def _twins(layer, shape):
    """The torch layers that do what one Keras layer does; `shape` is what Flatten flattened."""
    if isinstance(layer, layers.Conv2D) and layer.groups == 1:
        return [*_padding(layer, 0.0), _convolution(layer), *_activation(layer)]
    if isinstance(layer, layers.MaxPooling2D):
        return [*_padding(layer, -np.inf), nn.MaxPool2d(layer.pool_size, layer.strides)]
    if isinstance(layer, layers.Dense):
        return [dense(layer, shape), *_activation(layer)]
    if isinstance(layer, layers.Conv2DTranspose):
        return [_transposed(layer), *_activation(layer)]
    if isinstance(layer, layers.RMSNormalization):
        return [PixelNorm(layer)]
    if isinstance(layer, layers.Activation):
        return _activation(layer)
    if isinstance(layer, layers.LeakyReLU):
        return [nn.LeakyReLU(layer.negative_slope)]
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
    """The padding around the images that torch cannot add by itself.

    TensorFlow's "same" puts the odd pixel at the bottom and at the right, and its amount depends
    on the size of the images.
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
    """The twin of a Conv2D; its own padding is zero if the sides need different amounts."""
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


def _transposed(layer):
    """The twin of a Conv2DTranspose that doubles the side of its images with a 4x4 kernel."""
    if layer.kernel_size != (4, 4) or layer.strides != (2, 2) or layer.padding != "same":
        raise ValueError(f"the layer {layer.name} has no twin in torch: it is no 4x4 by two")
    kernel = np.transpose(layer.kernel.numpy(), (3, 2, 0, 1))  # (in, out, rows, columns)
    twin = nn.ConvTranspose2d(
        *kernel.shape[:2], layer.kernel_size, stride=2, padding=1, bias=layer.use_bias
    )
    return _with_weights(twin, kernel, layer)


def _unflatten(linear, shape):
    """A Linear before a Reshape to (h, w, c), with its outputs in torch's order, and the two."""
    height, width, channels = shape
    order = np.arange(height * width * channels).reshape(shape).transpose(2, 0, 1).reshape(-1)
    _reorder(linear, order)
    return [linear, nn.Unflatten(1, (channels, height, width))]


def _shuffle(parts, layer):
    """A PixelShuffle after a convolution, whose maps are put in torch's order: channels first."""
    convolutions = [part for part in parts if isinstance(part, nn.Conv2d)]
    if not convolutions:
        raise ValueError(f"the layer {layer.name} has no twin in torch: it follows no convolution")
    last, channels = convolutions[-1], layer.output.shape[-1]
    _reorder(last, np.arange(last.out_channels).reshape(-1, channels).T.reshape(-1))
    return nn.PixelShuffle(layer.block_size)


def _reorder(module, order):
    """Puts the outputs of a Linear or of a Conv2d in another order."""
    with torch.no_grad():
        module.weight.copy_(module.weight[order])
        if module.bias is not None:
            module.bias.copy_(module.bias[order])


def dense(layer, shape):
    """The twin of a Dense; after a Flatten its inputs are put in torch's order (c, h, w)."""
    kernel = layer.kernel.numpy()
    if shape is not None and len(shape) == 3:
        kernel = channels_first_rows(kernel, shape)
    twin = nn.Linear(*kernel.shape, bias=layer.use_bias)
    return _with_weights(twin, kernel.T, layer)


def channels_first_rows(kernel, shape):
    """The rows of a kernel, one an input of flattened (h, w, c), in torch's order (c, h, w)."""
    return np.transpose(kernel.reshape(*shape, -1), (2, 0, 1, 3)).reshape(kernel.shape)


def _with_weights(twin, kernel, layer):
    """Puts the weights of a Keras layer into its twin."""
    with torch.no_grad():
        twin.weight.copy_(torch.tensor(kernel))
        if layer.use_bias:
            twin.bias.copy_(torch.tensor(layer.bias.numpy()))
    return twin


def channels_first(images):
    """Images float32 (b, h, w, c) as a tensor (b, c, h, w)."""
    return torch.tensor(np.transpose(np.asarray(images), (0, 3, 1, 2)))


def compare(ours, theirs):
    """Raises ValueError unless both are the same outputs, arrays or tensors of either kind."""
    furthest = np.abs(np.asarray(ours) - theirs.detach().numpy()).max()
    if not furthest <= TOLERANCE:
        raise ValueError(
            f"its twin in torch differs by {furthest:.2g} in its outputs; {TOLERANCE:g} is allowed"
        )
