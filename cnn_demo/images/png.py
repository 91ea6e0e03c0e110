"""PNG: a walk through its chunks, its colours, and the rows that it really holds."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from cnn_demo.images import cicp
from cnn_demo.images.completeness import ENOUGH, zeros_at_end
from cnn_demo.images.validation import MAX_PIXELS, check_pixel_count, damaged

MAX_CHUNKS = 50_000
"""Chunks of a PNG: 20 MB in pieces of 400 bytes. Walking through millions of empty ones takes seconds."""
MAX_PROFILE_BYTES = 4 * 2**20
"""Larger colour profiles are ignored. Those of phones have 0.5 kB, those of printing presses up to 3 MB."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = (b"PLTE", b"tRNS", b"eXIf")
_COLOURS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
_SHORTEST_PADDING = 13
"""Zeros at the end that are taken for padding; the last twelve bytes of a PNG are no zeros."""


@dataclass
class Png:
    """Header fields of a PNG, the chunks that its picture needs, and its compressed image data."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: int
    chunks: dict[bytes, memoryview] = field(default_factory=dict)
    image_data: list[memoryview] = field(default_factory=list)

    def file(self, image_data: list[memoryview] | list[bytes] | None = None) -> bytes:
        """Return a PNG of the chunks that are needed, with right check sums and an end."""
        kind = self.depth, self.colour, 0, 0, self.interlaced
        header = struct.pack(">IIBBBBB", self.width, self.height, *kind)
        parts = [_SIGNATURE, *_chunk(b"IHDR", header)]
        for name in _KEPT:
            if name in self.chunks:
                parts += _chunk(name, self.chunks[name])
        for piece in image_data or self.image_data:
            parts += _chunk(b"IDAT", piece)
        return b"".join([*parts, *_chunk(b"IEND", b"")])

    @property
    def profile(self) -> bytes | None:
        """The ICC profile, if it counts (PNG's third edition: `cICP` wins over it) and is not too large."""
        if self._codes()[0] or b"iCCP" not in self.chunks:
            return None
        body = bytes(self.chunks[b"iCCP"])
        try:
            profile = zlib.decompressobj().decompress(body[body.index(b"\0") + 2 :], MAX_PROFILE_BYTES + 1)
        except (ValueError, zlib.error):
            return None
        return profile if len(profile) <= MAX_PROFILE_BYTES else None

    @property
    def space(self) -> cicp.ColourSpace | None:
        """The colour space that `cICP`, or `gAMA` and `cHRM`, name; None for sRGB or if an ICC profile names it."""
        counts, space = self._codes()
        if counts:
            return space
        if b"sRGB" in self.chunks or b"iCCP" in self.chunks:
            return None
        chromaticities = self._figures(b"cHRM", 8)
        gamma = self._figures(b"gAMA", 1)
        return cicp.of_gamma(gamma[0] if gamma else None, chromaticities)  # type: ignore[arg-type]

    def _codes(self) -> tuple[bool, cicp.ColourSpace | None]:
        body = bytes(self.chunks.get(b"cICP", b""))
        return cicp.of_png_codes(*body) if len(body) == 4 else (False, None)

    def _figures(self, name: bytes, number: int) -> tuple[float, ...] | None:
        body = bytes(self.chunks.get(name, b""))
        return (
            tuple(value / 100_000 for value in struct.unpack(f">{number}I", body)) if len(body) == 4 * number else None
        )


def _chunk(name: bytes, body: bytes | memoryview) -> list[bytes | memoryview]:
    return [struct.pack(">I", len(body)), name, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))]


