"""Regions of a class map: connected pixels of one class."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class Regions:
    """The connected regions of a class map, the largest first.

    Attributes:
        map: (H, W) int32, the index of the region that each pixel belongs to.
        class_ids: (N,) int64, class of each region.
        areas: (N,) int64, pixels of each region.
    """

    map: np.ndarray = field(repr=False)
    class_ids: np.ndarray
    areas: np.ndarray

    def mask(self, index: int) -> np.ndarray:
        """Return the pixels of a region, (H, W) bool."""
        return self.map == index

    def middle(self, index: int) -> tuple[int, int]:
        """Return the (row, column) of the pixel of a region that is farthest from its outline."""
        distances = cv2.distanceTransform(np.pad(self.mask(index), 1).astype(np.uint8), cv2.DIST_L2, 3)
        row, column = np.unravel_index(int(distances.argmax()), distances.shape)
        return int(row) - 1, int(column) - 1


def connected_regions(class_map: np.ndarray) -> Regions:
    """Return the 8-connected regions of a class map (H, W) of integers."""
    numbers = np.zeros(class_map.shape, np.int32)
    class_ids: list[int] = []
    areas: list[int] = []
    for class_id in np.unique(class_map).tolist():
        mask = class_map == class_id
        count, labels, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        numbers[mask] = labels[mask] - 1 + len(areas)  # component 0 is everything else
        class_ids += [class_id] * (count - 1)
        areas += facts[1:, cv2.CC_STAT_AREA].tolist()
    order = np.argsort(-np.array(areas), kind="stable")
    ranks = np.empty(len(order), np.int32)
    ranks[order] = np.arange(len(order))
    return Regions(ranks[numbers], np.array(class_ids)[order], np.array(areas)[order])
