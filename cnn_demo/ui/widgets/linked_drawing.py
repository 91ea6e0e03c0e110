"""Drawings in the link: boxes and polygons of an annotator, in tenths of a pixel; brush strokes would be too long.

The text of a drawing is `TAG_b3.100.50.900.400_p1.…`: a tag of the photo and its classes, so that no other photo gets
the shapes, then kind, class index and coordinates of each shape.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import streamlit as st

from cnn_demo.drawing.shapes import Shape, read_shapes
from cnn_demo.images import Photo
from cnn_demo.ui.components.annotator import drawing_of, replace_drawing
from cnn_demo.ui.page.link import sync_query_param, went_back_or_forward, write_query_param

MAX_LENGTH = 1500  # characters of a drawing in the link
TOO_LONG = "This drawing is too long for the link: who opens the link does not see it."
_LETTERS = {"box": "b", "polygon": "p"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_TEXT = re.compile(r"[0-9a-f]{8}(_[bp]\d{1,3}(\.\d{1,6})+)+")


def drawing_name(photo: Photo, labels: Sequence[str] = ()) -> str:
    """Name the drawing on a photo: models of the same classes share it."""
    return f"{photo.key} {zlib.crc32('|'.join(labels).encode()):08x}"


def follow_drawing(link: str, key: str, name: str, size: tuple[int, int], classes: int) -> bool:
    """Take a drawing from the link when the session begins, after Back or Forward, and from an experiment.

    An experiment sets the text in the session state, under the name in the link; None there removes the whole drawing.
    A text that is damaged or of another photo changes nothing. Back and Forward leave the brush strokes, which the link
    does not have; an experiment removes them.

    Args:
        link: Name in the link.
        key: Widget key of the annotator.
        name: Name of the drawing.
        size: (height, width) of the photo in pixels.
        classes: Number of classes.

    Returns:
        Whether the drawing has changed.
    """
    if st.session_state.get(link, "") is None:
        st.session_state[link] = st.session_state[f"{link}_written"] = ""
        if drawing_of(key, name):
            replace_drawing(key, name, ())
            return True
    sync_query_param(link, "")
    text = st.session_state.get(link, "")
    if text == st.session_state.get(f"{link}_written", ""):
        return False
    found = read_drawing(text, name, size, classes) if text else ()
    present = drawing_of(key, name)
    strokes = [shape for shape in present if shape.kind == "stroke"] if went_back_or_forward() else []
    if found is None or write_drawing(found, name) == write_drawing(present, name):
        return False
    replace_drawing(key, name, [*found, *strokes])
    return True


def link_drawing(link: str, name: str, shapes: Sequence[Shape]) -> bool:
    """Write a drawing into the link.

    Args:
        link: Name in the link.
        name: Name of the drawing.
        shapes: Shapes of the drawing; strokes are left out.

    Returns:
        Whether it fits: a longer one is left out.
    """
    text = write_drawing(shapes, name)
    fits = len(text) <= MAX_LENGTH
    st.session_state[link] = st.session_state[f"{link}_written"] = text if fits else ""
    write_query_param(link, st.session_state[link], "")
    return fits


def write_drawing(shapes: Sequence[Shape], name: str) -> str:
    """Return the text of a drawing's boxes and polygons; "" if it has none."""
    texts = [
        f"{_LETTERS[shape.kind]}{shape.class_id}."
        + ".".join(f"{10 * value:.0f}" for at in shape.points for value in at)
        for shape in shapes
        if shape.kind in _LETTERS
    ]
    return "_".join([_tag(name), *texts]) if texts else ""


def read_drawing(text: str, name: str, size: tuple[int, int], classes: int) -> tuple[Shape, ...] | None:
    """Return the shapes of a text; None if it is damaged, too long, or of another drawing.

    Args:
        text: Text from the link, and therefore of any content.
        name: Name of the drawing.
        size: (height, width) of the photo in pixels.
        classes: Number of classes.
    """
    if len(text) > MAX_LENGTH or not _TEXT.fullmatch(text) or not text.startswith(_tag(name)):
        return None
    sent = []
    for part in text.split("_")[1:]:
        number, *values = part[1:].split(".")
        if len(values) % 2:
            return None
        points = [[int(x) / 10, int(y) / 10] for x, y in zip(values[::2], values[1::2], strict=True)]
        sent.append({"kind": _KINDS[part[0]], "classId": int(number), "points": points})
    return read_shapes(sent, size, classes)


def _tag(name: str) -> str:
    return f"{zlib.crc32(name.encode()):08x}"
