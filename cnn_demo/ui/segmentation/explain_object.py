"""Page 7, explain: which pixels one object of an instance segmentation network depends on: its class, mask or box."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.drawing.boxes import class_colour
from cnn_demo.drawing.masks import numbered, overlay
from cnn_demo.drawing.palette import object_colours
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.machine import on_device
from cnn_demo.models import load_detector
from cnn_demo.models.detection.candidates import IOU, Candidates, select
from cnn_demo.models.explanation.one_prediction import Explanation, can_be_explained, explain_prediction, probe_of
from cnn_demo.models.explanation.targets import BoxTarget, Part, candidate_target
from cnn_demo.models.explanation.yolo_mask_probe import EmptyMask
from cnn_demo.results import duration, percent
from cnn_demo.ui.components.picture import labelled_boxes, picture
from cnn_demo.ui.page.caching import photo_cache, timed_warm
from cnn_demo.ui.page.link import link_binding, went_back_or_forward
from cnn_demo.ui.segmentation.instances import MAX_OBJECTS, objects_of, pick_instances
from cnn_demo.ui.segmentation.state import resized_map
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.curve_charts import curves_of
from cnn_demo.ui.widgets.explanation_views import (
    GRAD_CAM_NOTE,
    MAX_HEIGHT,
    SHOWN_SIDE,
    heat_picture,
    loaded_in_torch,
    pick_method,
    without_gradients,
)
from cnn_demo.ui.widgets.heatmap_controls import legend, opacity_slider

METHOD, OPACITY, OBJECT, PART = "explain_method", "explain_opacity", "explain_object", "explain_part"
DEFAULTS: dict[str, Any] = {METHOD: "layer_cam", OPACITY: 65, OBJECT: 1, PART: "mask"}
METHOD_TITLES = {"layer_cam": "Layer-CAM", "grad_cam": "Grad-CAM", "grad_cam_plus_plus": "Grad-CAM++"}
PART_TITLES: dict[Part, str] = {"mask": "Mask", "class": "Class score", "box": "Box"}
UNITS: dict[Part, str] = {"mask": "mask probability", "class": "class score", "box": "IoU with the box"}
MASK_OPACITY = 0.5
_OF = "explain_object_of"  # (photo, network, size) that the number of the object is for


def object_view(photo: Photo, panel: DeltaGenerator, stage: DeltaGenerator, details: DeltaGenerator) -> None:
    """Let the visitor choose one object, and show which pixels its mask, its class or its box depends on."""
    with panel:
        spec, side, confidence = pick_instances()
    candidates = objects_of(photo, spec.key, side)
    selection = select(candidates, confidence, IOU, max_detections=MAX_OBJECTS)
    kept = selection.order[selection.kept]
    if not len(kept) or not can_be_explained(load_detector(spec.key)):
        with stage:
            _photo(photo, candidates, kept, None)
            if len(kept):
                words = f"The objects of {spec.title} cannot be explained: choose another model."
            else:
                words = "No object is above the confidence threshold: lower it."
            st.info(words, icon=":material/search_off:")
        return
    with panel:
        index = _pick((photo.key, spec.key, side), candidates, kept)
        part = choose("Explain its", PART_TITLES, key=PART, default=DEFAULTS[PART], persist_state="session")
        method = pick_method(METHOD, DEFAULTS[METHOD], METHOD_TITLES, GRAD_CAM_NOTE)
        opacity = opacity_slider(OPACITY, DEFAULTS[OPACITY])
        legend("no influence", "most")
    target = candidate_target(candidates, index, part)
    try:
        explanation = _explained(photo, spec.key, side, target, method)
    except EmptyMask:
        with stage:
            _photo(photo, candidates, kept, index)
            st.info("The mask of this object is empty: explain its class score or its box.", icon=":material/block:")
        return
    with stage:
        choice, heat = st.columns(2, gap="medium")
        with choice:
            _photo(photo, candidates, kept, index)
        with heat:
            _heat(photo, candidates, index, part, opacity, "explain_heat", explanation.map)
        detector = load_detector(spec.key)
        words = f"Gradients in **{duration(explanation.milliseconds)}** {on_device(detector.device, 'torch')}."
        st.caption(words + loaded_in_torch(candidates.engine))
    with details:
        probe = probe_of(detector, photo.pixels, target, side)
        name, milliseconds = (photo.key, spec.key, side, target), candidates.milliseconds
        st.subheader("Is the map faithful?", anchor=False)
        title = METHOD_TITLES[method]
        curves_of(photo, name, title, probe, explanation, milliseconds, UNITS[part], "explain")
        st.subheader("The same without gradients", anchor=False)
        draw = partial(_heat, photo, candidates, index, part, opacity, "explain_masked")
        without_gradients(photo, name, probe, explanation, milliseconds, UNITS[part], draw)


def _pick(where: tuple, candidates: Candidates, kept: np.ndarray) -> int:
    """Let the visitor choose an object by its number, 1 on another photo; return the index of its candidate."""
    if st.session_state.get(_OF, where) != where and not went_back_or_forward():  # the link decides then
        st.session_state[OBJECT] = 1
    elif OBJECT in st.session_state:
        st.session_state[OBJECT] = int(min(max(st.session_state[OBJECT] or 1, 1), len(kept)))
    st.session_state[_OF] = where
    number = st.number_input(
        f"Object, 1 to {len(kept)}",
        1,
        len(kept),
        DEFAULTS[OBJECT],
        key=OBJECT,
        bind=link_binding(OBJECT),
        persist_state="session",
        help="1 is the most confident. Or tap an object on the photo.",
    )
    return int(kept[int(number) - 1])


@photo_cache("Computing the gradients…", queued=True)
def _explained(photo: Photo, key: str, side: int, target: BoxTarget, method: str) -> Explanation:
    """Return the explanation of an object, which must not be modified."""
    detector = load_detector(key)
    return timed_warm(
        detector,
        lambda: explain_prediction(detector, photo.pixels, target, method, side=side),
        ("explanation", photo.size, side, target.part),
    )


def _photo(photo: Photo, candidates: Candidates, kept: np.ndarray, index: int | None) -> None:
    """Show the photo with the masks of all objects; a tap chooses one."""
    masks = candidates.masks(kept) if candidates.masks is not None else np.zeros((0, *photo.size), bool)
    owners = numbered(masks, photo.size)
    small = reduced(photo.pixels, SHOWN_SIDE)
    shown = resized_map(owners, small.shape[:2])
    scene = overlay(small, shown, object_colours(len(kept)), MASK_OPACITY, shown > 0)

    def pick(row: int, column: int) -> None:
        if owners[row, column]:
            st.session_state[OBJECT] = int(owners[row, column])

    picture(
        jpeg_url(scene),
        photo.size,
        key="explain_photo",
        alt=f"The photo with the masks of {len(kept)} objects; tap one to explain it. {photo.description}",
        caption="Tap an object to explain it." if len(kept) > 1 else "",
        max_height=MAX_HEIGHT,
        boxes=[] if index is None else _box(candidates, index, named=True),
        on_pick=pick if len(kept) else None,
        step=(4, 4),
    )


def _box(candidates: Candidates, index: int, *, named: bool) -> list:
    class_id = int(candidates.class_ids[index])
    name = f"{candidates.labels[class_id]} {percent(float(candidates.scores[index]))}" if named else ""
    colour = class_colour(class_id) if named else "#ffffff"
    return labelled_boxes(candidates.visible(np.array([index])), [name], [colour], 3 if named else 2)


def _heat(
    photo: Photo, candidates: Candidates, index: int, part: Part, opacity: float, key: str, values: np.ndarray
) -> None:
    heat_picture(
        photo,
        values,
        opacity,
        key=key,
        subject=f"this object: its {PART_TITLES[part].lower()}",
        caption=f"{PART_TITLES[part]}: the pixels that it depends on.",
        boxes=_box(candidates, index, named=False),
    )
