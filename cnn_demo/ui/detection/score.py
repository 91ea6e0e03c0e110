"""Page 6, score it: precision, recall and average precision against ground truth that the visitor draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.detections import class_ids, confidences
from cnn_demo.drawing.boxes import class_colour
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.drawing.shapes import box_shape, boxes_of
from cnn_demo.images import Photo
from cnn_demo.lessons.leads import EVALUATE
from cnn_demo.models import ModelSpec
from cnn_demo.models.boxes import iou as overlap_of
from cnn_demo.models.detection.candidates import Candidates, select
from cnn_demo.models.detection.error_kinds import Predictions
from cnn_demo.models.detection.metrics import Matches, Score, average_precision, match, precision_recall, score_at
from cnn_demo.ui.components.annotator import annotator, replace_drawing
from cnn_demo.ui.detection.mistakes import SHOWN_SIDE, Judged, judged_picture, mistakes_by_kind
from cnn_demo.ui.detection.state import candidates_of, overlap_slider, pick_detector
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.charts import CHART_CONFIG, chart_colours
from cnn_demo.ui.widgets.class_to_draw import class_to_draw
from cnn_demo.ui.widgets.detection_controls import MIN_SURE, confidence_slider
from cnn_demo.ui.widgets.drawing_layout import tools_drawing_result_and_details
from cnn_demo.ui.widgets.linked_drawing import TOO_LONG, drawing_name, follow_drawing, link_drawing

NEXT, RIGHT_FROM = "score_class", "score_iou"
DEFAULTS: dict[str, Any] = {NEXT: None, RIGHT_FROM: 50}
SAME = 0.5  # IoU from which a predicted box is taken for one that the visitor has drawn
_CANVAS, _LINK = "score_canvas", "score_boxes"


@fragment
def score_view(photo: Photo) -> None:
    """Let the visitor draw the ground-truth boxes, and measure the detector against them."""
    panel, drawing, shown, details = tools_drawing_result_and_details("score", EVALUATE)
    with panel:
        class_row = st.container()
        spec, side = pick_detector()
        candidates = candidates_of(photo, spec.key, side)
        confidence = confidence_slider(spec.threshold)
        iou = overlap_slider(candidates, spec)
        right_from = (
            st.slider(
                "IoU threshold (match)",
                10,
                95,
                DEFAULTS[RIGHT_FROM],
                5,
                format="%d%%",
                key=RIGHT_FROM,
                bind="query-params",
                help="Minimum IoU with a ground-truth box of the same class. COCO averages over 50, 55 … 95%.",
            )
            / 100
        )
    with drawing:
        boxes, true_classes, in_short = _truth(class_row, photo, spec, candidates, confidence, iou)
    selection = select(candidates, MIN_SURE / 100, iou)  # the curve needs the unsure ones too
    found = selection.detections()
    if not len(boxes):
        with shown:
            st.info(
                "Draw the ground truth, or add the predictions and correct them; the scores appear here.",
                icon=":material/draw:",
            )
        return
    every = Predictions(found.xyxy, confidences(found), class_ids(found), boxes, true_classes)
    matches = match(*every.columns, right_from)
    judged = Judged.of(every, confidence, right_from)
    score = score_at(matches, confidence)
    in_short.markdown(in_words(score))
    with shown:
        judged_picture(photo, spec, judged)
    with details:
        _figures(score)
        mistakes_by_kind(spec, judged)
        st.subheader("Precision–recall curve", anchor=False)
        curve, table = two_cells()
    with curve:
        st.plotly_chart(
            _curve(matches, confidence),
            key="score_curve",
            config=CHART_CONFIG,
            alt="Precision against recall, from the most to the least confident box.",
        )
    with table:
        _per_class(spec, class_ids(found), matches, true_classes, right_from)


def _truth(
    control: DeltaGenerator, photo: Photo, spec: ModelSpec, candidates: Candidates, confidence: float, iou: float
) -> tuple[np.ndarray, np.ndarray, DeltaGenerator]:
    """Show the photo to draw on.

    Returns:
        The boxes (T, 4) in pixels of the photo, their class ids (T,), and a container right below the photo.
    """
    likeliest = candidates.class_ids[np.argsort(-candidates.scores, kind="stable")].tolist()
    present = [candidates.labels[i] for i in dict.fromkeys(likeliest)]
    names = [*present, *(name for name in spec.labels if name not in present)]
    with control:
        chosen = class_to_draw(
            "Class to draw", names, photo, key=NEXT, help="The most probable classes on this photo come first."
        )
    drawing = drawing_name(photo, spec.labels)
    follow_drawing(_LINK, _CANVAS, drawing, photo.size, len(spec.labels))
    shapes = annotator(
        jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
        photo.size,
        key=_CANVAS,
        drawing=drawing,
        tool="box",
        classes=[(label, class_colour(index)) for index, label in enumerate(spec.labels)],
        class_id=spec.labels.index(chosen),
        alt=photo.description,
    )
    in_short = st.container()  # on a phone, all other figures are below the controls
    linked = link_drawing(_LINK, drawing, shapes)
    found = select(candidates, confidence, iou).detections()
    predicted = [box_shape(box.round(1), int(i)) for box, i in zip(found.xyxy, class_ids(found), strict=True)]
    boxes, classes = boxes_of(shapes)
    added = [predicted[i] for i in undrawn(found.xyxy, class_ids(found), boxes, classes)]
    st.button(
        "Add the predictions",
        help="Adds the predicted boxes to yours, except those that you have drawn already.",
        icon=":material/content_copy:",
        key="score_take",
        disabled=not added,
        on_click=replace_drawing,
        args=(_CANVAS, drawing, [*shapes, *added]),
    )
    if not linked:
        st.caption(TOO_LONG)
    return boxes, classes, in_short


def undrawn(predicted: np.ndarray, predicted_classes: np.ndarray, drawn: np.ndarray, classes: np.ndarray) -> list[int]:
    """Return the indices of the predicted boxes that no drawn box of their class matches.

    Args:
        predicted: Predicted boxes (N, 4).
        predicted_classes: Their class ids (N,).
        drawn: Drawn boxes (T, 4).
        classes: Their class ids (T,).
    """
    matched = (classes[None] == predicted_classes[:, None]) & (overlap_of(predicted[:, None], drawn[None]) >= SAME)
    return np.flatnonzero(~matched.any(axis=1)).tolist()


def _format_ratio(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def in_words(score: Score) -> str:
    """Return the counts, precision and recall in one line of Markdown."""
    return (
        f"True positives: **{score.right}** · false positives: **{score.wrong}** · missed: **{score.missed}** · "
        f"precision **{_format_ratio(score.precision)}** · recall **{_format_ratio(score.recall)}**"
    )


def _figures(score: Score) -> None:
    grid = st.grid(3, min_column_width=100)
    grid.metric("Precision", _format_ratio(score.precision), help="Fraction of the predicted boxes that are correct.")
    grid.metric("Recall", _format_ratio(score.recall), help="Fraction of the ground-truth boxes that were found.")
    grid.metric("F1", _format_ratio(score.f1), help="The harmonic mean of the two.")


def _curve(matches: Matches, confidence: float) -> go.Figure:
    precision, recall = precision_recall(matches.right, matches.count)
    colours = chart_colours()
    figure = go.Figure(
        go.Scatter(
            x=recall,
            y=precision,
            mode="lines+markers",
            line={"color": colours.blue, "shape": "hv"},
            customdata=matches.scores,
            hovertemplate="down to %{customdata:.0%}: recall %{x:.2f}, precision %{y:.2f}<extra></extra>",
        )
    )
    shown = int((matches.scores > confidence).sum())
    if shown:
        figure.add_scatter(
            x=[recall[shown - 1]],
            y=[precision[shown - 1]],
            mode="markers",
            marker={"size": 14, "color": colours.amber, "line": {"width": 2, "color": "white"}},
            hovertemplate="at the confidence threshold<extra></extra>",
        )
    figure.update_layout(height=320, margin={"l": 0, "r": 8, "t": 8, "b": 0}, showlegend=False)
    figure.update_xaxes(title="recall", range=[0, 1.03])
    figure.update_yaxes(title="precision", range=[0, 1.05])
    return figure


def _per_class(
    spec: ModelSpec, found_classes: np.ndarray, matches: Matches, true_classes: np.ndarray, right_from: float
) -> None:
    rows, values = [], []
    of = found_classes[matches.order]
    for class_id in dict.fromkeys(true_classes.tolist()):
        count = int((true_classes == class_id).sum())
        value = average_precision(matches.right[of == class_id], count)
        values.append(value)
        rows.append({"class": spec.labels[class_id], "objects": count, "average precision": value})
    st.markdown(f"**Average precision: {np.mean(values):.2f}**, mean of {len(rows)} class{'es' * (len(rows) > 1)}")
    st.dataframe(
        pd.DataFrame(rows),
        key="score_table",
        hide_index=True,
        alt="Average precision of each class on the photo.",
        column_config={
            "average precision": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.2f"),
        },
    )
    st.caption(
        "The area under the curve, as in COCO: the best precision at each of 101 recall values, at an IoU of "
        f"{right_from:.0%}. Boxes below {MIN_SURE}% are not counted. One photo is not enough: COCO averages over "
        "5,000."
    )
