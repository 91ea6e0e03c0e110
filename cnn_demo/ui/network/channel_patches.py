"""Patches of photos with the strongest activation of each channel of the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import streamlit as st

from cnn_demo.drawing.pictures import jpeg_url
from cnn_demo.images import Photo, sample_photos
from cnn_demo.models import load_classifier
from cnn_demo.models.classification.classifiers import GREY, Classifier
from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.models.explanation.top_patches import (
    ActivationExtractor,
    Patch,
    WindowActivations,
    activation_layers,
    mean_patch,
    selectivity,
    strongest_patches,
    window_activations,
)
from cnn_demo.ui.components.tiles import Tile, tiles
from cnn_demo.ui.network.walk.stages import layer_label
from cnn_demo.ui.page.caching import HASH_BY_KEY, photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.choice import index_field
from cnn_demo.ui.widgets.number_grid import short_number

LAYER, CHANNEL = "feature_layer", "feature_channel"
DEFAULTS: dict[str, Any] = {LAYER: "block3_relu", CHANNEL: None}
SIDE = 104  # pixels per side of a patch as it is sent
SMALL = 44  # pixels per side of each channel's top patch
IN_A_ROW, OPENED, MEAN_OF = 6, 11, 60  # patches per channel in the overview, for the selected channel, in the mean
CHANNELS_SHOWN = 2  # channels per layer in the overview


@dataclass(frozen=True, eq=False)
class Gallery:
    """Searched photos, and the activations of each channel for their patches."""

    photos: tuple[Photo, ...]
    excitations: tuple[WindowActivations, ...]


@fragment
def features_view(photo: Photo) -> None:
    """Show the patches with the strongest activations, in the sample photos and the visitor's photo.

    Args:
        photo: The visitor's photo.

    Raises:
        ModelUnavailable: If the network's weights are not available locally.
    """
    with st.spinner("Searching the photos for the strongest activations…"):
        model = load_classifier("cifar10_cnn")
        gallery = _gallery(photo, model)
    panel, stage, details = controls_picture_and_details("features")
    with panel:
        layer, order, channel = _controls(model, gallery)
    with stage:
        st.markdown(
            f"**What does channel {channel} respond to?** The patches of photos with its strongest activations."
        )
        _row(gallery, layer, channel, OPENED, key="feature_patches", width=SIDE, named=True)
        _every_channel(gallery, layer, order, channel)
    with details:
        st.subheader("From the first layer to the last", anchor=False)
        _overview(model, gallery)
        _explanation(model, gallery)


def _explanation(model: Classifier, gallery: Gallery) -> None:
    windows = sum(len(excitation.windows) for excitation in gallery.excitations)
    st.caption(
        f"The network was run on {windows:,} windows, large and small, of {len(gallery.photos)} photos. Each row shows "
        "the patches with the strongest activations of one channel, after the mean of many such patches, its contrast "
        "stretched: their common features stay visible, the rest blurs. The channels shown are the most selective "
        "of their layer."
    )
    st.caption(
        "In deep networks trained on millions of photos, early layers respond to edges and colours, later ones to "
        "textures, then to parts of objects (Zeiler & Fergus 2014). This one was trained on pictures of 32 × 32 "
        f"pixels. {model.spec.training_data} Faces, flowers or letters were no classes: a channel that seems to "
        "respond to them more likely responds to a colour, an edge or a texture in them. And these are few photos: "
        "the pattern that would activate a channel most may be in none of them."
    )


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=HASH_BY_KEY)
def _taps(model: Classifier) -> ActivationExtractor:
    return ActivationExtractor(model)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=HASH_BY_KEY)
def _samples(model: Classifier) -> Gallery:
    """Return the gallery of the sample photos; computed once for all visitors."""
    photos = tuple(sample.load() for sample in sample_photos())
    return Gallery(photos, tuple(window_activations(_taps(model), photo.pixels) for photo in photos))


@photo_cache(queued=True)
def _own(photo: Photo, model: Classifier) -> WindowActivations:
    return window_activations(_taps(model), photo.pixels)


def _gallery(photo: Photo, model: Classifier) -> Gallery:
    """Return the gallery of the sample photos and of the visitor's photo if it is not a sample."""
    samples = _samples(model)
    if photo in samples.photos:
        return samples
    return Gallery((*samples.photos, photo), (*samples.excitations, _own(photo, model)))


def _overview(model: Classifier, gallery: Gallery) -> None:
    """Show the most selective channels of some layers, from shallow to deep."""
    for layer in overview_layers(model.layers):
        field = layer.field.size
        side = model.spec.input_size[0]
        reach = (
            f"receptive field {field} × {field} of {side} × {side} pixels"
            if field < side
            else f"receptive field covers all {side} × {side} pixels"
        )
        st.markdown(f"**{layer_label(layer.name)}** · {reach}")
        most_selective = np.argsort(-selectivity(gallery.excitations, layer), kind="stable")[:CHANNELS_SHOWN]
        for container, channel in zip(st.columns(CHANNELS_SHOWN), most_selective, strict=True):
            with container:
                _row(gallery, layer, int(channel), IN_A_ROW, key=f"row_{layer.name}_{channel}", width=58)


