"""Checks of a photo's bytes before decoding: format, sizes, and the structure of PNG and JPEG.

While these checks run there is no buffer for pixels yet. Each returns the facts that decoding needs, or raises an
`ImageError`. Only `check_png_rows` comes afterwards, for the few pictures that end in an empty row.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from cnn_demo.limits import PHOTO_MB

ACCEPTED = "JPEG, PNG, WebP, AVIF or HEIC"
EXTENSIONS = ("jpg", "jpeg", "mpo", "png", "apng", "webp", "avif", "heic", "heif")
"""File name endings of the accepted formats, for a file picker; the reading itself never looks at the name."""

MAX_BYTES = PHOTO_MB * 2**20
MAX_PIXELS = 50_000_000
MAX_JPEG_PIXELS = 200_000_000
"""JPEG may be larger than the rest, because it is decoded at reduced scale. It must then be of the kind that needs one
pass: of a progressive JPEG libjpeg holds all coefficients at once, at full size (200 megapixels: 600 to 1200 MB)."""
MAX_SIDE = 65_535
"""Longest side of any photo, in pixels: JPEG's own limit. One pixel wide and millions high is no photo, but costs a
pointer for each row."""
MAX_SCANS = 50
"""Scans of a progressive JPEG, usually about ten. Each is a pass over the whole picture that can cost the sender a few
bytes only."""
MAX_CHUNKS = 50_000
"""Chunks of a PNG: 20 MB in pieces of 400 bytes. Walking through millions of empty ones takes seconds."""


class ImageError(ValueError):
    """The bytes cannot be shown as a photo; the message is one sentence with the reason and the remedy."""


# Format from the first bytes ----------------------------------------------------------------------------------------

_OTHER_KINDS = {
    b"GIF8": "a GIF",
    b"II*\0": "a TIFF or raw picture",
    b"MM\0*": "a TIFF or raw picture",
    b"BM": "a BMP picture",
    b"%PDF": "a PDF document",
    b"<svg": "an SVG drawing",
    b"8BPS": "a Photoshop file",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1aE\xdf\xa3": "a video",
}


def kind_of(data: bytes) -> str:
    """Name the accepted format that `data` begins like; ImageError if there is none, or it is empty or too long."""
    if not data:
        raise ImageError(f"This file is empty: please choose a {ACCEPTED} photo.")
    if len(data) > MAX_BYTES:
        megabytes = -(-len(data) // 2**20)
        raise ImageError(
            f"This file has {megabytes} MB but at most {PHOTO_MB} MB are accepted: please save the photo smaller."
        )
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    kind = next((kind for start, kind in _OTHER_KINDS.items() if data.startswith(start)), "another kind of file")
    if data[4:8] == b"ftyp":
        # The first brand may be the neutral "mif1"; the list of compatible brands then shows which of the two it is.
        listed = data[16 : min(256, int.from_bytes(data[:4], "big"))]
        brands = [data[8:12], *(listed[i : i + 4] for i in range(0, len(listed), 4))]
        for brand in brands:
            if brand in (b"avif", b"avis"):
                return "AVIF"
            if brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"):
                return "HEIC"
        if brands[0] in (b"mif1", b"msf1"):
            return "HEIC"
        kind = "a video"
    raise ImageError(f"This looks like {kind} and not like a photo we can read: please choose a {ACCEPTED} file.")


# Sizes and structure ------------------------------------------------------------------------------------------------


def damaged(kind: str) -> ImageError:
    """Make the error for bytes that begin like a photo of this kind but do not go on like one."""
    return ImageError(f"This {kind} is cut off or damaged: please save it again and retry.")


def check_pixel_count(size: tuple[int, int], kind: str, limit: int) -> None:
    """Refuse a picture of (width, height) with no pixels, too long a side, or more than `limit` pixels."""
    if min(size) < 1:
        raise damaged(kind)
    if max(size) > MAX_SIDE:
        raise ImageError(f"This photo is {max(size)} pixels long but at most {MAX_SIDE} can be read: please crop it.")
    if size[0] * size[1] > limit:
        megapixels = -(-size[0] * size[1] // 1_000_000)
        raise ImageError(
            f"This {kind} has {megapixels} megapixels but at most {limit // 1_000_000} can be read: "
            "please save it smaller and retry."
        )


def check_webp(data: bytes) -> None:
    """Look up the canvas size, because the plugin allocates the canvas as soon as it opens the file."""
    chunk, body = data[12:16], data[20:30]
    if chunk == b"VP8X":
        size = int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    elif chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        size = int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    check_pixel_count(size, "WebP", MAX_PIXELS)


@dataclass
class PngHeader:
    """Header fields of a PNG, and its compressed image data."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: int
    image_data: list[memoryview] = field(default_factory=list)


