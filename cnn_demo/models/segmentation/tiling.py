"""Input preparation for segmentation: resizing, padding to multiples of the stride, and blending of tiles.

The photo is placed at the input's upper left corner and padded on the right and at the bottom by reflection, so that
the network's input has neither a border nor distortion. Tiles start at multiples of the stride, so that every pixel
keeps its position in the network's grids, and overlapping tiles are blended.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cnn_demo.models.tiling import Tile

TILE = 768  # pixels; with 512, up to 3% of the pixels of a street scene get another class than in one pass
OVERLAP = 0.25  # overlap of neighbouring tiles as a fraction of a tile


@dataclass(frozen=True)
class Frame:
    """Position of a photo in a network's input.

    Attributes:
        photo: (height, width) of the photo.
        scaled: (height, width) of the resized photo, placed at the upper left corner of the input.
        input: (height, width) of the input, multiples of the stride; the rest is reflection padding.
    """

    photo: tuple[int, int]
    scaled: tuple[int, int]
    input: tuple[int, int]

    @classmethod
    def fit(cls, photo: tuple[int, int], side: int, stride: int) -> Frame:
        """Resize a photo, keeping its aspect ratio.

        Args:
            photo: (height, width) of the photo.
            side: Shorter side of the resized photo, in pixels.
            stride: Stride of the network; both sides of the input are multiples of it.

        Raises:
            ValueError: If the side is not positive.
        """
        if side < 1:
            raise ValueError(f"The image size must be 1 or more, not {side}.")
        gain = side / min(photo)
        height = max(1, round(photo[0] * gain))
        width = max(1, round(photo[1] * gain))
        padded = (-(-height // stride) * stride, -(-width // stride) * stride)
        return cls(photo, (height, width), padded)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Resize and pad a photo (H, W, 3) uint8 to the network's input (height, width, 3) uint8."""
        height, width = self.scaled
        if (height, width) != pixels.shape[:2]:
            shrinks = height * width < pixels.shape[0] * pixels.shape[1]
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        below, right = self.input[0] - height, self.input[1] - width
        return cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REFLECT_101)

    def crop(self, values: np.ndarray) -> np.ndarray:
        """Return the part (scaled) of values at the input's size that shows the photo."""
        return values[: self.scaled[0], : self.scaled[1]]


def weight_of(tile: Tile, size: tuple[int, int]) -> np.ndarray:
    """Return the blending weight of each pixel of a tile, (height, width) float32, above 0.

    Weights rise from the tile's border to its centre, because at the border the network has zero padding instead of the
    photo. They do not fall off towards the borders of the input, where no other tile overlaps.

    Args:
        tile: One of `models.tiling.tiles`.
        size: (height, width) of the input.
    """
    rows = _ramp(tile.height, tile.top > 0, tile.top + tile.height < size[0])
    columns = _ramp(tile.width, tile.left > 0, tile.left + tile.width < size[1])
    return np.outer(rows, columns).astype(np.float32)


def _ramp(length: int, rises: bool, falls: bool) -> np.ndarray:
    near = np.ones(length)
    positions = (np.arange(length) + 0.5) / length
    if rises:
        near = np.minimum(near, np.clip(2 * positions, 0, 1))
    if falls:
        near = np.minimum(near, np.clip(2 * (1 - positions), 0, 1))
    return np.maximum(np.sin(np.pi / 2 * near) ** 4, 1e-6)
