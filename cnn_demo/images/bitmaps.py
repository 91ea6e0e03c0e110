"""BMP and TIFF: their headers, checked before Pillow decodes them.

Only the first picture of a TIFF counts. Raw photos of cameras are TIFFs too, whose first picture is only a preview.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from cnn_demo.images.completeness import ENOUGH
from cnn_demo.images.validation import ImageError, check_pixel_count, damaged

BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
"""Sizes of a BMP's second header, one for each version."""
MAX_RLE_PIXELS, MAX_RLE_BYTES = 2**22, 2**22
"""A run-length encoded BMP is decoded in Python: this many pixels or bytes, a large screen, take a second."""
MAX_PIECES = 2**17
"""Maximum number of strips or tiles of a TIFF: Pillow looks up each."""
MAX_TILE_BYTES = 2**26
"""Maximum size of a decoded tile of a TIFF."""
_MAX_ENTRIES = 1000
_RAW_TAGS = frozenset((50706, 50752, 33421))  # DNGVersion, a tag of Canon, and the pattern of a Bayer filter
_RAW_COLOURS = (32803, 34892)
_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 50000}  # none, CCITT, LZW, JPEG, Deflate, PackBits, Zstandard
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8}
_LONG_KINDS = {16: (4, "I"), 17: (9, "i"), 18: (13, "I")}  # 8 bytes in a BigTIFF: their kind and code of 4 bytes
_ALL_SIZES = {**_SIZES, 5: 8, 10: 8, 11: 4, 12: 8, 17: 8, 18: 8}
_DIRECTORIES = frozenset((330, 34665, 34853))  # further pictures, EXIF, location
_PIECES = frozenset((273, 279, 324, 325))
_KEPT = frozenset((254, 256, 257, 258, 259, 262, 277, 322, 323, 330, 338, 339))


def check_bmp(data: bytes) -> bytes:
    """Check a BMP's header; return the file, with missing pixels filled up if they are at most 2 %."""
    header_size = _little(data, 14, 4)
    if header_size not in BMP_HEADERS or len(data) < 14 + header_size:
        raise damaged("BMP")
    if header_size == 12:
        width, height, bits, compression = _little(data, 18, 2), _little(data, 20, 2), _little(data, 24, 2), 0
    else:
        width, bits, compression = _little(data, 18, 4), _little(data, 28, 2), _little(data, 30, 4)
        height = abs(int.from_bytes(data[22:26], "little", signed=True))
    is_run_length = compression in (1, 2)
    check_pixel_count((width, height), "BMP", MAX_RLE_PIXELS if is_run_length else 2**31)
    if is_run_length and len(data) > MAX_RLE_BYTES:
        raise ImageError("This BMP is compressed in too many runs: please save it as PNG.")
    if compression in (4, 5):
        raise ImageError("This BMP only wraps a JPEG or PNG: please save the photo as one of these.")
    missing = _little(data, 10, 4) + (width * bits + 31) // 32 * 4 * height - len(data)
    if is_run_length or missing <= 0:
        return data
    if missing > (1 - ENOUGH) * len(data):
        raise damaged("BMP")
    return data + bytes(missing)