def check_png(data: bytes) -> PngHeader:
    """Walk the chunks: lengths, order and check sums, since Pillow does not compare those of image data."""
    view = memoryview(data)
    position = 8
    png = None
    for _ in range(MAX_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data) or (name == b"IHDR") != (png is None):
            break
        is_critical = not name[0] & 0x20
        if is_critical and zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            break
        if png is None:
            width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, position + 8)
            png = PngHeader(width, height, depth, colour, interlaced)
            check_pixel_count((width, height), "PNG", MAX_PIXELS)
        elif name == b"IDAT":
            png.image_data.append(view[position + 8 : end - 4])
        elif name == b"IEND":
            return png
        position = end
    raise damaged("PNG")


def has_empty_row(image: Image.Image) -> bool:
    """Return whether one of the last two rows is all zeros; of an interlaced PNG they are the last to come."""
    width, height = image.size
    rows = np.asarray(image.crop((0, max(0, height - 2), width, height)))
    return not rows.reshape(len(rows), -1).any(axis=1).all()


def check_png_rows(png: PngHeader) -> None:
    """Count the bytes of the rows: if they end too early, Pillow silently leaves the rest black."""
    bits = png.depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[png.colour]
    adam7 = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
    missing = 0
    for x, dx, y, dy in adam7 if png.interlaced else ((0, 1, 0, 1),):
        columns, rows = len(range(x, png.width, dx)), len(range(y, png.height, dy))
        missing += rows * (1 + (columns * bits + 7) // 8) if columns else 0
    inflate = zlib.decompressobj()
    for piece in png.image_data:
        rest: memoryview | bytes = piece
        while missing > 0 and len(rest) and not inflate.eof:
            missing -= len(inflate.decompress(rest, 2**24))
            rest = inflate.unconsumed_tail
    if missing > 0:
        raise damaged("PNG")


# A marker is 0xFF and a byte that is neither 0 (a 0xFF in image data), a fill byte, nor a restart or start marker.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


def check_jpeg(data: bytes) -> int:
    """Walk the markers up to the image data, or through all of it if there are several scans.

    Returns:
        The maximum pixels of this JPEG: fewer if it has several scans, because the coefficients of all of them
        must then be held at full size.
    """
    position, scans, components, several = 2, 0, 0, False
    while match := _MARKER.search(data, position):
        marker = data[match.end() - 1]
        position = match.end()
        if marker == 0xD9:
            break
        length = int.from_bytes(data[position : position + 2], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if marker > 0xC2:  # lossless, hierarchical, arithmetic: decoders differ in their results
                raise ImageError("This is a rare kind of JPEG: please save it as an ordinary JPEG and retry.")
            components = data[position + 7]
            several = marker == 0xC2
        elif marker == 0xDA:
            scans += 1
            several = several or data[position + 2] < components
            if not several:
                return MAX_JPEG_PIXELS
            if scans > MAX_SCANS:
                raise damaged("JPEG")
        position += length
    return MAX_PIXELS
