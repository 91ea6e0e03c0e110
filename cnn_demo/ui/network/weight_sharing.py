"""Weight sharing: the same map from a dense layer, a locally connected layer and a convolution."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
import streamlit as st

from cnn_demo.convolution.distortion import shifted
from cnn_demo.convolution.sharing import KINDS, LayerCost, layer_costs, moved_difference, random_layer
from cnn_demo.drawing.pictures import display_values, jpeg_url
from cnn_demo.images import Photo
from cnn_demo.ui.components.diagram import diagram
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.network import weight_sharing_drawings as drawings
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.choice import choose

ROW, SQUARE = "Row of 8 pixels", "Image of 5 × 5"
ROW_LENGTH, SQUARE_SIDE = 8, 5
WINDOW, ROOM = 48, 12  # pixels: side of the layers' input, and the largest shift of the photo
GAP, FOLD = 2, 4  # pixels between the images of a strip, and their enlargement

# Widget key, which is also the name in the link, to default value.
DEFAULTS: dict[str, Any] = {
    "share_side": 32,
    "share_kernel": 3,
    "share_stride": 1,
    "share_in": 3,
    "share_out": 16,
    "share_drawn": ROW,
    "share_shift": 6,
}
SLIDERS = {  # key: label, minimum, maximum, help
    "share_side": ("Image size", 4, 64, "Side of the square input, in pixels."),
    "share_kernel": ("Kernel size", 1, 11, "Side of the window that one output of a convolution depends on."),
    "share_stride": ("Stride", 1, 4, "Pixels from window to window."),
    "share_in": ("Input channels", 1, 128, "3 for a colour photo."),
    "share_out": ("Output channels", 1, 128, "Number of filters of the convolution."),
}


@dataclass(frozen=True)
class SharingSettings:
    """Settings of the map that the three layers compute."""

    side: int
    kernel: int
    stride: int
    in_channels: int
    out_channels: int


@fragment
def sharing_view(photo: Photo) -> None:
    """Show the savings of weight sharing, its weight matrices, and its effect when the photo is shifted."""
    panel, stage, details = controls_picture_and_details("sharing")
    with panel:
        settings = _controls()
    costs = layer_costs(
        (settings.side, settings.side), settings.kernel, settings.stride, settings.in_channels, settings.out_channels
    )
    with stage:
        _show_costs(settings, costs)
    with details:
        _show_same_weights(settings)
        _show_moved_photo(photo, settings)


def _controls() -> SharingSettings:
    values = []
    for key, (label, low, high, help_text) in SLIDERS.items():
        values.append(st.slider(label, low, high, DEFAULTS[key], key=key, bind="query-params", help=help_text))
    return SharingSettings(*values)


def _show_costs(settings: SharingSettings, costs: dict[str, LayerCost]) -> None:
    drawing, numbers = st.columns([3, 2], vertical_alignment="center")
    dense, shared = costs["dense"].parameters, costs["convolution"].parameters
    parts, size = drawings.area_squares(costs)
    with drawing:
        diagram(
            parts,
            size,
            key="share_areas",
            alt=(
                "Three squares whose areas are the numbers of weights of a dense layer, a locally connected one and a "
                "convolution"
            ),
            caption=(
                "Areas are to scale: equal areas are equal numbers of weights. A ring marks a square that is too small "
                "to see."
            ),
        )
    with numbers:
        st.metric(
            "Weights, dense ÷ convolution",
            f"{dense / shared:,.{0 if dense > 100 * shared else 2}f}",
        )
        out = -(-settings.side // settings.stride)
        st.caption(
            f"From {settings.side} × {settings.side} × {settings.in_channels} values to {out} × {out} × "
            f"{settings.out_channels}, “same” padding, biases included. Make the image larger: the convolution needs "
            "no more weights. A locally connected layer has no weights for the padding; multiply-adds include it."
        )
    st.table(cost_table(costs))


def cost_table(costs: dict[str, LayerCost]) -> pd.DataFrame:
    """Return the three layers' weights, memory, multiply-adds and inputs per output."""
    rows = {
        drawings.TITLES[kind]: (
            f"{cost.parameters:,}",
            memory(4 * cost.parameters),
            f"{cost.multiply_adds:,}",
            f"{cost.inputs:,}",
        )
        for kind, cost in costs.items()
    }
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["Weights", "Memory", "Multiply-adds", "Inputs per output"]
    )


