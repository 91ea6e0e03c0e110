"""Which masks of two answers are of the same object: how much they overlap, and who goes with whom."""

from __future__ import annotations

import numpy as np
import supervision as sv

MEMORY = 512  # megabytes that comparing may take


def mask_overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the IoU of each mask with each other one.

    Args:
        first: (N, H, W) bool.
        second: (M, H, W) bool.

    Returns:
        (N, M) float64 from 0 to 1.
    """
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)))
    return sv.mask_iou_batch(np.asarray(first, bool), np.asarray(second, bool), memory_limit=MEMORY)


def partners(overlaps: np.ndarray, least: float = 0.5) -> list[tuple[int, int]]:
    """Pair masks off, those that overlap most first; each has one partner at most.

    Args:
        overlaps: (N, M) IoUs.
        least: That two masks of one object have, above 0.

    Returns:
        (index of the first, index of the second) of each pair, ordered by the first.
    """
    pairs, left = [], np.array(overlaps, np.float64)
    while left.size and left.max() >= least:
        row, column = np.unravel_index(left.argmax(), left.shape)
        pairs.append((int(row), int(column)))
        left[row], left[:, column] = 0, 0
    return sorted(pairs)