def check_png(data: bytes) -> Png:
    """Walk the chunks up to the end of the image data: lengths, order and check sums.

    Chunks that the picture does not need are left out, and so are broken ones among the others, as in browsers.
    """
    view = memoryview(data)
    if (zeros := zeros_at_end(data)) >= _SHORTEST_PADDING:
        view = view[:-zeros]
    position, png = len(_SIGNATURE), None
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(view):
            break
        length, name = struct.unpack_from(">I4s", view, position)
        end = position + 12 + length
        body = view[position + 8 : position + 8 + length]
        is_whole = end <= len(view) and zlib.crc32(body, zlib.crc32(name)) == int.from_bytes(view[end - 4 : end], "big")
        if (name == b"IHDR") != (png is None) or name == b"IEND":
            break
        if png is None:
            if not is_whole or length != 13:
                break
            width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", body)
            png = Png(width, height, depth, colour, interlaced)
            check_pixel_count((width, height), "PNG", MAX_PIXELS)
        elif name == b"IDAT":
            if not is_whole and end <= len(view):
                raise damaged("PNG")
            png.image_data.append(body)
        elif is_whole and name in (*_KEPT, *_COLOURS) and (name == b"eXIf" or not png.image_data):
            png.chunks.setdefault(name, body)
        elif not name[0] & 0x20 and not png.image_data:  # a critical chunk that is broken or unknown
            raise damaged("PNG")
        position = end
    if png is None or not png.image_data:
        raise damaged("PNG")
    return png


def has_empty_row(image: Image.Image) -> bool:
    """Return whether one of the last two rows is all zeros; of an interlaced PNG they are the last to come."""
    width, height = image.size
    rows = np.asarray(image.crop((0, max(0, height - 2), width, height)))
    return not rows.reshape(len(rows), -1).any(axis=1).all()


def is_complete(png: Png) -> bool:
    """Count the bytes of the rows: if they end too early, Pillow silently leaves the rest black."""
    needed = sum(_row_lengths(png))
    try:
        return sum(len(piece) for piece in _inflated(png.image_data, needed)) == needed
    except zlib.error:
        return False


def completed(png: Png) -> bytes:
    """Return the PNG with whole image data; the few rows that may be missing repeat the last one.

    Raises:
        ImageError: Too many rows are missing.
    """
    inflated = bytearray()
    lengths = list(_row_lengths(png))
    with contextlib.suppress(zlib.error):
        for piece in _inflated(png.image_data, sum(lengths)):
            inflated += piece
    whole = position = 0
    while whole < len(lengths) and position + lengths[whole] <= len(inflated):
        position += lengths[whole]
        whole += 1
    # Of an interlaced picture the last rows to come are the odd ones, each of them one row of the picture.
    if len(lengths) - whole > (1 - ENOUGH) * png.height:
        raise damaged("PNG")
    del inflated[position:]
    for length in lengths[whole:]:
        inflated += b"\2" + bytes(length - 1)  # filter 2 and no difference: the row above
    return png.file([zlib.compress(inflated, 0)])


def _row_lengths(png: Png) -> Iterator[int]:
    """Yield the number of bytes of each row, with its filter byte, in the order of the file."""
    bits = png.depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[png.colour]
    adam7 = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
    for x, dx, y, dy in adam7 if png.interlaced else ((0, 1, 0, 1),):
        columns = len(range(x, png.width, dx))
        if columns:
            yield from [1 + (columns * bits + 7) // 8] * len(range(y, png.height, dy))


def _inflated(image_data: list[memoryview], needed: int) -> Iterator[bytes]:
    """Yield the bytes of the rows, up to the first damage; the check sum at their end is not compared."""
    inflate = zlib.decompressobj(-15)
    skip = 2  # the header of zlib's format
    for piece in image_data:
        start, skip = min(skip, len(piece)), max(0, skip - len(piece))
        for begin in range(start, len(piece), 1024):  # in small pieces: those before a damage are kept
            rest: memoryview | bytes = piece[begin : begin + 1024]
            while len(rest) and needed > 0 and not inflate.eof:
                out = inflate.decompress(rest, min(needed, 2**24))
                needed -= len(out)
                rest = inflate.unconsumed_tail
                yield out
