"""A photo under its masks: opacity, switches, outlines, a threshold and a divider that follow the finger.

Photo, class map and confidence are sent once; a Streamlit slider would rerun only when it is released.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from cnn_demo.drawing.pictures import jpeg_url, png_url
from cnn_demo.ui.components import declare

NOTHING = 255  # in `ids`: no mask here
_mount = declare("mask_view")


@dataclass(frozen=True)
class Layer:
    """One class or object of the map.

    Attributes:
        id: Its number in the map, from 0 to 254.
        name: What the legend calls it.
        colour: As "#rrggbb".
        share: Of the photo that it covers, from 0 to 1.
        note: What stands in the legend in place of the share.
        said: What is added to its name under the pointer where there is no map of confidences.
    """

    id: int
    name: str
    colour: str
    share: float
    note: str = ""
    said: str = ""


@dataclass(frozen=True)
class Controls:
    """Where the controls begin; a visitor's own moves stay until the page asks for others.

    Attributes:
        opacity: Of the masks, in percent.
        least: Confidence in percent below which pixels are left blank.
        outline: Whether only the outlines of masks are drawn.
        split: Share of the width at which the plain photo ends and the masks begin; None for masks everywhere.
    """

    opacity: int = 60
    least: int = 0
    outline: bool = False
    split: float | None = None


def mask_view(
    pixels: np.ndarray,
    ids: np.ndarray,
    layers: Sequence[Layer],
    *,
    key: str,
    alt: str,
    confidence: np.ndarray | None = None,
    controls: Controls | None = None,
    legend: str = "Classes, each with the share of the photo that it covers",
    hint: str = "Point at the photo: here is what the network takes that pixel for.",
    max_height: int = 560,
) -> None:
    """Show a photo under its masks.

    Args:
        pixels: (H, W, 3) uint8.
        ids: (H, W) integers from 0 to 255: which layer each pixel belongs to; what is no layer's, is left plain.
        layers: In the legend's order.
        key: Widget key, unique on the page.
        alt: What the picture shows, for those who cannot see it.
        confidence: (H, W) float from 0 to 1; None where there is none for each pixel.
        controls: Where the controls begin; None for the usual.
        legend: What the switches are, for those who cannot see them.
        hint: Text under the picture while nobody points at it.
        max_height: Greatest height in CSS pixels.

    Raises:
        ValueError: If the arrays are of different sizes, or a number is out of its range.
    """
    size = pixels.shape[:2]
    if ids.shape != size or (confidence is not None and confidence.shape != size):
        raise ValueError(f"Photo, masks and confidence must be of one size, {size}.")
    if ids.min() < 0 or ids.max() > NOTHING or any(not 0 <= layer.id < NOTHING for layer in layers):
        raise ValueError(f"Masks are numbered from 0 to {NOTHING - 1}; {NOTHING} is none.")
    _mount(
        key=key,
        data={
            "photo": jpeg_url(pixels),
            "ids": png_url(ids.astype(np.uint8)),
            "confidence": None if confidence is None else png_url(np.rint(confidence * 255).astype(np.uint8)),
            "classes": [asdict(layer) for layer in layers],
            "height": size[0],
            "width": size[1],
            "settings": asdict(controls or Controls()),
            "alt": alt,
            "legend": legend,
            "hint": hint,
            "maxHeight": max_height,
        },
    )
