"""A decoded photo and its provenance."""

from dataclasses import dataclass, field

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo, and where it came from.

    Two photos are equal, and hash the same, where their `key` is the same: pixels are never compared.

    Attributes:
        pixels: (H, W, 3) uint8, sRGB, upright, C-contiguous and read-only (copy before drawing into it).
        name: what to call it on a page: the file name without folders, at most 80 characters.
        sha256: hexadecimal digest of the file's bytes. The same file read with another `max_side` has the same
            digest but other pixels: where that can happen, cache by `key`.
        original_size: (width, height) of the file's picture in pixels, upright, before it was made smaller.
        format: "JPEG", "PNG", "WebP", "AVIF" or "HEIC".
        credit: author and licence, of a sample photo.
        alt: what is to be seen, for those who cannot see it; of a sample photo.
    """

    pixels: np.ndarray = field(repr=False)
    name: str
    sha256: str
    original_size: tuple[int, int] = (0, 0)
    format: str = ""
    credit: str = ""
    alt: str = ""
    key: str = field(init=False)
    """What to cache by: the digest and the size of `pixels`, which together say all about them."""

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise ValueError(f"pixels must be (H, W, 3) uint8, not {self.pixels.shape} {self.pixels.dtype}")
        pixels = np.ascontiguousarray(self.pixels).view()
        pixels.flags.writeable = False
        height, width = pixels.shape[:2]
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "key", f"{self.sha256}-{width}x{height}")
        if self.original_size == (0, 0):
            object.__setattr__(self, "original_size", (width, height))

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Photo) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)


def check_pixels(pixels: np.ndarray) -> None:
    """Raise ValueError if pixels are not (H, W, 3) uint8."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"pixels must be (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}.")


def resized(pixels: np.ndarray, size: tuple[int, int], resampling: str = "area") -> np.ndarray:
    """Bring a photo (H, W, 3) uint8 to a size (height, width), leaving no pixel out.

    Args:
        pixels: The photo.
        size: Of the result.
        resampling: "area" averages over the pixels that fall into one; "bilinear" halves the photo while it is twice
            as high or as wide, and interpolates the rest, which keeps edges sharper.
    """
    rows, columns = size
    if resampling == "bilinear":
        return _halved_and_interpolated(pixels, rows, columns)
    while pixels.shape[0] >= 8 * rows and pixels.shape[1] >= 8 * columns:  # halving is what OpenCV is fastest at
        pixels = cv2.resize(pixels, (pixels.shape[1] // 2, pixels.shape[0] // 2), interpolation=cv2.INTER_AREA)
    way = cv2.INTER_AREA if pixels.shape[0] >= rows and pixels.shape[1] >= columns else cv2.INTER_LINEAR
    return cv2.resize(pixels, (columns, rows), interpolation=way)


def _halved_and_interpolated(pixels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    while (high := pixels.shape[0] >= 2 * rows) | (wide := pixels.shape[1] >= 2 * columns):
        half = pixels.shape[1] // (1 + wide), pixels.shape[0] // (1 + high)
        pixels = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA)
    return cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_LINEAR)
