"""Two boxes on a picture that a visitor drags; IoU and its relatives follow the finger, in the browser."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from cnn_demo.ui.components import declare

_mount = declare("box_pair")


def box_pair(
    source: str,
    size: tuple[int, int],
    boxes: np.ndarray,
    *,
    key: str,
    names: tuple[str, str],
    alt: str,
    caption: str = "",
    max_height: int = 460,
    on_move: Callable[[np.ndarray], None],
) -> None:
    """Show a picture with two boxes; call `on_move(boxes)` when the visitor has moved one and let go of it.

    Args:
        source: Data URL of the encoded picture.
        size: (height, width) of the picture in its own pixels, in which boxes are counted.
        boxes: (2, 4) corners.
        key: Widget key, unique on the page.
        names: Names of the boxes, one letter each.
        alt: Text alternative for the picture.
        caption: Line above the values.
        max_height: Greatest height of the picture in CSS pixels.
        on_move: Callback that takes the boxes, (2, 4) float64 within the picture; invalid input is ignored.
    """

    def moved() -> None:
        sent = within(st.session_state[key].boxes, size)
        if sent is not None:
            on_move(sent)

    _mount(
        key=key,
        data={
            "src": source,
            "height": size[0],
            "width": size[1],
            "boxes": np.asarray(boxes, float).tolist(),
            "names": list(names),
            "alt": alt,
            "caption": caption,
            "maxHeight": max_height,
        },
        on_boxes_change=moved,
    )


def within(sent: object, size: tuple[int, int]) -> np.ndarray | None:
    """Return two boxes (2, 4) cut to a picture of (height, width), or None if the input is invalid."""
    try:
        boxes = np.array(sent, np.float64)
    except (TypeError, ValueError):
        return None
    if boxes.shape != (2, 4) or not np.isfinite(boxes).all():
        return None
    boxes = np.clip(boxes, 0, np.tile(size[::-1], 2))
    return boxes if (boxes[:, 2:] > boxes[:, :2]).all() else None
