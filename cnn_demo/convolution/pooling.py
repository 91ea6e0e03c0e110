"""Pooling: one number for each window of a feature map. Scherer et al. (2010) compare its kinds.

Padding never wins: maximum and minimum ignore it, the average is taken over the pixels that exist (in PyTorch
`count_include_pad=False`; Keras's "same" does so too), and for the L2 norm it is zero.
"""

import numpy as np

from cnn_demo.convolution.geometry import Pair, as_pair

POOLINGS = ("max", "average", "min", "l2")


def pooled_size(size: Pair, window: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> Pair:
    """Return the (H', W') that `pool` makes of maps of `size` (H, W): floor((n + 2·padding − window) / stride) + 1.

    Raises:
        ValueError: if a number is out of range, or the window is larger than the padded map.
    """
    window, stride, padding = _checked(window, stride, padding)
    rows, columns = (n + 2 * p - k for n, p, k in zip(size, padding, window, strict=True))
    if min(rows, columns) < 0:
        raise ValueError(f"The window of {window[0]} × {window[1]} is larger than the map of {size[0]} × {size[1]}.")
    return rows // stride[0] + 1, columns // stride[1] + 1


def pool_definition(
    maps: np.ndarray, kind: str, size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> np.ndarray:
    """Pool in plain loops, one window at a time: the definition of what `pool` returns."""
    height, width = pooled_size(maps.shape[:2], size, stride, padding)
    (kh, kw), (rows, columns), (top, left) = _checked(size, stride, padding)
    reduce = {"max": np.max, "min": np.min, "average": np.mean, "l2": _root_of_squares}[_known(kind)]
    result = np.zeros((height, width, *maps.shape[2:]))
    for i in range(height):
        for j in range(width):
            y, x = i * rows - top, j * columns - left
            window = maps[max(y, 0) : y + kh, max(x, 0) : x + kw]
            result[i, j] = reduce(window.astype(np.float64), axis=(0, 1))
    return result.astype(np.float32)


def _root_of_squares(window: np.ndarray, axis: tuple[int, int]) -> np.ndarray:
    return np.sqrt(np.sum(window**2, axis=axis))


def pool(
    maps: np.ndarray, kind: str, size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
) -> np.ndarray:
    """Pool every channel of feature maps.

    Args:
        maps: (H, W) or (H, W, C).
        kind: "max", "average", "min", or "l2", the root of the sum of squares (`torch.nn.functional.lp_pool2d`).
        size: of the window: one integer, or (rows, columns).
        stride: from window to window; None is `size`, so that windows touch and do not overlap.
        padding: pixels on both sides, smaller than the window, so that no window is all padding.

    Returns:
        float32 (H', W') or (H', W', C), with `pooled_size`. Rows and columns that fill no window are dropped.

    Raises:
        ValueError: if the kind is unknown, a number is out of range, or the window is larger than the padded map.
    """
    maps = np.asarray(maps, np.float32)
    if maps.ndim not in (2, 3) or 0 in maps.shape:
        raise ValueError(f"Feature maps have the shape (H, W) or (H, W, C), not {maps.shape}.")
    shape, window = pooled_size(maps.shape[:2], size, stride, padding), as_pair(size, "size", 1)
    stride, padding = _checked(size, stride, padding)[1:]
    if _known(kind) in ("max", "min"):
        empty, combine = (-np.inf, np.maximum) if kind == "max" else (np.inf, np.minimum)
        return _combine_windows(_pad(maps, padding, empty), combine, shape, window, stride)
    if kind == "l2":
        return np.sqrt(_combine_windows(_pad(maps**2, padding, 0), np.add, shape, window, stride))
    total = _combine_windows(_pad(maps, padding, 0), np.add, shape, window, stride)
    exists = _pad(np.ones(maps.shape[:2], np.float32), padding, 0)
    count = _combine_windows(exists, np.add, shape, window, stride)
    return total / (count[..., np.newaxis] if maps.ndim == 3 else count)


def _combine_windows(padded: np.ndarray, combine: np.ufunc, shape: Pair, window: Pair, stride: Pair) -> np.ndarray:
    """Combine all windows at once: first their first pixels, then their second ones, and so on."""
    result = None
    for u in range(window[0]):
        for v in range(window[1]):
            bottom, right = u + (shape[0] - 1) * stride[0] + 1, v + (shape[1] - 1) * stride[1] + 1
            pixels = padded[u : bottom : stride[0], v : right : stride[1]]
            result = pixels.copy() if result is None else combine(result, pixels, out=result)
    return result


def _pad(maps: np.ndarray, padding: Pair, value: float) -> np.ndarray:
    if padding == (0, 0):
        return maps
    return np.pad(maps, [(p, p) for p in padding] + [(0, 0)] * (maps.ndim - 2), constant_values=value)


def _known(kind: str) -> str:
    if kind not in POOLINGS:
        raise ValueError(f"There is no pooling {kind!r}; choose one of {', '.join(POOLINGS)}.")
    return kind


def _checked(size: int | Pair, stride: int | Pair | None, padding: int | Pair) -> tuple[Pair, Pair, Pair]:
    window = as_pair(size, "size", 1)
    stride = window if stride is None else as_pair(stride, "stride", 1)
    padding = as_pair(padding, "padding", 0)
    if padding[0] >= window[0] or padding[1] >= window[1]:
        raise ValueError(f"Padding {padding} must be smaller than the window {window}: a window needs a pixel.")
    return window, stride, padding
