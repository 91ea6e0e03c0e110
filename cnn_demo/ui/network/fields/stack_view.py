"""Receptive fields, theoretical and effective, of one unit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.convolution.effective_field import (
    Step,
    middle_side,
    random_influence,
    stack_geometry,
    uniform_influence,
)
from cnn_demo.convolution.receptive_field import MapGeometry
from cnn_demo.drawing.pictures import reduced
from cnn_demo.images import Photo
from cnn_demo.ui.components.field_tree import field_tree
from cnn_demo.ui.network.fields import drawings as views
from cnn_demo.ui.network.fields.growth import growth
from cnn_demo.ui.network.fields.published import published_view
from cnn_demo.ui.network.fields.trained import trained_view
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.choice import choose

KINDS = ("Custom stack", "Bundled CNN", "Published networks")
STRIDED = ("First", "Every third", "All")
RANDOM, UNIFORM = "Random, with ReLU", "All equal"
WORKING_SIDE = 128
WIDE_FIELD = 64  # pixels; beyond, fewer random networks are averaged, as each takes longer

# Widget key, which is also the name in the link, to default value; the last two hold the selected position, 0 to 1.
DEFAULTS: dict[str, Any] = {
    "field_what": KINDS[0],
    "field_depth": 8,
    "field_kernel": 3,
    "field_stride": 1,
    "field_strided": STRIDED[0],
    "field_dilation": 1,
    "field_weights": RANDOM,
    "field_layer": "block3_relu",
    "field_over": "This photo",
    "field_channel": "All channels",
    "field_network": "VGG-16",
    "field_down": 0.5,
    "field_across": 0.5,
}


@dataclass(frozen=True)
class StackSettings:
    """A hand-built stack: its layers as (kernel, stride, dilation) from the photo on, and the kind of weights."""

    layers: tuple[Step, ...]
    weights: str


@fragment
def fields_view(photo: Photo) -> None:
    """Show the receptive field of a hand-built stack, of the bundled network, or of five published ones."""
    panel, stage, details = controls_picture_and_details("fields")
    with panel:
        kind = choose("Receptive field of", KINDS, key="field_what", default=DEFAULTS["field_what"], hide_label=True)
    if kind == KINDS[1]:
        trained_view(photo, DEFAULTS, panel, stage, details)
    elif kind == KINDS[2]:
        published_view(photo, DEFAULTS, panel, stage, details)
    else:
        _stack_view(photo, panel, stage, details)


def _stack_view(photo: Photo, panel: DeltaGenerator, stage: DeltaGenerator, details: DeltaGenerator) -> None:
    with panel:
        settings = _controls()
    image = working_picture(photo, WORKING_SIDE)
    last = stack_geometry(image.shape[:2], settings.layers)[-1]
    unit = views.opened_unit(last, image.shape[:2])
    influence, networks = _influence(photo, settings, unit)
    with stage:
        _show(photo, image, influence, last, unit, networks)
    with details:
        st.markdown("**Connections between layers**")
        field_tree(settings.layers, key="field_tree")
        growth(settings.layers)


def _controls() -> StackSettings:
    depth = st.slider("Layers", 1, 12, DEFAULTS["field_depth"], key="field_depth", bind="query-params")
    kernel = st.slider(
        "Kernel", 1, 11, DEFAULTS["field_kernel"], key="field_kernel", bind="query-params", help="Weights per side."
    )
    stride = st.slider(
        "Stride",
        1,
        3,
        DEFAULTS["field_stride"],
        key="field_stride",
        bind="query-params",
        help="Step between windows, in pixels of the layer's input.",
    )
    strided = choose(
        "Strided layers",
        STRIDED,
        key="field_strided",
        default=DEFAULTS["field_strided"],
        help="With stride 1 it makes no difference.",
    )
    dilation = st.slider(
        "Dilation",
        1,
        4,
        DEFAULTS["field_dilation"],
        key="field_dilation",
        bind="query-params",
        help="Pixels from weight to weight of every kernel.",
    )
    weights = choose(
        "Weights",
        (RANDOM, UNIFORM),
        key="field_weights",
        default=DEFAULTS["field_weights"],
        help="Random: networks at initialization. All equal: only the number of paths counts.",
    )
    return StackSettings(stack_layers(depth, kernel, stride, strided, dilation), weights)


def stack_layers(depth: int, kernel: int, stride: int, strided: str, dilation: int) -> tuple[Step, ...]:
    """Return the layers of a stack as (kernel, stride, dilation), from the photo on.

    Args:
        depth: Number of layers.
        kernel: Kernel size of all layers.
        stride: Stride of the strided layers.
        strided: The choice of strided layers, one of `STRIDED`.
        dilation: Dilation of all layers.
    """
    every = {STRIDED[0]: depth, STRIDED[1]: 3, STRIDED[2]: 1}[strided]
    return tuple((kernel, stride if number % every == 0 else 1, dilation) for number in range(depth))


@photo_cache()
def working_picture(photo: Photo, side: int) -> np.ndarray:
    """Return the photo with at most `side` pixels on its longer side, (H, W, 3) uint8; read-only, as it is shared."""
    pixels = reduced(photo.pixels, side).view()  # a view, so that the photo's own pixels stay as they are
    pixels.flags.writeable = False
    return pixels


@photo_cache()
def _influence(photo: Photo, settings: StackSettings, unit: tuple[int, int]) -> tuple[np.ndarray, int]:
    """Return the influence of every pixel of the working image, and the number of averaged random networks."""
    pixels = working_picture(photo, WORKING_SIDE)
    if settings.weights == UNIFORM:
        return uniform_influence(pixels.shape[:2], settings.layers, unit), 0
    size = stack_geometry(pixels.shape[:2], settings.layers)[-1].fields[0].size
    networks = 16 if size <= WIDE_FIELD else 6
    image = pixels.astype(np.float32) / 127.5 - 1
    return random_influence(image, settings.layers, unit, draws=networks), networks


def _show(
    photo: Photo,
    image: np.ndarray,
    influence: np.ndarray,
    last: MapGeometry,
    unit: tuple[int, int],
    networks: int,
) -> None:
    """Show the photo with the field, the field enlarged, and the influence across it."""
    size = image.shape[:2]
    middle = views.middle_of(last, unit)
    half = middle_side(influence, middle)
    pictures, chart = st.columns([5, 3])
    overview, close = pictures.columns(2, wrap=False)
    with overview:
        views.show_position(
            views.heat_picture(views.large(photo, size), influence, views.seen(last, unit, size)),
            size,
            views.frames(last, unit, half, size),
            key="field_photo",
            alt=f"Receptive field on {photo.name}",
            caption=(
                f"{size[1]} × {size[0]} pixels, the input of the stack. {views.beyond(last, unit, size)}Click to "
                "select another position."
            ),
            step=last.fields[0].jump,
        )
    with close:
        views.show_close_up(image, influence, last, unit, half)
    with pictures:
        views.numbers(last, unit, size, half)
    with chart:
        views.profile(influence, last.fields[1], unit[1], half, key="field_profile")
    if not influence.any():
        st.warning("No pixel influences this unit: its ReLUs are all zero. Select another position or change a slider.")
    elif networks:
        st.caption(
            f"Influence: the gradient of the unit with respect to each pixel, averaged over {networks} random networks "
            "with 8 maps per layer, with the ReLUs that this photo activates."
        )
    else:
        st.caption("Influence: the fraction of all paths from the unit to the photo that end in a pixel.")
