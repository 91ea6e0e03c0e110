"""Page 7, paint it yourself: the prediction scored against a ground truth that the visitor paints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.drawing.palette import as_hex, class_colours
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.drawing.shapes import rasterize
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec
from cnn_demo.models.segmentation.metrics import IGNORED, TOLERANCE, boundary_f, score_masks
from cnn_demo.results import BACKGROUND, Segmentation, percent
from cnn_demo.ui.components.annotator import Tool, annotator
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.segmentation.state import pick_segmenter, segmentation_of
from cnn_demo.ui.widgets.class_to_draw import class_to_draw
from cnn_demo.ui.widgets.drawing_layout import tools_drawing_result_and_details
from cnn_demo.ui.widgets.linked_drawing import TOO_LONG, drawing_name, follow_drawing, link_drawing

WAY, WIDTH, BLANKS = "paint_way", "paint_width", "paint_blanks"
_CANVAS, _LINK = "paint_canvas", "paint_polygons"
WAYS: dict[str, Tool] = {"Brush": "brush", "Polygon": "polygon", "Eraser": "eraser"}
DEFAULTS: dict[str, Any] = {WAY: "Brush", WIDTH: 5, BLANKS: True}
ENOUGH = 0.05  # fraction of the photo: scores of fewer pixels mean little
SHOWN_SIDE, SHOWN_HEIGHT = 640, 460
RIGHT, WRONG = (47, 191, 113), (255, 75, 92)
_BRUSH = "Width of brush and eraser, in percent of the photo’s longer side."


@fragment
def paint_view(photo: Photo) -> None:
    """Let the visitor paint the ground truth, and score the prediction against it."""
    panel, drawing, shown, details = tools_drawing_result_and_details("paint")
    with panel:
        tools = st.container()
        spec, side, mode = pick_segmenter(photo)
    with drawing:
        segmentation = segmentation_of(photo, spec.key, side, mode)
        truth, painted = _paint(tools, photo, spec, segmentation)
        in_short = st.container()  # on a phone, everything else is below the tools
    with shown:
        if not painted:
            st.info("Paint the ground truth, class by class; the prediction is judged here.", icon=":material/brush:")
            return
        predicted = _small(segmentation.class_map, truth.shape)
        _judged(photo, predicted, truth)
        if missing := too_little(truth, spec.labels):
            st.info(missing, icon=":material/brush:")
            return
        st.caption(f"**The prediction, judged.** Green: correct. Red: wrong. {_counted(truth, painted)}")
    scores = score_masks(predicted, truth, len(spec.labels))
    in_short.markdown(f"Mean IoU **{scores.mean_iou:.3f}** · pixel accuracy **{percent(scores.pixel_accuracy)}**")
    with details:
        grid = st.grid(2, min_column_width=160)
        grid.metric(
            "Mean IoU",
            f"{scores.mean_iou:.3f}",
            help="Averaged over the classes that you painted or that are predicted there.",
        )
        grid.metric(
            "Pixel accuracy",
            percent(scores.pixel_accuracy),
            help="Fraction of the counted pixels with the correct class.",
        )
    details.dataframe(
        scores_table(spec, predicted, truth),
        key="paint_table",
        hide_index=True,
        alt="IoU, Dice and boundary F-score of each class.",
        column_config={
            name: st.column_config.ProgressColumn(name, min_value=0, max_value=1, format="%.3f", help=why)
            for name, why in _FIGURES.items()
        },
    )
    details.caption(f"Measured on the photo with at most {SHOWN_SIDE} pixels on its longer side.")


def too_little(truth: np.ndarray, labels: Sequence[str]) -> str:
    """Return why no scores are shown yet, in one sentence; "" if enough pixels count.

    If blank pixels are ignored, a stroke within an object would score 100%, whatever is predicted around it.

    Args:
        truth: Painted class ids (h, w), `IGNORED` for pixels that do not count.
        labels: Class names.
    """
    counted = float((truth != IGNORED).mean())
    painted = np.unique(truth[truth != IGNORED])
    if counted < ENOUGH:
        return f"You have painted {percent(counted)} of the photo: the scores appear from {ENOUGH:.0%} on."
    if len(painted) == 1 and counted < 1:
        return (
            f"You have painted only {labels[painted[0]]}, so wrong predictions outside it would not count: paint the "
            "pixels around it as well, and the scores appear."
        )
    return ""


def _counted(truth: np.ndarray, painted: float) -> str:
    """Return on which pixels the scores are measured."""
    if (truth == IGNORED).any():
        return f"The scores are of the {percent(painted)} of the photo that you have painted."
    blanks = "" if painted == 1 else "; the blank rest counts as background"
    return f"You have painted {percent(painted)} of the photo{blanks}."


_FIGURES = {
    "IoU": "Intersection divided by union.",
    "Dice": "Twice the intersection, divided by the sum of both areas: never below the IoU.",
    "boundary F": f"F-score of the outlines, with a tolerance of {TOLERANCE:g} pixels.",
}


def _paint(
    tools: DeltaGenerator, photo: Photo, spec: ModelSpec, segmentation: Segmentation
) -> tuple[np.ndarray, float]:
    """Show the photo to paint on.

    Returns:
        The class ids (h, w), `IGNORED` for pixels that do not count, and the painted fraction of the photo.
    """
    present = sorted(segmentation.coverage(), key=lambda name: name == BACKGROUND)  # stable: the largest first
    names = [*present, *(name for name in spec.labels if name not in present)]
    with tools:
        chosen = class_to_draw(
            "Class",
            names,
            photo,
            key="paint_class",
            help="Predicted classes come first, the largest first of all, and background last of them.",
        )
    way, width = tools.container(), tools.container()
    with way:
        tool = st.segmented_control("Tool", list(WAYS), default=DEFAULTS[WAY], key=WAY, wrap=True, bind="query-params")
    with width:
        brush = st.slider(
            "Brush size",
            1,
            15,
            DEFAULTS[WIDTH],
            format="%d%%",
            key=WIDTH,
            bind="query-params",
            help=_BRUSH,
            disabled=tool == "Polygon",
        )
    small = reduced(photo.pixels, SHOWN_SIDE)
    colours = class_colours(spec.labels)
    drawing = drawing_name(photo, spec.labels)
    follow_drawing(_LINK, _CANVAS, drawing, photo.size, len(spec.labels))
    shapes = annotator(
        jpeg_url(small),
        photo.size,
        key=_CANVAS,
        drawing=drawing,
        tool=WAYS[tool or DEFAULTS[WAY]],
        classes=[(label, as_hex(colour)) for label, colour in zip(spec.labels, colours, strict=True)],
        class_id=spec.labels.index(chosen),
        brush=max(photo.size) * brush / 100,
        alt=photo.description,
    )
    blanks = tools.toggle(
        "Blank pixels are background",
        DEFAULTS[BLANKS],
        key=BLANKS,
        bind="query-params",
        disabled=BACKGROUND not in spec.labels,
        help="Otherwise blank pixels are ignored, and you need not paint pixels that you are unsure of.",
    )
    if not link_drawing(_LINK, drawing, shapes):
        tools.caption(TOO_LONG)
    elif tool != "Polygon" or any(shape.kind == "stroke" for shape in shapes):
        tools.caption("Polygons are part of the link, brush strokes are not.")
    truth = rasterize(shapes, photo.size, small.shape[:2], IGNORED)
    painted = float((truth != IGNORED).mean())
    if blanks and BACKGROUND in spec.labels:
        truth[truth == IGNORED] = spec.labels.index(BACKGROUND)
    return truth, painted


def _small(class_map: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(class_map.astype(np.int16), size[::-1], interpolation=cv2.INTER_NEAREST)


def _judged(photo: Photo, predicted: np.ndarray, truth: np.ndarray) -> None:
    picture(
        jpeg_url(judged(reduced(photo.pixels, SHOWN_SIDE), predicted, truth)),
        photo.size,
        key="paint_judged",
        alt=f"The photo, green where the network agrees with the painting, red where not: {photo.description}",
        max_height=SHOWN_HEIGHT,
    )


def judged(pixels: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Tint a photo (h, w, 3) uint8 green where both class maps agree, red where not; ignored pixels are dimmed."""
    tinted = (pixels * 0.45).astype(np.uint8)
    for where, colour in ((predicted == truth, RIGHT), (predicted != truth, WRONG)):
        where = where & (truth != IGNORED)
        tinted[where] = (pixels[where] * 0.5 + np.array(colour) * 0.5).astype(np.uint8)
    return tinted


def scores_table(spec: ModelSpec, predicted: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    """Make the table of figures, a row for each class that was painted or found there."""
    scores = score_masks(predicted, truth, len(spec.labels))
    edges = boundary_f(predicted, truth, len(spec.labels))
    rows = [
        {"class": label, "IoU": scores.iou[i], "Dice": scores.dice[i], "boundary F": edges[i]}
        for i, label in enumerate(spec.labels)
        if not np.isnan(scores.iou[i])
    ]
    return pd.DataFrame(rows)
