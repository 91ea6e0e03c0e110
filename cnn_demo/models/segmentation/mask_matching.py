"""Matching of two sets of masks by IoU."""

from __future__ import annotations

import numpy as np
import supervision as sv

MEMORY = 512  # memory limit of the comparison, in megabytes


def mask_overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the pairwise IoU of two sets of masks.

    Args:
        first: (N, H, W) bool masks.
        second: (M, H, W) bool masks.

    Returns:
        (N, M) float64 from 0 to 1.
    """
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)))
    return sv.mask_iou_batch(np.asarray(first, bool), np.asarray(second, bool), memory_limit=MEMORY)


def partners(overlaps: np.ndarray, threshold: float = 0.5) -> list[tuple[int, int]]:
    """Match masks greedily by descending IoU; each mask is matched at most once.

    Args:
        overlaps: (N, M) pairwise IoUs.
        threshold: IoU threshold of a match, above 0.

    Returns:
        (index of the first, index of the second) of each pair, ordered by the first.
    """
    pairs = []
    left = np.array(overlaps, np.float64)
    while left.size and left.max() >= threshold:
        row, column = np.unravel_index(left.argmax(), left.shape)
        pairs.append((int(row), int(column)))
        left[row], left[:, column] = 0, 0
    return sorted(pairs)
