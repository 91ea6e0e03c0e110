"""Page 5, two boxes: drag them and watch IoU and its relatives; write a box down in four ways."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.exports.full_size import file_size
from cnn_demo.images import Photo
from cnn_demo.models.boxes import (
    centre_to_corners,
    corners_to_centre,
    from_offsets,
    iou,
    normalize_boxes,
    to_offsets,
    to_pixels,
)
from cnn_demo.ui.components.box_pair import box_pair, within
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.link import sync_query_param
from cnn_demo.ui.widgets.cells import cells_in_pairs
from cnn_demo.ui.widgets.choice import choose

BEGIN, WRITTEN, MOVED = "boxes_begin", "boxes_written", "boxes"
# MOVED holds the corners of both boxes, as a text of fractions of the photo's sides; "" if they are as they begin.
DEFAULTS: dict[str, Any] = {BEGIN: "overlap", WRITTEN: "corners", MOVED: ""}
SHOWN_SIDE = 900
_PLAIN = (1.0, 1.0, 1.0, 1.0)
_TAME = np.array([[-1e4, -1e4, -20, -20], [1e4, 1e4, 20, 20]])  # larger inputs would overflow


@dataclass(frozen=True)
class Beginning:
    """Initial positions of the boxes, as fractions of the photo's sides, and a sentence to explain them."""

    title: str
    first: tuple[float, float, float, float]
    second: tuple[float, float, float, float]
    notice: str


BEGINNINGS = {
    "overlap": Beginning(
        "Overlapping",
        (0.15, 0.2, 0.6, 0.75),
        (0.3, 0.3, 0.78, 0.88),
        "They look similar, and yet the IoU is far from 1: shifted by a third of its side in one direction, a box has "
        "an IoU of 0.5 with itself.",
    ),
    "apart": Beginning(
        "Apart",
        (0.06, 0.1, 0.3, 0.45),
        (0.62, 0.55, 0.9, 0.92),
        "IoU is 0 and tells nothing about the distance. GIoU subtracts the empty part of the dashed box around both, "
        "DIoU the distance of the centres: the white line.",
    ),
    "inside": Beginning(
        "One inside the other",
        (0.1, 0.1, 0.9, 0.9),
        (0.18, 0.2, 0.45, 0.55),
        "Move the small box around within the large one: IoU and GIoU do not change. DIoU also depends on the "
        "distance of the centres.",
    ),
    "shape": Beginning(
        "Another shape",
        (0.2, 0.36, 0.8, 0.64),
        (0.36, 0.2, 0.64, 0.8),
        "One centre, equal areas, one wide and one tall: DIoU equals IoU, and only CIoU also counts that the "
        "proportions differ.",
    ),
}


@dataclass(frozen=True)
class Encoding:
    """A way to write a box down.

    Attributes:
        title: Name of the encoding.
        numbers: Names of its four values.
        used: Unit, and where the encoding is used.
        write: Encoder from corners (4,) in pixels, the photo's (height, width) and the other box to the four values.
        read: Decoder, the inverse of `write`.
        digits: Number of decimals shown.
    """

    title: str
    numbers: tuple[str, str, str, str]
    used: str
    write: Callable[[np.ndarray, tuple[int, int], np.ndarray], np.ndarray]
    read: Callable[[np.ndarray, tuple[int, int], np.ndarray], np.ndarray]
    digits: int


ENCODINGS = {
    "corners": Encoding(
        "Corners",
        ("x min", "y min", "x max", "y max"),
        "pixels; Pascal VOC's files, and this page",
        lambda box, size, other: box,
        lambda numbers, size, other: numbers,
        1,
    ),
    "centre": Encoding(
        "Centre and size",
        ("centre x", "centre y", "width", "height"),
        "pixels; easy to compare with an anchor",
        lambda box, size, other: corners_to_centre(box),
        lambda numbers, size, other: centre_to_corners(numbers),
        1,
    ),
    "shares": Encoding(
        "Normalized",
        ("centre x", "centre y", "width", "height"),
        "fractions of the photo's sides, so that resizing changes nothing; YOLO's files",
        lambda box, size, other: normalize_boxes(corners_to_centre(box), size),
        lambda numbers, size, other: centre_to_corners(to_pixels(numbers, size)),
        4,
    ),
    "offsets": Encoding(
        "Offsets to box B",
        ("move x", "move y", "ln width", "ln height"),
        "B is the anchor: shifts relative to its size, and logarithms of the scales; predicted by Faster R-CNN's heads",
        lambda box, size, other: to_offsets(box, other, _PLAIN),
        lambda numbers, size, other: from_offsets(np.clip(numbers, *_TAME), other, _PLAIN),
        4,
    ),
}


