"""Drawing canvas: its size, the pens of the classes, and the boxes drawn."""

from __future__ import annotations

import colorsys

import numpy as np

LEAST = 4  # pixels of the canvas: anything smaller was a click, not a box
_ORIGINS = {"center": 0.5, "right": 1.0, "bottom": 1.0}


def canvas_size(pixels: np.ndarray, side: int) -> tuple[int, int]:
    """Return (height, width) of a canvas for these pixels, its longer side `side`."""
    scale = side / max(pixels.shape[:2])
    height, width = (max(1, round(length * scale)) for length in pixels.shape[:2])
    return height, width


def pen(class_id: int) -> str:
    """Return the colour, "#rrggbb", that a class is drawn with; no two classes up to 128 share one."""
    hue = (0.38 + class_id * 0.618034) % 1
    red, green, blue = (round(255 * value) for value in colorsys.hsv_to_rgb(hue, 0.75, 0.95))
    return f"#{red:02x}{green:02x}{(blue & ~0x7F) | (class_id & 0x7F):02x}"  # the class index is in the last bits


def class_of(pen_colour: str) -> int:
    """Return the class that `pen` gave this colour to."""
    return int(pen_colour[5:7], 16) & 0x7F


def drawn_boxes(drawing: dict | None, canvas: tuple[int, int]) -> list[tuple[np.ndarray, str]]:
    """Return the boxes that were drawn, each with the colour of its pen; mere clicks are left out.

    Args:
        drawing: The canvas' output, the JSON of Fabric.js; None if there is none yet.
        canvas: Its (height, width).

    Returns:
        Corners (4,) in pixels of the canvas, cut at its edges, and "#rrggbb"; in the order of drawing.
    """
    boxes = []
    for thing in (drawing or {}).get("objects", []):
        if str(thing.get("type", "")).lower() != "rect":
            continue
        width = thing.get("width", 0) * thing.get("scaleX", 1)
        height = thing.get("height", 0) * thing.get("scaleY", 1)
        left = thing.get("left", 0) - _ORIGINS.get(thing.get("originX"), 0) * width
        top = thing.get("top", 0) - _ORIGINS.get(thing.get("originY"), 0) * height
        box = np.clip([left, top, left + width, top + height], 0, np.tile(canvas[::-1], 2)).astype(float)
        if min(box[2] - box[0], box[3] - box[1]) >= LEAST:
            boxes.append((box, thing.get("stroke") or ""))
    return boxes
