"""Layers with and without weight sharing: dense, locally connected and convolutional.

A convolution is a dense layer most of whose weights are zero and whose others are the same few, again and again
(LeCun et al. 1989, https://doi.org/10.1162/neco.1989.1.4.541).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnn_demo.convolution.cost import dense_multiply_adds, dense_parameter_count, multiply_adds, parameter_count
from cnn_demo.convolution.geometry import ConvSpec, Pair, output_size, pad_image, padding_amounts

KINDS = ("dense", "local", "convolution")


@dataclass(frozen=True)
class LayerCost:
    """Parameters of a layer, its multiply-adds for one image, and the number of inputs per output."""

    parameters: int
    multiply_adds: int
    inputs: int


def layer_costs(size: Pair, kernel: int, stride: int, in_channels: int, out_channels: int) -> dict[str, LayerCost]:
    """Return the cost of each kind of layer that makes the same map of the same picture, "same" padding.

    A locally connected layer has its own kernel at every position, without the taps on the padding.
    """
    spec = ConvSpec(stride=stride)
    channels = (in_channels, out_channels)
    out = output_size(size, (kernel, kernel), spec)
    products = multiply_adds(size, kernel, spec, *channels)
    window = kernel * kernel * in_channels
    local = math.prod(_taps_inside(size, kernel, spec)) * in_channels * out_channels + math.prod(out) * out_channels
    dense = dense_parameter_count(size, out, *channels), dense_multiply_adds(size, out, *channels)
    return {
        "dense": LayerCost(*dense, size[0] * size[1] * in_channels),
        "local": LayerCost(local, products, window),
        "convolution": LayerCost(parameter_count(kernel, *channels), products, window),
    }


def _taps_inside(size: Pair, kernel: int, spec: ConvSpec) -> Pair:
    """Number of weights of all windows that are applied to the image and not to padding, along each axis."""
    amounts = padding_amounts(size, (kernel, kernel), spec)
    out = output_size(size, (kernel, kernel), spec)
    counts = []
    for axis in (0, 1):
        positions = np.add.outer(np.arange(out[axis]) * spec.stride[axis] - amounts[axis][0], np.arange(kernel))
        counts.append(int(((positions >= 0) & (positions < size[axis])).sum()))
    return counts[0], counts[1]


def weight_numbers(kind: str, size: Pair, kernel_size: Pair, spec: ConvSpec) -> np.ndarray:
    """Return the layer's weight matrix with the index of each weight instead of its value.

    Args:
        kind: One of `KINDS`.
        size: (H, W) of the input, with one channel.
        kernel_size: (kh, kw).
        spec: Stride and padding; zeros fill the padding.

    Returns:
        (outputs, inputs) int: equal indices are one and the same weight, −1 is none. Outputs and inputs are counted
        row by row.
    """
    rows, columns = output_size(size, kernel_size, spec)
    outputs = rows * columns
    inputs = size[0] * size[1]
    if kind == "dense":
        return np.arange(outputs * inputs).reshape(outputs, inputs)
    matrix = np.full((outputs, inputs), -1)
    (top, _), (left, _) = padding_amounts(size, kernel_size, spec)
    number = 0
    for output in range(outputs):
        for tap in range(kernel_size[0] * kernel_size[1]):
            row = output // columns * spec.stride[0] + tap // kernel_size[1] * spec.dilation[0] - top
            column = output % columns * spec.stride[1] + tap % kernel_size[1] * spec.dilation[1] - left
            if 0 <= row < size[0] and 0 <= column < size[1]:
                matrix[output, row * size[1] + column] = tap if kind == "convolution" else number
                number += 1
    return matrix


def random_layer(kind: str, image: np.ndarray, kernel: int, stride: int, seed: int = 0) -> np.ndarray:
    """Return the map that a layer with random weights makes of an image, "same" padding, one channel.

    Args:
        kind: One of `KINDS`.
        image: (H, W) float32.
        kernel: Taps a side.
        stride: Pixels from window to window.
        seed: The same seed gives the same layer, whatever the image.

    Returns:
        (H', W') float32.
    """
    draw = np.random.default_rng(seed)
    spec = ConvSpec(stride=stride)
    rows, columns = output_size(image.shape, (kernel, kernel), spec)
    if kind == "dense":
        weights = draw.standard_normal((rows * columns, image.size), np.float32) / np.sqrt(image.size)
        return (weights @ image.ravel()).reshape(rows, columns).astype(np.float32)
    padded = pad_image(image, padding_amounts(image.shape, (kernel, kernel), spec))
    windows = sliding_window_view(padded, (kernel, kernel))[::stride, ::stride]  # (H', W', kh, kw)
    shape = (kernel, kernel) if kind == "convolution" else (rows, columns, kernel, kernel)
    weights = draw.standard_normal(shape, np.float32) / kernel
    return (windows * weights).sum(axis=(2, 3)).astype(np.float32)


def moved_difference(before: np.ndarray, after: np.ndarray, steps: int, border: int) -> tuple[np.ndarray, float]:
    """Compare a map with that of the moved photo, moved back: nothing is left where the layer follows the photo.

    Args:
        before: (H, W) map of the photo.
        after: (H, W) map of the photo moved to the right.
        steps: Units of the map that it was moved by.
        border: Units at each side whose receptive field has padding, which are left out.

    Returns:
        (H, W) difference, zero where it is not compared, and its largest magnitude relative to the largest value in
        both maps.
    """
    difference = np.zeros_like(before)
    width = before.shape[1]
    rows = slice(border, before.shape[0] - border)
    here, there = slice(border + steps, width - border), slice(border, width - border - steps)
    difference[rows, here] = after[rows, here] - before[rows, there]
    largest = max(float(np.abs(before).max()), float(np.abs(after).max()))
    return difference, float(np.abs(difference).max(initial=0.0)) / largest if largest else 0.0
