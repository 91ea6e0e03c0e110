"""Resizing of photos to a network's input size."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

Resampling = Literal["area", "bilinear"]


def resized(pixels: np.ndarray, size: tuple[int, int], resampling: Resampling = "area") -> np.ndarray:
    """Bring a photo (H, W, 3) uint8 to a size (height, width), leaving no pixel out.

    Args:
        pixels: The photo.
        size: Size of the result.
        resampling: "area" averages over the pixels that fall into one; "bilinear" halves the photo while it is twice
            as high or as wide, and interpolates the rest, which keeps edges sharper.
    """
    rows, columns = size
    if resampling == "bilinear":
        return _halved_and_interpolated(pixels, rows, columns)
    while pixels.shape[0] >= 8 * rows and pixels.shape[1] >= 8 * columns:  # halving is the fastest in OpenCV
        pixels = cv2.resize(pixels, (pixels.shape[1] // 2, pixels.shape[0] // 2), interpolation=cv2.INTER_AREA)
    way = cv2.INTER_AREA if pixels.shape[0] >= rows and pixels.shape[1] >= columns else cv2.INTER_LINEAR
    return cv2.resize(pixels, (columns, rows), interpolation=way)


def _halved_and_interpolated(pixels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    while (high := pixels.shape[0] >= 2 * rows) | (wide := pixels.shape[1] >= 2 * columns):
        half = pixels.shape[1] // (1 + wide), pixels.shape[0] // (1 + high)
        pixels = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA)
    return cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_LINEAR)
