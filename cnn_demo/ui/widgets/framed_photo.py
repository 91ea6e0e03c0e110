"""A photo with frames drawn on it."""

from __future__ import annotations

import cv2
import numpy as np

from cnn_demo.drawing.pictures import jpeg_url
from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import GREY
from cnn_demo.models.classification.units import Box, input_box
from cnn_demo.ui.components.picture import Mark, picture
from cnn_demo.ui.page.caching import photo_cache

SHOWN_SIDE = 640  # pixels of the longer side that are sent to the browser


PHOTO_HEIGHT = 300


def draw_on_photo(
    photo: Photo,
    fit: str,
    box: Box,
    *,
    key: str,
    caption: str,
    alt: str,
    crop: float = 1.0,
    max_height: int = PHOTO_HEIGHT,
) -> None:
    """Show the photo as the network takes it, with a box framed.

    Args:
        photo: The photo.
        fit: Resize mode. "pad" shows the grey padding too; "crop" dims the parts outside the crop.
        box: Box in pixels of the photo; only its part on the shown picture is framed.
        key: Widget key.
        caption: Line under it.
        alt: Text alternative, without the photo's own description.
        crop: The network's own `spec.crop`.
        max_height: Greatest height in CSS pixels.
    """
    url, size, origin = _input_area(photo, fit, crop)
    shown = Box(box.row - origin[0], box.column - origin[1], box.height, box.width).clipped(size)
    picture(
        url,
        size,
        key=key,
        alt=f"{alt}: {photo.description}",
        caption=caption,
        max_height=max_height,
        marks=[Mark(shown.row, shown.column, shown.height, shown.width)],
        pixelated=max(size) < 100,
    )


@photo_cache()
def _input_area(photo: Photo, fit: str, crop: float) -> tuple[str, tuple[int, int], tuple[int, int]]:
    """Return the picture's data URL, its (height, width) in pixels of the photo, and its corner in the photo."""
    height, width = photo.size
    input_area = input_box((height, width), fit, crop)
    size, origin = (height, width), (0, 0)
    if fit == "pad":
        size, origin = (int(input_area.height), int(input_area.width)), (int(input_area.row), int(input_area.column))
    scale = min(1.0, SHOWN_SIDE / max(size))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    pixels = cv2.resize(photo.pixels, small, interpolation=cv2.INTER_AREA)
    if fit == "crop" and input_area.height * input_area.width < height * width:
        taken = np.zeros(pixels.shape[:2], bool)
        top, left = round(input_area.row * scale), round(input_area.column * scale)
        taken[
            top : top + max(1, round(input_area.height * scale)), left : left + max(1, round(input_area.width * scale))
        ] = True
        pixels = np.where(taken[..., None], pixels, pixels // 3 + 85)
    elif fit == "pad":
        canvas = np.full((max(1, round(size[0] * scale)), max(1, round(size[1] * scale)), 3), GREY, np.uint8)
        top, left = (
            min(round(-at * scale), room - side)
            for at, room, side in zip(origin, canvas.shape, pixels.shape, strict=False)
        )
        canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        pixels = canvas
    return jpeg_url(np.ascontiguousarray(pixels, np.uint8)), size, origin
