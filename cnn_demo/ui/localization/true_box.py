"""Page 5, draw the truth: the visitor's box against the predicted one, and the training loss between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.drawing.boxes import GROUND_TRUTH, PREDICTION
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.drawing.shapes import box_shape, boxes_of
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec, load_localizer
from cnn_demo.models.boxes import (
    BETA,
    LOSS_WEIGHTS,
    LossPart,
    ciou,
    diou,
    giou,
    intersection,
    iou,
    loss_parts,
    normalize_boxes,
    union,
)
from cnn_demo.models.localization.localizers import Localizer, LocalizerDetails
from cnn_demo.ui.components.annotator import annotator
from cnn_demo.ui.components.picture import labelled_boxes, picture
from cnn_demo.ui.localization.state import (
    CANVAS,
    drawn_truth,
    evidence_of,
    keep_truth,
    likely_class,
    link_truth,
    pick_class,
    pick_localizer,
    sample_truth,
    truth_of,
)
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.widgets.cells import cells_in_pairs
from cnn_demo.ui.widgets.charts import chart_colours
from cnn_demo.ui.widgets.drawing_layout import tools_drawing_result_and_details
from cnn_demo.ui.widgets.linked_drawing import drawing_name
from cnn_demo.ui.widgets.model_picker import load_with_spinner

CLASS = "true_class"
WEIGHT = "weight_{}"
DEFAULTS: dict[str, Any] = {CLASS: None, **{WEIGHT.format(part): weight for part, weight in LOSS_WEIGHTS.items()}}
SHOWN_SIDE, SHOWN_HEIGHT = 900, 460
TITLES = {"class": "Cross-entropy", "smooth_l1": "Smooth L1", "giou": "1 − GIoU"}
_WHAT = {
    "class": "−ln of the probability of the true class",
    "smooth_l1": f"over the four corner coordinates, as fractions of the sides; linear beyond {BETA}",
    "giou": "from the overlap of the boxes, and the distance between them",
}
_SHADE = np.array([255, 210, 31])


@fragment
def truth_view(photo: Photo) -> None:
    """Let the visitor draw the ground truth box, and compare the predicted box with it.

    If the network is not available, the reason is shown.
    """
    panel, drawing, shown, details = tools_drawing_result_and_details("truth")
    with panel:
        spec = pick_localizer()
    model = load_with_spinner(spec, load_localizer)
    evidence = evidence_of(photo, spec.key)
    with drawing:
        st.markdown("**Draw the ground-truth box**, as tightly as you can")
        _draw_box(photo, spec)
    truth = truth_of(photo, spec.labels)
    with shown:
        _overlap(photo, evidence, truth)
    with panel:
        _measures(evidence, truth)
    with details, st.container(key="truth_loss"):
        st.subheader("Terms of the loss", anchor=False)
        _loss(model, photo, evidence, truth)


def _draw_box(photo: Photo, spec: ModelSpec) -> None:
    drawn = drawn_truth(photo)
    shapes = annotator(
        jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
        photo.size,
        key=CANVAS,
        drawing=drawing_name(photo),
        tool="box",
        classes=[("", GROUND_TRUTH)],
        max_shapes=1,
        start=[] if drawn is None else [box_shape(drawn)],
        alt=photo.description,
    )
    boxes, _ = boxes_of(shapes)
    keep_truth(photo, boxes[-1] if len(boxes) else None)
    link_truth(photo)
    if not len(boxes) and sample_truth(photo, spec.labels) is not None:
        st.caption("This sample has a ground-truth box, in green; if you draw your own, it is used instead.")


def _overlap(photo: Photo, evidence: LocalizerDetails, truth: np.ndarray | None) -> None:
    """Show both boxes on the photo, with their intersection in yellow."""
    st.markdown("**Prediction**, in amber" if truth is None else "**Intersection**, in yellow")
    boxes, names, colours = [evidence.box_xyxy], ["prediction"], [PREDICTION]
    pixels = photo.pixels
    if truth is not None:
        boxes, names, colours = [truth, *boxes], ["ground truth", *names], [GROUND_TRUTH, *colours]
        pixels = shaded(pixels, truth, evidence.box_xyxy)
    both = "" if truth is None else " and the ground truth"
    picture(
        jpeg_url(reduced(pixels, SHOWN_SIDE)),
        photo.size,
        key="truth_overlap",
        alt=f"The photo with the network's box{both}: {photo.description}",
        max_height=SHOWN_HEIGHT,
        boxes=labelled_boxes(boxes, names, colours),
    )


def shaded(pixels: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return a copy with the intersection of two boxes (4,), in pixels of the picture, tinted."""
    left, top = np.maximum(first[:2], second[:2]).round().astype(int)
    right, bottom = np.minimum(first[2:], second[2:]).round().astype(int)
    tinted = pixels.copy()
    if right > left and bottom > top:
        part = tinted[top:bottom, left:right]
        part[:] = (part * 0.55 + _SHADE * 0.45).astype(np.uint8)
    return tinted


