"""Masks drawn over a photo."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import cv2
import numpy as np
import supervision as sv

from cnn_demo.detections import masks

BLANK = 255  # index of pixels without a class in a PNG, as in Pascal VOC

OPACITY = 0.6


def cut_out(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Cut the pixels of a mask out of a photo.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.

    Returns:
        (H, W, 4) uint8 RGBA; transparent pixels are black, so that viewers without transparency show nothing of them.
    """
    alpha = mask.astype(np.uint8)
    return np.dstack([pixels * alpha[..., None], alpha * np.uint8(255)])


def overlay(
    pixels: np.ndarray,
    class_map: np.ndarray,
    colours: np.ndarray,
    opacity: float = OPACITY,
    shown: np.ndarray | None = None,
) -> np.ndarray:
    """Overlay the class colours on a photo.

    Args:
        pixels: (H, W, 3) uint8 RGB; stays as it is.
        class_map: (H, W) integers, indices of colours.
        colours: (C, 3) uint8 RGB.
        opacity: Opacity, from 0 (photo only) to 1 (colours only).
        shown: (H, W) bool, pixels that get a colour; None for all.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    mixed = cv2.addWeighted(colours[class_map], opacity, pixels, 1 - opacity, 0)
    return mixed if shown is None else np.where(shown[..., None], mixed, pixels)


def instance_map(detections: sv.Detections, size: tuple[int, int]) -> np.ndarray:
    """Return the number of the object that each pixel belongs to, (H, W) uint8: 0 for none, the first is 1.

    Of overlapping objects the smallest gets the pixel, so that a large one hides none: the mask of a bus may cover the
    people in front of it. Of more than 254 objects, the first 254 are numbered.

    Args:
        detections: Detections with masks, the most confident first.
        size: (height, width) of the photo.
    """
    return numbered(masks(detections) if len(detections) else (), size)


def numbered(object_masks: Iterable[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Return the index map of `instance_map` for masks (H, W) bool, which may come one at a time."""
    index_map = np.zeros(size, np.uint8)
    areas = np.full(BLANK, np.inf)  # of each number; 0, no object, is the largest
    for number, mask in enumerate(islice(object_masks, BLANK - 1), 1):
        areas[number] = np.count_nonzero(mask)
        owners = index_map[mask]
        index_map[mask] = np.where(areas[owners] > areas[number], number, owners)
    return index_map
