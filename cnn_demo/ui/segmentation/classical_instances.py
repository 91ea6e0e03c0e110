"""Page 7: objects of a class map by connected components and watershed, beside a network's instances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
import supervision as sv

from cnn_demo.detections import class_names, confidences, masks, subset
from cnn_demo.drawing.masks import instance_map, overlay
from cnn_demo.drawing.palette import distinct_colours
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.models.catalogue.class_names import common_name
from cnn_demo.models.segmentation.classical_instances import METHODS, NARROW, instances
from cnn_demo.models.segmentation.mask_matching import mask_overlaps, partners
from cnn_demo.models.segmentation.metrics import outline
from cnn_demo.results import BACKGROUND, Segmentation
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.segmentation.instances import found_of, numbered
from cnn_demo.ui.segmentation.state import reduced_segmentation, resized_map, segmentation_of
from cnn_demo.ui.widgets.cells import two_cells

CLASS, NARROW_PERCENT = "classical_class", "classical_narrow"
DEFAULTS: dict[str, Any] = {CLASS: None, NARROW_PERCENT: round(100 * NARROW)}
SIDE = 640  # pixels of the longer side used in this view, so that the slider reacts at once
MATCH_IOU = 0.5  # IoU from which two masks are taken for one object
ALONE = (154, 163, 178)  # grey: no partner among the network's objects


@fragment
def classical_view(
    photo: Photo, key: str, side: int, mode: str, finder: str, finder_side: int, confidence: float
) -> None:
    """Show one class' objects by classical methods, beside the predictions of an instance segmentation network.

    Args:
        photo: The photo.
        key: Key of the semantic segmentation network, for `segmentation_of`.
        side: Its image size in pixels.
        mode: A key of `MODES`.
        finder: Key of the instance segmentation network, for `found_of`.
        finder_side: Its image size in pixels.
        confidence: Confidence threshold, 0 to 1.
    """
    segmentation = segmentation_of(photo, key, side, mode)
    found = found_of(photo, finder, finder_side, confidence)
    names = countable(segmentation, found)
    if not names:
        st.info("Everything here is background: try another photo or model.", icon=":material/search_off:")
        return
    choice, slider = two_cells()
    with choice:
        name = _pick_class(names)
    with slider:
        narrow = _narrow_slider()
    pixels = reduced(photo.pixels, SIDE)
    own = _objects_named(found, name, pixels.shape[:2])
    predictions = {title: _made(photo, key, side, mode, name, method, narrow) for method, title in METHODS.items()}
    overlaps = {title: mask_overlaps(masks(prediction), masks(own)) for title, prediction in predictions.items()}
    containers = st.columns(len(predictions) + 1, gap="medium")
    for (title, prediction), container in zip(predictions.items(), containers, strict=False):
        with container:
            _show(pixels, masks(prediction), partners(overlaps[title], MATCH_IOU), len(own), title, name)
    with containers[-1]:
        _show(pixels, masks(own), [(i, i) for i in range(len(own))], len(own), "The network's instances", name)
    st.caption(
        f"Objects that agree with one of the network's (IoU of at least {MATCH_IOU}) have its colour; grey ones agree "
        f"with none. Computed on {pixels.shape[1]} × {pixels.shape[0]} pixels. Neither classical method separates "
        "overlapping objects, or joins the parts of an object that another one covers."
    )
    if len(own):
        _table(own, overlaps)


def countable(segmentation: Segmentation, found: sv.Detections) -> list[str]:
    """Return the classes that have pixels, those first of which the network found most objects, then the largest."""
    names = [common_name(name) for name in class_names(found)]
    present = [label for label in segmentation.coverage() if label != BACKGROUND]
    return sorted(present, key=lambda label: -names.count(common_name(label)))


def _pick_class(names: list[str]) -> str:
    if CLASS in st.session_state and st.session_state[CLASS] not in names:
        st.session_state[CLASS] = names[0]
    chosen = st.selectbox("Class", names, key=CLASS, bind="query-params", help="Classes on the photo.")
    return chosen if chosen in names else names[0]


def _narrow_slider() -> float:
    return (
        st.slider(
            "Watershed: width of necks to split",
            0,
            95,
            DEFAULTS[NARROW_PERCENT],
            5,
            format="%d%%",
            key=NARROW_PERCENT,
            bind="query-params",
            help="Two objects are split at parts narrower than this fraction of the greatest width. At 0% "
            "nothing is split: these are the connected components. At high values, arms and legs are split off.",
        )
        / 100
    )


def _objects_named(found: sv.Detections, name: str, size: tuple[int, int]) -> sv.Detections:
    """The network's objects of a class, their masks at this (height, width)."""
    same = np.array([common_name(other) == common_name(name) for other in class_names(found)], np.bool_)
    some = subset(found, same)
    resized = [resized_map(mask, size) for mask in masks(some)]
    some.mask = np.array(resized, bool).reshape(-1, *size)
    return some


@photo_cache(spinner="Separating objects…")
def _made(photo: Photo, key: str, side: int, mode: str, name: str, method: str, narrow: float) -> sv.Detections:
    """Objects of a class by a classical method; connected components do not depend on `narrow`."""
    _, segmentation = reduced_segmentation(photo, segmentation_of(photo, key, side, mode), SIDE)
    return instances(segmentation, [name], method, narrow)


def drawn_objects(pixels: np.ndarray, objects: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Draw masks, the first on top, with a white outline each: neighbours may have one colour.

    Args:
        pixels: (H, W, 3) uint8.
        objects: Masks (K, H, W) bool.
        colours: (K, 3) uint8.
    """
    numbers = instance_map(sv.Detections(np.zeros((len(objects), 4), np.float32), mask=objects), pixels.shape[:2])
    table = np.concatenate([np.zeros((1, 3), np.uint8), colours])
    scene = overlay(pixels, numbers, table, shown=numbers > 0).copy()
    for number in range(1, int(numbers.max()) + 1):
        scene[outline(numbers == number)] = 255
    return scene


def _show(
    pixels: np.ndarray, objects: np.ndarray, pairs: list[tuple[int, int]], partners_there: int, title: str, name: str
) -> None:
    """Show one method's objects; `pairs` matches them to the network's."""
    colours = np.tile(np.array(ALONE, np.uint8), (len(objects), 1))
    table = distinct_colours(partners_there)
    for predicted, partner in pairs:
        colours[predicted] = table[partner]
    words = f"**{title}**: {len(objects)}"
    if title in METHODS.values():
        words += f", of which **{len(pairs)}** agree{'s' if len(pairs) == 1 else ''}"
    picture(
        jpeg_url(drawn_objects(pixels, objects, colours)),
        pixels.shape[:2],
        key=f"classical_{title}",
        alt=f"{title}: {len(objects)} objects of the class {name}, each in its own colour.",
        max_height=320,
    )
    st.markdown(words)


def _table(own: sv.Detections, overlaps: dict[str, np.ndarray]) -> None:
    best = {title: values.max(axis=0) if len(values) else np.zeros(len(own)) for title, values in overlaps.items()}
    frame = pd.DataFrame(
        {"The network's object": numbered(own), "Confidence": 100 * confidences(own)}
        | {f"IoU, {title.lower()}": values for title, values in best.items()}
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        key="classical_table",
        hide_index=True,
        height=min(35 * (len(frame) + 1) + 3, 250),
        alt="Each of the network's objects, with the IoU of the classical object that overlaps it most.",
        column_config={"Confidence": number(format="%.0f%%")}
        | {f"IoU, {title.lower()}": number(format="%.2f") for title in best},
    )
