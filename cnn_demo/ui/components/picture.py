"""A picture drawn to scale on which a visitor can pick a pixel."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import streamlit as st

from cnn_demo.ui.components import declare

_mount = declare("picture")


@dataclass(frozen=True)
class Mark:
    """A rectangle on a picture, in the picture's pixels; it may reach over the border, as a window in the padding does.

    Attributes:
        row: Upper edge.
        column: Left edge.
        height: Height in pixels.
        width: Width in pixels.
    """

    row: float
    column: float
    height: float
    width: float


@dataclass(frozen=True)
class LabelledBox:
    """A box with its label, which the browser writes at the size of the screen's other text.

    Attributes:
        corners: x1, y1, x2, y2 in the picture's pixels.
        label: Text; empty for none.
        colour: "#rrggbb" of the line and of the label's ground.
        width: Line width in CSS pixels.
    """

    corners: tuple[float, float, float, float]
    label: str
    colour: str
    width: float = 3


def labelled_boxes(
    boxes: np.ndarray | Sequence[np.ndarray], labels: Sequence[str], colours: Sequence[str], width: float = 3
) -> list[LabelledBox]:
    """Return boxes to draw on a picture, the last on top.

    Args:
        boxes: (4,) corners each, or (N, 4), in the picture's pixels.
        labels: One for each box; an empty one is not written.
        colours: One for each box, as "#rrggbb".
        width: Line width in CSS pixels.
    """
    corners = np.asarray(boxes, float).reshape(-1, 4).round(1).tolist()
    return [
        LabelledBox((x1, y1, x2, y2), label, colour, width)
        for (x1, y1, x2, y2), label, colour in zip(corners, labels, colours, strict=True)
    ]


def picture(
    source: str,
    size: tuple[int, int],
    *,
    key: str,
    alt: str,
    caption: str = "",
    small_note: str = "",
    frame_size: tuple[int, int] | None = None,
    zoom: float = 1.0,
    max_height: int = 460,
    marks: Sequence[Mark] = (),
    boxes: Sequence[LabelledBox] = (),
    focus: int | None = None,
    on_pick: Callable[[int, int], None] | None = None,
    step: tuple[int, int] = (1, 1),
    area: tuple[slice, slice] | None = None,
    pixelated: bool = False,
) -> None:
    """Show a picture; call `on_pick(row, column)` when the visitor picks one of its pixels.

    Args:
        source: Data URL of the encoded picture.
        size: (height, width) of the picture in its own pixels, in which marks and picks are counted. They may differ
            from the encoded picture's, which is stretched to fit.
        key: Widget key, unique on the page.
        alt: Text alternative for the picture.
        caption: Text under the picture.
        small_note: Sentence added to the caption where the picture is drawn at less than half of its size; `{scale}`
            in it becomes the scale, in percent.
        frame_size: (height, width) of the largest picture in the row: pictures with one `frame_size` are drawn at one
            scale. Default: the picture's own size.
        zoom: Enlargement over that scale.
        max_height: Greatest height of the frame in CSS pixels.
        marks: Rectangles to draw. The arrow keys start from the first one's centre.
        boxes: Boxes to draw, in order; their labels avoid one another, those of later boxes are placed first.
        focus: Index of a box that all but its inside is dimmed around.
        on_pick: Callback; without it the picture is not clickable.
        step: (rows, columns) that an arrow key moves; ten times as far with Shift.
        area: Rows and columns that can be picked; default: all.
        pixelated: Show pixels as squares where the picture is enlarged.
    """
    frame_size = frame_size or size
    rows, columns = area or (slice(0, size[0]), slice(0, size[1]))

    def picked() -> None:
        point = st.session_state[key].point
        if point is not None and on_pick is not None:
            on_pick(int(point["row"]), int(point["column"]))

    _mount(
        key=key,
        data={
            "src": source,
            "height": size[0],
            "width": size[1],
            "alt": alt,
            "caption": caption,
            "smallNote": small_note,
            "roomHeight": frame_size[0],
            "roomWidth": frame_size[1],
            "zoom": zoom,
            "maxHeight": max_height,
            "marks": [asdict(mark) for mark in marks],
            "boxes": [asdict(box) for box in boxes],
            "focus": focus,
            "clickable": on_pick is not None,
            "step": list(step),
            "area": [rows.start, rows.stop, columns.start, columns.stop],
            "pixelated": pixelated,
        },
        on_point_change=picked,
    )
