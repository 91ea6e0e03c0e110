"""Page 4, cover it: predictions of up to three networks for the photo with parts covered or properties removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.drawing.edits import Edit
from cnn_demo.drawing.heatmaps import overlay, peak_position
from cnn_demo.exports.full_size import file_pixels
from cnn_demo.images import Photo
from cnn_demo.lessons.leads import COVER_IT
from cnn_demo.models import MAX_MODELS, ModelSpec, ModelUnavailable, load_classifier
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.explain import explain
from cnn_demo.results import Classification, percent
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.page.caching import kept
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.pretrained.questions import class_box
from cnn_demo.ui.widgets.change_bars import change_bars, changed_classes
from cnn_demo.ui.widgets.cover import surface
from cnn_demo.ui.widgets.cover.surface import central_square, edit_on, edited, picture_button, working_photo
from cnn_demo.ui.widgets.cover.trail import Measure, show_trail
from cnn_demo.ui.widgets.drawing_layout import tools_drawing_result_and_details
from cnn_demo.ui.widgets.heatmap_controls import is_small, legend, opacity_slider, picture_url
from cnn_demo.ui.widgets.linked_drawing import drawing_name
from cnn_demo.ui.widgets.model_picker import load_with_spinner, pick_models

MODELS, CLASS, OPACITY = "cover_models", "cover_class", "cover_opacity"
DEFAULTS: dict[str, Any] = {MODELS: None, CLASS: None, OPACITY: 60, **surface.DEFAULTS}
DRAWN_SIDE = 480  # of the photo to draw on, in pixels; the networks get the photo itself
FIRST = 5  # top classes listed before all others
Size = tuple[int, int]  # (height, width) of the picture that was drawn on
Prediction = tuple[Classifier, Classification, Classification]  # for the untouched and for the edited photo


@fragment
def cover_view(photo: Photo) -> None:
    """Let the visitor change the photo, and show how the predictions follow."""
    panel, drawing, result, details = tools_drawing_result_and_details("cover", COVER_IT, few_tools=True)
    drawn = working_photo(photo, DRAWN_SIDE, square=True)
    square = working_photo(photo, max(photo.size), square=True)
    with panel:
        specs = pick_models(MODELS, "Models (up to three)", MAX_MODELS)
        tools = st.container()
    edit = edit_on(tools, drawing, drawn)
    if not specs:
        result.info("Choose at least one model.", icon=":material/image_search:")
        return
    with result:
        predictions = _predictions(square, drawn.size, specs, edit)
        if not predictions:
            return
        _show_bars(predictions)  # each part is sent at once: the bars first, the heatmap last
    with drawing:
        measures = [_measure(*each) for each in predictions]
        show_trail(f"classify {drawn.key}", drawing_name(drawn), edit, measures)
    _heatmap(panel, result, square, drawn.size, edit, predictions[0])
    with details:
        st.caption("The networks get the central square of the photo, which is the part that you draw on.")
        picture_button(photo, edit, drawn.size, lambda: central_square(file_pixels(photo)))


def _predictions(square: Photo, size: Size, specs: Sequence[ModelSpec], edit: Edit) -> list[Prediction]:
    """Return the predictions of the networks that could run; the others are named."""
    predictions = []
    for spec in specs:
        try:
            model = load_with_spinner(spec, load_classifier)
        except ModelUnavailable as error:
            st.error(plain(str(error)), icon=":material/cloud_off:")
            continue
        predictions.append((model, _predicted(square, size, model, Edit()), _predicted(square, size, model, edit)))
    return predictions


def _predicted(square: Photo, size: Size, model: Classifier, edit: Edit) -> Classification:
    name = ("cover classified", square.key, model.spec.key, edit.name)
    return kept([square], name, lambda: model.predict(edited(square, edit, size)), queued=True)


def _measure(model: Classifier, before: Classification, now: Classification) -> Measure:
    top, best = int(before.probabilities.argmax()), int(now.probabilities.argmax())
    return Measure(
        model.spec.title,
        model.labels[top],
        float(before.probabilities[top]),
        float(now.probabilities[top]),
        None if best == top else model.labels[best],
    )


def _show_bars(predictions: Sequence[Prediction]) -> None:
    grid = st.grid(len(predictions), min_column_width=260, gap=("small", "medium"))
    for model, before, now in predictions:
        with grid.cell():
            st.markdown(f"**{model.spec.title}** predicts “{now.top(1)[0][0]}”.")
            rows = changed_classes(before.probabilities, now.probabilities, 5 if len(predictions) == 1 else 3)
            change_bars(
                [model.labels[row] for row in rows],
                before.probabilities[rows],
                now.probabilities[rows],
                caption=f"Prediction of {model.spec.title} for the changed photo",
            )


def _heatmap(
    panel: DeltaGenerator, result: DeltaGenerator, square: Photo, size: Size, edit: Edit, prediction: Prediction
) -> None:
    """Show the covered photo as the first network gets it, with the heatmap of a class."""
    model, before, now = prediction
    with panel:
        top = [label for label, _ in before.top(FIRST)]
        label = class_box("Class of the heatmap", CLASS, model, top, f"{top[0]}: the prediction before") or top[0]
        opacity = opacity_slider(OPACITY, DEFAULTS[OPACITY])
        legend("least", "most important")
    index = model.labels.index(label)
    seen = model.prepare(edited(square, edit, size))
    with result:
        values = _map(square, size, model, edit, index)
        found = f"brightest region {peak_position(values)}" if values.any() else "no evidence for the class"
        probability = percent(float(now.probabilities[index]))
        picture(
            picture_url(overlay(seen, values, opacity)),
            seen.shape[:2],
            key="cover_heat",
            alt=f"The changed photo with Grad-CAM of {label}, {found}: {square.description}",
            caption=f"Grad-CAM of “{label}”, {probability}, {model.spec.title}.",
            max_height=260,
            pixelated=is_small(seen),
        )


def _map(square: Photo, size: Size, model: Classifier, edit: Edit, index: int) -> np.ndarray:
    def compute() -> np.ndarray:
        return explain(model, model.prepare(edited(square, edit, size)), index, "grad_cam")

    return kept([square], ("cover map", square.key, model.spec.key, edit.name, index), compute, queued=True)
