"""Page 6, find them: the detections on the photo and in a table; selecting one highlights the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st
import supervision as sv

from cnn_demo.detections import class_ids, confidences, data_column
from cnn_demo.drawing.boxes import box_at, class_colour, named
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.exports.boxes import counts, crop, rows
from cnn_demo.exports.full_size import file_detections
from cnn_demo.images import Photo
from cnn_demo.machine import on_device
from cnn_demo.models import ModelSpec
from cnn_demo.models.detection.candidates import Candidates
from cnn_demo.results import duration, percent
from cnn_demo.ui.components.picture import labelled_boxes, picture
from cnn_demo.ui.detection.downloads import downloads
from cnn_demo.ui.detection.state import (
    TURN,
    candidates_of,
    cuts_controls,
    pick_detector,
    point_at,
    pointed_candidate,
)
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.detection_controls import counted
from cnn_demo.ui.widgets.model_picker import official_instead
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

SHOWN_SIDE = 960  # pixels of the longer side that are sent to the browser
CROPS = 18  # of the most confident
_TABLE = "detect_table_{}"


@fragment
def find_view(photo: Photo) -> None:
    """Show all objects that the network finds on the photo."""
    panel, stage, details = controls_picture_and_details("detect")
    with panel:
        spec, side = pick_detector()
        candidates = candidates_of(photo, spec.key, side)
        cuts = cuts_controls(candidates, spec)
    found = cuts.of(candidates).detections()
    where = (photo.key, spec.key, side)
    pointed = _pointed(where, found)
    with stage:
        _picture(photo, found, pointed, where)
        st.markdown(f"### {counted(counts(found))}")
    with details:
        if len(found):
            _table(photo, found, pointed, where)
            st.caption("Click a row to highlight its box; tap a box on the photo to select its row.")
            _crops(photo, found)
        st.caption(_inference_caption(candidates, spec))
        downloads(photo, spec, found)


def _inference_caption(candidates: Candidates, spec: ModelSpec) -> str:
    where = on_device(candidates.device, candidates.engine)
    return (
        f"**{duration(candidates.milliseconds)}** {where}. Moving a slider only filters the "
        f"boxes again; the network does not run again. {spec.training_data} {official_instead(spec)}"
    )


def _pointed(where: tuple, found: sv.Detections) -> int | None:
    """Return the index of the selected detection, or None if it is of another photo or no longer shown."""
    indices = np.flatnonzero(data_column(found, "candidate") == pointed_candidate(where))
    return int(indices[0]) if len(indices) else None


def _picture(photo: Photo, found: sv.Detections, pointed: int | None, where: tuple) -> None:
    def pick(row: int, column: int) -> None:
        index = box_at(found.xyxy, row, column)
        candidate = None if index is None or index == pointed else int(data_column(found, "candidate")[index])
        point_at(where, candidate)

    order = np.argsort(confidences(found), kind="stable")  # the most confident on top
    names = named(found)
    colours = [class_colour(i) for i in class_ids(found)]
    boxes = labelled_boxes(found.xyxy[order], [names[i] for i in order], [colours[i] for i in order])
    if pointed is not None:
        faint = [replace(box, label="", width=1.5) for box in boxes]
        boxes = [*faint, *labelled_boxes([found.xyxy[pointed]], [names[pointed]], [colours[pointed]], 5)]
    summary = ", ".join(f"{count} × {name}" for name, count in counts(found).items()) or "nothing found"
    picture(
        jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
        photo.size,
        key="detect_photo",
        alt=f"The photo with boxes: {summary}. {photo.description}",
        max_height=560,
        boxes=boxes,
        focus=None if pointed is None else len(boxes) - 1,
        on_pick=pick,
    )


def _table(photo: Photo, found: sv.Detections, pointed: int | None, where: tuple) -> None:
    key = _TABLE.format(st.session_state.get(TURN, 0))

    def chosen() -> None:
        picked = st.session_state[key].selection.rows
        candidate = int(data_column(found, "candidate")[picked[0]]) if picked else None
        point_at(where, candidate, new_table=False)

    frame = pd.DataFrame(rows(file_detections(photo, found))).assign(confidence=100 * confidences(found))
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=min(35 * (len(frame) + 1) + 3, 320),
        alt="All detections with class, confidence and box.",
        on_select=chosen,
        selection_mode="single-row",
        selection_default={"selection": {"rows": [] if pointed is None else [pointed]}},
        column_config={
            "number": number("No.", width="small"),
            "class": st.column_config.TextColumn("Class"),
            "confidence": st.column_config.ProgressColumn("Confidence", min_value=0, max_value=100, format="%.0f%%"),
            **{side: number(side, format="%.0f px") for side in ("xmin", "ymin", "xmax", "ymax", "width", "height")},
        },
    )


def _crops(photo: Photo, found: sv.Detections) -> None:
    with st.expander("Crop of each object"):
        cards = []
        for row, box in list(zip(rows(found), found.xyxy, strict=True))[:CROPS]:
            title = f"{row['class']}, {percent(row['confidence'])}"
            cards.append(
                Card(jpeg_url(reduced(crop(photo.pixels, box), 240)), f"Crop of the photo: {row['class']}.", title)
            )
        picture_cards(cards, width=120, columns=6, ratio="1 / 1", whole=True)
        if len(found) > CROPS:
            st.caption(f"The {CROPS} most confident of {len(found)}.")
