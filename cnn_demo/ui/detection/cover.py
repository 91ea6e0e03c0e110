"""Page 6, cover it: the detections on the photo with parts covered or properties removed, against those before."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
import supervision as sv

from cnn_demo.detections import class_ids, class_names, confidences
from cnn_demo.drawing.boxes import OTHER, PREDICTION, WRONG
from cnn_demo.drawing.edits import Edit
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.exports.full_size import file_pixels
from cnn_demo.images import Photo
from cnn_demo.lessons.leads import COVER_IT
from cnn_demo.models import load_detector
from cnn_demo.models.detection.candidates import Candidates, select
from cnn_demo.models.detection.changes import Changes, confidence_there, detection_changes
from cnn_demo.results import percent
from cnn_demo.ui.components.picture import labelled_boxes, picture
from cnn_demo.ui.detection.state import candidates_of, pick_detector
from cnn_demo.ui.page.caching import kept
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.widgets.change_bars import change_bars
from cnn_demo.ui.widgets.cover import surface
from cnn_demo.ui.widgets.cover.surface import edit_on, edited, picture_button, working_photo
from cnn_demo.ui.widgets.cover.trail import Measure, show_trail
from cnn_demo.ui.widgets.detection_controls import boxes_of_count, confidence_slider
from cnn_demo.ui.widgets.drawing_layout import tools_drawing_result_and_details
from cnn_demo.ui.widgets.linked_drawing import drawing_name

DEFAULTS: dict[str, Any] = surface.DEFAULTS
DRAWN_SIDE = 640  # of the photo to draw on, in pixels; the detector gets the photo itself
MAX_ROWS = 8
NOTE = (
    "A box is kept if one of its class with an IoU of at least 0.5 is still there. The confidence of a lost box is "
    "below the threshold."
)


@fragment
def cover_view(photo: Photo) -> None:
    """Let the visitor change the photo, and show which boxes are kept, lost and new."""
    panel, drawing, result, details = tools_drawing_result_and_details("cover", COVER_IT, few_tools=True)
    with panel:
        spec, side = pick_detector()
        confidence = confidence_slider(spec.threshold)
        tools = st.container()
    small = working_photo(photo, DRAWN_SIDE)
    edit = edit_on(tools, drawing, small)
    first = candidates_of(photo, spec.key, side)  # as in the other tabs
    last = first if edit.untouched else _candidates(photo, spec.key, side, edit, small.size)
    before, now = (select(each, confidence).detections() for each in (first, last))
    changes = detection_changes(before, now)
    with result:
        st.markdown(in_words(before, now, changes, edit.untouched))
        _picture(photo, edit, small.size, before, now, changes)
    with drawing:
        title = spec.title if side == spec.input_size[0] else f"{spec.title}, {side} pixels"
        measures = _measures(title, before, last)
        show_trail(f"detect {small.key}", drawing_name(small), edit, measures)
    with result:
        _bars(before, now, changes, first, last)
    with details:
        st.caption(NOTE)
        picture_button(photo, edit, small.size, lambda: file_pixels(photo))


def _candidates(photo: Photo, key: str, side: int, edit: Edit, drawn_on: tuple[int, int]) -> Candidates:
    def compute() -> Candidates:
        return load_detector(key).candidates(edited(photo, edit, drawn_on), side)

    return kept([photo], ("cover detected", photo.key, key, side, edit.name), compute, queued=True)


def in_words(before: sv.Detections, now: sv.Detections, changes: Changes, untouched: bool) -> str:
    """Return how many boxes are kept, lost and new, as Markdown; names those that are lost or new."""
    if untouched:
        return f"**{boxes_of_count(len(before))}** on the untouched photo."
    parts = [f"**{len(changes.kept)} kept**"]
    for word, found, which in (("lost", before, changes.lost), ("new", now, changes.new)):
        names = [class_names(found)[index] for index in which]
        listed = f" ({', '.join(names)})" if 0 < len(names) <= 4 else ""
        parts.append(f"**{len(names)} {word}**{listed}")
    return f"Of {boxes_of_count(len(before))}: {', '.join(parts)}."


def _picture(
    photo: Photo, edit: Edit, drawn_on: tuple[int, int], before: sv.Detections, now: sv.Detections, changes: Changes
) -> None:
    boxes = []
    for index in changes.lost:
        label = f"lost: {class_names(before)[index]} {percent(confidences(before)[index])}"
        boxes += labelled_boxes([before.xyxy[index]], [label], [WRONG], 2)
    for index in changes.new:
        label = f"new: {class_names(now)[index]} {percent(confidences(now)[index])}"
        boxes += labelled_boxes([now.xyxy[index]], [label], [PREDICTION])
    for _, index in changes.kept[::-1]:
        label = f"{class_names(now)[index]} {percent(confidences(now)[index])}"
        boxes += labelled_boxes([now.xyxy[index]], [label], [OTHER])
    picture(
        jpeg_url(reduced(edited(photo, edit, drawn_on), DRAWN_SIDE)),
        photo.size,
        key="cover_boxes_now",
        alt=f"The changed photo with {boxes_of_count(len(now))}: {photo.description}",
        max_height=surface.MAX_HEIGHT,
        boxes=boxes,
    )


def _measures(title: str, before: sv.Detections, last: Candidates) -> list[Measure]:
    """Follow the class of the most confident box before: its highest confidence anywhere on the photo."""
    if not len(before):
        return []
    best = int(np.argmax(confidences(before)))
    of_class = last.scores[last.class_ids == class_ids(before)[best]]
    value = float(of_class.max(initial=0))
    return [Measure(title, class_names(before)[best], float(confidences(before)[best]), value)]


def _bars(before: sv.Detections, now: sv.Detections, changes: Changes, first: Candidates, last: Candidates) -> None:
    """Show the confidence of each box before and now, the most confident one first."""
    rows = [
        (class_names(before)[i], float(confidences(before)[i]), float(confidences(now)[j])) for i, j in changes.kept
    ]
    for i in changes.lost:
        score = confidence_there(last, before.xyxy[i], int(class_ids(before)[i]))
        rows.append((f"{class_names(before)[i]}, lost", float(confidences(before)[i]), score))
    for j in changes.new:
        score = confidence_there(first, now.xyxy[j], int(class_ids(now)[j]))
        rows.append((f"{class_names(now)[j]}, new", score, float(confidences(now)[j])))
    rows.sort(key=lambda row: -max(row[1:]))
    if rows:
        labels, were, are = zip(*rows[:MAX_ROWS], strict=True)
        change_bars(labels, were, are, caption="Confidence of each box before and after the change")
    if len(rows) > MAX_ROWS:
        st.caption(f"The {MAX_ROWS} most confident of {len(rows)}.")
