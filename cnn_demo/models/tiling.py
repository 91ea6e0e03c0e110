"""Overlapping tiles that cover an image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tile:
    """One tile: its position in the image and its size, in pixels, all multiples of the stride."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the tile in the image."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    @property
    def xyxy(self) -> tuple[int, int, int, int]:
        """Corners in pixels of the image."""
        return self.left, self.top, self.left + self.width, self.top + self.height


def tiles(size: tuple[int, int], tile: int, overlap: float, stride: int = 1) -> tuple[Tile, ...]:
    """Cover an image with overlapping tiles, row by row; the outermost tiles touch its borders.

    Args:
        size: (height, width) of the image, multiples of the stride.
        tile: Height and width of a tile in pixels, a multiple of the stride; along a shorter side there is one tile.
        overlap: Minimum overlap of neighbouring tiles as a fraction of a tile, from 0 to below 1.
        stride: All tiles start at multiples of it, as a network's grids do.

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
