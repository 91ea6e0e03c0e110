"""Receptive field arithmetic along one axis.

Araujo, Norris & Sim, "Computing receptive fields of convolutional neural networks", Distill (2019),
https://doi.org/10.23915/distill.00021.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from cnn_demo.convolution.geometry import ConvSpec, Pair, as_pair, output_size, padding_amounts


@dataclass(frozen=True)
class ReceptiveField:
    """Receptive fields of the units of a layer along one axis, in pixels of the image.

    Attributes:
        size: Side of the field in pixels, padding included.
        jump: Distance between the fields of two neighbouring units (the product of all strides).
        start: Centre of the first unit's field; 0 is the centre of the first pixel.
    """

    size: int
    jump: int
    start: float

    def middle(self, unit: int) -> float:
        """Return the centre of a unit's field: a pixel, or half-way between two if the size is even."""
        return self.start + unit * self.jump

    def span(self, unit: int) -> tuple[int, int]:
        """Return the first and the last pixel of a unit's field; in the padding they are outside the image."""
        first = round(self.middle(unit) - (self.size - 1) / 2)
        return first, first + self.size - 1

    def nearest(self, pixel: float, units: int) -> int:
        """Return which of the units has its middle nearest to a pixel."""
        return max(0, min(math.ceil((pixel - self.start) / self.jump - 0.5), units - 1))


IMAGE = ReceptiveField(size=1, jump=1, start=0.0)  # the field of a pixel of the image is the pixel itself


def receptive_fields(layers: Iterable[tuple[int, ...]], first: ReceptiveField = IMAGE) -> tuple[ReceptiveField, ...]:
    """Return the receptive field of the image itself and after every layer.

    Args:
        layers: (kernel, stride), (kernel, stride, dilation) or (kernel, stride, dilation, padding) of each convolution
            or pooling, from the image on; padding is the number of values before the first pixel, along one axis.
        first: Receptive field of the first layer's inputs; default: the image's own pixels.

    Raises:
        ValueError: if a layer has other values than these, or smaller than 1 (padding: 0).
    """
    fields = [first]
    for layer in layers:
        if not 2 <= len(layer) <= 4 or min(layer[:3]) < 1 or min(layer) < 0:
            raise ValueError(f"A layer is (kernel, stride, dilation, padding) of integers, not {layer!r}.")
        kernel, stride, dilation, padding = (*layer, 1, 0)[:4] if len(layer) == 2 else (*layer, 0)[:4]
        size, jump, start = fields[-1].size, fields[-1].jump, fields[-1].start
        reach = (kernel - 1) * dilation
        fields.append(ReceptiveField(size + reach * jump, jump * stride, start + (reach / 2 - padding) * jump))
    return tuple(fields)


def receptive_field(layers: Iterable[tuple[int, ...]], first: ReceptiveField = IMAGE) -> ReceptiveField:
    """Return the receptive field after the last of `layers`, given as for `receptive_fields`.

    Example:
        >>> from cnn_demo.convolution import receptive_field
        >>> receptive_field([(3, 1), (3, 1), (2, 2), (3, 1)])  # two convolutions, a pooling and a convolution
        ReceptiveField(size=10, jump=2, start=4.5)
    """
    return receptive_fields(layers, first)[-1]


def joined_field(*fields: ReceptiveField) -> ReceptiveField:
    """Return the field of a unit that adds or concatenates several branches: from the first to the last pixel of any.

    Raises:
        ValueError: if the branches do not move over the image in equal steps.
    """
    jumps = {field.jump for field in fields}
    if len(jumps) != 1:
        raise ValueError(f"Branches that meet must have the same jump, not {sorted(jumps)}.")
    first = min(field.start - (field.size - 1) / 2 for field in fields)
    last = max(field.start + (field.size - 1) / 2 for field in fields)
    return ReceptiveField(size=int(last - first) + 1, jump=jumps.pop(), start=(first + last) / 2)


@dataclass(frozen=True)
class Window:
    """A convolution or a pooling, as far as receptive fields go.

    Attributes:
        kernel: (rows, columns) of its window, or one integer for both.
        stride: from window to window, along both axes.
        padding: "same" (TensorFlow's rule), "valid" (none), or pixels on every side.
    """

    kernel: int | Pair
    stride: int = 1
    padding: str | int = "same"


@dataclass(frozen=True)
class Fork:
    """Branches that take the same input and whose outputs are added or joined; () passes its input on."""

    branches: tuple[tuple["Window | Fork", ...], ...]


@dataclass(frozen=True)
class MapGeometry:
    """Size of a feature map and the receptive fields of its units.

    Attributes:
        size: (rows, columns) of units.
        fields: Receptive fields down and across the image.
    """

    size: Pair
    fields: tuple[ReceptiveField, ReceptiveField]


def trace(parts: Iterable[Window | Fork], size: Pair, first: MapGeometry | None = None) -> MapGeometry:
    """Follow an image through layers and branches to the map that comes out at the end.

    Where branches meet, the field is the union of their fields: from the first to the last pixel of any.

    Args:
        parts: Layers and forks, from the image on.
        size: (H, W) of the image.
        first: Input map, if it is not the image itself.

    Raises:
        ValueError: If a window does not fit, or branches that meet have maps of different sizes or strides.
    """
    here = first or MapGeometry(as_pair(size, "size", 1), (IMAGE, IMAGE))
    for part in parts:
        here = _through_fork(part, here) if isinstance(part, Fork) else _through_window(part, here)
    return here


def _through_window(window: Window, before: MapGeometry) -> MapGeometry:
    kernel = as_pair(window.kernel, "kernel", 1)
    spec = ConvSpec(stride=window.stride, padding=window.padding)
    (top, _), (left, _) = padding_amounts(before.size, kernel, spec)
    down = receptive_field([(kernel[0], window.stride, 1, top)], before.fields[0])
    across = receptive_field([(kernel[1], window.stride, 1, left)], before.fields[1])
    return MapGeometry(output_size(before.size, kernel, spec), (down, across))


def _through_fork(fork: Fork, before: MapGeometry) -> MapGeometry:
    ends = [trace(branch, before.size, before) for branch in fork.branches]
    if len({end.size for end in ends}) != 1:
        raise ValueError(f"Branches that meet must have maps of one size, not {[end.size for end in ends]}.")
    down = joined_field(*(end.fields[0] for end in ends))
    across = joined_field(*(end.fields[1] for end in ends))
    return MapGeometry(ends[0].size, (down, across))
