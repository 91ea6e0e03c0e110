"""Mosaic of all kernels of a layer, one frame per training epoch."""

import numpy as np

from cnn_demo.drawing.pictures import signed_colours

GAP = 1  # pixels between two kernels; a weight is one pixel, and the browser enlarges the frame
_LINE = 20  # nearly black


def kernel_mosaic(kernels: np.ndarray, columns: int, full_scale: float | None = None) -> np.ndarray:
    """Draw kernels in a grid.

    Args:
        kernels: Kernels (kh, kw, 3, N) over colours, drawn as colours with grey for zero; or (kh, kw, N), drawn red for
            positive, blue for negative, white for zero.
        columns: Kernels per row.
        full_scale: Magnitude drawn in full colour; default: each kernel's own largest.

    Returns:
        (H, W, 3) uint8.
    """
    count = kernels.shape[-1]
    largest = np.abs(kernels).max(axis=tuple(range(kernels.ndim - 1))) if full_scale is None else full_scale
    scaled = np.clip(kernels / np.maximum(largest, np.finfo(np.float32).tiny), -1, 1)
    tiles = _colours(np.moveaxis(scaled, -1, 0))  # (N, kh, kw, 3)
    rows = -(-count // columns)
    padding = ((0, rows * columns - count), (0, GAP), (0, GAP), (0, 0))
    tiles = np.pad(tiles, padding, constant_values=_LINE)
    _, height, width, _ = tiles.shape
    grid = tiles.reshape(rows, columns, height, width, 3).swapaxes(1, 2)  # (rows, height, columns, width, 3)
    picture = grid.reshape(rows * height, columns * width, 3)
    return np.pad(picture, ((GAP, 0), (GAP, 0), (0, 0)), constant_values=_LINE)


def _colours(scaled: np.ndarray) -> np.ndarray:
    """Return the colours of values in −1..1: (N, kh, kw, 3) as they are, (N, kh, kw) by the red–blue map."""
    if scaled.ndim == 4:
        return np.rint(127.5 + 127.5 * scaled).astype(np.uint8)
    return signed_colours(scaled)
