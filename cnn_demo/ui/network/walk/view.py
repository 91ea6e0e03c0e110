"""The walk through the network: photo, input, layers, and the weighted sum of any activation."""

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.models import load_classifier
from cnn_demo.models.classification.classifiers import FITS, Classifier
from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.results import Activations
from cnn_demo.ui.components.strip import Stop, strip
from cnn_demo.ui.network.walk import state
from cnn_demo.ui.network.walk.channel import show_channel, show_maps, unit_controls
from cnn_demo.ui.network.walk.photo import show_photo, show_prediction, show_seen
from cnn_demo.ui.network.walk.stages import draw_stops, find_arcs, group_layers, layer_label, step_label
from cnn_demo.ui.network.walk.unit import show_field, show_sum
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.choice import choose


@fragment
def walk_view(photo: Photo) -> None:
    """Show the whole network on the photo; a layer, a channel and a pixel of it can be opened.

    Args:
        photo: The visitor's photo, of any size.

    Raises:
        ModelUnavailable: If the network's weights are not available locally.
    """
    with st.spinner("Loading the network…"):
        model = load_classifier(state.MODEL)
        layers = model.layers
    panel, stage, details = controls_picture_and_details("walk")
    with panel:
        layer = _layer_controls(layers)
        brightness, order = _map_controls(layer)
        _fit_control()
    with stage:
        result = _photo_and_prediction(photo, model)
        _show_strip(photo, model, result, layer)
    values = result.maps[layer.name]
    with details:
        st.markdown(facts_line(layer))
        show_maps(layer, values, state.read_selection(SESSION, layer, values), brightness, order)
        data = model.spec.training_data
        st.caption(f"The network was {data[0].lower()}{data[1:]} For any photo, it predicts one of these.")
    with details.container(border=True):
        channel_container, seen_container, photo_container = st.columns(3)
        unit_controls(layer, values)
        selection = state.read_selection(SESSION, layer, values)
        with channel_container:
            show_channel(layer, values, selection)
        show_field(photo, _fit(), result.seen, selection, seen_container, photo_container)
        show_sum(model, {other.name: other for other in layers}, result, selection)


@photo_cache(queued=True)
def activations(photo: Photo, model: Classifier, fit: str) -> Activations:
    """Return all activations of the network for this photo; cached for other visitors."""
    return model.activations(photo.pixels, fit)


def _fit() -> str:
    return st.session_state.get(state.FIT) or state.DEFAULTS[state.FIT]


def _fit_control() -> None:
    choose(
        "Resize mode",
        FITS,
        key=state.FIT,
        default=state.DEFAULTS[state.FIT],
        help="The network takes 32 × 32 pixels: every photo is resized first.",
    )


def _photo_and_prediction(photo: Photo, model: Classifier) -> Activations:
    pictures, prediction_container = st.columns([7, 4], gap="medium", vertical_alignment="center")
    photo_container, seen_container = pictures.columns([10, 7], wrap=False)
    fit = _fit()
    result = activations(photo, model, fit)
    with photo_container:
        show_photo(photo, fit)
    with seen_container:
        show_seen(photo, result.seen)
    with prediction_container:
        show_prediction(result.classification)
    return result


def _layer_controls(layers: tuple[NetworkLayer, ...]) -> NetworkLayer:
    """Show the controls of the layers in a stop and return the selected layer."""
    by_name = {layer.name: layer for layer in layers}
    before = by_name.get(st.session_state.get(state.LAYER, ""))
    name = st.selectbox(
        "Layer",
        list(by_name),
        index=list(by_name).index(state.DEFAULTS[state.LAYER]),
        format_func=layer_label,
        key=state.LAYER,
        bind="query-params",
        on_change=_layer_chosen,
        args=(by_name, before),
    )
    layer = by_name[name]
    stop = next(stop for stop in group_layers(layers) if layer in stop)
    if len(stop) > 1:
        st.session_state["unit_step"] = name
        st.segmented_control(
            "Layers of this stage",
            [step.name for step in stop],
            format_func=step_label,
            required=True,
            key="unit_step",
            on_change=lambda: state.open_layer(by_name[st.session_state["unit_step"]], layer),
            wrap=True,
        )
    return layer


def _layer_chosen(by_name: dict[str, NetworkLayer], before: NetworkLayer | None) -> None:
    state.open_layer(by_name[st.session_state[state.LAYER]], before)


def _show_strip(photo: Photo, model: Classifier, result: Activations, layer: NetworkLayer) -> None:
    stops = group_layers(model.layers)
    at = next(index for index, stop in enumerate(stops) if layer in stop)
    strip(
        _drawn(photo, model, _fit()),
        find_arcs(stops),
        list(zip(model.labels, result.classification.probabilities.tolist(), strict=True)),
        at,
        key="strip",
        label="The network, from the input to its prediction",
        on_pick=lambda index: state.open_layer(stops[index][-1], layer),
    )


@photo_cache()
def _drawn(photo: Photo, model: Classifier, fit: str) -> tuple[Stop, ...]:
    result = activations(photo, model, fit)
    return draw_stops(group_layers(model.layers), result.maps, result.seen)


def _map_controls(layer: NetworkLayer) -> tuple[str, str]:
    """Show the controls of a layer's maps and return their brightness and order."""
    chosen = []
    for label, key, choices, text in (
        (
            "Brightness",
            state.BRIGHTNESS,
            [state.EACH, state.COMMON],
            "One colour scale for each map, or one for all.",
        ),
        (
            "Order",
            state.ORDER,
            [state.STRONGEST, state.NETWORK],
            "Strongest first: by the largest value of each map.",
        ),
    ):
        chosen.append(
            st.selectbox(
                label,
                choices,
                key=key,
                bind="query-params",
                help=text,
                disabled=layer.kind == "input" or len(layer.shape) == 1,
            )
        )
    return chosen[0], chosen[1]


def facts_line(layer: NetworkLayer) -> str:
    """Return the description of a layer in two lines: its operation and its figures."""
    size = " × ".join(map(str, layer.shape))
    facts = [f"**{size}** values"]
    if layer.parameters:
        facts.append(f"**{layer.parameters:,}** parameters")
    if layer.multiply_adds:
        facts.append(f"**{layer.multiply_adds:,}** multiply-adds")
    if len(layer.shape) == 1:
        facts.append("receptive field: the whole input")
    elif layer.kind != "input":
        facts.append(f"receptive field **{layer.field.size} × {layer.field.size}** pixels")
    return f"{_layer_description(layer)}  \n{' · '.join(facts)}"


def _layer_description(layer: NetworkLayer) -> str:
    if layer.kernel is not None and layer.kind == "convolution":
        kernel = " × ".join(map(str, layer.kernel.shape[:3]))
        return f"Each output channel has a kernel of {kernel} weights, over all {layer.kernel.shape[2]} input channels."
    return {
        "input": "Red, green and blue, from −1 (black) to +1 (full colour).",
        "activation": "ReLU: negative values become zero, the rest stays.",
        "add": "The output of the convolutions is added to the shortcut.",
        "pool": "Global average pooling: each map becomes its average; positions are lost.",
        "dense": "Each class has a weighted sum of all averages; the largest sum is the prediction.",
    }[layer.kind]
