"""How much of a damaged photo was really decoded.

Decoders fill up missing pixels with grey, or with the values that the last bits give, and most report no error. So a
file that ends early is decoded twice, with different bytes for the missing end: pixels that both have in common come
from the file. Decoders work from top to bottom (of each tile), so all pixels below a difference are missing as well.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

ENOUGH = 0.98
"""A photo is read if at least this fraction of its pixels was decoded: more is missing than anybody overlooks."""
ZEROS = 64
"""So many zeros in a row at the end of a file are padding, or a download that never came."""
_BLOCK = 16


def filler(size: int, avoid: int | None = None) -> bytes:
    """Return random bytes, the same on every call; `avoid` is a value that does not occur."""
    values = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    if avoid is not None:
        values[values == avoid] = 1
    return values.tobytes()


def zeros_at_end(data: bytes) -> int:
    """Return the number of zeros that a file ends in."""
    return len(data) - len(data.rstrip(b"\0"))


def decoded_rows(first: Image.Image, second: Image.Image, band: int) -> float:
    """Return the fraction of pixels before the first difference of two decodings, which come in bands of rows."""
    if first.size != second.size or first.mode != second.mode:
        return 0.0
    width, height = first.size
    for top in range(0, height, 256):  # in strips, for the memory
        box = (0, top, width, min(top + 256, height))
        differs = np.asarray(first.crop(box)) != np.asarray(second.crop(box))
        rows = differs.reshape(len(differs), -1).any(axis=1)
        if rows.any():
            row = top + int(rows.argmax())
            box = (0, row, width, min(row + band, height))
            differs = np.asarray(first.crop(box)) != np.asarray(second.crop(box))
            columns = differs.reshape(*differs.shape[:2], -1).any(axis=(0, 2))
            return (row * width + (box[3] - row) * int(columns.argmax())) / (width * height)
    return 1.0


def decoded_fraction(first: Image.Image, second: Image.Image) -> float:
    """Return the fraction of pixels above the first difference between two decodings, in columns of 16 pixels."""
    if first.size != second.size or first.mode != second.mode:
        return 0.0
    width, height = first.size
    above = np.full(-(-width // _BLOCK), height)
    for left in range(0, width, _BLOCK * 16):  # in strips, for the memory
        box = (left, 0, min(left + _BLOCK * 16, width), height)
        differs = np.asarray(first.crop(box)) != np.asarray(second.crop(box))
        differs = differs.reshape(height, box[2] - left, -1).any(axis=2)
        for start in range(0, differs.shape[1], _BLOCK):
            rows = differs[:, start : start + _BLOCK].any(axis=1)
            if rows.any():
                above[(left + start) // _BLOCK] = rows.argmax()
    return float(above.mean() / height)
