"""The two classes that are compared, and the settings of their comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.explain import convolutional_layers
from cnn_demo.results import Classification
from cnn_demo.ui.pretrained.questions import class_box, layer_box
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.heatmap_controls import opacity_slider

FIRST, SECOND, LAYER = "contrast_first", "contrast_second", "contrast_layer"
STRENGTH, OPACITY, FILL = "contrast_strength", "contrast_opacity", "contrast_cover"
DEFAULTS: dict[str, Any] = {FIRST: None, SECOND: None, LAYER: None, STRENGTH: 0.6, OPACITY: 60, FILL: "grey"}
COVERS = {"grey": "Grey", "blur": "Blur"}
TOP = 5  # classes listed before all others


@dataclass(frozen=True)
class Pair:
    """Two classes and the layer whose feature maps are used.

    Attributes:
        classes: Names of both classes.
        indices: Their indices.
        layer: Layer of the maps.
        strength: γ of Finer-CAM.
        opacity: Opacity of the maps, 0 to 1.
        fill: Cover of the patch, "grey" or "blur".
    """

    classes: tuple[str, str]
    indices: tuple[int, int]
    layer: str
    strength: float
    opacity: float
    fill: str


def ask(model: Classifier, prediction: Classification) -> Pair | None:
    """Show the controls; return None if both classes are the same."""
    top = [label for label, _ in prediction.top(TOP)]
    held = [st.session_state.get(key) for key in (FIRST, SECOND)]
    automatic_first = next(label for label in top if label != held[1])
    first = class_box("Class A", FIRST, model, top, f"{automatic_first}: by default") or automatic_first
    automatic_second = next(label for label in top if label != first)
    second = class_box("Class B", SECOND, model, top, f"{automatic_second}: by default") or automatic_second
    layer = layer_box(LAYER, convolutional_layers(model.network), "Layer of the maps.")
    strength = st.slider(
        "γ of Finer-CAM",
        0.0,
        1.0,
        DEFAULTS[STRENGTH],
        0.1,
        key=STRENGTH,
        bind="query-params",
        help="Weight of the other class, whose evidence is subtracted: 0 is Grad-CAM.",
    )
    fill = choose(
        "Cover of the patch",
        COVERS,
        key=FILL,
        default=DEFAULTS[FILL],
        help="The smallest patch that swaps the classes is searched below the maps.",
    )
    opacity = opacity_slider(OPACITY, DEFAULTS[OPACITY])
    if first == second:
        return None
    indices = (model.labels.index(first), model.labels.index(second))
    return Pair((first, second), indices, layer, strength, opacity, fill)
