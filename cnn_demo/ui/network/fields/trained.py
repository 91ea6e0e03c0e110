"""Receptive fields of the bundled network, trained and with random weights."""

from typing import Any

import cv2
import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.convolution.effective_field import middle_side
from cnn_demo.convolution.receptive_field import MapGeometry
from cnn_demo.images import Photo, sample_photos
from cnn_demo.models import ModelUnavailable, load_classifier
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.ui.network.fields import drawings as views
from cnn_demo.ui.network.walk.stages import layer_label
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.widgets.choice import choose

MODEL = "cifar10_cnn"
THIS_PHOTO, ALL_PHOTOS = "This photo", "All sample photos"
ALL_CHANNELS = "All channels"


def trained_view(
    photo: Photo, defaults: dict[str, Any], panel: DeltaGenerator, stage: DeltaGenerator, details: DeltaGenerator
) -> None:
    """Show the theoretical and the effective receptive field of a unit of the bundled network."""
    try:
        with stage, st.spinner("Loading the network…"):
            model = load_classifier(MODEL)
    except ModelUnavailable as error:
        stage.info(
            f"{plain(str(error))} The custom stack and the published networks work without it.", icon=":material/info:"
        )
        return
    facts = {layer.name: layer for layer in model.layers if len(layer.shape) == 3 and layer.kind != "input"}
    with panel:
        layer, over, channel = _controls(facts, defaults)
    seen = model.prepare(photo.pixels)
    last = MapGeometry(layer.shape[:2], (layer.field, layer.field))
    unit = views.opened_unit(last, seen.shape[:2])
    middle = views.middle_of(last, unit)
    with stage, st.spinner("Computing gradients…"):
        pictures, chart = st.columns([5, 3])
        fields = [_influence(photo, layer.name, unit, channel, over, trained) for trained in (True, False)]
        halves = [middle_side(field, middle) for field in fields]
        for container, field, half, title in zip(
            pictures.columns(2, wrap=False), fields, halves, ("Trained", "Random weights"), strict=True
        ):
            with container:
                _show(title, photo, seen, field, last, unit, half)
        with pictures:
            views.numbers(last, unit, seen.shape[:2], halves[0])
        with chart:
            views.profile(fields[0], layer.field, unit[1], halves[0], key="field_trained_profile")
    if not fields[0].any():
        stage.warning("No pixel influences this unit: its ReLU is zero. Select another position, channel or photo.")
    with details, st.spinner("Measuring every block…"):
        st.table(_growth(photo, over, unit, last.size))
        st.caption(
            "At the selected position, all channels. The input is the central square of the photo at 32 × 32 pixels; "
            "everything outside is padding. **Effective**: side of the smallest central square with half of the "
            "influence."
        )


def _controls(facts: dict, defaults: dict[str, Any]) -> tuple:
    name = st.selectbox(
        "Layer",
        list(facts),
        index=list(facts).index(defaults["field_layer"]),
        format_func=layer_label,
        key="field_layer",
        bind="query-params",
    )
    layer = facts[name]
    channels = [ALL_CHANNELS, *(str(number) for number in range(layer.shape[2]))]
    if st.session_state.get("field_channel") not in channels:  # this layer has fewer channels
        st.session_state.pop("field_channel", None)
    channel = st.selectbox("Channel", channels, key="field_channel", bind="query-params")
    over = choose(
        "Measured on",
        (THIS_PHOTO, ALL_PHOTOS),
        key="field_over",
        default=THIS_PHOTO,
        help=(
            "With one photo, the ReLUs are those that it activates; the average over photos shows the layer's "
            "typical receptive field."
        ),
    )
    return layer, over, None if channel == ALL_CHANNELS else int(channel)


@st.cache_resource(max_entries=1, show_spinner=False)
def _random_model() -> Classifier:
    """Return the same architecture with Keras's random initial weights."""
    from cnn_demo.models import frameworks
    from cnn_demo.models.bundled_networks import cifar10_cnn

    model = load_classifier(MODEL)
    frameworks.keras().utils.set_random_seed(0)
    return Classifier(model.spec, cifar10_cnn(), model.device, 1.0)


@st.cache_data(max_entries=4, show_spinner=False)
def _sample_batch() -> np.ndarray:
    model = load_classifier(MODEL)
    return np.stack([model.prepare(sample.load().pixels) for sample in sample_photos()])


@photo_cache(queued=True)
def _influence(
    photo: Photo, layer: str, unit: tuple[int, int], channel: int | None, over: str, trained: bool
) -> np.ndarray:
    from cnn_demo.models.explanation.explain import effective_field

    model = load_classifier(MODEL) if trained else _random_model()
    batch = _sample_batch() if over == ALL_PHOTOS else model.prepare(photo.pixels)
    field = effective_field(model, layer, batch, unit, channel).astype(np.float64)
    return field / field.sum() if field.any() else field


def _show(
    title: str,
    photo: Photo,
    seen: np.ndarray,
    influence: np.ndarray,
    last: MapGeometry,
    unit: tuple[int, int],
    half: int,
) -> None:
    fold = views.CLOSE_UP_SIDE // 32
    pixels = cv2.resize(seen, None, fx=fold, fy=fold, interpolation=cv2.INTER_NEAREST)
    half_text = f"half of the influence in {half} × {half} pixels" if half else "no influence at all"
    views.show_position(
        views.heat_picture(pixels, influence, views.seen(last, unit, seen.shape[:2])),
        seen.shape[:2],
        views.frames(last, unit, half, seen.shape[:2]),
        key=f"field_{title.split()[0].lower()}",
        alt=f"{title}: influence of every pixel of {photo.name} on one unit",
        caption=f"{title} · {half_text}. {views.beyond(last, unit, seen.shape[:2])}Click to select another position.",
        step=last.fields[0].jump,
    )


def _growth(photo: Photo, over: str, unit: tuple[int, int], size: tuple[int, int]) -> pd.DataFrame:
    """Return theoretical and measured fields of the ReLU after every block, at the same image position."""
    down = (unit[0] + 0.5) / size[0]
    across = (unit[1] + 0.5) / size[1]
    rows = {}
    for layer in load_classifier(MODEL).layers:
        if not (layer.kind == "activation" and (layer.name == "stem_relu" or layer.name.endswith("_relu"))):
            continue
        height, width = layer.shape[:2]
        here = min(int(down * height), height - 1), min(int(across * width), width - 1)
        middle = layer.field.middle(here[0]), layer.field.middle(here[1])
        halves = [
            middle_side(_influence(photo, layer.name, here, None, over, trained), middle) for trained in (True, False)
        ]
        rows[layer_label(layer.name)] = (
            f"{layer.shape[1]} × {layer.shape[0]}",
            f"{layer.field.size} px",
            *(f"{half} px" if half else "none" for half in halves),
        )
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["Map", "Receptive field", "Effective, trained", "Effective, random weights"]
    )
