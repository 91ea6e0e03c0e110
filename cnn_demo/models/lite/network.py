"""EfficientNet-Lite in Keras: the classifier, and its backbone for other heads.

Tan & Le, "EfficientNet: Rethinking model scaling for convolutional neural networks" (2019),
https://arxiv.org/abs/1905.11946. The Lite variants (https://github.com/tensorflow/tpu, models/official/efficientnet)
have no squeeze-and-excitation, ReLU6 activations, and a stem of 32 and a head of 1,280 channels in all sizes.

Each batch normalization is folded into the convolution before it (`lite/conversion.py`), and activations
are part of the layers: the same function with less than half of the layers, and the output of a convolution is the
input of the next layer. Layers are named as in Keras's EfficientNets.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from cnn_demo.models import frameworks

if TYPE_CHECKING:
    import keras

ACTIVATION = "relu6"
STEM, HEAD, CLASSES = 32, 1280, 1000  # channels of stem and head, number of ImageNet classes
# Repeats, kernel size, stride of the first repeat, expansion, channels; the first and the last stage are not repeated.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class Variant:
    """A variant of the network: multipliers of the channels and repeats in STAGES, and the image size in pixels."""

    width: float
    depth: float
    side: int


VARIANTS = {
    "efficientnet_lite0": Variant(1.0, 1.0, 224),
    "efficientnet_lite1": Variant(1.0, 1.1, 240),
    "efficientnet_lite2": Variant(1.1, 1.2, 260),
}


@dataclass(frozen=True)
class Block:
    """An inverted residual block: 1 × 1 expansion, depthwise convolution, 1 × 1 projection without activation.

    Attributes:
        name: Prefix of its layers' names: "block1a", "block2a", "block2b", ...
        kernel: Side of the depthwise kernels.
        stride: Stride of the depthwise convolution.
        expansion: Expansion ratio of the channels; 1 omits the first convolution.
        inputs: Number of input channels.
        channels: Number of output channels.
    """

    name: str
    kernel: int
    stride: int
    expansion: int
    inputs: int
    channels: int

    @property
    def adds_input(self) -> bool:
        """Whether the input is added to the output."""
        return self.stride == 1 and self.inputs == self.channels


def blocks(variant: str) -> tuple[Block, ...]:
    """List the blocks of a variant, a key of `VARIANTS`, in computation order."""
    size = VARIANTS[variant]
    channels = STEM
    found = []
    for number, (repeats, kernel, stride, expansion, width) in enumerate(STAGES, start=1):
        if number not in (1, len(STAGES)):
            repeats = ceil(repeats * size.depth)
        width = _in_eights(width * size.width)
        for repeat in range(repeats):
            name = f"block{number}{chr(ord('a') + repeat)}"
            found.append(Block(name, kernel, stride if repeat == 0 else 1, expansion, channels, width))
            channels = width
    return tuple(found)


def _in_eights(channels: float) -> int:
    """Round to a multiple of 8, but not below 90%."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def weighted_layers(variant: str) -> tuple[str, ...]:
    """Return the names of the layers with weights, in computation order."""
    names = ["stem_conv"]
    for block in blocks(variant):
        names += [f"{block.name}_expand_conv"] * (block.expansion > 1)
        names += [f"{block.name}_dwconv", f"{block.name}_project_conv"]
    return (*names, "top_conv", "predictions")


def efficientnet_lite(variant: str) -> keras.Model:
    """Build the classifier with random weights.

    Args:
        variant: A key of `VARIANTS`.

    Returns:
        A Keras model from (N, side, side, 3) float32, (pixels − 127) / 128, to (N, 1000) float32 logits.
    """
    keras = frameworks.keras()
    layers, side = keras.layers, VARIANTS[variant].side

    inputs = keras.Input((side, side, 3), name="image")
    x = features(inputs, variant)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    logits = layers.Dense(CLASSES, name="predictions")(x)
    return keras.Model(inputs, logits, name=variant)


def features(inputs: keras.KerasTensor, variant: str) -> keras.KerasTensor:
    """Build the backbone with its last convolution: the 1,280 channels that the classifier averages.

    Args:
        inputs: As for `trunk`.
        variant: A key of `VARIANTS`.

    Returns:
        The feature maps, a Keras tensor of (N, ⌈H / 32⌉, ⌈W / 32⌉, 1280).
    """
    return _convolution(trunk(inputs, variant), HEAD, "top_conv")


def trunk(inputs: keras.KerasTensor, variant: str) -> keras.KerasTensor:
    """Build the backbone, stem and all blocks, for any input size.

    Args:
        inputs: (N, H, W, 3) normalized images, (pixels − 127) / 128, a Keras tensor.
        variant: A key of `VARIANTS`.

    Returns:
        The last feature maps, a Keras tensor of (N, ⌈H / 32⌉, ⌈W / 32⌉, C) with C = 320, in Lite2 352. Those at stride
        8 are the input of the layer `block4a_expand_conv`, those at stride 16 the input of `block6a_expand_conv`.
    """
    x = _convolution(inputs, STEM, "stem_conv", size=3, stride=2)
    for block in blocks(variant):
        x = _block(x, block)
    return x


def _block(inputs: keras.KerasTensor, block: Block) -> keras.KerasTensor:
    layers, name = frameworks.keras().layers, block.name

    x = inputs
    if block.expansion > 1:
        x = _convolution(x, block.expansion * block.inputs, f"{name}_expand_conv")
    x = layers.DepthwiseConv2D(block.kernel, block.stride, "same", activation=ACTIVATION, name=f"{name}_dwconv")(x)
    x = _convolution(x, block.channels, f"{name}_project_conv", activation=None)
    return layers.Add(name=f"{name}_add")([x, inputs]) if block.adds_input else x


def _convolution(
    x: keras.KerasTensor, filters: int, name: str, size: int = 1, stride: int = 1, activation: str | None = ACTIVATION
) -> keras.KerasTensor:
    # With Keras's default initialization, activations shrink in networks without normalization: no ReLU6 saturates, and
    # random features (`backbones.random_features`) separate photos as well as those of MobileNetV2.
    return frameworks.keras().layers.Conv2D(filters, size, stride, "same", activation=activation, name=name)(x)
