"""The architectures of the bundled networks, built in code: weights are loaded into them, never a model file.

Each is built in two ways. With `batch_norm` it is the network that is trained. Without, every batch normalization has
been folded into the convolution before it (`fold_batch_norm`): the same function with fewer layers, in which each
number of a feature map is one sum of products, one bias and one activation, as a page can show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnn_demo.models import frameworks

if TYPE_CHECKING:
    import keras

CIFAR10_STAGES = ((32, 1, 1), (64, 2, 2), (128, 2, 2))  # channels, blocks, stride of the first block


def cifar10_cnn(batch_norm: bool = False) -> keras.Model:
    """Build the residual network for CIFAR-10: 11 convolutions in five blocks after a 5 × 5 stem, 0.68 M parameters.

    Blocks are those of He et al., "Deep residual learning for image recognition" (2016),
    https://arxiv.org/abs/1512.03385: two 3 × 3 convolutions whose sum with the block's input is activated.

    Args:
        batch_norm: The network to train; else the one to predict with.

    Returns:
        A Keras model from (N, 32, 32, 3) float32, pixels / 127.5 − 1, to (N, 10) float32 logits. Its layers are named
        `stem`, `block1_conv1`, `block1_relu1`, `block1_conv2`, `block1_shortcut` (where the shape changes),
        `block1_add`, `block1_relu`, and so on; `pool` and `logits` come last.
    """
    keras = frameworks.keras()

    x = inputs = keras.Input((32, 32, 3), name="image")
    x = _convolution(x, 32, 5, 1, "stem", batch_norm)
    x = keras.layers.ReLU(name="stem_relu")(x)
    number = 0
    for channels, blocks, stride in CIFAR10_STAGES:
        for block in range(blocks):
            number += 1
            x = _block(x, channels, stride if block == 0 else 1, f"block{number}", batch_norm)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    logits = keras.layers.Dense(10, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="cifar10_cnn")


def _block(x, channels: int, stride: int, name: str, batch_norm: bool):
    keras = frameworks.keras()

    y = _convolution(x, channels, 3, stride, f"{name}_conv1", batch_norm)
    y = keras.layers.ReLU(name=f"{name}_relu1")(y)
    y = _convolution(y, channels, 3, 1, f"{name}_conv2", batch_norm, gamma="zeros")
    if stride > 1 or x.shape[-1] != channels:
        x = _convolution(x, channels, 1, stride, f"{name}_shortcut", batch_norm)
    return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([x, y]))


def _convolution(x, filters: int, size: int, stride: int, name: str, batch_norm: bool, gamma: str = "ones"):
    """A convolution with zero padding; with batch normalization, whose shift replaces the bias, or with a bias."""
    keras = frameworks.keras()

    x = keras.layers.Conv2D(
        filters, size, stride, "same", use_bias=not batch_norm, kernel_initializer="he_normal", name=name
    )(x)
    # A last normalization of each block that begins at zero makes the block begin as the identity (Goyal et al. 2017).
    return keras.layers.BatchNormalization(gamma_initializer=gamma, name=f"{name}_norm")(x) if batch_norm else x


def fold_batch_norm(trained: keras.Model, deployed: keras.Model) -> None:
    """Set the weights of `deployed` so that it computes what `trained` computes at prediction time.

    With y = gamma · (conv(x) − mean) / sqrt(variance + epsilon) + beta and s = gamma / sqrt(variance + epsilon), the
    kernel becomes s · kernel and the bias beta − s · mean.

    Args:
        trained: Built with batch normalization.
        deployed: Built without; its layers have the same names.
    """
    normalizations = {layer.name for layer in trained.layers if layer.name.endswith("_norm")}
    for layer in deployed.layers:
        if not layer.weights:
            continue
        weights = trained.get_layer(layer.name).get_weights()
        if f"{layer.name}_norm" in normalizations:
            weights = fold(weights[0], trained.get_layer(f"{layer.name}_norm"))
        layer.set_weights(weights)


def fold(kernel, normalization) -> list:
    """Return [kernel, bias] of the convolution that does what `kernel` and the normalization after it do."""
    gamma, beta, mean, variance = (value.astype("float32") for value in normalization.get_weights())
    scale = gamma / (variance + normalization.epsilon) ** 0.5
    return [kernel.astype("float32") * scale, beta - scale * mean]
