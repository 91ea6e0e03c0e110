"""A decoded photo and its provenance."""

from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np

EXTENSIONS = frozenset(
    f".{ending}"
    for ending in "jpg jpeg jpe jfif mpo png apng webp avif heic heif gif bmp tif tiff".split()  # noqa: SIM905
)


def check_pixels(pixels: np.ndarray) -> None:
    """Raise ValueError if pixels are not (H, W, 3) uint8, or there are none."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"pixels must be (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}.")


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo and its provenance.

    Two photos are equal, and hash the same, if their `key` is the same: pixels are never compared.

    Attributes:
        pixels: (H, W, 3) uint8, sRGB, upright, C-contiguous and read-only (copy before drawing into it).
        name: display name: the file name without folders, at most 80 characters.
        sha256: hexadecimal digest of the file's bytes. The same file read with another `max_side` has the same
            digest but other pixels: cache by `key` if that can happen.
        original_size: (width, height) of the file's image in pixels, upright, before resizing.
        format: "JPEG", "PNG", "WebP", "AVIF", "HEIC", "GIF", "TIFF" or "BMP".
        credit: author and licence, of a sample photo.
        alt: alternative text, of a sample photo.
        data: the file's bytes, from which `exports.full_size.file_pixels` decodes all pixels; empty if not kept.
        file_name: file name with an extension, for exports; by default `name`, with an extension if it has none.
        built_in: whether it comes with the app, so that results on it may be kept and shown to everybody.
    """

    pixels: np.ndarray = field(repr=False)
    name: str
    sha256: str
    original_size: tuple[int, int] = (0, 0)
    format: str = ""
    credit: str = ""
    alt: str = ""
    data: bytes = field(default=b"", repr=False)
    file_name: str = ""
    built_in: bool = False
    key: str = field(init=False)
    """Cache key: the digest and the size of `pixels`."""

    def __post_init__(self) -> None:
        check_pixels(self.pixels)
        pixels = np.ascontiguousarray(self.pixels).view()
        pixels.flags.writeable = False
        object.__setattr__(self, "pixels", pixels)
        height, width = self.size
        object.__setattr__(self, "key", f"{self.sha256}-{width}x{height}")
        if self.original_size == (0, 0):
            object.__setattr__(self, "original_size", (width, height))
        if not self.file_name:
            has_extension = PurePath(self.name).suffix.lower() in EXTENSIONS
            suffix = "" if has_extension else f".{self.format.lower() or 'png'}"
            object.__setattr__(self, "file_name", self.name + suffix)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of `pixels`; `original_size` has the width first."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def description(self) -> str:
        """The alternative text, or the display name of a photo without one."""
        return self.alt or self.name

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Photo) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)
