"""Pooling: one value for each window of a feature map. Scherer et al. (2010) compare its kinds.

Padding never wins: maximum and minimum ignore it, the average is taken over the pixels that exist (in PyTorch
`count_include_pad=False`; Keras's "same" does so too), and for the L2 norm it is zero.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np

from cnn_demo.convolution.geometry import Pair, as_pair

POOLINGS = ("max", "average", "min", "l2")


def pooled_size(size: Pair, window: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> Pair:
    """Return the (H', W') that `pool` makes of maps of `size` (H, W): floor((n + 2·padding − window) / stride) + 1.

    Raises:
        ValueError: if an argument is out of range, or the window is larger than the padded map.
    """
    (height, width), (down, right), (top, left) = _checked(window, stride, padding)
    rows = size[0] + 2 * top - height
    columns = size[1] + 2 * left - width
    if min(rows, columns) < 0:
        raise ValueError(f"The window of {height} × {width} is larger than the map of {size[0]} × {size[1]}.")
    return rows // down + 1, columns // right + 1


def pool_definition(
    maps: np.ndarray, kind: str, size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> np.ndarray:
    """Pool in plain loops, one window at a time: the definition of `pool`."""
    height, width = pooled_size(maps.shape[:2], size, stride, padding)
    (kh, kw), (rows, columns), (top, left) = _checked(size, stride, padding)
    reduce = _REDUCTIONS[_checked_kind(kind)]
    result = np.zeros((height, width, *maps.shape[2:]))
    for i in range(height):
        for j in range(width):
            y, x = i * rows - top, j * columns - left
            window = maps[max(y, 0) : y + kh, max(x, 0) : x + kw]
            result[i, j] = reduce(window.astype(np.float64), axis=(0, 1))
    return result.astype(np.float32)


def _root_of_squares(window: np.ndarray, axis: tuple[int, int]) -> np.ndarray:
    return np.sqrt(np.sum(window**2, axis=axis))


_REDUCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "max": np.max,
    "min": np.min,
    "average": np.mean,
    "l2": _root_of_squares,
}


def pool(
    maps: np.ndarray, kind: str, size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> np.ndarray:
    """Pool every channel of feature maps.

    Args:
        maps: (H, W) or (H, W, C).
        kind: "max", "average", "min", or "l2", the root of the sum of squares (`torch.nn.functional.lp_pool2d`).
        size: window size: one integer, or (rows, columns).
        stride: stride in pixels; None is `size`, so that windows touch and do not overlap.
        padding: pixels on both sides, smaller than the window, so that no window is all padding.

    Returns:
        float32 (H', W') or (H', W', C), with `pooled_size`. Rows and columns that fill no window are dropped.

    Raises:
        ValueError: if the kind is unknown, an argument is out of range, or the window is larger than the padded map.

    Example:
        >>> import numpy as np
        >>> from cnn_demo.convolution import pool
        >>> pool(np.arange(16).reshape(4, 4), "max", size=2)
        array([[ 5.,  7.],
               [13., 15.]], dtype=float32)
    """
    maps = np.asarray(maps, np.float32)
    if maps.ndim not in (2, 3) or 0 in maps.shape:
        raise ValueError(f"Feature maps have the shape (H, W) or (H, W, C), not {maps.shape}.")
    shape = pooled_size(maps.shape[:2], size, stride, padding)
    window = as_pair(size, "size", 1)
    stride, padding = _checked(size, stride, padding)[1:]
    if _checked_kind(kind) in ("max", "min"):
        empty, combine = (-np.inf, np.maximum) if kind == "max" else (np.inf, np.minimum)
        return _combine_windows(_pad(maps, padding, empty), combine, shape, window, stride)
    if kind == "l2":
        return np.sqrt(_combine_windows(_pad(maps**2, padding, 0), np.add, shape, window, stride))
    total = _combine_windows(_pad(maps, padding, 0), np.add, shape, window, stride)
    exists = _pad(np.ones(maps.shape[:2], np.float32), padding, 0)
    count = _combine_windows(exists, np.add, shape, window, stride)
    return total / (count[..., np.newaxis] if maps.ndim == 3 else count)


def pool_positions(
    maps: np.ndarray, size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0, kind: str = "max"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the position of the maximum or minimum of every window: the only values that get its gradient.

    Of several equal ones it is the first by rows, then columns, as in `torch.nn.functional.max_pool2d`.

    Args:
        maps: (H, W) or (H, W, C).
        size: window size, as for `pool`.
        stride: stride, as for `pool`.
        padding: padding, as for `pool`; it is never the maximum or minimum.
        kind: "max" or "min".

    Returns:
        Rows and columns of the maps, both int64 and of the shape of `pool(maps, kind, size, stride, padding)`.

    Raises:
        ValueError: as `pool`, and if the kind is another one.
    """
    if kind not in ("max", "min"):
        raise ValueError(f"Only the maximum and the minimum of a window have a position, not {kind!r}.")
    maps = np.asarray(maps, np.float32)
    best = pool(maps, kind, size, stride, padding)
    (kh, kw), (down, right), (top, left) = _checked(size, stride, padding)
    padded = _pad(maps, (top, left), np.nan)  # equal to nothing
    rows, columns = (np.full(best.shape, -1, np.int64) for _ in range(2))
    corner = np.indices(best.shape)[:2] * np.array([down, right]).reshape(2, *[1] * best.ndim)
    for u in reversed(range(kh)):  # backwards, so that the first one is written last
        for v in reversed(range(kw)):
            bottom, end = u + (best.shape[0] - 1) * down + 1, v + (best.shape[1] - 1) * right + 1
            found = padded[u:bottom:down, v:end:right] == best
            rows[found] = corner[0][found] + u - top
            columns[found] = corner[1][found] + v - left
    return rows, columns


