"""Page 6, non-maximum suppression: step by step, and the boxes kept at other thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cnn_demo.drawing.boxes import NEUTRAL, PREDICTION, WRONG
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.models.boxes import iou as overlap_of
from cnn_demo.models.detection.candidates import NOT_SUPPRESSED, Candidates, Selection, select
from cnn_demo.results import percent
from cnn_demo.ui.components.picture import LabelledBox, labelled_boxes, picture
from cnn_demo.ui.detection.state import candidates_of, overlap_slider, pick_detector
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.charts import CHART_CONFIG, REFERENCE_LINE, chart_colours
from cnn_demo.ui.widgets.detection_controls import boxes_of_count, confidence_slider

STEP = "nms_step"
DEFAULTS: dict[str, Any] = {STEP: 0}
SHOWN_SIDE = 960
THRESHOLDS = np.arange(5, 100, 5) / 100
MAX_STEPS = 60
LOST, LEFT = WRONG, NEUTRAL


@fragment
def nms_view(photo: Photo) -> None:
    """Show non-maximum suppression step by step."""
    panel, stage, details = controls_picture_and_details("nms")
    with panel:
        spec, side = pick_detector()
        candidates = candidates_of(photo, spec.key, side)
        confidence = confidence_slider(spec.threshold)
        iou = overlap_slider(candidates, spec)
        selection = select(candidates, confidence, iou)
        step = _step_slider(selection) if candidates.needs_nms and len(selection.kept) else 0
    with stage:
        _picture(photo, selection, step)
        if candidates.needs_nms:
            st.caption(
                "Grey: not processed yet. Amber: kept. Red: suppressed by the thick box, with its IoU. Boxes "
                "suppressed earlier are not shown."
            )
    with details:
        _in_words(selection, step, photo)
        _in_numbers(selection, confidence)
        if candidates.needs_nms:
            _other_thresholds(candidates, confidence, iou)


def _other_thresholds(candidates: Candidates, confidence: float, iou: float) -> None:
    st.subheader("Boxes kept at other IoU thresholds", anchor=False)
    st.plotly_chart(
        _sweep(candidates, confidence, iou),
        key="nms_sweep",
        config=CHART_CONFIG,
        alt="Number of boxes kept, by the IoU threshold of NMS.",
    )
    st.caption("Only you can count the objects; where the curve is flat, the exact threshold does not matter.")


def _step_slider(selection: Selection) -> int:
    max_step = min(len(selection.kept), MAX_STEPS)
    if st.session_state.get(STEP, 0) > max_step:
        st.session_state[STEP] = max_step
    return st.slider(
        "Step: boxes kept so far",
        0,
        max_step,
        0,
        key=STEP,
        bind="query-params",
        help=(
            "0 shows all candidates. Each step keeps the most confident remaining box, and suppresses all others of "
            "its class that overlap it too much."
        ),
    )


def _in_numbers(selection: Selection, confidence: float) -> None:
    suppressed = int((selection.suppressor != NOT_SUPPRESSED).sum())
    grid = st.grid(3, min_column_width=100)
    grid.metric(f"Above {100 * confidence:.0f}%", len(selection.order), border=True)
    grid.metric("Suppressed", suppressed, border=True)
    grid.metric("Remaining", len(selection.kept), border=True)


def _in_words(selection: Selection, step: int, photo: Photo) -> None:
    candidates = selection.candidates
    if not len(selection.order):
        st.info("No box is above the confidence threshold: lower it.", icon=":material/search_off:")
        return
    if not candidates.needs_nms:
        st.markdown(_without_nms(selection))
        return
    if step == 0:
        st.markdown("Drag the step to see which boxes each kept box suppresses.")
        return
    winner = int(selection.kept[step - 1])
    index = selection.order[winner]
    suppressed = selection.suppressed(winner)
    name = candidates.labels[candidates.class_ids[index]]
    words = (
        f"**Step {step}**: {name}, {percent(float(candidates.scores[index]))}, is the most confident remaining box. "
    )
    if not len(suppressed):
        st.markdown(words + "No other box of its class overlaps it enough.")
        return
    st.markdown(words + f"It suppresses **{len(suppressed)}**:")
    st.dataframe(
        {
            "confidence": [100 * float(candidates.scores[selection.order[i]]) for i in suppressed],
            "IoU with it": [float(selection.overlap[i]) for i in suppressed],
        },
        key="nms_victims",
        height=min(35 * (len(suppressed) + 1) + 3, 215),
        alt="The suppressed boxes with their confidence and IoU.",
        column_config={
            "confidence": st.column_config.NumberColumn(format="%.0f%%"),
            "IoU with it": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.2f"),
        },
    )


def _without_nms(selection: Selection) -> str:
    """Overlaps among the boxes of a head that needs no NMS."""
    boxes = selection.candidates.boxes_xyxy[selection.order]
    classes = selection.candidates.class_ids[selection.order]
    suppressed_count = sum(
        bool(((overlap_of(boxes[i], boxes[:i]) > 0.7) & (classes[:i] == classes[i])).any()) for i in range(len(boxes))
    )
    many = (
        "none of them overlaps"
        if not suppressed_count
        else f"{suppressed_count} of them overlap{'s' if suppressed_count == 1 else ''}"
    )
    return (
        "This network’s head was trained so that, of all cells on an object, only one predicts a box. Of its "
        f"{boxes_of_count(len(boxes))} above the confidence threshold, {many} a better one of its class by more than "
        "0.7: there is hardly anything to suppress, so NMS is left out."
    )


def _picture(photo: Photo, selection: Selection, step: int) -> None:
    boxes = selection.candidates.visible(selection.order)
    picture(
        jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
        photo.size,
        key="nms_photo",
        alt=f"The photo with {boxes_of_count(len(boxes))} after step {step}. {photo.description}",
        max_height=560,
        boxes=nms_boxes(boxes, selection, step),
    )


def nms_boxes(boxes: np.ndarray, selection: Selection, step: int) -> list[LabelledBox]:
    """Return the boxes kept, suppressed and still open after some steps of NMS, the last on top.

    Args:
        boxes: Boxes (M, 4) in the order of the selection.
        selection: Result of NMS for these boxes.
        step: Number of boxes kept so far.
    """
    kept = selection.kept[:step]
    gone = np.isin(selection.suppressor, kept)
    open_ones = np.setdiff1d(np.flatnonzero(~gone), kept)
    shown = labelled_boxes(boxes[open_ones], [""] * len(open_ones), [LEFT] * len(open_ones), 1.5)
    if not step:
        return shown
    *before, present = kept
    shown += labelled_boxes(boxes[before], [""] * len(before), [PREDICTION] * len(before), 2.5)
    suppressed = selection.suppressed(present)
    overlaps = [f"{selection.overlap[i]:.2f}" if len(suppressed) <= 6 else "" for i in suppressed]
    shown += labelled_boxes(boxes[suppressed], overlaps, [LOST] * len(suppressed), 2.5)
    candidates = selection.candidates
    index = selection.order[present]
    name = f"{candidates.labels[candidates.class_ids[index]]} {percent(float(candidates.scores[index]))}"
    return shown + labelled_boxes([boxes[present]], [name], [PREDICTION], 5)


def _sweep(candidates: Candidates, confidence: float, iou: float) -> go.Figure:
    left = [len(select(candidates, confidence, threshold).kept) for threshold in THRESHOLDS]
    figure = go.Figure(
        go.Scatter(
            x=THRESHOLDS,
            y=left,
            mode="lines+markers",
            line={"color": chart_colours().blue},
            hovertemplate="IoU up to %{x:.2f}: %{y} boxes<extra></extra>",
        )
    )
    figure.add_vline(x=iou, line=REFERENCE_LINE)
    figure.update_layout(height=260, margin={"l": 0, "r": 8, "t": 8, "b": 0}, showlegend=False)
    figure.update_xaxes(title="IoU threshold (NMS)", range=[0, 1])
    figure.update_yaxes(title="boxes kept", rangemode="tozero")
    return figure
