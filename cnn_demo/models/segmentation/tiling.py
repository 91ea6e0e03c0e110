"""Input preparation for segmentation: resizing, padding to multiples of the stride, and tiling.

The photo is placed at the input's upper left corner and padded on the right and at the bottom by reflection, so that
the network's input has neither a border nor distortion. Tiles start at multiples of the stride, so that every pixel
keeps its position in the network's grids, and overlapping tiles are blended.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

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


@dataclass(frozen=True)
class Tile:
    """One tile: its position in the input and its size, in pixels, all multiples of the stride."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the tile in the input."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def tiles(size: tuple[int, int], tile: int = TILE, overlap: float = OVERLAP, stride: int = 32) -> tuple[Tile, ...]:
    """Cover an input with overlapping tiles, row by row; the outermost tiles touch its borders.

    Args:
        size: (height, width) of the input, multiples of the stride.
        tile: Height and width of a tile in pixels, a multiple of the stride; a smaller input gets a single tile.
        overlap: Minimum overlap of neighbouring tiles as a fraction of a tile, from 0 to below 1.
        stride: Stride of the network.

    Raises:
        ValueError: If the tile is not a positive multiple of the stride, or the overlap is out of its range.
    """
    if tile < stride or tile % stride:
        raise ValueError(f"The tile must be a multiple of {stride}, not {tile}.")
    if not 0 <= overlap < 1:
        raise ValueError(f"The overlap must be from 0 to below 1, not {overlap}.")
    tops, lefts = (_starts(length, tile, overlap, stride) for length in size)
    height, width = min(tile, size[0]), min(tile, size[1])
    return tuple(Tile(top, left, height, width) for top in tops for left in lefts)


def _starts(length: int, tile: int, overlap: float, stride: int) -> list[int]:
    """Return the start positions of tiles along one axis: multiples of the stride, as evenly spaced as possible."""
    if length <= tile:
        return [0]
    step = max(stride, int(tile * (1 - overlap)) // stride * stride)
    count = 1 + -(-(length - tile) // step)
    return [round((length - tile) * i / (count - 1) / stride) * stride for i in range(count)]


def weight_of(tile: Tile, size: tuple[int, int]) -> np.ndarray:
    """Return the blending weight of each pixel of a tile, (height, width) float32, above 0.

    Weights rise from the tile's border to its centre, because at the border the network has zero padding instead of the
    photo. They do not fall off towards the borders of the input, where no other tile overlaps.

    Args:
        tile: One of `tiles`.
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
