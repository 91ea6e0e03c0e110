"""Page 7: masks as files to download."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
import supervision as sv

from cnn_demo.drawing.masks import cut_out, instance_map, overlay
from cnn_demo.drawing.palette import class_colours, object_colours
from cnn_demo.drawing.pictures import png_bytes
from cnn_demo.exports.masks import as_coco_masks, as_polygons, indexed_png
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec
from cnn_demo.models.segmentation.classical_instances import classes_as_detections
from cnn_demo.results import BACKGROUND, Segmentation
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.segmentation.state import segmentation_of
from cnn_demo.ui.widgets.file_buttons import File, file_buttons, stem_of

CUT = "cut_out_classes"
DEFAULTS: dict[str, Any] = {CUT: []}
_PNG, _JSON = "image/png", "application/json"
_HELP = {
    "Mask": "A PNG with a palette, whose pixel values are the indices of the classes or of the objects.",
    "Cut-out": "A PNG that is transparent outside the chosen classes.",
    "COCO": "A COCO dataset of this one photo with run-length encoded masks, for annotation tools and pycocotools.",
    "Polygons": "The outlines in pixels of the photo, as JSON.",
}


@fragment
def downloads(photo: Photo, spec: ModelSpec, side: int, mode: str) -> None:
    """Offer the classes of a photo as files; the visitor chooses which classes are cut out.

    Args:
        photo: The photo.
        spec: The network's spec.
        side: Image size for `segmentation_of`; a fragment that held the prediction itself would keep it in memory.
        mode: A key of `MODES`.
    """
    segmentation = segmentation_of(photo, spec.key, side, mode)
    st.markdown("**Download**")
    chosen = _pick_classes(segmentation)
    class_map = segmentation.class_map
    colours = class_colours(segmentation.labels)
    foreground = segmentation.foreground()
    inside = np.isin(class_map, [segmentation.labels.index(label) for label in chosen])
    files = _picture_files(photo, class_map, colours, foreground, inside)
    files |= _data_files(photo, spec, lambda: classes_as_detections(segmentation))
    file_buttons("segment_download", files, _HELP)


def object_downloads(photo: Photo, spec: ModelSpec, found: sv.Detections) -> None:
    """Offer the objects that were found as files."""
    numbers = instance_map(found, photo.size)
    colours = object_colours(int(numbers.max()))
    files = _picture_files(photo, numbers, colours, numbers > 0, numbers > 0, "objects ")
    files |= _data_files(photo, spec, lambda: found, "objects ")
    file_buttons("object_download", files, _HELP)


def cut_out_of(segmentation: Segmentation) -> list[str]:
    """Return the classes to cut out by default: all but the background, else the largest class."""
    present = list(segmentation.coverage())
    if BACKGROUND not in segmentation.labels:
        return present[:1]
    return [label for label in present if label != BACKGROUND]


def _pick_classes(segmentation: Segmentation) -> list[str]:
    present = list(segmentation.coverage())
    held = st.session_state.get(CUT) or []
    if any(label not in present for label in held):  # another photo or network may lack a chosen class
        st.session_state[CUT] = [label for label in held if label in present]
    usual = cut_out_of(segmentation)
    chosen = st.multiselect(
        "Classes in the cut-out",
        present,
        default=DEFAULTS[CUT],
        key=CUT,
        bind="query-params",
        placeholder=", ".join(usual) or "None",
    )
    return chosen or usual


def _picture_files(
    photo: Photo, numbers: np.ndarray, colours: np.ndarray, shown: np.ndarray, inside: np.ndarray, kind: str = ""
) -> dict[str, File]:
    stem = f"{stem_of(photo)} {kind}"
    return {
        "Mask": (lambda: indexed_png(numbers, colours), f"{stem}mask.png", _PNG),
        "Overlay": (
            lambda: png_bytes(overlay(photo.pixels, numbers, colours, shown=shown)),
            f"{stem}overlay.png",
            _PNG,
        ),
        "Cut-out": (lambda: png_bytes(cut_out(photo.pixels, inside)), f"{stem}cut out.png", _PNG),
    }


def _data_files(photo: Photo, spec: ModelSpec, found: Callable[[], sv.Detections], kind: str = "") -> dict[str, File]:
    """The two files of outlines; `found` makes the detections, when a button is clicked."""
    stem = f"{stem_of(photo)} {kind}"
    return {
        "COCO": (
            lambda: json.dumps(as_coco_masks(found(), photo.name, spec.labels)),
            f"{stem}coco.json",
            _JSON,
        ),
        "Polygons": (lambda: json.dumps(as_polygons(found())), f"{stem}polygons.json", _JSON),
    }