def pool_gradient(
    maps: np.ndarray, kind: str, size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> np.ndarray:
    """Return the gradient of each value of the maps if every value of the pooled maps has the gradient 1.

    Maximum and minimum pass it to one value of each window; the average passes all of them the same fraction; the L2
    norm passes each its value divided by the norm, and zero in a window of zeros.

    Returns:
        float32 of the shape of `maps`; for the maximum, the number of windows whose maximum each value is.

    Raises:
        ValueError: as `pool`.
    """
    maps = np.asarray(maps, np.float32)
    pooled = pool(maps, kind, size, stride, padding)
    if kind in ("max", "min"):
        gradient = np.zeros(maps.shape, np.float32)
        rows, columns = pool_positions(maps, size, stride, padding, kind)
        np.add.at(gradient, (rows, columns, *np.indices(pooled.shape)[2:]), 1)
        return gradient
    (kh, kw), (down, right), (top, left) = _checked(size, stride, padding)
    if kind == "l2":
        each = np.divide(1, pooled, out=np.zeros_like(pooled), where=pooled > 0)
    else:  # one over the pixels that exist, as for the average of ones divided by their sum
        ones = _pad(np.ones(maps.shape[:2], np.float32), (top, left), 0)
        counts = _combine_windows(ones, np.add, pooled.shape[:2], (kh, kw), (down, right))
        each = np.broadcast_to(1 / (counts if maps.ndim == 2 else counts[..., np.newaxis]), pooled.shape)
    padded = _pad(np.zeros_like(maps), (top, left), 0).copy()
    for u in range(kh):
        for v in range(kw):
            bottom, end = u + (pooled.shape[0] - 1) * down + 1, v + (pooled.shape[1] - 1) * right + 1
            padded[u:bottom:down, v:end:right] += each
    gradient = padded[top : top + maps.shape[0], left : left + maps.shape[1]]
    return gradient * maps if kind == "l2" else gradient


def blur_pool(maps: np.ndarray, size: int | Pair, stride: int | Pair | None = None) -> np.ndarray:
    """Take the maximum of every window at stride 1, blur, and only then keep every `stride`-th value.

    The blur is binomial, of 2 · stride + 1 taps (5 at stride 2), the maps mirrored at their border. Zhang, "Making
    convolutional networks shift-invariant again" (2019), https://arxiv.org/abs/1904.11486, calls it MaxBlurPool, and
    with windows of 1 × 1, of which the maximum is the value itself, BlurPool.

    Args:
        maps: (H, W) or (H, W, C) float32.
        size: window size, as for `pool`; 1 blurs the maps themselves.
        stride: stride, as for `pool`.

    Returns:
        float32 of the shape that `pool(maps, "max", size, stride)` has.

    Raises:
        ValueError: as `pool`.
    """
    down, right = _checked(size, stride, 0)[1]
    dense = pool(maps, "max", size, 1)
    planes = dense if dense.ndim == 3 else dense[..., np.newaxis]
    result = np.empty((*planes[::down, ::right, 0].shape, planes.shape[2]), np.float32)
    for c in range(planes.shape[2]):
        plane = np.ascontiguousarray(planes[..., c])
        blurred = cv2.sepFilter2D(plane, -1, _binomial(right), _binomial(down))  # mirrors (reflect 101)
        result[..., c] = blurred[::down, ::right]
    return result.reshape(*result.shape[:2], *dense.shape[2:])


def blur_pool_gradient(maps: np.ndarray, size: int | Pair, stride: int | Pair | None = None) -> np.ndarray:
    """Return the gradient of each value of the maps if every value of `blur_pool` has the gradient 1.

    The blur passes each maximum the sum of the weights that it is multiplied by, and the maximum passes that on.

    Returns:
        float32 of the shape of `maps`.

    Raises:
        ValueError: as `pool`.
    """
    maps = np.asarray(maps, np.float32)
    steps = _checked(size, stride, 0)[1]
    rows, columns = pool_positions(maps, size, 1)
    sums = np.outer(*(_blur_weights(side, step) for side, step in zip(rows.shape[:2], steps, strict=True)))
    gradient = np.zeros(maps.shape, np.float32)
    each = np.broadcast_to(sums if maps.ndim == 2 else sums[..., np.newaxis], rows.shape)
    np.add.at(gradient, (rows, columns, *np.indices(rows.shape)[2:]), each)
    return gradient


def _blur_weights(side: int, stride: int) -> np.ndarray:
    """Return the sum of the weights that each value of an axis is multiplied by, in a blur that keeps every n-th."""
    sums = np.zeros(side)
    for first in range(0, side, stride):
        places = np.pad(np.arange(side), stride, mode="reflect")[first : first + 2 * stride + 1]
        np.add.at(sums, places, _binomial(stride))
    return sums


def _binomial(stride: int) -> np.ndarray:
    """Return the 2 · stride + 1 taps of a binomial blur, float32, which sum to 1."""
    return np.array([math.comb(2 * stride, i) / 4**stride for i in range(2 * stride + 1)], np.float32)


def _combine_windows(padded: np.ndarray, combine: np.ufunc, shape: Pair, window: Pair, stride: Pair) -> np.ndarray:
    """Combine all windows at once: first their first pixels, then their second ones, and so on."""
    height = (shape[0] - 1) * stride[0] + 1
    width = (shape[1] - 1) * stride[1] + 1
    result = padded[: height : stride[0], : width : stride[1]].copy()
    for u in range(window[0]):
        for v in range(window[1]):
            if u or v:
                pixels = padded[u : u + height : stride[0], v : v + width : stride[1]]
                combine(result, pixels, out=result)
    return result


def _pad(maps: np.ndarray, padding: Pair, value: float) -> np.ndarray:
    if padding == (0, 0):
        return maps
    return np.pad(maps, [(p, p) for p in padding] + [(0, 0)] * (maps.ndim - 2), constant_values=value)


def _checked_kind(kind: str) -> str:
    if kind not in POOLINGS:
        raise ValueError(f"There is no pooling {kind!r}; choose one of {', '.join(POOLINGS)}.")
    return kind


def _checked(size: int | Pair, stride: int | Pair | None, padding: int | Pair) -> tuple[Pair, Pair, Pair]:
    window = as_pair(size, "size", 1)
    step = window if stride is None else as_pair(stride, "stride", 1)
    border = as_pair(padding, "padding", 0)
    if border[0] >= window[0] or border[1] >= window[1]:
        raise ValueError(f"Padding {border} must be smaller than the window {window}: a window needs a pixel.")
    return window, step, border
