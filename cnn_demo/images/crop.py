"""A square crop of a photo in cells, each the mean of a block of pixels; its place is a short text in the link."""

import re
from dataclasses import dataclass

import numpy as np

FEWEST, MOST, USUAL = 8, 24, 12  # cells along each side
_TEXT = re.compile(r"(\d{1,2})\.(\d{1,4})\.(\d{1,5})\.(\d{1,5})")


@dataclass(frozen=True)
class Crop:
    """A crop of a photo.

    Attributes:
        cells: Cells along each side that were asked for, `FEWEST` to `MOST`.
        cell: Pixels along each side of a cell.
        row: First row of the photo.
        column: First column of the photo.
        height: Rows of cells; fewer than `cells` on a photo that is smaller.
        width: Columns of cells.
    """

    cells: int
    cell: int
    row: int
    column: int
    height: int
    width: int

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return the cells of an image (H, W) or (H, W, C), (height, width, C) float32."""
        image = image if image.ndim == 3 else image[..., np.newaxis]
        rows, columns = self.height * self.cell, self.width * self.cell
        part = image[self.row : self.row + rows, self.column : self.column + columns]
        blocks = part.reshape(self.height, self.cell, self.width, self.cell, image.shape[2])
        return blocks.mean(axis=(1, 3), dtype=np.float64).astype(np.float32)


def format_crop(cells: int, cell: int, row: int, column: int) -> str:
    """Write a crop as the text that the link holds, such as "12.8.40.60"."""
    return f"{cells}.{cell}.{row}.{column}"


def is_crop(text: str) -> bool:
    """Whether a text names a crop, or is empty."""
    return not text or _TEXT.fullmatch(text) is not None


def read_crop(text: str, size: tuple[int, int], centre: tuple[float, float]) -> Crop:
    """Return the crop that a text names, moved and reduced until it lies in the photo.

    Args:
        text: As `format_crop` writes it. Any other text stands for the usual crop: a third of the photo's shorter side
            around `centre`.
        size: Height and width of the photo in pixels.
        centre: Row and column that the usual crop is centred on.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        return crop_around(size, centre)
    cells, cell, row, column = map(int, match.groups())
    return _fitted(cells, cell, (row, column), size)


def crop_around(size: tuple[int, int], centre: tuple[float, float], cell: int | None = None) -> Crop:
    """Return a crop of the usual number of cells.

    Args:
        size: Height and width of the photo in pixels.
        centre: Row and column of its middle.
        cell: Pixels along each side of a cell; default: so many that the crop is a third of the shorter side.
    """
    cell = max(1, round(min(size) / 3 / USUAL)) if cell is None else cell
    corner = (round(middle - USUAL * cell / 2 + 0.5) for middle in centre)
    row, column = corner
    return _fitted(USUAL, cell, (row, column), size)


def _fitted(cells: int, cell: int, corner: tuple[int, int], size: tuple[int, int]) -> Crop:
    cells = min(max(cells, FEWEST), MOST)
    cell = min(max(cell, 1), max(1, min(size) // cells))
    height, width = (min(cells, side // cell) for side in size)
    row, column = (
        min(max(first, 0), side - count * cell)
        for first, side, count in zip(corner, size, (height, width), strict=True)
    )
    return Crop(cells, cell, row, column, height, width)
