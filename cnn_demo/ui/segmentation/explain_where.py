"""Page 7, explain: the pixel or the region of the class map that the visitor chooses, by a tap, numbers or a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import streamlit as st

from cnn_demo.drawing.masks import overlay
from cnn_demo.drawing.palette import class_colours
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.models.segmentation.regions import Regions, connected_regions
from cnn_demo.results import BACKGROUND, Segmentation, percent
from cnn_demo.ui.components.picture import Mark, picture
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.link import LINKED_AND_PERSISTENT, went_back_or_forward
from cnn_demo.ui.segmentation.state import resized_map, segmentation_of
from cnn_demo.ui.widgets.choice import choose, index_field
from cnn_demo.ui.widgets.explanation_views import MAX_HEIGHT, SHOWN_SIDE

Kind = Literal["pixel", "region", "object"]
KIND, ROW, COLUMN, REGION, CLASS = "explain_kind", "explain_row", "explain_column", "explain_region", "explain_class"
DEFAULTS: dict[str, Any] = {KIND: "pixel", ROW: None, COLUMN: None, CLASS: None}
KINDS: dict[Kind, str] = {"pixel": "A pixel", "region": "A region", "object": "An object"}
MOST_REGIONS = 30  # in the list, the largest
FIELD_WIDTH = 130  # CSS pixels that a number with its two buttons needs
OPACITY = 0.45
_PHOTO = "explain_spot_of"  # key of the photo that row and column are for


@dataclass(frozen=True)
class Where:
    """The chosen pixel or region.

    Attributes:
        kind: "pixel" or "region".
        at: (row, column) of the pixel, or (index,) of the region.
        class_id: Index of the class to explain.
        words: Its description.
        marks: The pixel on the photo; none for a region.
    """

    kind: Kind
    at: tuple[int, ...]
    class_id: int
    words: str
    marks: tuple[Mark, ...]


@photo_cache(queued=True)
def regions_of(photo: Photo, key: str) -> Regions:
    """Return the connected regions of a network's class map."""
    return connected_regions(segmentation_of(photo, key, None, "whole").class_map)


def pick_kind() -> Kind:
    """Let the visitor choose to explain a pixel, a region, or an object of an instance segmentation network."""
    return choose("Explain", KINDS, key=KIND, default=DEFAULTS[KIND])


def pick_where(photo: Photo, key: str, kind: Kind) -> Where:
    """Let the visitor choose a pixel or a region, and the class to explain; those of another photo are forgotten.

    Args:
        photo: The photo.
        key: Key of the network.
        kind: "pixel" or "region".
    """
    if st.session_state.get(_PHOTO, photo.key) != photo.key and not went_back_or_forward():  # the link decides then
        st.session_state[ROW] = st.session_state[COLUMN] = st.session_state[CLASS] = None
    st.session_state[_PHOTO] = photo.key
    segmentation, regions = segmentation_of(photo, key, None, "whole"), regions_of(photo, key)
    above = st.container()
    row, column = (
        own if typed is None else typed
        for own, typed in zip(_middle(photo, key, _first(segmentation, regions)), _fields(photo, key), strict=True)
    )
    region = int(regions.map[row, column])
    if kind == "region":
        with above:
            _region_list(photo, key, region)
    class_id = _pick_class(segmentation.labels, int(segmentation.class_map[row, column]))
    if kind == "pixel":
        return Where(kind, (row, column), class_id, f"Row {row}, column {column}", (Mark(row, column, 1, 1),))
    fraction = percent(float(regions.areas[region] / regions.map.size))
    return Where(kind, (region,), class_id, f"A region of {fraction} of the photo", ())


