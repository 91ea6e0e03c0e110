"""How alike two maps of one photo are."""

from __future__ import annotations

import numpy as np


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Pearson's correlation of two maps (H, W), −1 to 1; 0 if one is constant.

    Raises:
        ValueError: If they differ in size.
    """
    if first.shape != second.shape:
        raise ValueError(f"Both maps must have one size, not {first.shape} and {second.shape}.")
    a, b = (values.astype(np.float64) - values.mean(dtype=np.float64) for values in (first, second))
    scale = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / scale) if scale > 0 else 0.0


def fraction_inside(values: np.ndarray, box_xyxy: np.ndarray) -> float:
    """Return the fraction of a non-negative map (H, W) that is inside a box, 0 to 1; 0 if the map is zero.

    Args:
        values: The map.
        box_xyxy: (4,) corners in pixels of the map.
    """
    height, width = values.shape
    left, top, right, bottom = np.clip(np.round(box_xyxy).astype(int), 0, (width, height, width, height))
    total = float(values.sum(dtype=np.float64))
    return float(values[top:bottom, left:right].sum(dtype=np.float64)) / total if total > 0 else 0.0
