"""The photo to draw on, the tools, and the edit that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.drawing.edits import Edit
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.exports.boxes import jpeg_file
from cnn_demo.images import Photo
from cnn_demo.images.covering import CHANGES, FILLS, MAX_PATCHES, MAX_SMOOTHING
from cnn_demo.ui.components.annotator import Tool, annotator
from cnn_demo.ui.page.caching import kept
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.file_buttons import file_buttons, stem_of
from cnn_demo.ui.widgets.linked_drawing import TOO_LONG, drawing_name, follow_drawing, link_drawing

TOOL, BRUSH, FILL = "cover_tool", "cover_brush", "cover_fill"
CHANGE, PATCHES, SMOOTHING = "cover_change", "cover_patches", "cover_smoothing"
CANVAS, LINK = "cover_canvas", "cover_boxes"
TOOLS: dict[str, Tool] = {"Brush": "brush", "Box": "box", "Polygon": "polygon", "Eraser": "eraser"}
DEFAULTS: dict[str, Any] = {
    TOOL: "Brush",
    BRUSH: 12,
    FILL: "grey",
    CHANGE: "none",
    PATCHES: 4,
    SMOOTHING: 10,
    LINK: None,  # an experiment begins without a drawing, or with its own
}
PAINT = "#ff3ea5"  # seldom in photos
MAX_HEIGHT = 360
_CHANGE_HELP = (
    "- **Colour**: the photo in shades of grey.\n"
    "- **Shape**: the photo is cut into patches, and each is put where another one was.\n"
    "- **Texture**: surfaces are smoothed, edges kept."
)


def working_photo(photo: Photo, side: int, *, square: bool = False) -> Photo:
    """Return a photo at the size at which it is edited.

    Args:
        photo: The visitor's photo.
        side: Its longer side is at most this many pixels.
        square: Whether to take the central square alone, as classifiers do.
    """
    pixels = np.ascontiguousarray(reduced(central_square(photo.pixels) if square else photo.pixels, side))
    return replace(photo, pixels=pixels, original_size=(0, 0), data=b"")


def central_square(pixels: np.ndarray) -> np.ndarray:
    """Return the central square of a photo (H, W, 3), a view."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def edit_on(tools: DeltaGenerator, drawing: DeltaGenerator, photo: Photo) -> Edit:
    """Let the visitor edit a photo.

    Args:
        tools: Container of the controls.
        drawing: Container of the photo to draw on.
        photo: The photo at its working size, as `working_photo` returns it.
    """
    with tools:
        with st.container(key="tools_cover"):  # on a phone they stand below the drawing
            tool, brush = _tools()
        fill = choose("Cover it with", FILLS, key=FILL, default=DEFAULTS[FILL])
        whole = _whole_photo()
        note = st.empty()
    with drawing:
        name = drawing_name(photo)
        follow_drawing(LINK, CANVAS, name, photo.size, 1)
        shapes = annotator(
            _shown(photo, whole),
            photo.size,
            key=CANVAS,
            drawing=name,
            tool=TOOLS[tool],
            classes=[("", PAINT)],
            brush=max(photo.size) * brush / 100,
            opacity=0.5,
            alt=photo.description,
            max_height=MAX_HEIGHT,
        )
    if not link_drawing(LINK, name, shapes):
        note.caption(TOO_LONG)
    else:
        note.caption("Boxes and polygons are part of the link, brush strokes are not.")
    return replace(whole, shapes=shapes, fill=fill).simplified()


def _tools() -> tuple[str, int]:
    tool = choose("Tool", list(TOOLS), key=TOOL, default=DEFAULTS[TOOL])
    brush = st.slider(
        "Brush size",
        2,
        40,
        DEFAULTS[BRUSH],
        format="%d%%",
        key=BRUSH,
        bind="query-params",
        help="Width of brush and eraser, in percent of the longer side.",
        disabled=tool not in ("Brush", "Eraser"),
    )
    return tool, brush


def _whole_photo() -> Edit:
    """Let the visitor remove something from the whole photo."""
    change = choose("Remove from the whole photo", CHANGES, key=CHANGE, default=DEFAULTS[CHANGE], help=_CHANGE_HELP)
    patches, smoothing = DEFAULTS[PATCHES], DEFAULTS[SMOOTHING]
    if change == "shape":
        patches = st.slider(
            "Patches along each side", 2, MAX_PATCHES, DEFAULTS[PATCHES], key=PATCHES, bind="query-params"
        )
    elif change == "texture":
        smoothing = st.slider(
            "Smoothing",
            1,
            MAX_SMOOTHING,
            DEFAULTS[SMOOTHING],
            format="%d%%",
            key=SMOOTHING,
            bind="query-params",
            help="Standard deviation, in percent of the longer side.",
        )
    return Edit(change=change, patches=patches, smoothing=smoothing)


def _shown(photo: Photo, whole: Edit) -> str:
    """Return the photo to draw on as a data URL: changed, but not covered."""
    return kept([photo], ("cover shown", photo.key, whole.name), lambda: jpeg_url(whole.whole(photo.pixels)))


def edited(photo: Photo, edit: Edit, size: tuple[int, int]) -> np.ndarray:
    """Return the edited pixels of a photo, not to be modified.

    Args:
        photo: The photo.
        edit: The edit.
        size: (height, width) of the picture that was drawn on.
    """
    if edit.untouched:
        return photo.pixels
    return kept([photo], ("cover edited", photo.key, edit.name, size), lambda: edit.of(photo.pixels, size))


def picture_button(photo: Photo, edit: Edit, size: tuple[int, int], full: Callable[[], np.ndarray]) -> None:
    """Offer the edited photo at full size.

    Args:
        photo: The visitor's photo.
        edit: The edit.
        size: (height, width) of the photo at its working size.
        full: Function that returns the pixels at full size.
    """
    file = (lambda: jpeg_file(edit.of(full(), size)), f"{stem_of(photo)} covered.jpg", "image/jpeg")
    file_buttons("cover", {"Picture": file}, {"Picture": "The photo as you have changed it, at full size."})
