"""Effective receptive field of a stack of layers: the influence of each pixel on a unit.

It is the gradient of the unit with respect to the image. Luo, Li, Urtasun & Zemel, "Understanding the effective
receptive field in deep convolutional neural networks" (2016), https://arxiv.org/abs/1701.04128, show that it looks like
a Gaussian and fills an ever smaller part of the receptive field as layers are added.

Stacks are sequences of (kernel, stride, dilation), from the image on, with "same" padding along both axes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnn_demo.convolution.geometry import ConvSpec, Pair, output_size, padding_amounts
from cnn_demo.convolution.receptive_field import IMAGE, MapGeometry, receptive_field

Step = tuple[int, int, int]  # kernel, stride, dilation
CHANNELS = 8  # maps of every layer of a random stack


def stack_geometry(size: Pair, layers: Sequence[Step]) -> tuple[MapGeometry, ...]:
    """Return size and receptive fields of the image (H, W) itself and of the map after every layer."""
    maps = [MapGeometry((size[0], size[1]), (IMAGE, IMAGE))]
    for kernel, stride, dilation in layers:
        before = maps[-1]
        spec = ConvSpec(stride=stride, dilation=dilation)
        (top, _), (left, _) = padding_amounts(before.size, (kernel, kernel), spec)
        down = receptive_field([(kernel, stride, dilation, top)], before.fields[0])
        across = receptive_field([(kernel, stride, dilation, left)], before.fields[1])
        maps.append(MapGeometry(output_size(before.size, (kernel, kernel), spec), (down, across)))
    return tuple(maps)


def path_counts(layers: Sequence[Step]) -> np.ndarray:
    """Return the number of paths from one unit to each pixel of its receptive field, along one axis.

    Divided by their sum, they are the effective field of a stack of equal weights, without any border: boxes convolved
    with each other, which tend to a Gaussian.

    Returns:
        (size of the receptive field,) float64: the paths to the first pixel, the second, ...
    """
    paths = np.ones(1)
    for kernel, stride, dilation in reversed(layers):
        below = np.zeros((len(paths) - 1) * stride + (kernel - 1) * dilation + 1)
        for tap in range(kernel):
            begin = tap * dilation
            below[begin : begin + (len(paths) - 1) * stride + 1 : stride] += paths
        paths = below
    return paths


def uniform_influence(size: Pair, layers: Sequence[Step], unit: Pair) -> np.ndarray:
    """Return the influence of every pixel on a unit of a linear network with equal weights.

    Args:
        size: (H, W) of the image.
        layers: The stack.
        unit: (row, column) in the last map.

    Returns:
        (H, W) float64 that sums to 1; all zero if the field has only padding.
    """
    down, across = (_axis_influence(size[axis], layers, unit[axis]) for axis in (0, 1))
    influence = np.outer(down, across)
    return influence / influence.sum() if influence.any() else influence


def _axis_influence(length: int, layers: Sequence[Step], unit: int) -> np.ndarray:
    maps = stack_geometry((length, 1), layers)
    gradient = np.zeros(maps[-1].size[0])
    gradient[unit] = 1
    for (kernel, stride, dilation), before in zip(reversed(layers), reversed(maps[:-1]), strict=True):
        spec = ConvSpec(stride=stride, dilation=dilation)
        (left, right), _ = padding_amounts(before.size, (kernel, 1), spec)
        below = np.zeros(left + before.size[0] + right)
        for tap in range(kernel):
            begin = tap * dilation
            below[begin : begin + (len(gradient) - 1) * stride + 1 : stride] += gradient / kernel
        gradient = below[left : left + before.size[0]]  # influence on the padding is dropped
    return gradient


def random_influence(
    image: np.ndarray, layers: Sequence[Step], unit: Pair, draws: int = 8, seed: int = 0, channels: int = CHANNELS
) -> np.ndarray:
    """Return the influence of every pixel on a unit of a random ReLU network: |gradient|, averaged over networks.

    Every network has `channels` maps in each layer and one in the last, which has no ReLU; its weights are drawn as He
    et al. (2015), https://arxiv.org/abs/1502.01852, begin a network. The gates of the ReLUs are those that this image
    opens. Only the part of each map in the unit's receptive field is computed.

    Args:
        image: (H, W, C) float32, around zero.
        layers: The stack.
        unit: (row, column) in the last map.
        draws: Networks to average over.
        seed: Seed of their weights.
        channels: Maps of every layer but the last.

    Returns:
        (H, W) float64 that sums to 1; all zero if ReLUs block every path.
    """
    total = np.zeros(image.shape[:2])
    crops = _cone(image.shape[:2], layers, unit)
    rows, columns = (slice(low, high + 1) for low, high in crops[0][0])
    for draw in range(draws):
        weights = random_weights(layers, image.shape[2], channels, (seed, draw))
        gradient = _gradient(image[rows, columns], layers, weights, crops)
        total[rows, columns] += np.abs(gradient).sum(axis=2)
    return total / total.sum() if total.any() else total


def random_weights(layers: Sequence[Step], inputs: int, channels: int, seed: int | tuple[int, ...]) -> list[np.ndarray]:
    """Draw (kernel, kernel, C, F) float32 weights for every layer: normal, with variance 2 / (kernel² · C)."""
    draw = np.random.default_rng(seed)
    result = []
    for number, (kernel, _, _) in enumerate(layers, 1):
        filters = 1 if number == len(layers) else channels
        scale = np.sqrt(2 / (kernel**2 * inputs))
        result.append((draw.standard_normal((kernel, kernel, inputs, filters)) * scale).astype(np.float32))
        inputs = filters
    return result


def _cone(size: Pair, layers: Sequence[Step], unit: Pair) -> list[tuple]:
    """Return each map's crop in the unit's field: ((first, last) down and across, its padding), from the image on."""
    maps = stack_geometry(size, layers)
    needed = [(unit[0], unit[0]), (unit[1], unit[1])]
    result = []
    for (kernel, stride, dilation), before in zip(reversed(layers), reversed(maps[:-1]), strict=True):
        amounts = padding_amounts(before.size, (kernel, kernel), ConvSpec(stride=stride, dilation=dilation))
        inside, outside = [], []
        for axis in (0, 1):
            low = needed[axis][0] * stride - amounts[axis][0]
            high = needed[axis][1] * stride - amounts[axis][0] + (kernel - 1) * dilation
            last = before.size[axis] - 1
            inside.append((max(low, 0), min(high, last)))
            outside.append((max(-low, 0), max(high - last, 0)))
        needed = inside
        result.append((tuple(inside), tuple(outside)))
    return result[::-1]


def _gradient(image: np.ndarray, layers: Sequence[Step], weights: list[np.ndarray], crops: list[tuple]) -> np.ndarray:
    """Return the gradient of the output with respect to the crop of the image, (h, w, C) float32."""
    gates = []
    maps = image
    for (_, stride, dilation), kernel, (_, outside) in zip(layers, weights, crops, strict=True):
        maps = _correlate(np.pad(maps, (*outside, (0, 0))), kernel, stride, dilation)
        gates.append(maps > 0)
        maps = np.maximum(maps, 0)
    gradient = np.ones((1, 1, 1), np.float32)
    for number in reversed(range(len(layers))):
        if number < len(layers) - 1:  # the last layer has no ReLU
            gradient = gradient * gates[number]
        gradient = _backwards(gradient, layers[number], weights[number], crops[number])
    return gradient


def _backwards(gradient: np.ndarray, layer: Step, weights: np.ndarray, crop: tuple) -> np.ndarray:
    """Backpropagate through one layer: zeros between the gradient's pixels for a stride, then the rotated kernel."""
    kernel, stride, dilation = layer
    inside, outside = crop
    reach = (kernel - 1) * dilation
    spread = np.zeros((*((n - 1) * stride + 1 for n in gradient.shape[:2]), gradient.shape[2]), np.float32)
    spread[::stride, ::stride] = gradient
    # Pixels beyond the last window get no gradient; the gradient on the padding is dropped.
    amounts = []
    for axis in (0, 1):
        first, last = inside[axis]
        before, _ = outside[axis]
        length = last - first + 1
        amounts.append((reach - before, length + before - spread.shape[axis]))
    padded = _pad_or_crop(spread, amounts)
    return _correlate(padded, weights[::-1, ::-1].transpose(0, 1, 3, 2), 1, dilation)


