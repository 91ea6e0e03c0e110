"""Arithmetic of one value of a pooled map, step by step."""

import math
from dataclasses import dataclass

import numpy as np

from cnn_demo.convolution.geometry import Pair
from cnn_demo.convolution.pooling import pool


@dataclass(frozen=True)
class WindowArithmetic:
    """How a window becomes one value: `value = sum(window * weights)`, whatever the kind of pooling.

    Attributes:
        window: (kh, kw) float32, the values of the map.
        weights: (kh, kw) float32, how much each counts, which is also the gradient that it gets: for the maximum one 1
            among zeros, for the average equal weights, for the L2 norm each value divided by the norm.
        value: the pooled value.
        row: row of the window's first value in the map.
        column: column of the window's first value in the map.
    """

    window: np.ndarray
    weights: np.ndarray
    value: float
    row: int
    column: int


def explain_window(
    plane: np.ndarray, kind: str, size: int | tuple[int, int], stride: int, row: int, column: int
) -> WindowArithmetic:
    """Return the arithmetic of value (row, column) of a pooled map.

    Args:
        plane: (H, W) map.
        kind: "max", "min", "average", "l2", "skip" (the window's first value), "blur" (`blur_pool`; its window holds
            the maxima at stride 1) or "smooth" (`blur_pool` of the map itself).
        size: window size, one integer or (rows, columns).
        stride: stride in pixels.
        row: row of the pooled map, from 0.
        column: column of the pooled map, from 0.

    Raises:
        IndexError: if there is no such window.
    """
    kh, kw = (size, size) if isinstance(size, int) else size
    if kind in ("blur", "smooth"):
        reach = 2 * stride + 1
        dense = pool(plane, "max", (kh, kw) if kind == "blur" else 1, 1)
        maxima = np.pad(dense, stride, mode="reflect")
        taps = np.array([math.comb(reach - 1, i) / 4**stride for i in range(reach)], np.float32)
        window = maxima[row * stride : row * stride + reach, column * stride : column * stride + reach]
        weights = np.outer(taps, taps)
        return _explained(window, weights, (reach, reach), row * stride - stride, column * stride - stride)
    top, left = row * stride, column * stride
    window = np.asarray(plane[top : top + kh, left : left + kw], np.float32)
    if window.shape != (kh, kw) or min(row, column) < 0:
        raise IndexError(f"There is no window ({row}, {column}) on a map of {plane.shape[0]} × {plane.shape[1]}.")
    return _explained(window, _weights(window, kind), (kh, kw), top, left)


def _explained(window: np.ndarray, weights: np.ndarray, shape: Pair, row: int, column: int) -> WindowArithmetic:
    if window.shape != shape:
        raise IndexError("There is no such window on the map.")
    value = float(np.sum(window.astype(np.float64) * weights))
    return WindowArithmetic(window, weights.astype(np.float32), value, row, column)


def _weights(window: np.ndarray, kind: str) -> np.ndarray:
    if kind == "average":
        return np.full(window.shape, 1 / window.size)
    if kind == "l2":
        norm = np.linalg.norm(window.astype(np.float64))
        return window / norm if norm > 0 else np.zeros(window.shape)
    weights = np.zeros(window.shape)
    first = {"max": int(window.argmax()), "min": int(window.argmin()), "skip": 0}[kind]
    weights.flat[first] = 1
    return weights
