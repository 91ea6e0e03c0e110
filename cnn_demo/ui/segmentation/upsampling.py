"""Page 7, upsampling: nearest, bilinear and transposed convolution, and the cause of checkerboard artifacts."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import streamlit as st

from cnn_demo.convolution.upsampling import (
    KERNELS,
    bilinear,
    kernel_of,
    nearest,
    ripple,
    stamps,
    transposed,
    unevenness,
)
from cnn_demo.drawing.pictures import png_url, signed_colours
from cnn_demo.images import Photo
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.number_grid import number_grid
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

SIZE, KIND, TIMES = "up_kernel", "up_weights", "up_times"
DEFAULTS: dict[str, Any] = {SIZE: 3, KIND: KERNELS["even"], TIMES: 8}
SMALL_SIDE = 24  # pixels of the longer side of the map that is enlarged
COUNTED = 4  # pixels a side of the map whose stamps are counted


@fragment
def upsampling_view(photo: Photo) -> None:
    """Enlarge a coarse map by nearest neighbour, bilinear interpolation and transposed convolution."""
    panel, stage, details = controls_picture_and_details("upsampling")
    with panel:
        times = st.select_slider(
            "Scale factor",
            [2, 4, 8, 16],
            DEFAULTS[TIMES],
            format_func="{} times".format,
            key=TIMES,
            bind="query-params",
        )
        size = st.slider(
            "Kernel size",
            2,
            6,
            DEFAULTS[SIZE],
            key=SIZE,
            bind="query-params",
            help="Of the transposed convolution, whose stride is 2: each step doubles the map.",
        )
        kind = st.selectbox("Kernel", list(KERNELS.values()), key=KIND, bind="query-params")
    kind = next(name for name, title in KERNELS.items() if title == kind)
    plane = small_map(photo.pixels)
    weights = kernel_of(kind, size)
    steps = int(np.log2(times))
    pictures = {
        f"Nearest neighbour, × {times}": (nearest(plane, times), "Squares: only values of the map."),
        f"Bilinear, × {times}": (bilinear(plane, times), "Smooth: weighted means of the neighbours; not learned."),
        f"Transposed convolution, {size} × {size}, {steps} step{'' if steps == 1 else 's'}": (
            transposed(plane, weights, steps),
            _verdict(weights, kind),
        ),
    }
    scale = float(np.abs(plane).max()) or 1.0
    with stage:
        picture_cards(
            [
                Card(_coloured(values, scale, times), f"The map enlarged: {title}.", title, (note,))
                for title, (values, note) in {"The map": (plane, _size(plane)), **pictures}.items()
            ],
            width=150,
            columns=4,
            ratio=f"{plane.shape[1]} / {plane.shape[0]}",
            pixelated=True,
        )
        st.caption("Red is brighter than the photo's mean, blue darker.")
    with details:
        st.markdown(
            "A decoder has to upsample coarse maps. Here is the photo's brightness as a small map, and three ways to "
            "enlarge it. The kernel of a **transposed convolution** is learned: each value of the map adds a scaled "
            "copy of the kernel to the larger map, and copies that overlap unevenly leave a **checkerboard**."
        )
        counted, kernel = two_cells()
    with counted:
        number_grid(
            stamps(size, COUNTED).astype(float),
            title="Kernel copies that overlap at each pixel",
            alt="Kernel copies at each pixel.",
            note=_why(size),
        )
    with kernel:
        number_grid(weights, title="The kernel", alt="The weights of the kernel.", note="They sum to 4.")


def small_map(pixels: np.ndarray) -> np.ndarray:
    """Return the brightness of a photo (H, W, 3) uint8 as a small map (h, w) float32, its mean taken away."""
    scale = SMALL_SIDE / max(pixels.shape[:2])
    width, height = (max(1, round(length * scale)) for length in pixels.shape[1::-1])
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return small - small.mean()


def _coloured(values: np.ndarray, scale: float, times: int) -> str:
    colours = signed_colours(np.clip(values / scale, -1, 1))
    return png_url(colours if len(values) > SMALL_SIDE else colours.repeat(times, 0).repeat(times, 1))


def _size(plane: np.ndarray) -> str:
    return f"{plane.shape[0]} × {plane.shape[1]} values"


def _verdict(weights: np.ndarray, kind: str) -> str:
    uneven = ripple(weights)
    if kind == "random":
        return (
            f"Random weights leave a pattern: a constant map of 1 would vary by {uneven:.1f}. Training has to remove "
            "it."
        )
    if uneven > 1e-3:
        return f"Neighbouring pixels get different numbers of copies: a constant map of 1 would vary by {uneven:.1f}."
    if unevenness(len(weights)) > 1:
        return "The copies overlap unevenly, but a pyramid's slopes add up: no checkerboard."
    return "All pixels get equally many copies: no checkerboard."


def _why(size: int) -> str:
    times = unevenness(size)
    if times == 1:
        return "Even: the kernel size is a multiple of 2. There are fewer only at the border."
    return f"Away from the border, some pixels get {times} times as many as others."
