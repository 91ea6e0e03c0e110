"""Page 4, feature maps: activations of every channel of a layer, the strongest first."""

from typing import Any

import cv2
import numpy as np
import streamlit as st

from cnn_demo.drawing.heatmaps import SIDE, blend, map_colours, small_maps
from cnn_demo.drawing.pictures import below_each_other
from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.explanation.feature_maps import convolutional_layers, feature_maps, map_layers, strongest_first
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.components.tiles import Tile, tiles
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.pretrained.one_network import one_network
from cnn_demo.ui.widgets.choice import index_field
from cnn_demo.ui.widgets.heatmap_controls import is_small, legend, opacity_slider, picture_url
from cnn_demo.ui.widgets.number_grid import short_number

LAYER, CHANNEL, ALL, OPACITY = "maps_layer", "maps_channel", "maps_all", "maps_opacity"
DEFAULTS: dict[str, Any] = {LAYER: None, CHANNEL: None, ALL: False, OPACITY: 70}
FEW = 64  # maps shown before the visitor chooses to see all


@fragment
def maps_view(photo: Photo) -> None:
    """Show the feature maps of a layer, one of them large.

    Args:
        photo: The visitor's photo, of any size.
    """
    panel, stage, details, model = one_network("maps")
    with panel:
        layer = _layer(model)
    with stage:
        maps, order = _maps(photo, model, layer)
    height, width, count = maps.shape
    with panel:
        channel = _channel_field(count, int(order[0]))
        opacity = opacity_slider(OPACITY, DEFAULTS[OPACITY])
        shown = order
        if count > FEW and not st.toggle(f"Show all {count:,}", DEFAULTS[ALL], key=ALL, bind="query-params"):
            shown = order[:FEW]
    open_container, grid_container = stage.columns([2, 3], gap="medium")
    with open_container:
        _opened(photo, model.prepare(photo.pixels), maps[..., channel], channel, opacity, bool(maps.min() < 0))
    with grid_container:
        _grid(photo, model, layer, maps, shown, channel)
    details.markdown(
        f"**{height} × {width} × {count}**: {count:,} maps of {height} × {width} activations, sorted by their **mean "
        "activation**, the strongest first."
    )


def _layer(model: Classifier) -> str:
    """Return the chosen layer; by default, the network's first convolution."""
    first = convolutional_layers(model.network)[0]
    chosen = st.selectbox(
        "Layer",
        map_layers(model.network),
        index=None,
        placeholder=f"{first}: the first convolution",
        key=LAYER,
        bind="query-params",
        on_change=_open,
        args=(None,),
        help=(
            "All layers with feature maps, in the order of computation. A layer of a nested network is called "
            "“outer/inner”."
        ),
    )
    return chosen or first


def _open(channel: int | None) -> None:
    st.session_state[CHANNEL] = channel


@photo_cache(spinner="Computing the maps…", queued=True)
def _maps(photo: Photo, model: Classifier, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the layer's maps (H, W, C) and the order of its channels; read-only, because they are cached."""
    maps = feature_maps(model, model.prepare(photo.pixels), layer)
    order = strongest_first(maps)
    maps.flags.writeable = order.flags.writeable = False
    return maps, order


def _channel_field(count: int, automatic: int) -> int:
    channel = index_field("Channel", count, key=CHANNEL, placeholder=f"{automatic}: the strongest")
    return automatic if channel is None else channel


def _grid(photo: Photo, model: Classifier, layer: str, maps: np.ndarray, shown: np.ndarray, channel: int) -> None:
    url, size = _tiles_url(photo, model, layer, len(shown))
    tiles(
        url,
        [_tile(int(index), maps[..., index]) for index in shown],
        size,
        key="maps_grid",
        label=f"Feature maps of {layer}, the strongest first",
        chosen=channel,
        on_pick=_open,
        width=64,
        max_height=460,
        pixelated=max(maps.shape[:2]) <= SIDE,
    )
    st.caption(
        f"{len(shown):,} of {maps.shape[2]:,} maps, each with the index of its channel and its own colour scale: "
        f"{_colours_mean(maps)} Click one to show it over the photo."
    )


def _tile(channel: int, plane: np.ndarray) -> Tile:
    low, mean, high = (short_number(float(value)) for value in (plane.min(), plane.mean(), plane.max()))
    return Tile(channel, f"Channel {channel}: mean {mean}, from {low} to {high}", str(channel))


def _colours_mean(values: np.ndarray) -> str:
    if values.min() < 0:
        return "red is positive, blue negative, white zero."
    return "black is zero, yellow its largest value."


@photo_cache()
def _tiles_url(photo: Photo, model: Classifier, layer: str, count: int) -> tuple[str, tuple[int, int]]:
    """Return an image URL of the `count` strongest maps, stacked vertically, and the (height, width) of each."""
    maps, order = _maps(photo, model, layer)
    pictures = small_maps(maps, order[:count].tolist())
    return below_each_other(pictures), pictures.shape[1:3]


def _opened(photo: Photo, seen: np.ndarray, plane: np.ndarray, channel: int, opacity: float, signed: bool) -> None:
    """Show one map over the photo."""
    colours = cv2.resize(map_colours(plane, signed), seen.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    low, mean, high = (short_number(float(value)) for value in (plane.min(), plane.mean(), plane.max()))
    picture(
        picture_url(blend(seen, colours, opacity)),
        seen.shape[:2],
        key="maps_open",
        alt=f"Channel {channel} over the input of the network: {photo.description}",
        caption=f"Channel {channel}: from {low} to {high}, {mean} on average.",
        max_height=380,
        pixelated=is_small(seen),
    )
    if signed:
        reach = short_number(float(np.abs(plane).max()))
        legend(f"−{reach}", f"+{reach}", signed=True)
    else:
        legend("0", high)
