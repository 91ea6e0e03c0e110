"""JPEG: a walk through its markers, and whether the picture of a file without an end is there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from cnn_demo.images.completeness import ZEROS, filler, zeros_at_end
from cnn_demo.images.validation import MAX_JPEG_PIXELS, MAX_PIXELS, ImageError, damaged

MAX_SCANS = 50
"""Scans of a progressive JPEG, usually about ten. Each is a pass over the whole picture that can cost the sender a few
bytes only."""
_END = b"\xff\xd9"
# A marker is 0xFF and a byte that is neither 0 (a 0xFF in image data), a fill byte, nor a restart marker.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")


@dataclass
class Jpeg:
    """Facts from the markers of a JPEG.

    Attributes:
        limit: Maximum pixels of this JPEG: fewer if it has several scans, because the coefficients of all of them must
            then be held at full size.
        end: Position where the picture ends.
        has_end: Whether there is an end marker.
        is_progressive: Whether later scans refine earlier ones.
        missing: (component, coefficient) whose last bits no scan has.
        band: Rows of pixels that are decoded together, at full scale.
        first_scan: Position of the first scan.
        last_scan: Position of the last one.
    """

    limit: int = MAX_JPEG_PIXELS
    end: int = 0
    has_end: bool = False
    is_progressive: bool = False
    missing: set[tuple[int, int]] = field(default_factory=set)
    band: int = 8
    first_scan: int = 0
    last_scan: int = 0

    def fraction(self, decoded: float) -> float:
        """Return the fraction of the picture that is there, if so much of the last scan was decoded.

        A scan that refines earlier ones counts by its part of the bytes.
        """
        if not self.is_progressive or not decoded:
            return decoded
        scan = (self.end - self.last_scan) / decoded
        return 1 - (1 - decoded) * scan / (self.last_scan - self.first_scan + scan)


def check_jpeg(data: bytes) -> Jpeg:
    """Walk the markers up to the end of the picture; what follows it (another picture, padding) is left aside."""
    jpeg = Jpeg(end=len(data))
    position, scans, components = 2, 0, 0
    while match := _MARKER.search(data, position):
        marker = data[match.end() - 1]
        position = match.end()
        if marker in (0xD8, 0xD9):  # 0xD8 begins another picture: this one has no end marker
            jpeg.end, jpeg.has_end = match.start(), marker == 0xD9
            break
        length = int.from_bytes(data[position : position + 2], "big")
        if position + length > len(data):  # cut off within a marker segment
            jpeg.end = match.start()
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if marker > 0xC2:  # lossless, hierarchical, arithmetic: decoders differ in their results
                raise ImageError("This is a rare kind of JPEG: please save it as an ordinary JPEG and retry.")
            components = data[position + 7]
            jpeg.is_progressive = marker == 0xC2
            coefficients = range(64 if jpeg.is_progressive else 1)
            if not jpeg.is_progressive:  # whose last scan has single blocks
                jpeg.band = 8 * max((data[position + 9 + 3 * i] & 15 for i in range(components)), default=1)
            names = [data[position + 8 + 3 * i] for i in range(components)]
            jpeg.missing = {(name, k) for name in names for k in coefficients}
            if jpeg.is_progressive and names in ([1, 2, 3], [0, 1, 2]):  # fine differences in hue may be missing
                jpeg.missing -= {(name, k) for name in names[1:] for k in coefficients[1:]}
        elif marker == 0xDA:
            scans += 1
            jpeg.first_scan, jpeg.last_scan = jpeg.first_scan or position, position
            number = data[position + 2]
            if jpeg.is_progressive or number < components:
                jpeg.limit = MAX_PIXELS
            if scans > MAX_SCANS:
                raise damaged("JPEG")
            first, last, bits = data[position + 3 + 2 * number : position + 6 + 2 * number]
            if not jpeg.is_progressive or bits & 15 == 0:
                band = range(first, min(last, 63) + 1) if jpeg.is_progressive else range(1)
                jpeg.missing -= {(data[position + 3 + 2 * i], k) for i in range(number) for k in band}
        elif jpeg.limit == MAX_JPEG_PIXELS and scans:  # behind the only scan
            jpeg.end = match.start()
            break
        position += length
    return jpeg


def ended(data: bytes, jpeg: Jpeg) -> bytes:
    """Return the picture alone, with an end marker."""
    return data[: jpeg.end].rstrip(b"\xff") + _END


def refilled(data: bytes, jpeg: Jpeg) -> bytes:
    """Return the picture with random image data and an end marker behind it.

    If nothing is missing, decoders do not read that. Restart markers are mixed in: at one of them decoders read on.
    """
    data = data[: jpeg.end].rstrip(b"\xff")
    restarts = _RESTART.findall(data, max(0, len(data) - 2**20))
    last = restarts[-1][1] if restarts else 0xD7
    noise = filler(512, avoid=0xFF)
    parts = [noise + bytes([0xFF, 0xD0 + (last - 0xD0 + 1 + i) % 8]) for i in range(16)]
    return b"".join([data, *parts, noise, _END])


def unpadded(data: bytes, jpeg: Jpeg) -> Jpeg | None:
    """Return where a picture without an end marker ends, if that is before many zeros; else None."""
    zeros = zeros_at_end(data[: jpeg.end])
    return replace(jpeg, end=jpeg.end - zeros) if zeros >= ZEROS and not jpeg.has_end else None


def ends_in_grey(image: Image.Image) -> bool:
    """Return whether the last pixels are the grey that decoders show for missing image data."""
    width, height = image.size
    corner = np.asarray(image.crop((max(0, width - 4), max(0, height - 4), width, height)))
    return bool(corner.min() >= 126 and corner.max() <= 129)
