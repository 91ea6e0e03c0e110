"""Page 2, "Build a stack": layers to scale, feature maps, costs and receptive fields."""

import pandas as pd
import streamlit as st

from cnn_demo.convolution.stack import ConvLayer, Layer, LayerPlan, StackPlan
from cnn_demo.drawing.pictures import display_values
from cnn_demo.images import Photo
from cnn_demo.ui.components.layer_row import Volume, layer_row
from cnn_demo.ui.components.map_grid import MapTile, map_grid
from cnn_demo.ui.layers.controls import layer_controls, preset_control, stack_buttons, stack_text
from cnn_demo.ui.layers.maps import is_signed, map_pictures, map_titles, plan, stack_maps, tile_url, working_image
from cnn_demo.ui.layers.open_map import opened_map
from cnn_demo.ui.layers.settings import POOL_TITLES, read_layer, read_stack, value_of
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.page.session import SESSION


def stack_view(photo: Photo) -> None:
    """Show the stack on the photo, its controls, and its maps as far as the layers fit."""
    layers, wrong = read_stack(SESSION)
    planned = plan(photo, layers)
    number = read_layer(SESSION, len(layers))
    with st.container():  # always there, so that a message does not move the page below
        if wrong:
            st.error(plain(wrong), icon=":material/layers_clear:")
    panel, stage, details = controls_picture_and_details("stack")
    with stage:
        _drawn_to_scale(photo, layers, planned, number)
        stack_buttons(layers)
        with st.container():
            if planned.problem:
                st.warning(plain(planned.problem), icon=":material/crop_free:")
    shown = min(number, len(planned.layers))
    with panel:
        preset_control()
        layer_controls(layers)
    with details:
        if shown:
            _grid(photo, layers[:shown], selected=number)
            with st.container(key="stack_table"):
                _table(photo, planned)
            opened_map(photo, layers[:shown], planned.layers[shown - 1])
        else:
            st.info("No layer fits yet: change the first one, on the left.", icon=":material/arrow_back:")
        stack_text()


def _drawn_to_scale(photo: Photo, layers: tuple[Layer, ...], planned: StackPlan, number: int) -> None:
    image = working_image(photo)
    url = tile_url(display_values(image, "clip"))
    volumes = [Volume("Photo", image.shape, url, f"The photo, {_shape(image.shape)}")]
    opened = int(value_of(SESSION, "map") or 1) - 1
    for index, step in enumerate(planned.layers, 1):
        maps = stack_maps(photo, layers[:index])
        front = min(max(opened, 0), maps.shape[2] - 1) if index == number else 0
        src = tile_url(map_pictures(maps[..., front : front + 1], False)[0])
        title = f"{index} · {short_title(step.layer)}"
        volumes.append(Volume(title, step.shape, src, f"Layer {title}: {_shape(step.shape)}"))

    def pick(index: int) -> None:
        if index:
            st.session_state["layer"] = index

    missing = len(planned.layers) + 1
    problem = f"{missing} · {short_title(layers[missing - 1])}" if planned.problem else ""
    chosen = number if number <= len(planned.layers) else None
    layer_row(volumes, chosen, key="row_of_layers", label="Layers, to scale", problem=problem, on_pick=pick)
    rows, columns = photo.size
    reduced = f" The photo of {rows} × {columns} pixels is resized to {image.shape[0]} × {image.shape[1]}."
    st.caption(
        "Drawn to scale, rows × columns × channels; each sheet is one channel, a feature map. Click a layer to open it."
        + (reduced if (rows, columns) != image.shape[:2] else "")
    )


def short_title(layer: Layer) -> str:
    """Name a layer in a few characters."""
    if isinstance(layer, ConvLayer):
        return f"Conv {layer.size} × {layer.size}" + (f", stride {layer.stride}" if layer.stride > 1 else "")
    return f"{POOL_TITLES[layer.kind]}, " + ("global" if layer.size is None else f"{layer.size} × {layer.size}")


def _shape(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} × {shape[1]} × {shape[2]}"


def _grid(photo: Photo, layers: tuple[Layer, ...], selected: int) -> None:
    maps = stack_maps(photo, layers)
    common = st.toggle(
        "Same scale for all maps",
        key="common",
        bind="query-params",
        help="Off: each map is scaled to its own maximum. On: all maps have one scale, so that weak maps look weak.",
    )
    titles = map_titles(layers, maps.shape[2])
    if maps.shape[:2] == (1, 1):
        titles = [f"{title}: {value:.3g}" for title, value in zip(titles, maps[0, 0], strict=True)]
    tiles = [
        MapTile(title, tile_url(pixels), f"Map {title} of layer {len(layers)}")
        for title, pixels in zip(titles, map_pictures(maps, common), strict=True)
    ]

    def pick(index: int) -> None:
        st.session_state["map"] = index + 1

    chosen = min(max(int(value_of(SESSION, "map") or 1) - 1, 0), maps.shape[2] - 1)
    map_grid(tiles, maps.shape[:2], chosen, key="maps", label=f"Maps of layer {len(layers)}", on_pick=pick)
    colours = (
        "Red is positive, blue negative, white zero." if is_signed(maps) else "Black is zero, white is the maximum."
    )
    note = (
        f" Layer {selected} has no maps: these are the maps of layer {len(layers)}." if selected != len(layers) else ""
    )
    st.caption(f"{colours} Click a map to open it below.{note} {_source_sentence(layers[-1], len(layers))}")


def _source_sentence(layer: Layer, number: int) -> str:
    if not isinstance(layer, ConvLayer):
        return "Pooling is applied to each map separately, so the number of maps stays the same."
    if layer.source == "hand":
        inputs = "the photo's brightness (the mean of red, green and blue)" if number == 1 else "the mean of all maps"
        return f"Each hand-made filter is applied to {inputs}."
    if layer.source == "learned":
        return (
            "Kernels of the bundled CIFAR-10 network; the input is pixels / 127.5 − 1, as in training, without the "
            "bias."
        )
    return "Random weights, initialized as in He et al. (2015); each filter is applied to all input maps."


def _table(photo: Photo, planned: StackPlan) -> None:
    if not planned.layers:
        return
    height, width = working_image(photo).shape[:2]
    rows = [_row(index, step) for index, step in enumerate(planned.layers, 1)]
    parameters, products = (
        sum(getattr(step, name) for step in planned.layers) for name in ("parameters", "multiply_adds")
    )
    rows.append(("Total", "", f"{parameters:,}", f"{products:,}", ""))
    names = ["Layer", "Rows × columns × channels", "Parameters", "Multiply-adds", "Receptive field"]
    st.table(pd.DataFrame(rows, columns=names).set_index("Layer"))
    numbers = height * width * 3
    last = planned.layers[-1].shape
    left = last[0] * last[1] * last[2]
    st.caption(
        f"From the photo's {numbers:,} values the stack computes {left:,}. Parameters include a bias for each filter, "
        "as in a trainable layer; pooling has no parameters, and compares or adds instead of multiplying. The "
        "receptive field is the part of the photo that one activation depends on, in pixels; it may reach beyond the "
        "border."
    )


def _row(index: int, step: LayerPlan) -> tuple[str, ...]:
    name = f"{index} · {short_title(step.layer)}"
    sees = f"{step.fields[0].size} × {step.fields[1].size}"
    return name, _shape(step.shape), f"{step.parameters:,}", f"{step.multiply_adds:,}", sees
