"""Page 5, explain: which pixels the class depends on, and which ones the box, beside each other."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
import streamlit as st

from cnn_demo.drawing.boxes import PREDICTION
from cnn_demo.images import Photo
from cnn_demo.lessons.leads import EXPLAIN_LOCALIZER
from cnn_demo.machine import on_device
from cnn_demo.models import ModelSpec, load_localizer
from cnn_demo.models.explanation.agreement import correlation, fraction_inside
from cnn_demo.models.explanation.one_prediction import Explanation, explain_prediction, probe_of
from cnn_demo.models.explanation.targets import BoxTarget, ClassTarget, Part
from cnn_demo.models.localization.localizers import NOTHING, LocalizerDetails
from cnn_demo.results import duration, percent
from cnn_demo.ui.components.picture import labelled_boxes
from cnn_demo.ui.localization.state import evidence_of, pick_class, pick_localizer
from cnn_demo.ui.page.caching import photo_cache, timed_warm
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets import masking_job
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.curve_charts import curves_of
from cnn_demo.ui.widgets.explanation_views import (
    heat_picture,
    pick_method,
    where_brightest,
    without_gradients,
)
from cnn_demo.ui.widgets.heatmap_controls import legend, opacity_slider
from cnn_demo.ui.widgets.model_picker import load_with_spinner

CLASS, PART, METHOD, OPACITY, HEAD = (
    "explain_class",
    "explain_part",
    "explain_method",
    "explain_opacity",
    "explain_head",
)
DEFAULTS: dict[str, Any] = {
    CLASS: None,
    PART: "box",
    METHOD: "layer_cam",
    OPACITY: 65,
    HEAD: "class",
    **masking_job.DEFAULTS,
}
PART_TITLES: dict[Part, str] = {
    "box": "Whole box",
    "centre": "Centre",
    "left": "Left side",
    "top": "Top",
    "right": "Right side",
    "bottom": "Bottom",
}
METHOD_TITLES = {"layer_cam": "Layer-CAM", "grad_cam": "Grad-CAM", "grad_cam_plus_plus": "Grad-CAM++"}
Head = Literal["class", "box"]
Target = ClassTarget | BoxTarget
HEADS: dict[Head, str] = {"class": "The class", "box": "The box"}
UNITS: dict[Head, str] = {"class": "class probability", "box": "IoU with the box"}
ALIKE, PARTLY = 0.6, 0.3  # correlations from which two maps are called alike, or alike in part
_NOTE = (
    "All use the last feature maps that both heads depend on. The Grad-CAMs average each gradient over all positions, "
    "and so lose where it was."
)


@fragment
def explain_view(photo: Photo) -> None:
    """Show which pixels the class depends on, and which ones the box, beside each other."""
    panel, stage, details = controls_picture_and_details("explain", EXPLAIN_LOCALIZER)
    with panel:
        spec = pick_localizer()
    load_with_spinner(spec, load_localizer)
    evidence = evidence_of(photo, spec.key)
    with panel:
        targets = _pick_targets(spec, evidence)
        method = pick_method(METHOD, DEFAULTS[METHOD], METHOD_TITLES, _NOTE)
        opacity = opacity_slider(OPACITY, DEFAULTS[OPACITY])
        legend("no influence", "most")
    found = {head: _explained(photo, spec.key, target, method) for head, target in targets.items()}
    with stage:
        for head, cell in zip(found, st.columns(2, gap="medium"), strict=True):
            with cell:
                _heat(photo, evidence, targets[head], opacity, f"explain_heat_{head}", found[head].map)
        st.markdown(alike(found["class"].map, found["box"].map, evidence.box_xyxy))
        st.caption(_how(evidence, found))
    with details:
        _details(photo, spec, evidence, targets, found, opacity)


def _pick_targets(spec: ModelSpec, evidence: LocalizerDetails) -> dict[Head, Target]:
    """Let the visitor choose the class, and the part of the box."""
    labels = evidence.localization.labels
    likely = evidence.localization.label or spec.labels[int(evidence.logits[:-1].argmax())]
    why = "predicted" if evidence.localization.label else "most probable"
    label = pick_class("Class to explain", labels, CLASS, likely, why)
    part = choose(
        "Part of the box to explain",
        PART_TITLES,
        key=PART,
        default=DEFAULTS[PART],
        help="The map of the whole box is the sum of those of its four sides.",
    )
    if evidence.localization.label is None:
        st.caption(
            f"The network predicts “{NOTHING}” or is unsure here, and shows no box; its heads are explained anyway."
        )
    x1, y1, x2, y2 = evidence.box_xyxy.tolist()
    class_id = labels.index(label)
    return {"class": ClassTarget(class_id), "box": BoxTarget(class_id, (x1, y1, x2, y2), part=part)}


@photo_cache("Computing the gradients…", queued=True)
def _explained(photo: Photo, key: str, target: Target, method: str) -> Explanation:
    """Return the explanation of the class or the box, which must not be modified."""
    localizer = load_localizer(key)
    return timed_warm(localizer, lambda: explain_prediction(localizer, photo.pixels, target, method), "explanation")


def _heat(
    photo: Photo, evidence: LocalizerDetails, target: Target, opacity: float, key: str, values: np.ndarray
) -> None:
    """The map of one head, with the predicted box."""
    label = evidence.localization.labels[target.class_id]
    if isinstance(target, ClassTarget):
        subject = f"the class {label}"
        probability = float(evidence.localization.probabilities[target.class_id])
        caption = f"Class: {label}, {percent(probability)}."
    else:
        subject = f"the box: {PART_TITLES[target.part].lower()}"
        caption = f"Box: {PART_TITLES[target.part].lower()}."
    heat_picture(
        photo,
        values,
        opacity,
        key=key,
        subject=subject,
        caption=caption,
        boxes=labelled_boxes([evidence.box_xyxy], [""], [PREDICTION], 3),
    )


def alike(of_class: np.ndarray, of_box: np.ndarray, box_xyxy: np.ndarray) -> str:
    """Return how alike the maps (H, W) of class and box are, as Markdown."""
    if not (of_class.any() and of_box.any()):
        return "One of the maps is zero: nothing on the photo raises its score, so they cannot be compared."
    similar = correlation(of_class, of_box)
    if similar >= ALIKE:
        verdict = "**Class and box depend on much the same pixels**"
    elif similar >= PARTLY:
        verdict = "**Class and box depend on the same pixels only in part**"
    else:
        verdict = "**Class and box depend on different pixels**"
    inside = [percent(fraction_inside(values, box_xyxy)) for values in (of_class, of_box)]
    places = [where_brightest(values) for values in (of_class, of_box)]
    if places[0] == places[1]:
        where = f"Both maps are {places[0]}"
    else:
        where = f"The map of the class is {places[0]}, that of the box {places[1]}"
    return (
        f"{verdict}: the correlation of their maps is **{similar:.2f}**. {where}; {inside[0]} of the class map and "
        f"{inside[1]} of the box map are inside the box."
    )


def _how(evidence: LocalizerDetails, found: dict[Head, Explanation]) -> str:
    where = on_device(evidence.localization.device, evidence.localization.engine)
    words = (
        f"Gradients of the class in **{duration(found['class'].milliseconds)}**, of the box in "
        f"**{duration(found['box'].milliseconds)}**, {where}. A pixel may move a side of the box in either direction: "
        "both count."
    )
    if evidence.average == "median":
        words += (
            " The predicted box is the weighted median of the locations’ boxes; the gradient is that of their weighted "
            "mean, with which the network was trained."
        )
    return words


def _details(
    photo: Photo,
    spec: ModelSpec,
    evidence: LocalizerDetails,
    targets: dict[Head, Target],
    found: dict[Head, Explanation],
    opacity: float,
) -> None:
    """The tests of both maps, and methods without gradients."""
    localizer = load_localizer(spec.key)
    milliseconds = evidence.localization.milliseconds
    for head, target in targets.items():
        st.subheader(f"Is the map of the {head} faithful?", anchor=False)
        probe = probe_of(localizer, photo.pixels, target)
        title = METHOD_TITLES[found[head].method]
        curves_of(
            photo,
            (photo.key, spec.key, target),
            title,
            probe,
            found[head],
            milliseconds,
            UNITS[head],
            f"explain_{head}",
        )
    st.subheader("The same without gradients", anchor=False)
    head = choose("Explain", HEADS, key=HEAD, default=DEFAULTS[HEAD])
    target = targets[head]
    probe = probe_of(localizer, photo.pixels, target)
    name = (photo.key, spec.key, target)
    draw = partial(_heat, photo, evidence, target, opacity, "explain_masked")
    without_gradients(photo, name, probe, found[head], milliseconds, UNITS[head], draw)