def _pad_or_crop(maps: np.ndarray, amounts: list[Pair]) -> np.ndarray:
    maps = np.pad(maps, (*((max(before, 0), max(after, 0)) for before, after in amounts), (0, 0)))
    (top, bottom), (left, right) = ((max(-before, 0), max(-after, 0)) for before, after in amounts)
    return maps[top : maps.shape[0] - bottom, left : maps.shape[1] - right]


def _correlate(padded: np.ndarray, weights: np.ndarray, stride: int, dilation: int) -> np.ndarray:
    """Convolve without padding: one matrix product for each row of the kernel, over all its columns and channels.

    For eight channels this is twice as fast as `convolve` and does not suffer where other programs use the machine.
    """
    kernel, _, channels, filters = weights.shape
    reach = (kernel - 1) * dilation
    windows = sliding_window_view(padded, reach + 1, axis=1)[:, ::stride, :, ::dilation]  # (rows, W', C, k)
    rows, width = windows.shape[:2]
    columns = np.ascontiguousarray(windows.transpose(0, 1, 3, 2)).reshape(rows, width, kernel * channels)
    height = (rows - reach - 1) // stride + 1
    result = np.zeros((height, width, filters), np.float32)
    for u in range(kernel):
        part = columns[u * dilation : u * dilation + (height - 1) * stride + 1 : stride]
        result += part @ weights[u].reshape(kernel * channels, filters)
    return result


def middle_side(influence: np.ndarray, middle: tuple[float, float], fraction: float = 0.5) -> int:
    """Return the side in pixels of the smallest square around a unit's middle with a fraction of the influence.

    Args:
        influence: Influence of each pixel, (H, W), not negative.
        middle: (row, column) of the receptive field's middle; both integers, or both half-way between two.
        fraction: Fraction of the influence, 0 to 1.

    Returns:
        0 if there is no influence.
    """
    total = float(influence.sum())
    if total <= 0:
        return 0
    sums = np.pad(influence.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    side = 1 if float(middle[0]).is_integer() else 2
    while True:
        (top, bottom), (left, right) = (_clipped(middle[axis], side, influence.shape[axis]) for axis in (0, 1))
        inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        if inside >= fraction * total * (1 - 1e-9) or side > 2 * max(influence.shape) + 2:
            return side
        side += 2


def _clipped(middle: float, side: int, length: int) -> Pair:
    low = round(middle - (side - 1) / 2)
    return max(0, min(low, length)), max(0, min(low + side, length))
