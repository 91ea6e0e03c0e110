"""Drawings of layers with and without weight sharing: areas, connections, matrices."""

import math

import numpy as np

from cnn_demo.convolution import ConvSpec, padding_amounts
from cnn_demo.convolution.sharing import KINDS, LayerCost, weight_numbers

TITLES = {"dense": "Dense", "local": "Locally connected", "convolution": "Convolution"}
AREA_SIDE = 210  # CSS pixels of the largest square
SMALLEST = 8  # a smaller square gets a ring around it
PANEL = 250  # width of a drawing of connections
CELLS = 232  # width of a matrix


def area_squares(costs: dict[str, LayerCost]) -> tuple[str, tuple[float, float]]:
    """Draw the layers' weights as squares whose areas are to scale; return SVG and its (width, height)."""
    maximum = max(cost.parameters for cost in costs.values())
    parts = []
    x = 8.0
    floor = AREA_SIDE + 10
    for kind in KINDS:
        side = AREA_SIDE * math.sqrt(costs[kind].parameters / maximum)
        parts.append(f'<rect class="area" x="{x:.2f}" y="{floor - side:.2f}" width="{side:.3f}" height="{side:.3f}"/>')
        if side < SMALLEST:
            parts.append(f'<circle class="ring" cx="{x + side / 2:.2f}" cy="{floor - side / 2:.2f}" r="{SMALLEST}"/>')
        lines = (f'class="strong">{TITLES[kind]}', f">{costs[kind].parameters:,}", 'class="quiet">weights')
        for line, text in enumerate(lines):
            attributes = f'x="{x:.2f}" y="{floor + 26 + 18 * line}"'
            parts.append(f"<text {attributes} {text}</text>" if text[0] == "c" else f"<text {attributes}{text}</text>")
        x += max(side, 104) + 18
    return "".join(parts), (x, floor + 72)


def colour(number: int) -> str:
    """Return the colour of a weight, by its index; neighbouring indices get distinct colours."""
    hue, light = number * 137.508 % 360, 46 + 9 * (number // 3 % 3)
    return f"hsl({hue:.0f} 68% {light}%)"


def connections(kind: str, length: int, kernel: int, stride: int) -> tuple[str, tuple[float, float]]:
    """Draw a layer on one row of pixels: outputs above, inputs below, each line in its weight's colour."""
    numbers = weight_numbers(kind, (1, length), (1, kernel), ConvSpec(stride=stride))
    outputs = len(numbers)
    step = (PANEL - 24) / (length - 1)
    (_, (left, _)) = padding_amounts((1, length), (1, kernel), ConvSpec(stride=stride))
    centre = (kernel - 1) / 2 - left  # an output is drawn above the middle of its window
    positions = [12 + step * min(max(i * stride + centre, 0), length - 1) for i in range(outputs)]
    top, bottom = 14, 124
    parts = []
    for output, input_ in np.argwhere(numbers >= 0):
        line = colour(int(numbers[output, input_]))
        parts.append(
            f'<line x1="{positions[output]:.1f}" y1="{top}" x2="{12 + step * input_:.1f}" y2="{bottom}" '
            f'stroke="{line}" stroke-width="2" stroke-opacity="{0.55 if kind == "dense" else 0.95}"/>'
        )
    parts += [f'<circle class="unit" cx="{x:.1f}" cy="{top}" r="7"/>' for x in positions]
    parts += [f'<circle class="unit" cx="{12 + step * i:.1f}" cy="{bottom}" r="7"/>' for i in range(length)]
    return "".join(parts), (PANEL, 136)


def matrix(kind: str, size: tuple[int, int], kernel_size: tuple[int, int], stride: int) -> tuple[str, tuple, int]:
    """Draw the layer's weight matrix, a row for each output, a column for each input; blank is no connection.

    Returns:
        SVG, its (width, height), and the number of distinct weights.
    """
    spec = ConvSpec(stride=(stride if size[0] > 1 else 1, stride))
    numbers = weight_numbers(kind, size, kernel_size, spec)
    rows, columns = numbers.shape
    cell = CELLS / columns
    gap = 1 if cell > 8 else 0.3
    parts = [f'<rect class="frame" x="1" y="1" width="{CELLS}" height="{cell * rows:.2f}"/>']
    for row, column in np.argwhere(numbers >= 0):
        parts.append(
            f'<rect x="{1 + column * cell:.2f}" y="{1 + row * cell:.2f}" width="{cell - gap:.2f}" '
            f'height="{cell - gap:.2f}" fill="{colour(int(numbers[row, column]))}"/>'
        )
    different = len(np.unique(numbers[numbers >= 0]))
    return "".join(parts), (CELLS + 2, cell * rows + 2), different
