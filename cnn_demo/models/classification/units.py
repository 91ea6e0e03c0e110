"""One number of a network, taken apart: what it sees of the picture and the photo, and the sum that it is.

A convolution after training is what page 1 shows, with one kernel for each channel that goes in: the products are
summed over the window and over the channels, and the bias is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cnn_demo.convolution import ConvSpec, ReceptiveField, pad_image, padding_amounts
from cnn_demo.models.classification.layers import NetworkLayer


@dataclass(frozen=True)
class Box:
    """A rectangle: upper edge, left edge, height and width in pixels; it may reach beyond the picture."""

    row: float
    column: float
    height: float
    width: float

    def clipped(self, size: tuple[int, int]) -> Box:
        """Return the part of it that lies on a picture of (height, width); of no height or width where none does."""
        top, left = max(self.row, 0), max(self.column, 0)
        bottom, right = min(self.row + self.height, size[0]), min(self.column + self.width, size[1])
        return Box(top, left, max(bottom - top, 0), max(right - left, 0))


@dataclass(frozen=True, eq=False)
class UnitSum:
    """How one number of a layer comes about: `total = sum(parts) + bias`, then the activation, if there is one.

    Attributes:
        layer: The layer that the number is of.
        source: The layer that adds up: the one before an activation, else `layer` itself.
        parts: (n,) float64. Of a convolution or dense layer one part for each input channel, of a sum of two ways one
            for each way, of a global average one for each pixel of the map (already divided by how many there are).
        bias: What is added; 0 where there is none.
        total: The sum.
        value: The sum after the activation.
        window: (kh, kw, C) of a convolution: the input under the kernel, zero in the padding; (C,) of a dense layer.
        kernel: (kh, kw, C) or (C,): what the window is multiplied with.
        corner: (row, column) of the input under the kernel's first tap; negative in the padding.
    """

    layer: NetworkLayer
    source: NetworkLayer
    parts: np.ndarray = field(repr=False)
    bias: float
    total: float
    value: float
    window: np.ndarray | None = field(default=None, repr=False)
    kernel: np.ndarray | None = field(default=None, repr=False)
    corner: tuple[int, int] = (0, 0)

    @property
    def strongest(self) -> np.ndarray:
        """Indices of the parts, the largest magnitude first."""
        return np.argsort(-np.abs(self.parts), kind="stable")


def decompose_activation(
    layers: Mapping[str, NetworkLayer], maps: Mapping[str, np.ndarray], name: str, unit: tuple[int, ...]
) -> UnitSum:
    """Take one number of a layer apart.

    Args:
        layers: All layers of the network by name.
        maps: What each layer put out for the picture.
        name: Of the layer.
        unit: (row, column, channel) of a layer of maps, (channel,) of a vector.

    Raises:
        ValueError: If the layer is the input, which is not computed.
        IndexError: If the layer has no such unit.
    """
    layer = layers[name]
    if len(unit) != len(layer.shape) or not all(0 <= at < size for at, size in zip(unit, layer.shape, strict=True)):
        raise IndexError(f"There is no unit {unit} in {name}, whose shape is {layer.shape}.")
    source = layers[layer.inputs[0]] if layer.kind == "activation" else layer
    inputs = [maps[before] for before in source.inputs]
    if source.kind == "convolution":
        return _convolution(layer, source, inputs[0], *unit)
    if source.kind == "dense":
        window, kernel = inputs[0].astype(np.float64), source.kernel[:, unit[0]].astype(np.float64)
        return _unit_sum(layer, source, window * kernel, float(source.bias[unit[0]]), window=window, kernel=kernel)
    if source.kind == "pool":
        plane = inputs[0][..., unit[0]].astype(np.float64)
        return _unit_sum(layer, source, plane.ravel() / plane.size, 0.0)
    if source.kind == "add":
        return _unit_sum(layer, source, np.array([float(values[unit]) for values in inputs]), 0.0)
    raise ValueError(f"The layer {name!r} is not computed: it is what goes in.")


def _convolution(layer, source, values: np.ndarray, row: int, column: int, channel: int) -> UnitSum:
    kernel = source.kernel[..., channel].astype(np.float64)
    amounts = padding_amounts(values.shape[:2], kernel.shape[:2], ConvSpec(stride=source.stride))
    top, left = row * source.stride, column * source.stride
    padded = pad_image(values, amounts)
    window = padded[top : top + kernel.shape[0], left : left + kernel.shape[1]].astype(np.float64)
    parts = (window * kernel).sum(axis=(0, 1))
    corner = top - amounts[0][0], left - amounts[1][0]
    bias = float(source.bias[channel])
    return _unit_sum(layer, source, parts, bias, window=window, kernel=kernel, corner=corner)


def _unit_sum(layer, source, parts: np.ndarray, bias: float, **rest) -> UnitSum:
    total = float(parts.sum() + bias)
    value = max(total, 0.0) if layer.kind == "activation" else total
    return UnitSum(layer, source, parts, bias, total, value, **rest)


def seen_box(layer: NetworkLayer, unit: tuple[int, ...], size: tuple[int, int]) -> Box:
    """Return what a unit sees of the network's input of (height, width); beyond its border lies padding.

    Args:
        layer: Of the unit.
        unit: (row, column, channel) or (channel,).
        size: Of the input.
    """
    if len(layer.shape) == 1:
        return Box(0, 0, *size)
    return field_box(layer.field, unit[0], unit[1])


def field_box(sees: ReceptiveField, row: int, column: int) -> Box:
    """Return the square that the unit at (row, column) sees, in pixels of the network's input."""
    half = (sees.size - 1) / 2
    return Box(sees.start + sees.jump * row - half, sees.start + sees.jump * column - half, sees.size, sees.size)


def input_box(size: tuple[int, int], fit: str, crop: float = 1.0) -> Box:
    """Return which part of a photo of (height, width) the network takes; with "pad" it reaches beyond the photo.

    Args:
        size: Of the photo.
        fit: As `Classifier.prepare` takes it.
        crop: The network's own `spec.crop`, which counts for "crop" alone.
    """
    height, width = size
    if fit == "squash":
        return Box(0, 0, height, width)
    side = max(1, round(min(size) * crop)) if fit == "crop" else max(size)
    top, left = (height - side) / 2, (width - side) / 2
    # whole pixels, as `prepare` cuts them
    return Box(
        np.floor(top) if fit == "crop" else np.ceil(top), np.floor(left) if fit == "crop" else np.ceil(left), side, side
    )


def on_photo(box: Box, whole: Box, size: tuple[int, int]) -> Box:
    """Carry a box from the network's input of (height, width) over to the photo, of which it takes `whole`."""
    down, right = whole.height / size[0], whole.width / size[1]
    return Box(whole.row + box.row * down, whole.column + box.column * right, box.height * down, box.width * right)