def _measures(evidence: LocalizerDetails, truth: np.ndarray | None) -> None:
    if truth is None:
        st.info("Draw a box to see how well the predicted box agrees with it.", icon=":material/draw:")
        return
    box = evidence.box_xyxy.astype(np.float64)
    st.metric(
        "IoU",
        f"{float(iou(box, truth)):.3f}",
        help="Intersection over union: yellow, divided by all that either covers.",
    )
    shared, either = float(intersection(box, truth)), float(union(box, truth))
    st.caption(f"{shared:,.0f} px² shared / {either:,.0f} px² covered by at least one")
    st.table(
        {name: f"{float(measure(box, truth)):.3f}".replace("-", "−") for name, measure in _RELATIVES.items()},
        border="horizontal",
    )
    st.caption("From 0.5 on, a box usually counts as found; 0.75 is tight.")


_RELATIVES = {"GIoU": giou, "DIoU": diou, "CIoU": ciou}


def _loss(model: Localizer, photo: Photo, evidence: LocalizerDetails, truth: np.ndarray | None) -> None:
    choice, *sliders = cells_in_pairs(4)
    with choice:
        label = pick_class("True class", model.labels, CLASS, likely_class(photo, evidence), "predicted")
    weights = {}
    for part, container in zip(LOSS_WEIGHTS, sliders, strict=True):
        with container:
            weights[part] = st.slider(
                f"Weight of {_named(part)}",
                0.0,
                10.0,
                DEFAULTS[WEIGHT.format(part)],
                0.5,
                key=WEIGHT.format(part),
                bind="query-params",
            )
    index = model.labels.index(label)
    has_box = index < len(model.labels) - 1
    if has_box and truth is None:
        st.info("Draw a box above: without one, the loss has only the term of the class.", icon=":material/draw:")
    size = photo.size
    box = normalize_boxes(evidence.box_xyxy, size)
    there = normalize_boxes(truth, size) if has_box and truth is not None else None
    _parts(loss_parts(evidence.logits, index, box, there, weights))
    if not has_box:
        st.caption(
            "A photo of “nothing” has no ground-truth box: the box head’s prediction does not count in the loss."
        )
    else:
        st.caption(
            "Training changes every weight of the network a little in the direction in which this sum falls, photo by "
            "photo. A term with weight 0 has no effect; a term with a large weight outweighs the others."
        )


def _named(part: str) -> str:
    """A part's title within a sentence."""
    return TITLES[part][0].lower() + TITLES[part][1:]


def _parts(parts: tuple[LossPart, ...]) -> None:
    """Draw the loss as a bar, each part as wide as its contribution, and the sum as a table."""
    total = sum(part.weighted for part in parts)
    theme = chart_colours()
    colours = {"class": theme.blue, "smooth_l1": theme.orange, "giou": theme.purple}
    bar = "".join(
        f'<span style="width:{100 * part.weighted / total:.2f}%;background:{colours[part.name]}"></span>'
        for part in parts
        if total > 0
    )
    rows = "".join(
        f'<tr><td style="padding:4px 10px 4px 0"><span style="display:inline-block;width:11px;height:11px;'
        f'border-radius:3px;margin-right:7px;background:{colours[part.name]}"></span><b>{TITLES[part.name]}</b>'
        f'<br><span style="opacity:.75;font-size:13px">{_WHAT[part.name]}</span></td>'
        f'<td style="text-align:right;white-space:nowrap;padding:4px 0">{part.value:.3f} × {part.weight:g} = '
        f"<b>{part.weighted:.3f}</b></td></tr>"
        for part in parts
    )
    st.html(
        '<div style="max-width:720px;font-variant-numeric:tabular-nums">'
        '<div role="img" aria-label="Contribution of each term to the loss" style="display:flex;height:16px;'
        f'border-radius:4px;overflow:hidden;margin-bottom:8px">{bar}</div>'
        f'<table aria-label="Terms of the loss" style="width:100%;border-collapse:collapse;font-size:15px">{rows}'
        '<tr><td style="padding:6px 0;border-top:1px solid rgba(128,140,165,.5)"><b>Loss</b></td>'
        '<td style="text-align:right;padding:6px 0;border-top:1px solid rgba(128,140,165,.5)">'
        f"<b>{total:.3f}</b></td></tr></table></div>"
    )