@fragment
def boxes_view(photo: Photo) -> None:
    """Show two boxes to drag, and box A written in every way."""
    sync_query_param(MOVED, DEFAULTS[MOVED])
    size = photo.size
    panel, stage, details = controls_picture_and_details("boxes")
    with panel:
        begin = choose(
            "Example",
            {key: each.title for key, each in BEGINNINGS.items()},
            key=BEGIN,
            default=DEFAULTS[BEGIN],
            on_change=_reset,
        )
    boxes = _boxes(photo, begin)
    with panel:
        if st.session_state.get(MOVED, DEFAULTS[MOVED]) == DEFAULTS[MOVED]:
            st.markdown(BEGINNINGS[begin].notice)
        else:
            st.button("Restore the example", icon=":material/undo:", key="boxes_restore", on_click=_reset)
    with stage:
        box_pair(
            jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
            size,
            boxes,
            key="box_pair",
            names=("A", "B"),
            alt=photo.description,
            caption="Drag a box by its middle or its corners.",
            on_move=lambda moved: _keep(photo, moved),
        )
    with details:
        st.subheader("Four encodings of box A", anchor=False)
        _written(photo, boxes)


def _reset() -> None:
    st.session_state[MOVED] = DEFAULTS[MOVED]


def _keep(photo: Photo, boxes: np.ndarray) -> None:
    fractions = normalize_boxes(boxes, photo.size)
    st.session_state[MOVED] = "_".join(",".join(f"{value:.6g}" for value in box) for box in fractions)


def _boxes(photo: Photo, begin: str) -> np.ndarray:
    """The pair (2, 4) in pixels as the visitor or the link left it, else as it begins."""
    with suppress(ValueError):  # not eight numbers
        text = st.session_state.get(MOVED, DEFAULTS[MOVED])
        fractions = np.array([box.split(",") for box in text.split("_")], float).reshape(2, 4)
        moved = within(to_pixels(fractions, photo.size).round(2).tolist(), photo.size)
        if moved is not None:
            return moved
    beginning = BEGINNINGS[begin]
    return to_pixels(np.array([beginning.first, beginning.second]), photo.size)


def _written(photo: Photo, boxes: np.ndarray) -> None:
    size = file_size(photo)
    factor = np.tile(np.divide(size, photo.size)[::-1], 2)  # from pixels of the reduced photo to those of its file
    box, other = boxes * factor
    rows = {}
    for encoding in ENCODINGS.values():
        numbers = encoding.write(box, size, other)
        cells = [
            f"{name} **{_number(value, encoding.digits)}**"
            for name, value in zip(encoding.numbers, numbers, strict=True)
        ]
        rows[f"**{encoding.title}**  \n:small[{encoding.used}]"] = " · ".join(cells)
    st.table(rows, border="horizontal")
    written = st.selectbox(
        "Or type box A as",
        list(ENCODINGS),
        index=list(ENCODINGS).index(DEFAULTS[WRITTEN]),
        format_func=lambda key: ENCODINGS[key].title,
        key=WRITTEN,
        bind="query-params",
        width=320,
    )
    fields = cells_in_pairs(4)
    encoding = ENCODINGS[written]
    numbers = encoding.write(box, size, other)
    keys = [f"boxes_typed_{index}" for index in range(4)]

    def typed() -> None:
        typed_box = encoding.read(np.array([st.session_state[key] for key in keys], float), size, other)
        moved = within([(typed_box / factor).tolist(), boxes[1].tolist()], photo.size)
        if moved is None:
            st.session_state["boxes_error"] = (
                "That box has no area on the photo: its right edge must be right of its left one, its lower edge below "
                "its upper one. Box A is unchanged."
            )
            return
        _keep(photo, moved)

    for key, field, name, value in zip(keys, fields, encoding.numbers, numbers, strict=True):
        st.session_state[key] = round(float(value), encoding.digits)
        field.number_input(
            name.capitalize(),
            key=key,
            step=10.0**-encoding.digits * 10,
            format=f"%.{encoding.digits}f",
            on_change=typed,
        )
    with st.container():
        if error := st.session_state.pop("boxes_error", None):
            st.error(error, icon=":material/crop_free:")
    overlap = float(iou(boxes[0], boxes[1]))
    st.caption(
        f"All four encode the same box; pixels are those of the photo’s file ({size[1]:,} × {size[0]:,}). Its IoU "
        f"with B is {overlap:.3f}. Boxes are clipped to the photo."
    )


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace("-", "−")
