"""How much of the image one number deep in a network can see, along one axis.

Araujo, Norris & Sim, "Computing receptive fields of convolutional neural networks", Distill (2019),
https://doi.org/10.23915/distill.00021.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class ReceptiveField:
    """What the units of a layer see of the image along one axis, in pixels of the image.

    Attributes:
        size: pixels from the first to the last that one unit sees, padding included.
        jump: distance between what two neighbouring units see (the product of all strides).
        start: middle of what the first unit sees; 0 is the middle of the first pixel.
    """

    size: int
    jump: int
    start: float


def receptive_fields(layers: Iterable[tuple[int, ...]]) -> tuple[ReceptiveField, ...]:
    """Return the receptive field of the image itself and after every layer.

    Args:
        layers: (kernel, stride), (kernel, stride, dilation) or (kernel, stride, dilation, padding) of each convolution
            or pooling, from the image on; padding is what lies before the first pixel. Along one axis.

    Raises:
        ValueError: if a layer has other numbers than these, or smaller than 1 (padding: 0).
    """
    fields = [ReceptiveField(size=1, jump=1, start=0.0)]
    for layer in layers:
        if not 2 <= len(layer) <= 4 or min(layer[:3]) < 1 or min(layer) < 0:
            raise ValueError(f"A layer is (kernel, stride, dilation, padding) of whole numbers, not {layer!r}.")
        kernel, stride, dilation, padding = (*layer, 1, 0)[:4] if len(layer) == 2 else (*layer, 0)[:4]
        size, jump, start = fields[-1].size, fields[-1].jump, fields[-1].start
        reach = (kernel - 1) * dilation
        fields.append(ReceptiveField(size + reach * jump, jump * stride, start + (reach / 2 - padding) * jump))
    return tuple(fields)


def receptive_field(layers: Iterable[tuple[int, ...]]) -> ReceptiveField:
    """Return the receptive field after the last of `layers`, given as for `receptive_fields`."""
    return receptive_fields(layers)[-1]
