"""One operation on a small crop, cell by cell: it plays, steps and scrubs, and its cells and kernel can be edited.

All of it is computed in the browser. Python sends the crop's exact values, and hears of a moved crop and of a kernel
that the visitor wants to keep. The animation by Dumoulin & Visin (2016), https://arxiv.org/abs/1603.07285, shows such
a walk for sizes; here it runs on the visitor's photo, with its numbers.
"""

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.images.crop import FEWEST, MOST, Crop, format_crop
from cnn_demo.ui.components import declare

MAX_SIDE = 15
"""Largest side of a kernel that can be edited."""
MAX_WEIGHT = 1e6
KINDS = ("convolution", "max", "average", "min", "l2", "blur", "transposed")
_mount = declare("conv_player")


@dataclass(frozen=True)
class Operation:
    """An operation of `cnn_demo.convolution`.

    Attributes:
        kind: One of `KINDS`; "blur" is `blur_pool`, the others are `convolve`, `pool` and `transposed_convolve`.
        size: (rows, columns) of the kernel or the window.
        weights: (kh, kw) kernel; None for pooling.
        stride: (rows, columns).
        dilation: (rows, columns), for a kernel.
        padding: "same", "valid" or (rows, columns), as in `ConvSpec`; for "transposed", what is cropped.
        mode: Padding mode, as in `ConvSpec`.
        flip: Whether the kernel is rotated by 180° first.
        bias: Added to every sum.
        activation: A key of `ACTIVATIONS`.
    """

    kind: str
    size: tuple[int, int]
    weights: np.ndarray | None = None
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: str | tuple[int, int] = (0, 0)
    mode: str = "zeros"
    flip: bool = False
    bias: float = 0.0
    activation: str = "none"

    def data(self) -> dict[str, Any]:
        """Return it as the script reads it."""
        padding = self.padding if isinstance(self.padding, str) else list(self.padding)
        weights = [] if self.weights is None else np.asarray(self.weights, np.float64).ravel().tolist()
        return {
            "kind": self.kind,
            "size": list(self.size),
            "weights": weights,
            "stride": list(self.stride),
            "dilation": list(self.dilation),
            "padding": padding,
            "mode": self.mode,
            "flip": self.flip,
            "bias": self.bias,
            "activation": self.activation,
        }


@dataclass(frozen=True)
class Source:
    """The picture that the crop is cut from.

    Attributes:
        image: (H, W) or (H, W, 3) float32.
        thumbnail: Data URL of the picture, of any size.
        name: Identifies the picture, so that painted cells are kept while only the operation changes.
        alt: Text alternative.
        white: Value that is drawn white.
    """

    image: np.ndarray = field(repr=False)
    thumbnail: str = field(repr=False)
    name: str
    alt: str
    white: float = 1.0


def conv_player(
    operation: Operation,
    source: Source,
    crop: Crop,
    *,
    key: str,
    on_crop: Callable[[str], None],
    display: str = "clip",
    on_kernel: Callable[[np.ndarray], None] | None = None,
    selected: str = "",
) -> None:
    """Show the operation on the crop.

    Args:
        operation: The operation.
        source: The picture.
        crop: The part of it.
        key: Widget key, unique on the page.
        on_crop: Callback that takes the text of a crop that the visitor has moved.
        display: How the result is shown, a key of `cnn_demo.drawing.pictures.DISPLAYS`.
        on_kernel: Callback that takes an edited kernel, (kh, kw) float32; without it, edits stay in the browser.
        selected: Text of the crop around the pixel that is selected elsewhere on the page; empty for none.
    """
    values = np.ascontiguousarray(crop.cut(source.image), np.float32)

    def cropped() -> None:
        place = st.session_state[key].crop
        if text := _crop_text(place):
            on_crop(text)

    def handed_over() -> None:
        weights = _kernel(st.session_state[key].kernel)
        if weights is not None and on_kernel is not None:
            on_kernel(weights)

    _mount(
        key=key,
        data={
            "operation": operation.data(),
            "display": display,
            "white": source.white,
            "values": base64.b64encode(values.astype("<f4").tobytes()).decode("ascii"),
            "channels": values.shape[2],
            "crop": {
                "cells": crop.cells,
                "cell": crop.cell,
                "row": crop.row,
                "column": crop.column,
                "height": crop.height,
                "width": crop.width,
            },
            "fewest": FEWEST,
            "most": MOST,
            "photo": {
                "src": source.thumbnail,
                "name": source.name,
                "alt": source.alt,
                "height": source.image.shape[0],
                "width": source.image.shape[1],
            },
            "selected": selected,
            "editable": operation.weights is not None and max(operation.size) <= MAX_SIDE,
            "keeps": on_kernel is not None,
        },
        on_crop_change=cropped,
        on_kernel_change=handed_over,
    )


def _crop_text(place: object) -> str:
    """Return the text of a crop that the browser has sent; empty if it is none."""
    names = ("cells", "cell", "row", "column")
    if not isinstance(place, dict) or set(place) != set(names):
        return ""
    numbers = [place[name] for name in names]
    if not all(isinstance(number, int) and 0 <= number < 10_000 for number in numbers):
        return ""
    return format_crop(*numbers)


def _kernel(rows: object) -> np.ndarray | None:
    """Return a kernel that the browser has sent; None if it is none."""
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_SIDE:
        return None
    if not all(isinstance(row, list) and 1 <= len(row) == len(rows[0]) <= MAX_SIDE for row in rows):
        return None
    cells = [cell for row in rows for cell in row]
    if not all(isinstance(cell, int | float) and math.isfinite(cell) and abs(cell) <= MAX_WEIGHT for cell in cells):
        return None
    return np.array(rows, np.float32)
