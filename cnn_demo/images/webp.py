"""WebP: a walk through its chunks, reduced to its first picture."""

from __future__ import annotations

from collections.abc import Iterator

from cnn_demo.images.completeness import ZEROS, filler, zeros_at_end
from cnn_demo.images.validation import MAX_PIXELS, check_pixel_count, damaged

_MAX_CHUNKS = 10_000
_PICTURES = (b"VP8 ", b"VP8L")
_HEADER_FLAGS = 0x3A  # profile, alpha, EXIF and animation, but not XMP


def check_size(data: bytes) -> None:
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


def first_picture(data: bytes) -> list[bytes]:
    """Return a WebP of the first picture, and a second one if bytes are missing: each has others in their place.

    Raises:
        ImageError: There is no picture.
    """
    check_size(data)
    kept: list[bytes] = []
    for name, body, missing in _chunks(data, 12):
        if name == b"VP8X" and not missing and len(body) == 10:
            kept.append(_chunk(name, bytes([body[0] & _HEADER_FLAGS]) + body[1:]))
        elif name in (b"ICCP", b"EXIF", b"ANIM", b"ALPH") and not missing:
            kept.append(_chunk(name, body))
        elif name in _PICTURES:
            pictures = [_chunk(name, filled) for filled in _filled(body, missing)]
            exif = [] if missing else [_chunk(n, b) for n, b, lost in _chunks(data, 12) if n == b"EXIF" and not lost]
            return [_file([*kept, picture, *exif]) for picture in pictures]
        elif name == b"ANMF":
            exif = [] if missing else [_chunk(n, b) for n, b, lost in _chunks(data, 12) if n == b"EXIF" and not lost]
            inner: list[bytes] = []
            for inner_name, inner_body, lost in _chunks(body, 16):
                if inner_name == b"ALPH" and not lost:
                    inner.append(_chunk(inner_name, inner_body))
                elif inner_name in _PICTURES:
                    pictures = [_chunk(inner_name, filled) for filled in _filled(inner_body, lost)]
                    frames = [_chunk(b"ANMF", b"".join([body[:16], *inner, picture])) for picture in pictures]
                    return [_file([*kept, frame, *exif]) for frame in frames]
            break
    raise damaged("WebP")


def _chunks(data: bytes, position: int) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield name and contents of each chunk, and how many of its bytes are missing."""
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            return
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        body = data[position + 8 : position + 8 + size]
        yield data[position : position + 4], body, size - len(body)
        position += 8 + size + size % 2


def _filled(body: bytes, missing: int) -> list[bytes]:
    """Return the contents of a picture; twice, with zeros and with other bytes behind them, if its end is missing."""
    zeros = zeros_at_end(body)
    if not missing and zeros < ZEROS:
        return [body]
    if zeros >= ZEROS:
        body, missing = body[:-zeros], missing + zeros
    if missing > len(body):
        return [body]
    extra = missing + 4096  # decoders refuse a picture that asks for more bytes than it has
    return [body + bytes(extra), body + filler(extra)]


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def _file(chunks: list[bytes]) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
