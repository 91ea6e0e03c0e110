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
        id: Index in the map, from 0 to 254.
        name: Name in the legend.
        colour: Colour as "#rrggbb".
        fraction: Fraction of the photo that it covers, from 0 to 1.
        note: Text in the legend instead of the fraction.
        detail: Text after its name at the pointer if there is no confidence map.
    """

    id: int
    name: str
    colour: str
    fraction: float
    note: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Controls:
    """Initial values of the controls; a visitor's changes stay until the page sets others.

    Attributes:
        opacity: Opacity of the masks, in percent.
        threshold: Confidence threshold in percent, below which pixels are left blank.
        outline: Whether only the outlines of masks are drawn.
        split: Fraction of the width at which the plain photo ends and the masks begin; None for masks everywhere.
    """

    opacity: int = 60
    threshold: int = 0
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
    legend: str = "Classes, each with the fraction of the photo that it covers",
    hint: str = "Point at the photo or tap it to see the class of a pixel.",
    max_height: int = 560,
) -> None:
    """Show a photo under its masks.

    Args:
        pixels: (H, W, 3) uint8.
        ids: (H, W) integers from 0 to 255: layer of each pixel; pixels of no layer stay plain.
        layers: Classes or objects, in the legend's order.
        key: Widget key, unique on the page.
        alt: Text alternative for the picture.
        confidence: (H, W) float from 0 to 1; None if there is no confidence map.
        controls: Initial values of the controls; None for the default.
        legend: Label of the switches for screen readers.
        hint: Text under the picture while the pointer is elsewhere.
        max_height: Greatest height in CSS pixels.

    Raises:
        ValueError: If the arrays are of different sizes, or a value is out of its range.
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
