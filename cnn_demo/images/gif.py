"""GIF: its first picture, and the end of one that is cut off."""

from __future__ import annotations

from dataclasses import dataclass

from cnn_demo.images.completeness import ENOUGH
from cnn_demo.images.validation import damaged

_END = b"\x3b"
_MAX_CODE_BITS = 12


@dataclass
class Gif:
    """The first picture of a GIF.

    Attributes:
        start: The bytes up to its image data.
        size: (width, height) of the picture.
        code_bits: Bits of a colour's index in the image data.
        codes: The image data.
    """

    start: bytes
    size: tuple[int, int]
    code_bits: int
    codes: bytes

    @property
    def is_complete(self) -> bool:
        """Whether the image data have all pixels."""
        total = self.size[0] * self.size[1]
        return _count(self.codes, self.code_bits, total)[0] == total

    def file(self, codes: bytes | None = None) -> bytes:
        """Return a GIF of this picture alone."""
        codes = self.codes if codes is None else codes
        blocks = [bytes([len(codes[i : i + 255])]) + codes[i : i + 255] for i in range(0, len(codes), 255)]
        return b"".join([self.start, bytes([self.code_bits]), *blocks, b"\0", _END])


def check_gif(data: bytes) -> Gif:
    """Walk the blocks up to the end of the first picture, or of the file."""
    position = 13 + _colours(data[10])
    while position < len(data):
        kind = data[position]
        if kind == 0x21:
            position += 2
            while position < len(data) and data[position]:
                position += data[position] + 1
            position += 1
        elif kind == 0x2C and position + 10 < len(data):
            width, height = (int.from_bytes(data[position + i : position + i + 2], "little") for i in (5, 7))
            position += 10 + _colours(data[position + 9])
            codes, place = [], position + 1
            while place < len(data) and data[place]:
                codes.append(data[place + 1 : place + 1 + data[place]])
                place += data[place] + 1
            if position < len(data) and 1 <= data[position] <= 8 and width and height:
                return Gif(data[:position], (width, height), data[position], b"".join(codes))
            break
        else:
            break
    raise damaged("GIF")


def _colours(flags: int) -> int:
    """Return the bytes of a colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def completed(gif: Gif) -> bytes:
    """Return a GIF whose few missing pixels have the colour of the last one.

    Raises:
        ImageError: Too many pixels are missing.
    """
    total = gif.size[0] * gif.size[1]
    pixels, last, bits, width = _count(gif.codes, gif.code_bits, total)
    if pixels < ENOUGH * total:
        raise damaged("GIF")
    # Clear the table so often that its codes never get longer: each code is then one pixel.
    clear = 1 << gif.code_bits
    value = int.from_bytes(gif.codes, "little") & (1 << bits) - 1
    tail = [(clear, width)]
    for i in range(total - pixels):
        if i and i % (clear - 2 or 1) == 0:
            tail.append((clear, gif.code_bits + 1))
        tail.append((last, gif.code_bits + 1))
    tail.append((clear + 1, gif.code_bits + 1))
    digits = "".join(f"{code:0{size}b}" for code, size in reversed(tail))
    value |= int(digits, 2) << bits
    return gif.file(value.to_bytes((bits + len(digits) + 7) // 8, "little"))


def _count(codes: bytes, code_bits: int, total: int) -> tuple[int, int, int, int]:
    """Follow the image data without making pixels.

    Returns:
        How many pixels there are, the last one, how many bits are used, and how many bits the next code has.
    """
    clear = 1 << code_bits
    first: list[int] = [*range(clear), 0, 0]
    length: list[int] = [1] * clear + [0, 0]
    size, pixels, last, bits = code_bits + 1, 0, 0, 0
    previous = -1
    buffer = held = position = 0
    while pixels < total:
        while held < size and position < len(codes):
            buffer |= codes[position] << held
            held += 8
            position += 1
        if held < size:
            break
        code = buffer & (1 << size) - 1
        buffer >>= size
        held -= size
        if code == clear + 1 or code > len(length) or (code == len(length) and previous < 0):
            break
        bits += size
        if code == clear:
            del first[clear + 2 :], length[clear + 2 :]
            size, previous = code_bits + 1, -1
            continue
        if previous >= 0 and len(length) < 1 << _MAX_CODE_BITS:
            first.append(first[previous])
            length.append(length[previous] + 1)
            if len(length) == 1 << size and size < _MAX_CODE_BITS:
                size += 1
        elif code == len(length):
            break
        pixels += length[code]
        last = first[code]
        previous = code
    return min(pixels, total), last, bits, size