def _fields(photo: Photo, key: str) -> tuple[int | None, int | None]:
    """Let the visitor type row and column; None for an empty field."""
    own = _middle(photo, key, _first(segmentation_of(photo, key, None, "whole"), regions_of(photo, key)))
    grid = st.grid(2, min_column_width=FIELD_WIDTH)
    with grid.cell():
        row = index_field("Row", photo.size[0], key=ROW, placeholder=str(own[0]), persist_state="session")
    with grid.cell():
        column = index_field("Column", photo.size[1], key=COLUMN, placeholder=str(own[1]), persist_state="session")
    return row, column


def _first(segmentation: Segmentation, regions: Regions) -> int:
    """Return the largest region that is not background, if there is one."""
    background = segmentation.labels.index(BACKGROUND) if BACKGROUND in segmentation.labels else -1
    others = np.flatnonzero(regions.class_ids != background)
    return int(others[0]) if len(others) else 0


@photo_cache()
def _middle(photo: Photo, key: str, region: int) -> tuple[int, int]:
    return regions_of(photo, key).middle(region)


def _region_list(photo: Photo, key: str, current: int) -> None:
    """Let the visitor choose one of the largest regions; its middle then is the chosen pixel."""
    regions = regions_of(photo, key)
    labels = segmentation_of(photo, key, None, "whole").labels
    listed = list(range(min(len(regions.areas), MOST_REGIONS)))
    listed += [current] * (current not in listed)

    def name(region: int) -> str:
        return f"{labels[regions.class_ids[region]]}, {percent(float(regions.areas[region] / regions.map.size))}"

    def choose_it() -> None:
        st.session_state[ROW], st.session_state[COLUMN] = _middle(photo, key, st.session_state[REGION])

    st.session_state[REGION] = current
    st.selectbox(
        "Region",
        listed,
        format_func=name,
        key=REGION,
        on_change=choose_it,
        help="Connected pixels of one class, the largest region first. Or tap one on the photo.",
    )


def _pick_class(labels: tuple[str, ...], predicted: int) -> int:
    """Let the visitor choose the class to explain; until then it is the predicted one."""
    if st.session_state.get(CLASS) not in (None, *labels):
        st.session_state[CLASS] = None
    chosen = st.selectbox(
        "Class to explain",
        list(labels),
        index=None,
        placeholder=f"{labels[predicted]}: predicted",
        key=CLASS,
        help="Choose another class to see which pixels support it.",
        **LINKED_AND_PERSISTENT,
    )
    return predicted if chosen is None else labels.index(chosen)


def where_photo(photo: Photo, key: str, where: Where) -> None:
    """Show the photo under its classes, with the chosen pixel or region; a tap chooses another one."""
    segmentation = segmentation_of(photo, key, None, "whole")
    small = reduced(photo.pixels, SHOWN_SIDE)
    shown = resized_map(segmentation.class_map, small.shape[:2])
    scene = overlay(small, shown, class_colours(segmentation.labels), OPACITY, _foreground(segmentation, shown))
    if where.kind == "region":
        mask = resized_map(regions_of(photo, key).mask(where.at[0]), small.shape[:2])
        scene = _outlined(scene, mask)

    def pick(row: int, column: int) -> None:
        st.session_state[ROW], st.session_state[COLUMN] = row, column

    picture(
        jpeg_url(scene),
        photo.size,
        key="explain_photo",
        alt=f"The photo under its classes; tap a {where.kind} to explain its class. {photo.description}",
        caption=f"Tap a {where.kind} to explain its class.",
        max_height=MAX_HEIGHT,
        marks=where.marks,
        on_pick=pick,
        step=(4, 4),
    )


def _foreground(segmentation: Segmentation, class_map: np.ndarray) -> np.ndarray | None:
    if BACKGROUND not in segmentation.labels:
        return None
    return class_map != segmentation.labels.index(BACKGROUND)


def _outlined(scene: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Draw the outline of a mask (h, w) on a scene (h, w, 3) uint8: white between black lines."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    scene = scene.copy()
    for colour, width in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        cv2.drawContours(scene, outlines, -1, colour, width)
    return scene
