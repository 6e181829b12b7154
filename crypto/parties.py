"""Alice, Bob and Eve: builders of functional `keras.Model`s. Bits are -1 and +1 throughout.

Alice is (plaintext, key) -> ciphertext, Bob (ciphertext, key) -> guess, Eve ciphertext -> guess,
and a hinted Eve (ciphertext, plaintext * told, told) -> guess. The guesses are logits in the gated
family, and bits in [-1, 1] in the published ones.
"""

import keras
from keras import layers, ops

EVE_WIDTH = 64


@keras.saving.register_keras_serializable(package="crypto")
class Wire(layers.Layer):
    """A wire that carries the sign of each value; gradients pass through it as through tanh.

    Source: the straight-through estimator, Bengio et al. 2013, arXiv:1308.3432.
    """

    def call(self, values):
        soft = ops.tanh(values)
        sign = ops.where(values >= 0.0, 1.0, -1.0)
        return sign + (soft - ops.stop_gradient(soft))  # the bracket is 0, but has a gradient


@keras.saving.register_keras_serializable(package="crypto")
class Convolution(layers.Layer):
    """A 1-D convolution with "same" padding, as slices and one matrix product.

    Keras's own `Conv1D` computes the same, but is many times slower under XLA on a CPU.

    Args:
        filters: int, channels of the output.
        size: int, width of the window.
        stride: int.
        activation: str, name of the nonlinearity.
    """

    def __init__(self, filters, size, stride, activation, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.size, self.stride, self.activation = filters, size, stride, activation

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(self.size * shape[-1], self.filters))
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, values):
        length = values.shape[1]
        steps = -(-length // self.stride)
        missing = max(0, (steps - 1) * self.stride + self.size - length)
        values = ops.transpose(values, (2, 1, 0))  # the batch last: the long loop is the inner one
        padded = ops.pad(values, [(0, 0), (missing // 2, missing - missing // 2), (0, 0)])
        reach = (steps - 1) * self.stride + 1
        shifted = [padded[:, shift : shift + reach : self.stride] for shift in range(self.size)]
        windows = ops.concatenate(shifted, axis=0)  # (size * channels, steps, batch)
        mixed = ops.tensordot(ops.transpose(self.kernel), windows, axes=1)
        mixed += ops.reshape(self.bias, (-1, 1, 1))
        function = keras.activations.get(self.activation)
        return ops.transpose(function(mixed), (2, 1, 0))  # (batch, steps, filters)

    def compute_output_shape(self, shape):
        return (shape[0], -(-shape[1] // self.stride), self.filters)

    def get_config(self):
        names = ("filters", "size", "stride", "activation")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _gated_pair(text_bits, key_bits, output_bits, name, *, constant=False):
    """Inputs, and Dense(Dense(text) * Dense(key)): XOR of signs is such a sum of products.

    Without biases each output is a sum of products of one bit of text and one bit of key. The
    opposite key then gives the opposite word, so no single output bit is more often 1 than 0,
    whatever the text. With a constant beside the key's bits, a bit of text can pass unchanged.
    """
    text = keras.Input((text_bits,), name="text")
    key = keras.Input((key_bits,), name="key")
    width = 4 * max(text_bits, output_bits)
    of_text = layers.Dense(width, use_bias=False, name="of_text")(text)
    # About as strong as all key bits together; starting from 0, some bits came to share a key bit.
    first = keras.initializers.RandomUniform(-1.0, 1.0)
    of_key = layers.Dense(width, use_bias=constant, bias_initializer=first, name="of_key")(key)
    return [text, key], layers.Dense(output_bits, use_bias=False, name=name)(of_text * of_key)


def build_gated_alice(message_bits, key_bits, *, constant=False):
    """Alice, whose wire carries bits: (plaintext, key) -> ciphertext of -1 and +1."""
    sizes = (message_bits, key_bits, message_bits)
    inputs, values = _gated_pair(*sizes, "values", constant=constant)
    return keras.Model(inputs, Wire(name="wire")(values), name="alice")


def build_gated_bob(message_bits, key_bits, *, constant=False):
    """Bob: (ciphertext, key) -> logits of the plaintext's bits."""
    sizes = (message_bits, key_bits, message_bits)
    inputs, logits = _gated_pair(*sizes, "logits", constant=constant)
    return keras.Model(inputs, logits, name="bob")


def _gated_layers(values, width, depth):
    for _ in range(depth):
        values = layers.Dense(width)(values) * layers.Dense(width)(values)
    return values


def build_hinted_eve(message_bits, *, width=EVE_WIDTH, depth=2):
    """An Eve who is told some bits: (ciphertext, plaintext * told, told) -> logits of all bits."""
    names = ("ciphertext", "hint", "told")
    inputs = [keras.Input((message_bits,), name=name) for name in names]
    hidden = _gated_layers(layers.Concatenate()(inputs), width, depth)
    return keras.Model(inputs, layers.Dense(message_bits)(hidden), name="eve")


# Filters, window, stride and nonlinearity of each convolution, as published.
PAPER = ((2, 4, 1, "sigmoid"), (4, 2, 2, "sigmoid"), (4, 1, 1, "sigmoid"), (1, 1, 1, "tanh"))
RELEASE = ((2, 2, 2, "sigmoid"), (2, 1, 1, "sigmoid"), (1, 1, 1, "tanh"))


def _convolved(values, width, convolutions, activation):
    """A dense layer of `width`, then the convolutions: half as many values in [-1, 1]."""
    values = layers.Dense(width, activation=activation)(values)
    values = layers.Reshape((width, 1))(values)
    for convolution in convolutions:
        values = Convolution(*convolution)(values)  # (batch, width or width / 2, channels)
    return layers.Flatten()(values)


def _published_pair(text_bits, key_bits, convolutions, activation, name):
    text = keras.Input((text_bits,), name="text")
    key = keras.Input((key_bits,), name="key")
    both = layers.Concatenate()([text, key])
    outputs = _convolved(both, 2 * text_bits, convolutions, activation)
    return keras.Model([text, key], outputs, name=name)


def _published_eve(message_bits, convolutions, activation, first):
    """An Eve of the published shape; the paper's has one dense layer more than its Alice."""
    ciphertext = keras.Input((message_bits,), name="ciphertext")
    values = ciphertext
    if first:
        values = layers.Dense(2 * message_bits, activation=activation)(values)
    outputs = _convolved(values, 2 * message_bits, convolutions, activation)
    return keras.Model(ciphertext, outputs, name="eve")


def build_parties(preset, message_bits, key_bits, protected_bits):
    """Alice, Bob and Eve of a preset.

    Args:
        preset: "secret", "paper" or "release".
        message_bits, key_bits: int >= 1.
        protected_bits: int, how many bits of the message Eve is not to learn.
    Returns:
        (alice, bob, eve), each an uncompiled keras.Model.
    """
    if preset == "secret":
        sizes, constant = (message_bits, key_bits), protected_bits < message_bits
        alice = build_gated_alice(*sizes, constant=constant)
        return alice, build_gated_bob(*sizes, constant=constant), build_hinted_eve(message_bits)
    convolutions, activation = (PAPER, "sigmoid") if preset == "paper" else (RELEASE, None)
    alice, bob = (
        _published_pair(message_bits, key_bits, convolutions, activation, name)
        for name in ("alice", "bob")
    )
    eve = _published_eve(message_bits, convolutions, activation, first=preset == "paper")
    return alice, bob, eve
