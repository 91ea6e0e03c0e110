"""One map downsampled in several ways, for "Compare pooling", and the maps that page 2 offers."""

from dataclasses import dataclass

import numpy as np

from cnn_demo.convolution import (
    ConvSpec,
    WindowArithmetic,
    blur_pool,
    blur_pool_gradient,
    convolve,
    explain_window,
    kernel,
    pool,
    pool_gradient,
    pooled_size,
    transposed_convolve,
)
from cnn_demo.convolution.filter_bank import FILTER_TITLES, hand_made_filters
from cnn_demo.images import Photo
from cnn_demo.ui.layers.maps import working_image
from cnn_demo.ui.layers.settings import POOL_TITLES, value_of
from cnn_demo.ui.page.caching import photo_cache
from cnn_demo.ui.page.session import SESSION

BRIGHTNESS = "brightness"
MAPS = (BRIGHTNESS, *FILTER_TITLES[:8])
FOURTH = {
    "strided": "Strided convolution",
    "blur": "Blurred max",
    "smooth": "Blurred stride",
    "min": "Min",
    "l2": "L2 norm",
}
TAPS = {"skip": "Every n-th value", "gaussian": "Gaussian", "random": "Random weights"}


@dataclass(frozen=True)
class Pooled:
    """The result of one way to downsample a map.

    Attributes:
        kind: A kind of pooling, or "strided".
        title: Display name.
        values: (H', W') float32.
        gradient: (H, W) float32, gradient of the sum of `values` with respect to the map.
        opened: Arithmetic of the selected window.
    """

    kind: str
    title: str
    values: np.ndarray
    gradient: np.ndarray
    opened: WindowArithmetic


def map_title(name: str) -> str:
    """Return the title of one of `MAPS`."""
    return "Brightness" if name == BRIGHTNESS else name.capitalize()


@photo_cache()
def feature_map(photo: Photo, name: str) -> np.ndarray:
    """Return the photo's brightness, or its response to a 3 × 3 filter of the bank after ReLU, (H, W) float32."""
    grey = np.ascontiguousarray(working_image(photo).mean(axis=2))
    if name in FILTER_TITLES:
        bank = hand_made_filters(len(FILTER_TITLES), 3)
        grey = np.maximum(convolve(grey, bank[..., FILTER_TITLES.index(name)], ConvSpec(padding_mode="replicate")), 0)
    grey.flags.writeable = False
    return grey


def strided_kernel(name: str, size: int) -> np.ndarray:
    """Return the kernel of the strided convolution, (size, size) float32."""
    if name == "gaussian":
        return kernel("gaussian", size=size, sigma=max(size / 4, 0.3))
    if name == "random":
        return kernel("random", size=size, seed=1)
    weights = np.zeros((size, size), np.float32)
    weights[0, 0] = 1
    return weights


def pooled(plane: np.ndarray, kind: str, window: int, stride: int, row: int, column: int) -> Pooled:
    """Downsample a map.

    Args:
        plane: (H, W) float32.
        kind: "max", "average" or a key of `FOURTH`.
        window: Side of the window.
        stride: Its stride.
        row: Row of the selected window in the result.
        column: Its column.
    """
    if kind in ("blur", "smooth"):
        rows, columns = pooled_size(plane.shape, window, stride)
        size = window if kind == "blur" else 1
        return Pooled(
            kind,
            POOL_TITLES[kind],
            blur_pool(plane, size, stride)[:rows, :columns],
            blur_pool_gradient(plane, size, stride),
            explain_window(plane, kind, window, stride, row, column),
        )
    if kind != "strided":
        return Pooled(
            kind,
            POOL_TITLES[kind],
            pool(plane, kind, window, stride),
            pool_gradient(plane, kind, window, stride),
            explain_window(plane, kind, window, stride, row, column),
        )
    weights = strided_kernel(value_of(SESSION, "taps"), window)
    values = convolve(plane, weights, ConvSpec(stride=stride, padding="valid"))
    gradient = transposed_convolve(np.ones_like(values), weights, stride)[: plane.shape[0], : plane.shape[1]]
    missing = [(0, side - have) for side, have in zip(plane.shape, gradient.shape, strict=True)]
    first = explain_window(plane, "skip", window, stride, row, column)
    opened = WindowArithmetic(first.window, weights, float(values[row, column]), first.row, first.column)
    return Pooled(kind, FOURTH[kind], values, np.pad(gradient, missing), opened)
