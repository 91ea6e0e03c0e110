"""Page 6, side by side: up to three detectors on one photo, their inference times and unmatched detections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
import supervision as sv

from cnn_demo.detections import class_ids, class_names, data_column
from cnn_demo.drawing.boxes import NEUTRAL, WRONG, class_colour
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.exports.boxes import counts
from cnn_demo.images import Photo
from cnn_demo.machine import on_device
from cnn_demo.models import MAX_MODELS, ModelSpec, ModelUnavailable, load_detector
from cnn_demo.models.boxes import iou as overlap_of
from cnn_demo.models.detection.candidates import CONFIDENCE, IOU, select
from cnn_demo.results import duration
from cnn_demo.ui.components.picture import labelled_boxes, picture
from cnn_demo.ui.detection.state import candidates_of
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.widgets.detection_controls import boxes_of_count, confidence_slider, counted
from cnn_demo.ui.widgets.model_picker import pick_models

MODELS = "detectors"
DEFAULTS: dict[str, Any] = {MODELS: None}
MATCH_IOU = 0.5  # IoU from which two boxes of one name are taken for one object
SHOWN_SIDE = 720
ALONE, SHARED_BY_ALL = WRONG, NEUTRAL


@fragment
def compare_view(photo: Photo) -> None:
    """Show the detections of several detectors on the photo."""
    panel, stage, details = controls_picture_and_details("compare")
    with panel:
        specs = pick_models(MODELS, "Models (up to three)", MAX_MODELS, task="detection")
        confidence = confidence_slider(specs[0].threshold if specs else CONFIDENCE)
    if not specs:
        stage.info("Choose at least one model.", icon=":material/image_search:")
        return
    with stage:
        predictions = _predictions(photo, specs, confidence)
        facts = _show(photo, specs, predictions)
    with details:
        _agreement(specs, predictions)
        for words, container in zip(facts, st.columns(len(facts) or 1, gap="medium"), strict=False):
            container.markdown(words)


def _agreement(specs: Sequence[ModelSpec], predictions: dict[str, sv.Detections]) -> None:
    if len(predictions) > 1:
        if not any(len(unmatched(found, list(predictions.values()))) for found in predictions.values()):
            st.markdown("**They agree**: every box has a match in all other models.")
        else:
            st.caption(
                f"Red: a box without a match in another model (same class, IoU of at least {MATCH_IOU}). It may be "
                "correct, or a false positive."
            )
    elif len(specs) == 1:
        st.caption("Choose a second model to see which objects only one of them finds.")


def _predictions(photo: Photo, specs: Sequence[ModelSpec], confidence: float) -> dict[str, sv.Detections]:
    predictions = {}
    for spec in specs:
        try:
            with st.spinner(f"Running {spec.title}…"):
                load_detector(spec.key)
                candidates = candidates_of(photo, spec.key, spec.input_size[0])
        except ModelUnavailable as error:
            st.error(plain(str(error)), icon=":material/cloud_off:")
            continue
        predictions[spec.key] = select(candidates, confidence, IOU).detections()
    return predictions


def unmatched(found: sv.Detections, others: Sequence[sv.Detections]) -> np.ndarray:
    """Return the indices of the boxes that at least one of the others lacks: none of its name overlaps them enough."""
    lacking = []
    for index, (box, name) in enumerate(zip(found.xyxy, class_names(found), strict=True)):
        for other in others:
            same = other.xyxy[data_column(other, "class_name") == name]
            if not len(same) or float(np.max(overlap_of(box, same))) < MATCH_IOU:
                lacking.append(index)
                break
    return np.array(lacking, int)


def _show(photo: Photo, specs: Sequence[ModelSpec], predictions: dict[str, sv.Detections]) -> list[str]:
    """Show the boxes of each model side by side; return a sentence about each, as Markdown."""
    facts = []
    shown = [spec for spec in specs if spec.key in predictions]
    for spec, container in zip(shown, st.columns(len(shown) or 1, gap="medium"), strict=False):
        found = predictions[spec.key]
        others = [prediction for key, prediction in predictions.items() if key != spec.key]
        alone = unmatched(found, others)
        colours = [class_colour(i) for i in class_ids(found)]
        if others:
            colours = [ALONE if i in alone else SHARED_BY_ALL for i in range(len(found))]
        with container:
            picture(
                jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
                photo.size,
                key=f"compare_{spec.key}",
                alt=f"The photo with {boxes_of_count(len(found))} of {spec.title}. {photo.description}",
                max_height=420,
                boxes=labelled_boxes(found.xyxy, class_names(found), colours),
            )
            st.markdown(f"**{spec.title}**: {counted(counts(found))}")
        facts.append(f"**{spec.title}**: {_facts(spec, found, alone if others else None)}")
    return facts


def _facts(spec: ModelSpec, found: sv.Detections, alone: np.ndarray | None) -> str:
    facts = found.metadata
    words = (
        f"**{duration(facts['milliseconds'])}** {on_device(facts['device'], facts['engine'])}; "
        f"{spec.parameters / 1e6:.1f} million parameters"
    )
    if spec.metric:
        words += f"; {spec.metric.name} {spec.metric.value:.1%} on {spec.metric.dataset}"
    words += f". {spec.architecture[0].upper()}{spec.architecture[1:]}."
    if alone is not None:
        words += f" {_matched(len(alone), len(found))}"
    return words


def _matched(alone: int, count: int) -> str:
    """Return in words how many of the boxes another model lacks."""
    if not count:
        return "It has no boxes to compare."
    if not alone:
        return "Each of its boxes has a match in all other models."
    some = f"{alone} of its {count} boxes" if count > 1 else "Its only box"
    return f"{some} {'has' if alone == 1 else 'have'} no match in another model."