def memory(count: int) -> str:
    """Format a number of bytes: "448 B", "1.8 kB", "201 MB", "2.1 GB"."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"


def _show_same_weights(settings: SharingSettings) -> None:
    st.markdown("**Weight matrices: equal colours are equal weights**")
    drawn = choose("Drawn for", (ROW, SQUARE), key="share_drawn", default=ROW, hide_label=True)
    in_a_row = drawn != SQUARE
    kernel = min(settings.kernel, ROW_LENGTH - 1 if in_a_row else SQUARE_SIDE)
    size = (1, ROW_LENGTH) if in_a_row else (SQUARE_SIDE, SQUARE_SIDE)
    for container, kind in zip(st.columns(3), KINDS, strict=True):
        with container:
            st.markdown(f"**{drawings.TITLES[kind]}**")
            if in_a_row:
                parts, extent = drawings.connections(kind, ROW_LENGTH, kernel, settings.stride)
                alt = f"{drawings.TITLES[kind]}: lines from the inputs to each output, in the colours of their weights"
                diagram(parts, extent, key=f"share_lines_{kind}", alt=alt)
            kernel_size = (1, kernel) if in_a_row else (kernel, kernel)
            parts, extent, different = drawings.matrix(kind, size, kernel_size, settings.stride)
            diagram(
                parts,
                extent,
                key=f"share_matrix_{kind}",
                alt=f"{drawings.TITLES[kind]}: its weight matrix, equal weights in equal colours",
                caption=f"{different:,} different weight{'s' if different > 1 else ''}",
            )
    st.caption(
        "Each row of a matrix belongs to one output, each column to one input; blank is no connection. A convolution "
        "is a dense layer with few different weights, repeated along the diagonals."
        + (f" Drawn with a kernel of {kernel}, the largest that fits here." if kernel < settings.kernel else "")
    )


def _show_moved_photo(photo: Photo, settings: SharingSettings) -> None:
    st.markdown("**Translation equivariance: shift the photo**")
    mover, pictures = st.columns(2, vertical_alignment="center")
    shift = mover.slider(
        "Shift to the right (pixels)",
        0,
        ROOM,
        DEFAULTS["share_shift"],
        key="share_shift",
        bind="query-params",
    )
    mover.caption(_equivariance_note(settings.stride, shift))
    before, after = _windows(photo, shift)
    with pictures:
        _strip(
            (before, after),
            "clip",
            key="share_photo",
            title="The photo, and the shifted photo",
            caption=f"{WINDOW} × {WINDOW} greyscale pixels of the photo; real pixels come in at the left.",
        )
    containers = st.columns(3)
    for container, kind in zip(containers, reversed(KINDS), strict=True):
        maps, difference, ratio = _moved(photo, kind, settings.kernel, settings.stride, shift)
        with container:
            written = f"{ratio:.1%}"
            st.markdown(f"**{drawings.TITLES[kind]}** · maximum difference **{written}** of the peak")
            _strip(
                (*maps, difference),
                "signed",
                key=f"share_map_{kind}",
                title=drawings.TITLES[kind],
                caption="Map of the photo, of the shifted photo, and their difference after shifting back.",
            )


def _equivariance_note(stride: int, shift: int) -> str:
    text = "Three layers with random weights, one map each; red is positive, blue negative. "
    if shift % stride:
        return text + (
            f"A shift by {shift} pixels is no multiple of the stride {stride}: the windows are between their old "
            "positions, and even the convolution's map is not just shifted. Compared with the nearest multiple."
        )
    return text + (
        "With one kernel for all positions, the map shifts with the photo (translation equivariance), except at the "
        "border, which is left out. With different weights at every position, the map changes: such a layer must learn "
        "each pattern again at every position."
    )


@photo_cache()
def _windows(photo: Photo, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the layers' grey input before and after the photo is shifted: (WINDOW, WINDOW) float32 in 0..1."""
    height, width = photo.size
    aspect_ratio = (WINDOW + ROOM) / WINDOW
    rows, columns = min(height, max(1, round(width / aspect_ratio))), min(width, max(1, round(height * aspect_ratio)))
    top, left = (height - rows) // 2, (width - columns) // 2
    crop = cv2.cvtColor(np.ascontiguousarray(photo.pixels[top : top + rows, left : left + columns]), cv2.COLOR_RGB2GRAY)
    way = cv2.INTER_AREA if rows >= WINDOW else cv2.INTER_LINEAR
    wide = cv2.resize(crop, (WINDOW + ROOM, WINDOW), interpolation=way)[..., np.newaxis].astype(np.float32) / 255
    return shifted(wide, 0, ROOM)[..., 0], shifted(wide, shift, ROOM)[..., 0]


@photo_cache()
def _moved(
    photo: Photo, kind: str, kernel: int, stride: int, shift: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, float]:
    """Return the maps of both windows, their difference after shifting back, and its largest relative magnitude."""
    before, after = (random_layer(kind, window * 2 - 1, kernel, stride) for window in _windows(photo, shift))
    border = -(-(kernel // 2) // stride)  # units whose windows overlap the padding
    difference, ratio = moved_difference(before, after, round(shift / stride), border)
    return (before, after), difference, ratio


def _strip(maps: tuple[np.ndarray, ...], display: str, *, key: str, title: str, caption: str) -> None:
    """Show maps side by side in one image, with one colour scale."""
    height, width = maps[0].shape
    drawn = display_values(np.hstack(maps), display)
    drawn = drawn if drawn.ndim == 3 else cv2.cvtColor(drawn, cv2.COLOR_GRAY2RGB)
    fold = max(1, FOLD * WINDOW // height)
    gap = np.full((height, GAP, 3), 128, np.uint8)
    pieces = [piece for i in range(len(maps)) for piece in (gap, drawn[:, i * width : (i + 1) * width])][1:]
    pixels = np.hstack(pieces).repeat(fold, axis=0).repeat(fold, axis=1)
    picture(
        jpeg_url(np.ascontiguousarray(pixels)),
        pixels.shape[:2],
        key=key,
        alt=title,
        caption=caption,
        max_height=FOLD * WINDOW,
        pixelated=True,
    )
