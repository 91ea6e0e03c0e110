"""Mosaic of all kernels of a layer, one frame per training epoch."""

import numpy as np

from cnn_demo.drawing.pictures import signed_colours

MAGNIFIED, GAP = 4, 3  # pixels per weight, and of the line between two kernels
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
    rows = -(-count // columns)
    height, width = (side * MAGNIFIED + GAP for side in kernels.shape[:2])
    picture = np.full((rows * height + GAP, columns * width + GAP, 3), _LINE, np.uint8)
    for index in range(count):
        top, left = GAP + index // columns * height, GAP + index % columns * width
        tile = np.kron(_colours(scaled[..., index]), np.ones((MAGNIFIED, MAGNIFIED, 1), np.uint8))
        picture[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return picture


def _colours(scaled: np.ndarray) -> np.ndarray:
    """Return the colours of values in −1..1: (kh, kw, 3) as they are, (kh, kw) by the red–blue map."""
    if scaled.ndim == 3:
        return np.rint(127.5 + 127.5 * scaled).astype(np.uint8)
    return signed_colours(scaled)
