"""One activation of the network: its receptive field and its weighted sum."""

from collections.abc import Mapping

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.drawing.pictures import png_url
from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.models.classification.units import decompose_activation, input_box, on_photo, seen_box
from cnn_demo.results import Activations
from cnn_demo.ui.components.picture import Mark, picture
from cnn_demo.ui.network.walk import state
from cnn_demo.ui.network.walk.unit_sum import plain, show_parts
from cnn_demo.ui.widgets.framed_photo import draw_on_photo


def show_field(
    photo: Photo,
    fit: str,
    seen: np.ndarray,
    selection: state.Selection,
    seen_container: DeltaGenerator,
    photo_container: DeltaGenerator,
) -> None:
    """Show the receptive field of the selected activation on the 32 × 32 input and on the photo."""
    size = seen.shape[:2]
    box = seen_box(selection.layer, selection.unit, size)
    inside = box.clipped(size)
    with seen_container:
        picture(
            png_url(seen),
            size,
            key="unit_seen",
            alt="Receptive field of the selected activation on the input",
            caption=_field_sentence(box.height, box.width, inside.height * inside.width),
            max_height=300,
            marks=[Mark(inside.row, inside.column, inside.height, inside.width)],
            pixelated=True,
        )
    input_area = input_box(photo.size, fit)
    with photo_container:
        draw_on_photo(
            photo,
            fit,
            on_photo(inside, input_area, size),
            key="unit_photo",
            caption="The receptive field on the photo.",
            alt="Receptive field of the selected activation on the photo",
        )


def _field_sentence(height: float, width: float, inside: float) -> str:
    text = f"Receptive field: {width:.0f} × {height:.0f} pixel{'s' if width * height > 1 else ''}"
    outside = height * width - inside
    return text + (f", {outside:.0f} of them in the zero padding." if outside else ".")


def show_sum(
    model: Classifier, layers: Mapping[str, NetworkLayer], result: Activations, selection: state.Selection
) -> None:
    """Show the weighted sum of the selected activation, and compare it with the network's own value."""
    if selection.layer.kind == "input":
        pixel = int(result.seen[selection.unit])
        st.markdown(f"**This value:** {pixel} of 255 → {pixel} / 127.5 − 1 = **{plain(pixel / 127.5 - 1)}**")
        return
    opened = decompose_activation(layers, result.maps, selection.layer.name, selection.unit)
    show_parts(layers, result, selection, opened)
    if selection.layer.kind == "dense":
        value = float(result.maps[selection.layer.name][selection.unit])
        probability = float(result.classification.probabilities[selection.channel])
        st.markdown(
            f"**From logit to probability:** {plain(value)} is divided by the temperature {model.temperature:.3g}; the "
            f"softmax over all ten logits gives **{probability:.1%}**."
        )
