"""Page 6, explain: which pixels one detection depends on, its class score and the sides of its box separately."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.drawing.boxes import box_at, box_scale, class_colour, draw_boxes
from cnn_demo.drawing.heatmaps import overlay
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.lessons.leads import EXPLAIN_BOX
from cnn_demo.machine import on_device
from cnn_demo.models import ModelSpec, load_detector
from cnn_demo.models.detection.candidates import Candidates, select
from cnn_demo.models.detection.detector import Detector
from cnn_demo.models.explanation.one_prediction import (
    GRADIENT_METHODS,
    Explanation,
    can_be_explained,
    explain_prediction,
    probe_of,
)
from cnn_demo.models.explanation.targets import PARTS, BoxTarget, Part, candidate_target
from cnn_demo.results import duration, percent
from cnn_demo.ui.components.picture import LabelledBox, Mark, labelled_boxes, picture
from cnn_demo.ui.detection.box_origins import origin_sentence
from cnn_demo.ui.detection.state import candidates_of, pick_detector, point_at, pointed_candidate
from cnn_demo.ui.page.caching import photo_cache, timed_warm
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.link import link_binding, went_back_or_forward
from cnn_demo.ui.widgets import masking_job
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.curve_charts import curves_of
from cnn_demo.ui.widgets.detection_controls import boxes_of_count, confidence_slider
from cnn_demo.ui.widgets.explanation_views import (
    CARD_SIDE,
    GRAD_CAM_NOTE,
    MAX_HEIGHT,
    SHOWN_SIDE,
    heat_picture,
    other_engine,
    pick_method,
    where_brightest,
    without_gradients,
)
from cnn_demo.ui.widgets.heatmap_controls import legend, opacity_slider
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

RANK, PART, METHOD, LAYER, OPACITY = "explain_box", "explain_part", "explain_method", "explain_maps", "explain_opacity"
DEFAULTS: dict[str, Any] = {
    RANK: 1,
    PART: "class",
    METHOD: "layer_cam",
    LAYER: "auto",
    OPACITY: 65,
    **masking_job.DEFAULTS,
}
PART_TITLES: dict[Part, str] = {
    "class": "Class score",
    "box": "Box",
    "left": "Left side",
    "top": "Top",
    "right": "Right side",
    "bottom": "Bottom",
}
LAYER_TITLES = {
    "auto": "Recommended",
    "pyramid": "Pyramid level",
    "backbone": "Backbone",
}
METHOD_TITLES = {key: method.title for key, method in GRADIENT_METHODS.items()}
_WHERE = "explain_where"  # (photo, network, size) that the number of the box is for


@fragment
def explain_view(photo: Photo) -> None:
    """Let the visitor choose one detection, and show which pixels it depends on."""
    panel, stage, details = controls_picture_and_details("explain", EXPLAIN_BOX)
    with panel:
        spec, side = pick_detector()
        candidates = candidates_of(photo, spec.key, side)
        confidence = confidence_slider(spec.threshold)
    where = (photo.key, spec.key, side)
    selection = select(candidates, confidence)
    kept = selection.order[selection.kept]
    if not len(kept):
        with stage:
            _photo(photo, candidates, kept, None, where)
            st.info("No box is above the confidence threshold: lower it.", icon=":material/search_off:")
        return
    if not can_be_explained(load_detector(spec.key)):
        with stage:
            _photo(photo, candidates, kept, None, where)
            st.info(f"The boxes of {spec.title} cannot be explained: choose another model.", icon=":material/block:")
        return
    with panel:
        index = _pick(where, candidates, kept)
        probe = probe_of(load_detector(spec.key), photo.pixels, candidate_target(candidates, index), side)
        part, method, layer = _question(probe.layers)
        opacity = opacity_slider(OPACITY, DEFAULTS[OPACITY])
        legend("no influence", "most")
    target = candidate_target(candidates, index, part)
    with stage:
        choice, heat = st.columns(2, gap="medium")
        with choice:
            _photo(photo, candidates, kept, index, where)
        explanation = _explained(photo, spec.key, side, target, method, layer)
        with heat:
            caption = f"{METHOD_TITLES[method]}: {PART_TITLES[part].lower()}."
            _heat(photo, candidates, index, opacity, "explain_heat", caption, explanation.map)
        st.caption(_how(load_detector(spec.key), candidates, index, explanation))
    with details:
        _details(photo, spec, side, candidates, index, target, explanation, opacity)


def _details(
    photo: Photo,
    spec: ModelSpec,
    side: int,
    candidates: Candidates,
    index: int,
    target: BoxTarget,
    explanation: Explanation,
    opacity: float,
) -> None:
    """Where the box comes from, the maps of its parts, the test of the map, and explanations without gradients."""
    if candidates.cells is not None:
        st.markdown(origin_sentence(candidates, candidates.cells, index))
    st.subheader("Class score and sides of the box", anchor=False)
    st.caption(
        "Each map has a scale of its own. The box is the sum of its four sides, each a distance from the middle of the "
        + ("cell that predicted it." if candidates.cells is not None else "region that it was predicted from.")
    )
    _parts(photo, spec, side, target, explanation.method, opacity)
    probe = probe_of(load_detector(spec.key), photo.pixels, target, side)
    name = (photo.key, spec.key, side, target)
    unit = "class score" if target.part == "class" else "IoU with the box"
    title = METHOD_TITLES[explanation.method]
    milliseconds = candidates.milliseconds
    st.subheader("Is the map faithful?", anchor=False)
    curves_of(photo, name, title, probe, explanation, milliseconds, unit, "explain")
    st.subheader("The same without gradients", anchor=False)
    draw = partial(_heat, photo, candidates, index, opacity, "explain_masked", "The pixels that this box needs.")
    without_gradients(photo, name, probe, explanation, milliseconds, unit, draw)


def _pick(where: tuple, candidates: Candidates, kept: np.ndarray) -> int:
    """Let the visitor choose a detection by its number; return the index of its candidate.

    A detection that was selected on the photo, or in the tab *Detect*, sets the number; after Back or Forward the link
    does, and selects its detection.
    """
    returned = went_back_or_forward()
    pointed = None if returned else pointed_candidate(where)
    if pointed in kept:
        st.session_state[RANK] = int(np.flatnonzero(kept == pointed)[0]) + 1
    elif st.session_state.get(_WHERE, where) != where and not returned:
        st.session_state[RANK] = 1
    elif RANK in st.session_state:
        st.session_state[RANK] = int(min(max(st.session_state[RANK] or 1, 1), len(kept)))
    st.session_state[_WHERE] = where
    number = st.number_input(
        f"Detection, 1 to {len(kept)}",
        1,
        len(kept),
        DEFAULTS[RANK],
        key=RANK,
        bind=link_binding(RANK),
        help="1 is the most confident. Or tap a box on the photo.",
        on_change=lambda: point_at(where, int(kept[st.session_state[RANK] - 1])),
    )
    index = int(kept[int(number) - 1])
    if returned:
        point_at(where, index)
    return index


def _question(layers: tuple[str, ...]) -> tuple[Part, str, str | None]:
    """Let the visitor choose the part, the method and the layer; None for the recommended layer."""
    part = choose(
        "Explain its",
        PART_TITLES,
        key=PART,
        default=DEFAULTS[PART],
        help="The class score often depends on other pixels than the box does.",
    )
    method = pick_method(METHOD, DEFAULTS[METHOD], METHOD_TITLES, GRAD_CAM_NOTE)
    if len(layers) < 2:
        return part, method, None
    layer = choose(
        "Feature maps",
        {"auto": LAYER_TITLES["auto"], **{name: LAYER_TITLES[name] for name in layers}},
        key=LAYER,
        default=DEFAULTS[LAYER],
        help=(
            "The pyramid level that predicted the box, or the maps of the backbone before it. The first is recommended "
            "for the class score, the second for the box and its sides."
        ),
    )
    return part, method, None if layer == "auto" else layer


@photo_cache("Computing the gradients…", queued=True)
def _explained(photo: Photo, key: str, side: int, target: BoxTarget, method: str, layer: str | None) -> Explanation:
    """Return the explanation of a box, which must not be modified."""
    detector = load_detector(key)
    return timed_warm(
        detector,
        lambda: explain_prediction(detector, photo.pixels, target, method, layer=layer, side=side),
        ("explanation", photo.size, side, target.part, layer),
    )


def _photo(photo: Photo, candidates: Candidates, kept: np.ndarray, index: int | None, where: tuple) -> None:
    """The photo with all boxes; a tap selects one."""
    boxes = candidates.visible(kept)
    order = [i for i in range(len(kept))[::-1] if kept[i] != index]  # the most confident on top
    colours = [class_colour(int(i)) for i in candidates.class_ids[kept]]
    shown = labelled_boxes(boxes[order], [""] * len(order), [colours[i] for i in order], 2)
    if index is not None:
        shown += _box(candidates, index)

    def pick(row: int, column: int) -> None:
        found = box_at(boxes, row, column)
        if found is not None:
            point_at(where, int(kept[found]))

    picture(
        jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
        photo.size,
        key="explain_photo",
        alt=f"The photo with {boxes_of_count(len(kept))}; tap one to explain it. {photo.description}",
        caption="Tap a box to explain it." if len(kept) > 1 else "",
        max_height=MAX_HEIGHT,
        boxes=shown,
        on_pick=pick if len(kept) else None,
    )


def _box(candidates: Candidates, index: int) -> list[LabelledBox]:
    class_id = int(candidates.class_ids[index])
    name = f"{candidates.labels[class_id]} {percent(float(candidates.scores[index]))}"
    return labelled_boxes(candidates.visible(np.array([index])), [name], [class_colour(class_id)], 4)


def _heat(
    photo: Photo, candidates: Candidates, index: int, opacity: float, key: str, caption: str, values: np.ndarray
) -> None:
    """A map over the photo, with the box and the cell that predicted it."""
    marks = []
    if candidates.cells is not None and candidates.frame is not None:
        left, top, right, bottom = (float(value) for value in candidates.cell_xyxy(index))
        marks = [Mark(top, left, bottom - top, right - left)]
    heat_picture(
        photo,
        values,
        opacity,
        key=key,
        subject="this box",
        caption=caption,
        marks=marks,
        boxes=labelled_boxes(candidates.visible(np.array([index])), [""], ["#ffffff"], 2),
    )


def _how(detector: Detector, candidates: Candidates, index: int, explanation: Explanation) -> str:
    """Return how the map was computed, and by which copy of the network."""
    maps = LAYER_TITLES[explanation.layer or "auto"].lower()
    words = f"Gradients at the **{maps}**, in **{duration(explanation.milliseconds)}** "
    words += f"{on_device(detector.device, 'torch')}."
    return words + other_engine(candidates.engine, explanation.score, float(candidates.scores[index]))


def _parts(photo: Photo, spec: ModelSpec, side: int, target: BoxTarget, method: str, opacity: float) -> None:
    """The maps of the class score, the box and its four sides, beside each other."""
    small = reduced(photo.pixels, CARD_SIDE)
    corners = np.array([target.box_xyxy], np.float32) * box_scale(photo.pixels, small)
    cards = []
    for part in PARTS:
        values = _explained(photo, spec.key, side, target.with_part(part), method, None).map
        cards.append(
            Card(
                jpeg_url(
                    draw_boxes(
                        overlay(small, reduced(values, CARD_SIDE), opacity), corners, [""], ["#ffffff"], thickness=1
                    )
                ),
                f"A heatmap over the photo for the {PART_TITLES[part].lower()}, {where_brightest(values)}.",
                PART_TITLES[part],
            )
        )
    picture_cards(cards, width=150, columns=6, ratio=f"{photo.size[1]} / {photo.size[0]}")