@dataclass(frozen=True)
class Tiff:
    """Facts from the first directory of a TIFF.

    Attributes:
        depth: Bits per sample.
        is_inverted: Whether 0 is white in grey samples of 16 bits, which Pillow ignores.
    """

    depth: int
    is_inverted: bool

    def normalized(self, image: Image.Image) -> Image.Image:
        """Convert the modes that only TIFF has to those of other formats."""
        if image.mode.startswith("I;16"):
            samples = np.asarray(image).astype(np.uint16)
            if self.depth == 12:
                samples = (samples.astype(np.uint32) * 65535 // 4095).astype(np.uint16)
            return Image.fromarray(65535 - samples if self.is_inverted else samples)
        if image.mode == "LAB":
            lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
            assert converted is not None  # it is None only if the image is converted in place
            return converted
        modes = {"La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
        return image.convert(modes[image.mode]) if image.mode in modes else image


def check_tiff(data: bytes) -> Tiff:
    """Read the first directory of a TIFF; refuse a file that is not a photo, or whose samples are not 1 to 16 bits."""
    tags = _first_directory(data)
    if tags is None:
        raise damaged("TIFF")
    photometric = _first(tags, 262, 0)
    is_preview = bool(_first(tags, 254, 0) & 1) and 330 in tags
    if _RAW_TAGS & tags.keys() or photometric in _RAW_COLOURS or is_preview or data[8:10] == b"CR":
        raise ImageError("This is a raw photo of a camera: please develop it and save it as JPEG or PNG.")
    size = _first(tags, 256, 0), _first(tags, 257, 0)
    check_pixel_count(size, "TIFF", 2**31)
    depth = max(tags.get(258) or [1])
    if depth > 16 or max(tags.get(339) or [1]) in (2, 3, 5, 6):
        raise ImageError(
            "The samples of this TIFF are not whole numbers of at most 16 bits: please save it with 8 or 16 bits."
        )
    compression = _first(tags, 259, 1)
    if compression not in _COMPRESSIONS:
        raise ImageError("The compression of this TIFF cannot be read: please save it with LZW, or as PNG.")
    if 322 in tags:
        tile = _first(tags, 322, 0) * _first(tags, 323, 0) * max(1, _first(tags, 277, 1)) * -(-depth // 8)
        if tile > MAX_TILE_BYTES:
            raise ImageError("The tiles of this TIFF are too large: please save it in strips, or as PNG.")
    return Tiff(depth, photometric == 0 and depth > 8)


def without_big_offsets(data: bytes) -> bytes:
    """Return a big-endian BigTIFF as a TIFF whose offsets have 4 bytes, and any other file as it is.

    Pillow reads BigTIFFs, but takes the version of big-endian ones from the wrong byte. The pixels stay where they are;
    the first directory is written again behind them, without those that it refers to.
    """
    if not data.startswith(b"MM\0+"):
        return data
    (start,) = struct.unpack_from(">Q", data, 8)
    (count,) = struct.unpack_from(">Q", data, start)
    entries: list[bytes] = []
    place = len(data) + 2 + 12 * min(count, _MAX_ENTRIES) + 4
    outside = bytearray()
    for index in range(min(count, _MAX_ENTRIES)):
        tag, kind, number = struct.unpack_from(">HHQ", data, start + 8 + 20 * index)
        at, size = start + 20 + 20 * index, _ALL_SIZES.get(kind, 0) * number
        if size > 8:
            (at,) = struct.unpack_from(">Q", data, at)
        if tag in _DIRECTORIES or not 0 < size <= len(data) - at or len(outside) > len(data):
            continue
        value = data[at : at + size]
        if kind in _LONG_KINDS:
            code = "q" if kind == 17 else "Q"
            kind, shorter = _LONG_KINDS[kind]
            value = struct.pack(f">{number}{shorter}", *struct.unpack(f">{number}{code}", value))
        if len(value) > 4:
            where = struct.pack(">I", place + len(outside))
            outside += value
            value = where
        entries.append(struct.pack(">HHI", tag, kind, number) + value.ljust(4, b"\0"))
    directory = struct.pack(">H", len(entries)) + b"".join(entries)
    return b"MM\0*" + struct.pack(">I", len(data)) + data[8:] + directory.ljust(place - len(data), b"\0") + outside


def _first_directory(data: bytes) -> dict[int, list[int]] | None:
    """Return the whole numbers of each tag that is needed, and none of the other tags; None if it is broken."""
    order: Any = "little" if data[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        if at + size > len(data):
            raise IndexError
        return int.from_bytes(data[at : at + size], order)

    is_big = number(2, 2) == 43 if len(data) > 4 else False
    count_size, word = (8, 8) if is_big else (2, 4)
    tags: dict[int, list[int]] = {}
    try:
        start = number(8, 8) if is_big else number(4, 4)
        for index in range(min(number(start, count_size), _MAX_ENTRIES)):
            at = start + count_size + index * (4 + 2 * word)
            tag, kind, count = number(at, 2), number(at + 2, 2), number(at + 4, word)
            size = _SIZES.get(kind, 0)
            offset = at + 4 + word
            if count * size > word:
                offset = number(offset, word)
            values = [number(offset + size * each, size) for each in range(min(count, 16))] if tag in _KEPT else []
            tags.setdefault(tag, values)
            if count > MAX_PIECES and tag in _PIECES:
                raise ImageError("This TIFF has too many strips or tiles: please save it again, or as PNG.")
    except IndexError:
        return None
    return tags


def _first(tags: dict[int, list[int]], tag: int, default: int) -> int:
    return next(iter(tags.get(tag, ())), default)


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")
