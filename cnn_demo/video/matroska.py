"""Matroska and WebM: the elements of the header, counted before FFmpeg makes memory of each."""

from __future__ import annotations

import re

MAX_ELEMENTS = 200_000
"""Maximum elements outside of frames. FFmpeg makes 50 bytes and more of each of two, such as an empty chapter's."""
MAX_TAGS = 2_000
"""Maximum tags and chapters: FFmpeg compares each with all others."""

_MASTERS = re.compile(
    b"|".join(
        re.escape(bytes.fromhex(each))
        for each in ("114d9b74", "1549a966", "1654ae6b", "1043a770", "1254c367", "1c53bb6b", "1941a469")
    )
)  # SeekHead, Info, Tracks, Chapters, Tags, Cues and Attachments; 100 MB of frames have 0.2 such words by chance
_PARENTS = frozenset(
    bytes.fromhex(each)
    for each in (
        *("4dbb", "ae", "e0", "55b0", "55d0", "6d80", "6240", "5034", "5035", "7670", "41e4", "e2", "e3", "e4", "e9"),
        *("45b9", "b6", "6944", "6911", "80", "8f", "7373", "63c0", "67c8", "bb", "b7", "db", "61a7"),
    )
)
"""Elements that hold others: of tracks, chapters, tags, cues and attachments."""
_TAGS = (b"\x67\xc8", b"\xb6")


def has_long_header(data: bytes) -> bool:
    """Return whether the header has too many elements, tags or chapters.

    Wherever a part of the header is in the file, it counts: FFmpeg finds it by other parts, and after damage.
    """
    elements = tags = 0
    for start in _MASTERS.finditer(data):
        position = start.end()
        end = position + _size_length(data, position)
        size = _number(data, position, end)
        position, stop = end, len(data) if size is None else min(len(data), end + size)
        while position < stop:
            name_end = position + _size_length(data, position)
            body = name_end + _size_length(data, name_end)
            if name_end == position or body == name_end:
                break
            name, size = data[position:name_end], _number(data, name_end, body)
            position = body if name in _PARENTS or size is None else body + size
            elements, tags = elements + 1, tags + (name in _TAGS)
            if elements > MAX_ELEMENTS or tags > MAX_TAGS:
                return True
    return False


def element_end(data: bytes, at: int) -> int:
    """Return where an element ends whose size is at this position; 0 if its size is unknown."""
    end = at + _size_length(data, at)
    size = _number(data, at, end)
    return end + size if size is not None and end > at else 0


def _size_length(data: bytes, at: int) -> int:
    """Return the length of the name or size at this position; 0 if there is none."""
    first = data[at] if at < len(data) else 0
    return 9 - first.bit_length() if first else 0


def _number(data: bytes, at: int, end: int) -> int | None:
    """Return the size that is written from one position to another; None if it is unknown."""
    mask = (1 << 7 * (end - at)) - 1
    size = int.from_bytes(data[at:end], "big") & mask
    return None if size == mask else size
