"""AVIF and HEIC: the boxes that say where the picture's data are, and the codes of its colours (ISO/IEC 23008-12)."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from cnn_demo.images.completeness import ZEROS, filler, zeros_at_end

_MAX_MISSING = 0.25
"""Fraction of the bytes that may be missing before it is not worth while to decode the rest."""
_MAX_ITEMS = 5000
_MORE = 2**16


@dataclass
class Heif:
    """Facts from the boxes of an AVIF or HEIC.

    Attributes:
        codes: H.273 codes of primaries and transfer function; None if the boxes name none.
        data_end: Position where the bytes of the file end, without zeros that only pad it.
        items_end: Position where the last of the pictures should end.
        tiles: Beginning and end of each tile of a picture that is a grid of several.
        is_sequence: Whether there are moving pictures, of which later ones may be missing.
        stream: Beginning and end of an AV1 picture, and where the boxes state its position and its length.
    """

    codes: tuple[int, int] | None = None
    data_end: int = 0
    items_end: int = 0
    tiles: list[tuple[int, int]] = field(default_factory=list)
    stream: tuple[int, int, int] | None = None
    is_sequence: bool = False

    @property
    def is_cut_off(self) -> bool:
        """Whether bytes are missing at the end."""
        return self.items_end > self.data_end

    @property
    def tile_fraction(self) -> float:
        """The fraction of a grid whose bytes are there; decoders leave out a tile that they cannot decode."""
        there = [min(end, max(start, self.data_end)) - start for start, end in self.tiles]
        if there.count(0) > 1:
            return 0.0
        return sum(there) / max(1, sum(end - start for start, end in self.tiles))

    def refilled(self, data: bytes) -> Iterator[bytes]:
        """Yield the file with zeros, and then other bytes, for the missing end; nothing if too much is missing."""
        missing = self.items_end - self.data_end
        if missing > _MAX_MISSING * self.items_end and not self.is_sequence:
            return
        whole, opened, more = data[: self.data_end], b"", missing
        if self.stream and self.stream[0] < self.data_end < self.stream[1]:
            opened, more = _without_size(whole[self.stream[0] :]), missing + _MORE
        noise = filler(more + 16)
        # Decoders refuse some fillings.
        for filling in (bytes(more), *(noise[start : start + more] for start in range(4)), b"\xff" * more):
            if self.stream and opened:
                # A copy at the end of the file, longer than the original: a decoder refuses one that it reads beyond.
                boxes = bytearray(whole + bytes(missing))
                place = self.stream[2]
                boxes[place : place + 8] = struct.pack(">II", len(boxes), len(opened) + more)
                yield bytes(boxes) + opened + filling
            else:
                yield whole + filling


def check_heif(data: bytes) -> Heif:
    """Read the boxes; where they are broken, decoding fails later or ignores them."""
    zeros = zeros_at_end(data)
    heif = Heif(data_end=len(data) - zeros if zeros >= ZEROS else len(data))
    with contextlib.suppress(ValueError, IndexError, KeyError):
        _read_meta(data, heif)
    if b"moov" in data[:65536]:
        heif.is_sequence, heif.stream = True, None
    if heif.codes is None and (at := data.find(b"colrnclx", 0, 2**20)) >= 0:  # of a sequence without pictures
        heif.codes = _number(data, at + 8, 2), _number(data, at + 10, 2)
    return heif


def _number(data: bytes, position: int, size: int) -> int:
    return int.from_bytes(data[position : position + size], "big")


def _boxes(data: bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, beginning and end of the contents of each box; a box that is cut off has its full length."""
    for _ in range(_MAX_ITEMS):
        if position + 8 > end:
            return
        size, name, header = _number(data, position, 4), data[position + 4 : position + 8], 8
        if size == 1:
            size, header = _number(data, position + 8, 8), 16
        size = size or end - position
        if size < header:
            return
        yield name, position + header, position + size
        position += size


def _read_meta(data: bytes, heif: Heif) -> None:
    meta = next(((start, end) for name, start, end in _boxes(data, 0, len(data)) if name == b"meta"), None)
    if meta is None:
        return
    boxes = {name: (start, end) for name, start, end in _boxes(data, meta[0] + 4, min(meta[1], len(data)))}
    extents = _extents(data, *boxes[b"iloc"])
    heif.items_end = max((end for item in extents.values() for _, end in item), default=0)
    start = boxes[b"pitm"][0]
    primary = _number(data, start + 4, 2 if data[start] == 0 else 4)
    tiles = _references(data, *boxes[b"iref"]).get(primary, []) if b"iref" in boxes else []
    heif.tiles = [extent for tile in tiles for extent in extents.get(tile, [])]
    if b"iprp" in boxes:
        colours = _colours(data, *boxes[b"iprp"])
        heif.codes = next((colours[item] for item in (primary, *tiles[:1]) if item in colours), None)
    if b"av01" in data[: meta[1]]:
        first = extents.get(primary) or extents.get(tiles[0] if tiles else -1)
        if heif.codes is None and first:
            heif.codes = _stream_codes(data[first[0][0] :][:1024])
        if first and len(first) == 1 and not tiles:
            start, end = first[0]
            place = data.find(struct.pack(">II", start, end - start), *boxes[b"iloc"])
            heif.stream = (start, end, place) if place >= 0 else None


