"""Page 7: masks as files to download, in pixels of the photo's file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
import supervision as sv

from cnn_demo.drawing.masks import cut_out, overlay
from cnn_demo.drawing.palette import class_colours, object_colours
from cnn_demo.drawing.pictures import png_bytes
from cnn_demo.exports.boxes import jpeg_file
from cnn_demo.exports.files import MaskFiles, mask_files
from cnn_demo.exports.full_size import file_facts, file_pixels, file_size
from cnn_demo.exports.masks import as_coco_masks, as_polygons, indexed_png
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec
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
    "Polygons": "JSON in pixels of the photo's file: the exterior and the holes of each piece of an object.",
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
    labels = segmentation.labels
    chosen = [labels.index(label) for label in _pick_classes(segmentation)]
    things = [index for index, label in enumerate(labels) if label != BACKGROUND]
    files = _files(
        photo,
        spec,
        lambda: mask_files(photo, segmentation_of(photo, spec.key, side, mode)),
        lambda _: class_colours(labels),
        lambda class_map: (np.isin(class_map, things), np.isin(class_map, chosen)),
    )
    file_buttons("segment_download", files, _HELP)


def object_downloads(photo: Photo, spec: ModelSpec, found: sv.Detections) -> None:
    """Offer the objects that were found as files."""
    files = _files(
        photo,
        spec,
        lambda: mask_files(photo, found),
        lambda numbers: object_colours(int(numbers.max())),
        lambda numbers: (numbers > 0, numbers > 0),
        "objects ",
    )
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


def _files(
    photo: Photo,
    spec: ModelSpec,
    found: Callable[[], MaskFiles],
    colours: Callable[[np.ndarray], np.ndarray],
    inside: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    kind: str = "",
) -> dict[str, File]:
    """Return the files; all is computed when a button is clicked, in pixels of the photo's file.

    Args:
        photo: The photo.
        spec: The network's spec.
        found: Function that returns the prediction in pixels of the file.
        colours: Function from the index map to the colours (C, 3) of its indices.
        inside: Function from the index map to two masks (H, W): pixels that are coloured, and those that are cut out.
        kind: Word in the names of the files.
    """
    stem, size = f"{stem_of(photo)} {kind}", file_size(photo)

    def mask() -> bytes:
        indices = found().index_map
        return indexed_png(indices, colours(indices))

    def overlaid() -> bytes:
        indices = found().index_map
        return jpeg_file(overlay(file_pixels(photo), indices, colours(indices), shown=inside(indices)[0]))

    def coco() -> str:
        files = found()
        return json.dumps(
            as_coco_masks(files.detections, files.masks(), photo.file_name, size, spec.labels), ensure_ascii=False
        )

    def polygons() -> str:
        files = found()
        return json.dumps(
            file_facts(photo) | {"objects": as_polygons(files.detections, files.masks())}, ensure_ascii=False
        )

    return {
        "Mask": (mask, f"{stem}mask.png", _PNG),
        "Overlay": (overlaid, f"{stem}overlay.jpg", "image/jpeg"),
        "Cut-out": (
            lambda: png_bytes(cut_out(file_pixels(photo), inside(found().index_map)[1])),
            f"{stem}cut out.png",
            _PNG,
        ),
        "COCO": (coco, f"{stem}coco.json", _JSON),
        "Polygons": (polygons, f"{stem}polygons.json", _JSON),
    }
