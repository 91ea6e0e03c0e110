"""Decomposition of one activation: its receptive field and its weighted sum.

A trained convolution is the operation of page 1 with one kernel per input channel: the products are summed over the
window and the channels, and the bias is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn_demo.convolution import ConvSpec, ReceptiveField, pad_image, padding_amounts
from cnn_demo.models.classification.layers import NetworkLayer


@dataclass(frozen=True)
class Box:
    """A rectangle: top edge, left edge, height and width in pixels; it may extend beyond the image."""

    row: float
    column: float
    height: float
    width: float

    def clipped(self, size: tuple[int, int]) -> Box:
        """Clip it to an image of (height, width); height or width are 0 if it is outside."""
        top, left = max(self.row, 0), max(self.column, 0)
        bottom, right = min(self.row + self.height, size[0]), min(self.column + self.width, size[1])
        return Box(top, left, max(bottom - top, 0), max(right - left, 0))


@dataclass(frozen=True, eq=False)
class UnitSum:
    """One activation as a sum: `total = sum(parts) + bias`, followed by the activation function, if any.

    Attributes:
        layer: The layer of the activation.
        source: The layer that computes the sum: the one before an activation function, otherwise `layer` itself.
        parts: (n,) float64 terms of the sum: one per input channel for a convolution or dense layer, one per branch for
            an addition, one per pixel of the feature map (already divided by their number) for a global average.
        bias: The bias; 0 if the layer has none.
        total: The sum.
        value: The sum after the activation function.
        window: Input window: (kh, kw, C) for a convolution, zero in the padding; (C,) for a dense layer.
        kernel: Weights of the window, (kh, kw, C) or (C,).
        corner: (row, column) of the window's top left pixel in the input; negative in the padding.
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
        """Indices of the parts, sorted by descending magnitude."""
        return np.argsort(-np.abs(self.parts), kind="stable")


def decompose_activation(
    layers: Mapping[str, NetworkLayer], maps: Mapping[str, np.ndarray], name: str, unit: tuple[int, ...]
) -> UnitSum:
    """Decompose one activation of a layer into the terms of its sum.

    Args:
        layers: All layers of the network by name.
        maps: Output of each layer by name.
        name: Name of the layer.
        unit: (row, column, channel) in feature maps, (channel,) in a vector.

    Raises:
        ValueError: If the layer is the input layer.
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
        weights, biases = source.weights()
        window = inputs[0].astype(np.float64)
        kernel = weights[:, unit[0]].astype(np.float64)
        return _unit_sum(layer, source, window * kernel, float(biases[unit[0]]), window=window, kernel=kernel)
    if source.kind == "pool":
        plane = inputs[0][..., unit[0]].astype(np.float64)
        return _unit_sum(layer, source, plane.ravel() / plane.size, 0.0)
    if source.kind == "add":
        return _unit_sum(layer, source, np.array([float(values[unit]) for values in inputs]), 0.0)
    raise ValueError(f"The layer {name!r} is the input layer, which is not computed.")


def _convolution(
    layer: NetworkLayer, source: NetworkLayer, values: np.ndarray, row: int, column: int, channel: int
) -> UnitSum:
    weights, biases = source.weights()
    kernel = weights[..., channel].astype(np.float64)
    amounts = padding_amounts(values.shape[:2], kernel.shape[:2], ConvSpec(stride=source.stride))
    top, left = row * source.stride, column * source.stride
    padded = pad_image(values, amounts)
    window = padded[top : top + kernel.shape[0], left : left + kernel.shape[1]].astype(np.float64)
    parts = (window * kernel).sum(axis=(0, 1))
    corner = top - amounts[0][0], left - amounts[1][0]
    bias = float(biases[channel])
    return _unit_sum(layer, source, parts, bias, window=window, kernel=kernel, corner=corner)


def _unit_sum(layer: NetworkLayer, source: NetworkLayer, parts: np.ndarray, bias: float, **rest: Any) -> UnitSum:
    total = float(parts.sum() + bias)
    value = max(total, 0.0) if layer.kind == "activation" else total
    return UnitSum(layer, source, parts, bias, total, value, **rest)


def seen_box(layer: NetworkLayer, unit: tuple[int, ...], size: tuple[int, int]) -> Box:
    """Return the receptive field of a unit in the network's input; it extends into the padding at the border.

    Args:
        layer: The layer of the unit.
        unit: (row, column, channel) or (channel,).
        size: (height, width) of the input.
    """
    if len(layer.shape) == 1:
        return Box(0, 0, *size)
    return field_box(layer.field, unit[0], unit[1])


def field_box(field: ReceptiveField, row: int, column: int) -> Box:
    """Return the receptive field of the unit at (row, column), in pixels of the network's input."""
    half = (field.size - 1) / 2
    return Box(field.start + field.jump * row - half, field.start + field.jump * column - half, field.size, field.size)


def input_box(size: tuple[int, int], fit: str, crop: float = 1.0) -> Box:
    """Return the region of a photo that becomes the network's input; with "pad" it extends beyond the photo.

    Args:
        size: (height, width) of the photo.
        fit: "crop", "squash" or "pad", as in `Classifier.prepare`.
        crop: The network's `spec.crop`, used by "crop" only.
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


def on_photo(box: Box, input_area: Box, size: tuple[int, int]) -> Box:
    """Map a box from the network's input of (height, width) to the photo, whose region `input_area` is the input."""
    down, right = input_area.height / size[0], input_area.width / size[1]
    return Box(
        input_area.row + box.row * down, input_area.column + box.column * right, box.height * down, box.width * right
    )