def _extents(data: bytes, start: int, end: int) -> dict[int, list[tuple[int, int]]]:
    """Return the positions of the bytes of each item, as far as they are in the file and not in a box (`iloc`)."""
    version, sizes = data[start], _number(data, start + 4, 2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    id_size = 4 if version == 2 else 2
    position = start + 6 + id_size
    items = {}
    for _ in range(min(_number(data, start + 6, id_size), _MAX_ITEMS)):
        item, method = _number(data, position, id_size), 0
        position += id_size
        if version:
            method = _number(data, position, 2) & 15
            position += 2
        base = _number(data, position + 2, base_size)
        position += 2 + base_size
        found = []
        for _ in range(_number(data, position, 2)):
            position += index_size
            offset = base + _number(data, position + 2, offset_size)
            length = _number(data, position + 2 + offset_size, length_size)
            position += offset_size + length_size
            if position > end:
                raise ValueError("The box ends too early.")
            found.append((offset, offset + length))
        position += 2
        if method == 0:
            items[item] = found
    return items


def _references(data: bytes, start: int, end: int) -> dict[int, list[int]]:
    """Return the tiles of each picture that is made of others (`iref`)."""
    size = 2 if data[start] == 0 else 4
    tiles = {}
    for name, first, _ in _boxes(data, start + 4, end):
        if name == b"dimg":
            count = min(_number(data, first + size, 2), _MAX_ITEMS)
            tiles[_number(data, first, size)] = [
                _number(data, first + size + 2 + i * size, size) for i in range(count)
            ]  # fmt: skip
    return tiles


def _colours(data: bytes, start: int, end: int) -> dict[int, tuple[int, int]]:
    """Return the codes of primaries and transfer function of each item that has them (`ipco` and `ipma`)."""
    properties: list[tuple[int, int] | None] = [None]
    colours: dict[int, tuple[int, int]] = {}
    for name, first, last in _boxes(data, start, end):
        if name == b"ipco":
            for kind, body, _ in _boxes(data, first, last):
                is_codes = kind == b"colr" and data[body : body + 4] == b"nclx"
                properties.append((_number(data, body + 4, 2), _number(data, body + 6, 2)) if is_codes else None)
        elif name == b"ipma":
            id_size, index_size = (4 if data[first] else 2), (2 if data[first + 3] & 1 else 1)
            position = first + 8
            for _ in range(min(_number(data, first + 4, 4), _MAX_ITEMS)):
                item, count = _number(data, position, id_size), data[position + id_size]
                position += id_size + 1
                for _ in range(count):
                    index = _number(data, position, index_size) & (0x7FFF if index_size == 2 else 0x7F)
                    position += index_size
                    if index < len(properties) and (codes := properties[index]):
                        colours.setdefault(item, codes)
    return colours


# The video stream of an AVIF -----------------------------------------------------------------------------------------


class _Bits:
    """Bits of a byte string, from the highest on."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def __call__(self, number: int = 1) -> int:
        self._left -= number
        if self._left < 0:
            raise ValueError("The data end too early.")
        return self._value >> self._left & (1 << number) - 1


def _stream_codes(stream: bytes) -> tuple[int, int] | None:
    """Return the codes of primaries and transfer function in AV1 data, of their sequence header (AV1, 5.5)."""
    for start, body, size in _units(stream):
        if stream[start] >> 3 & 15 == 1:
            return _sequence_codes(_Bits(stream[body : body + size]))
    return None


def _without_size(stream: bytes) -> bytes:
    """Return AV1 data whose last unit, which is cut off, ends where the data end; nothing if there is none."""
    for start, body, size in _units(stream):
        if body + size > len(stream):
            header = stream[start] & ~2
            return stream[:start] + bytes([header]) + stream[start + 1 : start + 1 + (header >> 2 & 1)] + stream[body:]
    return b""


def _units(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield where each unit of AV1 data (OBU) begins, where its contents do, and their size."""
    position = 0
    while position < len(stream):
        start, header = position, stream[position]
        position += 2 if header & 4 else 1
        size = shift = 0
        while header & 2 and position < len(stream):
            size |= (stream[position] & 0x7F) << shift
            shift, position = shift + 7, position + 1
            if not stream[position - 1] & 0x80:
                break
        yield start, position, size if header & 2 else len(stream) - position
        position += size if header & 2 else len(stream)


def _sequence_codes(bits: _Bits) -> tuple[int, int] | None:
    profile, _, is_reduced = bits(3), bits(), bits()
    if is_reduced:
        bits(5)
    else:
        if bits():  # timing: not in a picture
            return None
        has_delays = bits()
        for _ in range(bits(5) + 1):
            bits(12)
            if bits(5) > 7:
                bits()
            if has_delays and bits():
                bits(4)
    width, height = bits(4) + 1, bits(4) + 1
    bits(width + height)
    if not is_reduced and bits():
        bits(7)
    bits(3)
    if not is_reduced:
        bits(4)
        has_order = bits()
        bits(2 * has_order)
        forces_screen = 2 if bits() else bits()
        if forces_screen and not bits():
            bits()
        bits(3 * has_order)
    bits(3)
    if bits() and profile == 2:
        bits()
    if profile != 1:
        bits()
    return (bits(8), bits(8)) if bits() else None
