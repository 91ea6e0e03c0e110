"""Architectures of the bundled Keras networks, built in code and loaded from weights files only.

They are built without batch normalization: after training, each one is folded into the preceding convolution
(`training.networks.localizer.to_keras`). The function is the same with fewer layers, and each activation is one sum of
products, one bias and one activation function, as a page can show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.lite.network import features

if TYPE_CHECKING:
    import keras

CIFAR10_STAGES = ((32, 1, 1), (64, 2, 2), (128, 2, 2))  # channels, blocks, stride of the first block
LOCALIZER_SIDE = 160
LOCALIZER_STAGES = ((32, 1, 2), (64, 2, 2), (144, 2, 2))  # channels, blocks, stride of the first block
LOCALIZER_BOX_CHANNELS = 96
LOCALIZER_CLASSES = 4  # three object classes and "nothing"
EVERYDAY_SIDE = 288
STRIDE_16_INPUT_OF = "block6a_expand_conv"  # layer whose input is the backbone's last feature maps at stride 16
NECK_CHANNELS = 128
EVERYDAY_CLASSES = 21  # twenty object classes and "nothing"


def cifar10_cnn() -> keras.Model:
    """Build the residual network for CIFAR-10: 11 convolutions in five blocks after a 5 × 5 stem, 0.68 M parameters.

    Blocks follow He et al., "Deep residual learning for image recognition" (2016),
    https://arxiv.org/abs/1512.03385: two 3 × 3 convolutions, added to the block's input, then a ReLU.
    `training.networks.cifar10` is the same network in torch, with batch normalization, for training.

    Returns:
        A Keras model from (N, 32, 32, 3) float32, pixels / 127.5 − 1, to (N, 10) float32 logits. Its layers are named
        `stem`, `block1_conv1`, `block1_relu1`, `block1_conv2`, `block1_shortcut` (if the shape changes),
        `block1_add`, `block1_relu`, and so on; `pool` and `logits` come last.
    """
    keras = frameworks.keras()

    x = inputs = keras.Input((32, 32, 3), name="image")
    x = _convolution(x, 32, 5, 1, "stem")
    x = keras.layers.ReLU(name="stem_relu")(x)
    number = 0
    for channels, blocks, stride in CIFAR10_STAGES:
        for block in range(blocks):
            number += 1
            x = _block(x, channels, stride if block == 0 else 1, f"block{number}")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    logits = keras.layers.Dense(10, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="cifar10_cnn")


def caltech_localizer() -> keras.Model:
    """Build the bundled localizer: a residual backbone of eleven convolutions with two heads, 0.9 M parameters.

    `training.networks.localizer` is the same network in torch, with batch normalization, for training.

    Returns:
        A Keras model from (N, 160, 160, 3) float32, pixels / 127.5 − 1, to the outputs of `localizer_heads`; the
        backbone's layers are named as in `cifar10_cnn`.
    """
    keras = frameworks.keras()

    x = inputs = keras.Input((LOCALIZER_SIDE, LOCALIZER_SIDE, 3), name="image")
    x = _convolution(x, 32, 5, 2, "stem")
    x = keras.layers.ReLU(name="stem_relu")(x)
    number = 0
    for channels, blocks, stride in LOCALIZER_STAGES:
        for block in range(blocks):
            number += 1
            x = _block(x, channels, stride if block == 0 else 1, f"block{number}")
    return keras.Model(inputs, localizer_heads(x), name="caltech_localizer")


def everyday_localizer() -> keras.Model:
    """Build the everyday localizer: EfficientNet-Lite0 with two heads, 3.8 M parameters.

    The class head takes the 1,280 channels that ImageNet's classifier takes, at stride 32. A box needs a finer grid:
    the box head takes them enlarged and fused with the backbone's feature maps at stride 16, as in Lin et al., "Feature
    pyramid networks" (2017), https://arxiv.org/abs/1612.03144.

    Returns:
        A Keras model from (N, 288, 288, 3) float32, pixels / 127.5 − 1, to the outputs of `localizer_heads`.
    """
    keras = frameworks.keras()

    inputs = keras.Input((EVERYDAY_SIDE, EVERYDAY_SIDE, 3), name="image")
    maps = features(inputs, "efficientnet_lite0")
    layers = keras.layers
    finer = keras.Model(inputs, maps).get_layer(STRIDE_16_INPUT_OF).input
    enlarged = layers.UpSampling2D(2, name="neck_enlarged")(_convolution(maps, NECK_CHANNELS, 1, 1, "neck_coarse"))
    fused = layers.Add(name="neck_add")([enlarged, _convolution(finer, NECK_CHANNELS, 1, 1, "neck_finer")])
    fused = layers.ReLU(name="neck_relu1")(fused)
    box_maps = layers.ReLU(name="neck_relu2")(_convolution(fused, NECK_CHANNELS, 3, 1, "neck_conv"))
    return keras.Model(inputs, localizer_heads(maps, EVERYDAY_CLASSES, box_maps), name="everyday_localizer")


def localizer_heads(
    maps: keras.KerasTensor, classes: int = LOCALIZER_CLASSES, box_maps: keras.KerasTensor | None = None
) -> dict[str, keras.KerasTensor]:
    """Add a class head and a box head to a backbone's last feature maps.

    The class head is global average pooling and a dense layer, so that its class activation map has a closed form. The
    box head is convolutional: each position predicts its distances to the four sides of the box, as in Tian et al.,
    "FCOS" (2019), https://arxiv.org/abs/1904.01355, and a weight. The box is the weighted mean over all positions.

    Args:
        maps: (N, h, w, C) feature maps, a Keras tensor.
        classes: Number of classes, "nothing" included.
        box_maps: (N, H, W, D) feature maps for the box head; None for `maps`.

    Returns:
        `logits` (N, classes); `box` (N, 4), corners as fractions of the image sides; `attention` (N, H, W), which sums
        to 1; `votes` (N, H, W, 4), the box predicted at each position; and `maps` themselves.
    """
    keras = frameworks.keras()
    layers, ops = keras.layers, keras.ops

    pooled = layers.GlobalAveragePooling2D(name="pool")(maps)  # (N, C)
    logits = layers.Dense(classes, dtype="float32", name="logits")(pooled)

    box_maps = maps if box_maps is None else box_maps
    y = layers.ReLU(name="box_relu1")(_convolution(box_maps, LOCALIZER_BOX_CHANNELS, 1, 1, "box_conv1"))
    y = layers.ReLU(name="box_relu2")(_convolution(y, LOCALIZER_BOX_CHANNELS, 3, 1, "box_conv2"))
    y = layers.Conv2D(5, 1, dtype="float32", name="box_places")(y)  # (N, h, w, 5)
    height, width = box_maps.shape[1:3]
    columns, rows = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    positions = np.stack([columns, rows, columns, rows], axis=-1).astype(np.float32)  # (h, w, 4)
    votes = y[..., :4] * np.array([-1, -1, 1, 1], np.float32) + positions  # (N, h, w, 4)
    attention = ops.softmax(ops.reshape(y[..., 4], (-1, height * width)))  # (N, h·w)
    attention = ops.reshape(attention, (-1, height, width))  # (N, h, w)
    box = ops.sum(attention[..., None] * votes, axis=(1, 2))  # (N, 4)
    return {"logits": logits, "box": box, "attention": attention, "votes": votes, "maps": maps}


def last_maps(classifier: keras.Model) -> keras.KerasTensor:
    """Return the symbolic feature maps (N, h, w, C) before a classifier's global average pooling.

    Raises:
        ValueError: If the network has no global average pooling.
    """
    keras = frameworks.keras()

    averages = [layer for layer in classifier.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
    if not averages:
        raise ValueError(f"The network {classifier.name!r} averages no feature maps: it cannot carry the two heads.")
    return averages[-1].input


def localizer_on(classifier: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Add the localizer's two heads to the last feature maps of a classifier, whose weights stay frozen.

    Args:
        classifier: A network that ends in a global average pooling and dense layers.

    Returns:
        (network, heads): the model from images to the outputs of `localizer_heads`, and the heads from feature maps.

    Raises:
        ValueError: If the network has no global average pooling.
    """
    keras = frameworks.keras()

    maps = last_maps(classifier)
    inputs = keras.Input(maps.shape[1:], name="feature_maps")
    heads = keras.Model(inputs, localizer_heads(inputs), name="heads")
    return keras.Model(classifier.input, heads(maps)), heads


def _block(x: keras.KerasTensor, channels: int, stride: int, name: str) -> keras.KerasTensor:
    keras = frameworks.keras()

    y = _convolution(x, channels, 3, stride, f"{name}_conv1")
    y = keras.layers.ReLU(name=f"{name}_relu1")(y)
    y = _convolution(y, channels, 3, 1, f"{name}_conv2")
    if stride > 1 or x.shape[-1] != channels:
        x = _convolution(x, channels, 1, stride, f"{name}_shortcut")
    return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([x, y]))


def _convolution(x: keras.KerasTensor, filters: int, size: int, stride: int, name: str) -> keras.KerasTensor:
    """Apply a convolution with "same" padding and a bias."""
    keras = frameworks.keras()

    return keras.layers.Conv2D(filters, size, stride, "same", kernel_initializer="he_normal", name=name)(x)
