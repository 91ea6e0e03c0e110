"""All channels of a layer, and an enlarged view of the selected one."""

import numpy as np
import streamlit as st

from cnn_demo.drawing.pictures import below_each_other, png_url
from cnn_demo.models import find
from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.ui.components.picture import Mark, picture
from cnn_demo.ui.components.tiles import Tile, tiles
from cnn_demo.ui.network.pictures import channels_first, legend, paint, palette_of
from cnn_demo.ui.network.walk import state
from cnn_demo.ui.network.walk.stages import strongest
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.choice import index_field
from cnn_demo.ui.widgets.number_grid import short_number

COLOURS = ("red", "green", "blue")
MAP_WIDTH = {32: 64, 16: 56, 8: 48}  # map side to tile width in CSS pixels


def show_maps(layer: NetworkLayer, values: np.ndarray, selection: state.Selection, brightness: str, order: str) -> None:
    """Show every channel of the layer; a click selects one.

    Args:
        layer: The layer.
        values: The layer's activations, (H, W, C) or (C,).
        selection: The current selection.
        brightness: Brightness scale, `EACH` or `COMMON`.
        order: Channel order, `STRONGEST` or `NETWORK`.
    """
    planes = channels_first(values)
    channels = np.arange(len(planes)) if order == state.NETWORK or layer.kind == "input" else strongest(values)
    palette = palette_of(layer)
    scales = np.abs(planes).max(axis=(1, 2), keepdims=True)
    common = brightness == state.COMMON or values.ndim == 1
    painted = paint(planes[channels], palette, scales.max() if common else scales[channels])
    tiles(
        below_each_other(painted),
        [_tile(layer, planes[channel], int(channel)) for channel in channels],
        planes.shape[1:],
        key="maps",
        label=f"The {len(planes)} channels of this layer",
        chosen=selection.channel,
        on_pick=lambda channel: state.open_unit(layer, channel),
        width=MAP_WIDTH.get(planes.shape[1], 44 if len(planes) > 16 else 84),
        max_height=290,
    )
    meaning = "Each channel is one feature map. " if values.ndim == 3 and layer.kind != "input" else ""
    st.caption(meaning + _legend(palette, common, float(scales.max()), values.ndim == 1))


def _tile(layer: NetworkLayer, plane: np.ndarray, channel: int) -> Tile:
    name = channel_name(layer, channel)
    if plane.size == 1:
        value = short_number(float(plane[0, 0]))
        return Tile(channel, f"{name}: {value}", f"{name}: {value}" if layer.kind == "dense" else value)
    low, high = short_number(float(plane.min())), short_number(float(plane.max()))
    return Tile(channel, f"{name}: from {low} to {high}", name if layer.kind == "input" else "")


def channel_name(layer: NetworkLayer, channel: int) -> str:
    """Return the name of a channel: its colour, its class or its index."""
    if layer.kind == "input":
        return COLOURS[channel]
    return find(state.MODEL).labels[channel] if layer.kind == "dense" else f"channel {channel}"


def _legend(palette: str, common: bool, largest: float, single: bool) -> str:
    if single:
        text = legend(palette, largest)
        return f"{text[0].upper()}{text[1:]}. Click one to select it."
    return f"In every map {legend(palette, largest if common else None)}. Click one to select it."


def show_channel(layer: NetworkLayer, values: np.ndarray, selection: state.Selection) -> None:
    """Show the selected channel enlarged, with the selected activation marked."""
    name = channel_name(layer, selection.channel).capitalize()
    value = short_number(float(values[selection.unit]))
    if values.ndim == 1:
        st.metric(name, value)
        return
    plane = values[..., selection.channel]
    largest = float(np.abs(plane).max())
    picture(
        png_url(paint(plane, palette_of(layer), largest)),
        plane.shape,
        key="channel_map",
        alt=f"{name} of this layer",
        caption=f"{name}: {legend(palette_of(layer), largest)}. The framed pixel is {value}. Click to select another.",
        max_height=300,
        marks=[Mark(selection.row, selection.column, 1, 1)],
        on_pick=lambda row, column: state.open_unit(layer, selection.channel, row, column),
        pixelated=True,
    )


def unit_controls(layer: NetworkLayer, values: np.ndarray) -> None:
    """Show the number fields of channel, row and column; clicks on the maps update them."""
    selection = state.read_selection(SESSION, layer, values)
    fields = [("Class" if layer.kind == "dense" else "Channel", state.CHANNEL, layer.shape[-1], selection.channel)]
    if values.ndim == 3:
        fields.append(("Row", state.ROW, layer.shape[0], selection.row))
        fields.append(("Column", state.COLUMN, layer.shape[1], selection.column))
    for container, (label, key, size, automatic) in zip(st.columns(3), fields, strict=False):
        with container:
            index_field(label, size, key=key, placeholder=f"{automatic}")
