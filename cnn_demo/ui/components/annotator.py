"""A picture on which a visitor draws boxes, polygons and brush strokes, with mouse, finger, pen or keyboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from cnn_demo.drawing.shapes import Shape, as_json, read_shapes
from cnn_demo.ui.components import declare

Tool = Literal["box", "polygon", "brush", "eraser"]
_MAX_KEPT = 20  # drawings of a session
_KEPT = "_drawings"  # end of the key, in the session, of an annotator's drawings
_mount = declare("annotator")


def annotator(
    source: str | None,
    size: tuple[int, int],
    *,
    key: str,
    drawing: str,
    tool: Tool,
    classes: Sequence[tuple[str, str]],
    alt: str,
    class_id: int = 0,
    brush: float = 1.0,
    max_shapes: int | None = None,
    start: Sequence[Shape] = (),
    opacity: float = 0.6,
    max_height: int = 460,
) -> tuple[Shape, ...]:
    """Show a picture to draw on, and return the shapes on it.

    The page runs again when the visitor has finished a shape, moved or removed one. Drawings are kept in the session
    state, so that they survive other tabs and pages.

    Args:
        source: Data URL of the encoded picture; None for a black board.
        size: (height, width) of the picture in its own pixels, in which points are counted.
        key: Widget key, unique on the page.
        drawing: Name of the drawing, such as the key of the photo: each has its own shapes.
        tool: The drawing tool.
        classes: Name and colour, "#rrggbb", of each class.
        alt: Text alternative for the picture.
        class_id: Index of the class that is drawn.
        brush: Width of the brush and of the eraser in pixels of the picture.
        max_shapes: Largest number of shapes; the oldest one makes room. None for no limit.
        start: Shapes of a drawing that the visitor has not changed yet.
        opacity: Opacity of polygons and strokes.
        max_height: Greatest height in CSS pixels; it is at most half of the window's, too.

    Returns:
        The shapes in the order of drawing; a value from the browser that is invalid changes nothing.
    """
    revision, shapes = _drawings(key).get(drawing, (0, tuple(start)))

    def drawn() -> None:
        sent = st.session_state[key].drawn
        if not isinstance(sent, dict) or (sent.get("drawing"), sent.get("revision")) != (drawing, revision):
            return  # it began before the page replaced the drawing
        found = read_shapes(sent.get("shapes"), size, len(classes))
        if found is not None:
            _keep(key, drawing, revision, found if max_shapes is None else found[-max_shapes:])

    _mount(
        key=key,
        data={
            "source": source,
            "height": size[0],
            "width": size[1],
            "drawing": drawing,
            "revision": revision,
            "shapes": as_json(shapes),
            "tool": tool,
            "classes": [list(each) for each in classes],
            "classId": class_id,
            "brush": brush,
            "maxShapes": max_shapes,
            "opacity": opacity,
            "alt": alt,
            "maxHeight": max_height,
        },
        on_drawn_change=drawn,
    )
    return shapes


def replace_drawing(key: str, drawing: str, shapes: Sequence[Shape]) -> None:
    """Replace the shapes of a drawing, before the annotator is shown; the visitor can undo that.

    Args:
        key: Widget key of the annotator.
        drawing: Name of the drawing.
        shapes: The new shapes.
    """
    revision, _ = _drawings(key).get(drawing, (0, ()))
    _keep(key, drawing, revision + 1, tuple(shapes))


def drawing_of(key: str, drawing: str) -> tuple[Shape, ...]:
    """Return the shapes that the visitor has drawn; none if the drawing is unchanged.

    Args:
        key: Widget key of the annotator.
        drawing: Name of the drawing.
    """
    return _drawings(key).get(drawing, (0, ()))[1]


def all_drawings() -> dict[str, dict[str, tuple[Shape, ...]]]:
    """Return the shapes of all drawings of the session, by widget key and name."""
    keys = [str(key) for key in st.session_state if str(key).endswith(_KEPT)]
    return {key.removesuffix(_KEPT): {name: each for name, (_, each) in st.session_state[key].items()} for key in keys}


def restore_drawings(drawings: Mapping[str, Mapping[str, tuple[Shape, ...]]]) -> None:
    """Restore drawings that `all_drawings` has returned, brush strokes as well; others stay as they are."""
    for key, each in drawings.items():
        for name, shapes in each.items():
            if drawing_of(key, name) != shapes:
                replace_drawing(key, name, shapes)


def _drawings(key: str) -> dict[str, tuple[int, tuple[Shape, ...]]]:
    """Revision and shapes of each drawing; the revision counts how often the page, not the visitor, replaced it."""
    return st.session_state.setdefault(key + _KEPT, {})


def _keep(key: str, drawing: str, revision: int, shapes: tuple[Shape, ...]) -> None:
    drawings = _drawings(key)
    drawings.pop(drawing, None)
    drawings[drawing] = (revision, shapes)
    while len(drawings) > _MAX_KEPT:
        drawings.pop(next(iter(drawings)))
