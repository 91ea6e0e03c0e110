"""Page 4, explain: saliency maps of a class by several methods, side by side."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.drawing.heatmaps import overlay, peak_position
from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.explain import METHODS, convolutional_layers, explain
from cnn_demo.results import Classification, duration, percent
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.pretrained import deletion_check
from cnn_demo.ui.pretrained.explanation import Explanation, Question
from cnn_demo.ui.pretrained.one_network import one_network
from cnn_demo.ui.pretrained.questions import class_box, classified, layer_box
from cnn_demo.ui.widgets.cached_progress import computed
from cnn_demo.ui.widgets.heatmap_controls import is_small, legend, opacity_slider, picture_url
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

CLASS, LAYER, SHOWN, OPACITY = "why_class", "why_layer", "why_methods", "why_opacity"
# By the deletion test with EfficientNet-Lite0, Grad-CAM is better than a random order on 8 of the 10 sample photos, and
# integrated gradients on 7, the cat among them, where Grad-CAM fails: on each photo at least one of the two is.
FIRST_METHODS = ["grad_cam", "integrated_gradients"]
DEFAULTS: dict[str, Any] = {CLASS: None, LAYER: None, SHOWN: FIRST_METHODS, OPACITY: 60, **deletion_check.DEFAULTS}
SLOW = ("score_cam", "occlusion", "integrated_gradients")  # they run the network many times
FIRST = 5  # top classes listed before all others
TITLES = {key: method.title for key, method in METHODS.items()}


@fragment
def why_view(photo: Photo) -> None:
    """Show saliency maps: the regions of the photo that support a class.

    Args:
        photo: The visitor's photo, of any size.
    """
    panel, stage, details, model = one_network("why")
    seen = model.prepare(photo.pixels)
    prediction = classified(photo, model)
    with panel:
        question = _question(model, prediction)
        methods = _methods()
        opacity = opacity_slider(OPACITY, DEFAULTS[OPACITY])
        legend("least", "most important")
    with stage:
        probability = _probability(prediction, question)
        st.markdown(probability if methods else f"{probability} Choose a method to explain it.")
        progress_container = st.empty()
        maps = {
            key: _explanation(photo, model, seen, question, key, progress_container)
            for key in METHODS
            if key in methods
        }
        _pictures(photo, seen, question.label, maps, opacity)
    with details:
        if maps:
            deletion_check.check(photo, model.spec.key, question, maps)
        _limits()


def _methods() -> list[str]:
    return st.pills(
        "Methods",
        list(METHODS),
        selection_mode="multi",
        default=DEFAULTS[SHOWN],
        format_func=TITLES.__getitem__,
        key=SHOWN,
        bind="query-params",
        help=(
            "Choose several to compare them. Some run the network many times and take a moment: "
            f"{', '.join(TITLES[key] for key in SLOW)}."
        ),
        wrap=True,
    )


def _limits() -> None:
    st.caption(
        "**Limits of saliency maps**: a map shows the location of the evidence for a class, neither its content nor "
        "whether it is a good reason. Each map is scaled to its own maximum, so a class that is not in the photo gets "
        "a bright spot too. And a map may look plausible and still depend little on the network ([Adebayo et al. "
        "2018](https://arxiv.org/abs/1810.03292)): hence the deletion test."
    )


def _question(model: Classifier, prediction: Classification) -> Question:
    """Return the class and the layer; the defaults depend on the photo and the network."""
    top = [label for label, _ in prediction.top(FIRST)]
    label = class_box("Class", CLASS, model, top, f"{top[0]}: the prediction")
    layer = layer_box(LAYER, convolutional_layers(model.network), "For the CAM methods.")
    label = label or top[0]
    return Question(label, model.labels.index(label), layer)


def _probability(prediction: Classification, question: Question) -> str:
    return f"Probability of **{question.label}**: {percent(float(prediction.probabilities[question.label_index]))}."


def _explanation(
    photo: Photo, model: Classifier, seen: np.ndarray, question: Question, method: str, container: DeltaGenerator
) -> Explanation:
    layer = question.layer_for(method)

    def compute(report: Callable[[float], None]) -> Explanation:
        if method not in SLOW:  # the first run compiles the layer's function and is not timed
            explain(model, seen, question.label_index, method, layer)
        start = time.perf_counter()
        values = explain(model, seen, question.label_index, method, layer, report)
        return Explanation(values, (time.perf_counter() - start) * 1000)

    name = ("map", photo.key, model.spec.key, question.label_index, layer, method)
    return computed([photo], name, f"{TITLES[method]} for {question.label}…", container, compute)


def _pictures(photo: Photo, seen: np.ndarray, label: str, maps: Mapping[str, Explanation], opacity: float) -> None:
    """Show the network's input, and the maps over it."""
    height, width = seen.shape[:2]
    shown = photo.description
    size = f"{width} × {height} pixels of your photo."
    cards = [Card(picture_url(seen), f"Input of the network: {shown}", "Input of the network", (size,))]
    for key, explanation in maps.items():
        empty = not explanation.values.any()
        found = "no evidence for the class" if empty else f"brightest region {peak_position(explanation.values)}"
        lines = (METHODS[key].sentence, duration(explanation.milliseconds))
        cards.append(
            Card(
                picture_url(overlay(seen, explanation.values, opacity)),
                f"{TITLES[key]} for {label}, {found}: {shown}",
                TITLES[key],
                (*lines, "The map is zero: no evidence for this class.") if empty else lines,
            )
        )
    picture_cards(cards, width=150, columns=3, ratio=f"{width} / {height}", pixelated=is_small(seen))
