"""Page 4: the prediction that a view explains, and the choice of a class and of a layer."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.results import Classification
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.widgets.class_box import class_box

__all__ = ["class_box", "classified", "layer_box"]


@photo_cache(queued=True)
def classified(photo: Photo, model: Classifier) -> Classification:
    """Return a network's prediction for a photo; must not be modified."""
    return model.predict(photo.pixels)


def layer_box(key: str, layers: Sequence[str], help_text: str) -> str:
    """Let the visitor choose a layer; by default it is the last one.

    Args:
        key: Key of the widget and its name in the link.
        layers: Names of the layers to choose from.
        help_text: Meaning of the layer.
    """
    chosen = st.selectbox(
        "Layer",
        layers,
        index=None,
        placeholder=f"{layers[-1]}: the last one",
        key=key,
        bind="query-params",
        help=f"{help_text} Late layers represent classes best, early layers positions.",
    )
    return chosen or layers[-1]