def overview_layers(layers: Sequence[NetworkLayer]) -> tuple[NetworkLayer, ...]:
    """Return the first layer with an activation and the last one of each map size."""
    answering = activation_layers(layers)
    last = {layer.shape: layer for layer in answering}
    return (answering[0], *(layer for layer in last.values() if layer is not answering[0]))


def _row(
    gallery: Gallery, layer: NetworkLayer, channel: int, count: int, *, key: str, width: int, named: bool = False
) -> None:
    """Show one channel: its mean patch and its strongest patches."""
    found = strongest_patches(gallery.excitations, layer, channel, count)
    mean, of = mean_patch(gallery.excitations, layer, channel, MEAN_OF)
    pictures = [_shown(mean), *(cut(gallery.photos[exciter.photo].pixels, exciter) for exciter in found)]
    items = [Tile(0, f"Channel {channel}: the mean of {of} patches", f"mean of {of}")]
    for at, exciter in enumerate(found):
        name = gallery.photos[exciter.photo].name
        value = short_number(exciter.value)
        items.append(Tile(at + 1, f"{name}: {value}", f"{value} · {name}" if named else value))
    container = st.container(gap=None)
    if not (found and named):
        container.caption(f"Channel {channel}" + ("" if found else ": no patch of these photos activates it."))
    with container:
        tiles(
            jpeg_url(np.concatenate(pictures)),
            items,
            (SIDE, SIDE),
            key=key,
            label=f"Top patches of channel {channel} of {layer_label(layer.name)}",
            width=width,
            pixelated=False,
        )


def _shown(mean: np.ndarray) -> np.ndarray:
    """Return a mean patch with its contrast stretched, as means are pale."""
    low, high = float(mean.min()), float(mean.max())
    stretched = (mean - low) / (high - low) * 255 if high - low > 1 else mean
    return cv2.resize(stretched.round().astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def cut(pixels: np.ndarray, exciter: Patch) -> np.ndarray:
    """Crop a patch from its photo; a patch that is not square is padded with grey, the value of the network's padding.

    Args:
        pixels: The photo, (H, W, 3) uint8.
        exciter: The patch to crop.

    Returns:
        (SIDE, SIDE, 3) uint8.
    """
    box = exciter.box
    top, left = (min(int(edge), side - 1) for edge, side in zip((box.row, box.column), pixels.shape, strict=False))
    bottom, right = (max(int(np.ceil(edge - 1e-6)), 1) for edge in (box.row + box.height, box.column + box.width))
    patch = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    height, width = patch.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = np.full((SIDE, SIDE, 3), GREY, np.uint8)
    row, column = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    canvas[row : row + size[1], column : column + size[0]] = cv2.resize(patch, size, interpolation=way)
    return canvas


def _controls(model: Classifier, gallery: Gallery) -> tuple[NetworkLayer, np.ndarray, int]:
    """Show the controls; return the layer, its channels with the most selective first, and the selected channel."""
    layers = {layer.name: layer for layer in activation_layers(model.layers)}
    name = st.selectbox(
        "Layer",
        list(layers),
        index=list(layers).index(DEFAULTS[LAYER]),
        format_func=layer_label,
        key=LAYER,
        bind="query-params",
        on_change=lambda: st.session_state.update({CHANNEL: None}),
    )
    layer = layers[name]
    most_selective = np.argsort(-selectivity(gallery.excitations, layer), kind="stable")
    automatic = int(most_selective[0])
    channel = index_field("Channel", layer.shape[-1], key=CHANNEL, placeholder=f"{automatic}, the most selective")
    return layer, most_selective, automatic if channel is None else channel


def _every_channel(gallery: Gallery, layer: NetworkLayer, order: np.ndarray, channel: int) -> None:
    url, best = _best_patches(gallery.photos[-1], gallery, layer, tuple(order.tolist()))
    items = [
        Tile(int(index), f"Channel {index}: {short_number(value)}" if value else f"Channel {index}: not activated")
        for index, value in zip(order, best, strict=True)
    ]
    tiles(
        url,
        items,
        (SMALL, SMALL),
        key="feature_channels",
        label="All channels of this layer, each with its top patch",
        chosen=channel,
        on_pick=lambda picked: st.session_state.update({CHANNEL: picked}),
        width=44,
        max_height=300,
        pixelated=False,
    )
    st.caption(
        "All channels of the layer, each with its top patch, the most selective first (by the kurtosis of their "
        "activations: near zero for most windows, strong for few). Click a channel to select it."
    )


@photo_cache(names={Gallery: lambda gallery: len(gallery.photos)})  # the samples never change
def _best_patches(
    last: Photo, gallery: Gallery, layer: NetworkLayer, order: tuple[int, ...]
) -> tuple[str, list[float]]:
    """Return the strongest patch of every channel and its activation; `last` is the visitor's photo."""
    pictures, values = [], []
    for channel in order:
        found = strongest_patches(gallery.excitations, layer, channel, 1)
        patch = (
            cut(gallery.photos[found[0].photo].pixels, found[0]) if found else np.full((SIDE, SIDE, 3), GREY, np.uint8)
        )
        pictures.append(cv2.resize(patch, (SMALL, SMALL), interpolation=cv2.INTER_AREA))
        values.append(found[0].value if found else 0.0)
    return jpeg_url(np.concatenate(pictures)), values
