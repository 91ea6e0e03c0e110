"""Page 5, cover it: class and box for the photo with parts covered or properties removed, against those before."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cnn_demo.drawing.boxes import NEUTRAL, PREDICTION
from cnn_demo.drawing.edits import Edit
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.exports.full_size import file_pixels
from cnn_demo.images import Photo
from cnn_demo.lessons.leads import COVER_IT
from cnn_demo.models import load_localizer
from cnn_demo.models.boxes import iou
from cnn_demo.results import Localization, percent
from cnn_demo.ui.components.picture import labelled_boxes, picture
from cnn_demo.ui.localization.prediction import box_label
from cnn_demo.ui.localization.state import pick_localizer, threshold_slider
from cnn_demo.ui.page.caching import kept
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.widgets.change_bars import change_bars, changed_classes
from cnn_demo.ui.widgets.cover import surface
from cnn_demo.ui.widgets.cover.surface import edit_on, edited, picture_button, working_photo
from cnn_demo.ui.widgets.cover.trail import Measure, show_trail
from cnn_demo.ui.widgets.drawing_layout import tools_drawing_result_and_details
from cnn_demo.ui.widgets.linked_drawing import drawing_name
from cnn_demo.ui.widgets.model_picker import load_with_spinner

DEFAULTS: dict[str, Any] = surface.DEFAULTS
DRAWN_SIDE = 640  # of the photo to draw on, in pixels; the network gets the photo itself


@fragment
def cover_view(photo: Photo) -> None:
    """Let the visitor change the photo, and show how class and box follow."""
    panel, drawing, result, details = tools_drawing_result_and_details("cover", COVER_IT, few_tools=True)
    with panel:
        spec = pick_localizer()
        threshold = threshold_slider(spec)
        tools = st.container()
    small = working_photo(photo, DRAWN_SIDE)
    edit = edit_on(tools, drawing, small)
    load_with_spinner(spec, load_localizer)
    before, now = (_localized(photo, spec.key, threshold, each, small.size) for each in (Edit(), edit))
    with result:
        st.markdown(in_words(before, now, edit.untouched))
        _picture(photo, edit, small.size, before, now)
    with drawing:
        measure = _measure(spec.title, before, now)
        show_trail(f"localize {small.key}", drawing_name(small), edit, [measure])
    with result:
        rows = changed_classes(before.probabilities, now.probabilities)
        change_bars(
            [now.labels[row] for row in rows],
            before.probabilities[rows],
            now.probabilities[rows],
            caption="Probabilities of the most probable classes before and after the change",
        )
    with details:
        picture_button(photo, edit, small.size, lambda: file_pixels(photo))


def _localized(photo: Photo, key: str, threshold: float, edit: Edit, drawn_on: tuple[int, int]) -> Localization:
    def compute() -> Localization:
        return load_localizer(key).predict(edited(photo, edit, drawn_on), threshold)

    return kept([photo], ("cover localized", photo.key, key, threshold, edit.name), compute, queued=True)


def in_words(before: Localization, now: Localization, untouched: bool) -> str:
    """Describe the prediction for the untouched photo, or the change of class and box, as Markdown."""
    if untouched:
        found = f"**“{now.label}”** ({percent(now.probability)})" if now.label else "**No object**"
        return f"{found} on the untouched photo."
    if before.label is None and now.label is None:
        return "**No object** before or now."
    if now.label is None:
        return f"“{before.label}” is lost: **no object** now."
    if before.label is None or before.box_xyxy is None or now.box_xyxy is None:
        return f"No object before, **“{now.label}”** now."
    overlap = f"IoU of its box with the box before: **{float(iou(before.box_xyxy, now.box_xyxy)):.2f}**."
    if before.label != now.label:
        return f"“{before.label}” has become **“{now.label}”**. {overlap}"
    return f"“{now.label}”. {overlap}"


def _picture(photo: Photo, edit: Edit, drawn_on: tuple[int, int], before: Localization, now: Localization) -> None:
    boxes = []
    if before.box_xyxy is not None and not edit.untouched:
        boxes += labelled_boxes([before.box_xyxy], [f"before: {before.label}"], [NEUTRAL], 2)
    if now.box_xyxy is not None:
        boxes += labelled_boxes([now.box_xyxy], [box_label(now)], [PREDICTION])
    found = f"a box around the {now.label}" if now.label else "no box"
    picture(
        jpeg_url(reduced(edited(photo, edit, drawn_on), DRAWN_SIDE)),
        photo.size,
        key="cover_box_now",
        alt=f"The changed photo with {found}: {photo.description}",
        max_height=surface.MAX_HEIGHT,
        boxes=boxes,
    )


def _measure(title: str, before: Localization, now: Localization) -> Measure:
    top, best = int(before.probabilities.argmax()), int(now.probabilities.argmax())
    was, value = (float(each.probabilities[top]) for each in (before, now))
    return Measure(title, now.labels[top], was, value, None if best == top else now.labels[best])
