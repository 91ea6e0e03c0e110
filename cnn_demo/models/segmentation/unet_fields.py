"""Receptive fields of a pixel of the bundled U-Nets' class maps, through each level of the encoder.

The coarser the level, the more of the photo a pixel depends on through it. The fields are computed from kernels and
strides alone; a photo's gradients (`unet_probe.UnetProbe.influence`) show how much of them is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import ceil, floor
from typing import Any

from cnn_demo.convolution.receptive_field import MapGeometry, Window, trace
from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.lite.encoder import ENCODER
from cnn_demo.models.lite.network import blocks
from cnn_demo.models.segmentation.tiling import Frame
from cnn_demo.models.segmentation.unets import STEPS, skips_of

Field = tuple[float, float, float, float]  # x1, y1, x2, y2
Pixels = tuple[int, int]  # the first and the last
Span = Callable[[int], Pixels]
COARSEST = 32
_STAGES = {2: (), 4: (1, 2), 8: (3,), 16: (4, 5), COARSEST: (6, 7)}  # stride of a level -> stages of blocks before it
_REACH = 2  # pixels to each side: two convolutions of 3 × 3 in every stage of the decoder


def has_known_fields(spec: ModelSpec) -> bool:
    """Return whether the kernels of a network are known: those of U-Nets on EfficientNet-Lite0."""
    return spec.family == "smp" and spec.builder == "Unet" and dict(spec.options).get("encoder") == ENCODER


def pixel_fields(spec: ModelSpec, frame: Frame, row: int, column: int) -> dict[str, Field]:
    """Return the receptive field of a pixel through each level of the encoder.

    Args:
        spec: A network of `has_known_fields`.
        frame: Position of the photo in the network's input.
        row: Row in the photo.
        column: Column in the photo.

    Returns:
        By the level's name, "encoder 1/32" first: corners in pixels of the photo; in the padding they are outside.

    Raises:
        ValueError: If the fields of the network are not known.
    """
    if not has_known_fields(spec):
        raise ValueError(f"The receptive fields of “{spec.title}” are not known.")
    levels = _levels(frame.input)
    spans = [
        _through_levels(spec, at, photo, scaled, {stride: level.fields[axis].span for stride, level in levels.items()})
        for axis, (at, photo, scaled) in enumerate(zip((row, column), frame.photo, frame.scaled, strict=True))
    ]
    gains = [photo / scaled for photo, scaled in zip(frame.photo, frame.scaled, strict=True)]
    fields = {}
    for stride in sorted(spans[0], reverse=True):
        (top, bottom), (left, right) = (span[stride] for span in spans)
        fields[f"encoder 1/{stride}"] = (
            left * gains[1],
            top * gains[0],
            (right + 1) * gains[1],
            (bottom + 1) * gains[0],
        )
    return fields


@cache
def _levels(size: tuple[int, int]) -> dict[int, MapGeometry]:
    """Return the geometry of the encoder's maps for an input of this (height, width), by their stride."""
    geometry = trace([Window(3, 2)], size)
    found = {}
    for stride, stages in _STAGES.items():
        windows = [
            Window(block.kernel, block.stride)
            for block in blocks("efficientnet_lite0")
            if int(block.name[len("block")]) in stages
        ]
        geometry = trace(windows, size, geometry)
        found[stride] = geometry
    return found


def _through_levels(spec: ModelSpec, at: int, photo: int, scaled: int, spans: dict[int, Span]) -> dict[int, Pixels]:
    """Return the first and last pixel of the input, along one axis, that a pixel depends on through each level."""
    options: dict[str, Any] = dict(spec.options)
    finest = 2 ** (STEPS - options.get("decoder_steps", STEPS))  # the stride at which the decoder ends
    first, last = _read((at, at), photo / scaled)
    # The logits are enlarged bilinearly, or computed by a convolution of 3 × 3.
    first, last = _read((first, last), finest) if finest > 1 else (first - 1, last + 1)
    fields = {}
    stride = finest
    while stride < COARSEST:
        first, last = first - _REACH, last + _REACH
        if stride in skips_of(spec):
            fields[stride] = spans[stride](first)[0], spans[stride](last)[1]
        first, last = first // 2, last // 2  # the coarser maps are enlarged by repetition
        stride *= 2
    fields[COARSEST] = spans[COARSEST](first)[0], spans[COARSEST](last)[1]
    return fields


def _read(pixels: Pixels, factor: float) -> Pixels:
    """Return the first and last pixel that bilinear interpolation reads for a range of pixels, enlarged by a factor."""
    first, last = ((at + 0.5) / factor - 0.5 for at in pixels)
    return floor(first), ceil(last)
