"""Formats: the kind of a video file by its first bytes, and the boxes of an MP4, before FFmpeg opens anything.

FFmpeg also reads playlists and session descriptions, texts that name other files and network addresses, and opens
these before it reports the format. So the format is decided here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from cnn_demo.limits import VIDEO_MB
from cnn_demo.video.matroska import element_end, has_long_header

ACCEPTED = "MP4, WebM or MOV"
MOV, MATROSKA = "mov", "matroska"
"""Names of the demuxers, the only ones that are used."""
MAX_SAMPLES = 2_000_000
"""Maximum samples of all tracks: five hours of 60 frames a second with sound. FFmpeg keeps 24 bytes or more of each."""
MAX_BOXES = 200_000
MAX_METADATA = 2_000
"""Maximum entries of metadata in an MP4: FFmpeg compares each with all others."""

_BOXES = re.compile(rb"ftyp|moov|mdat|wide|free|skip|pnot|styp|moof|sidx|uuid")
_PARENTS = re.compile(rb"moov|trak|mdia|minf|stbl|moof|traf|mvex|edts|udta|dinf|tref|meta|ilst|wave")
_APERTURE = re.compile(rb"\0\0\0\x28clap(.{32})", re.DOTALL)
_METADATA = (b"udta", b"meta", b"ilst")
_DOLBY_PROFILE_5 = re.compile(rb"dv[cvw]C(?:\x41\xed[\x80-\xff])?\x01.[\x0a\x0b]", re.DOTALL)
_PHOTOS = re.compile(rb"avi[fs]|m[is]f1|he[iv][cxms]")
_OTHER_KINDS = (
    (b"GIF8", "a GIF"),
    (b"\xff\xd8\xff", "a JPEG photo"),
    (b"\x89PNG", "a PNG picture"),
    (b"FLV", "a Flash video"),
    (b"OggS", "an Ogg file"),
    (b"0&\xb2u", "a Windows Media file"),
    (b"\0\0\x01\xba", "an MPEG program stream"),
    (b"\0\0\x01\xb3", "an MPEG video"),
    (b"G@", "an MPEG transport stream"),
    (b"ID3", "an MP3 file"),
    (b"fLaC", "a FLAC file"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
)


class VideoError(Exception):
    """A video that cannot be processed; the message is one sentence for the visitor."""


def demuxer_of(data: bytes) -> str:
    """Return the demuxer for a file by its first bytes, `MOV` or `MATROSKA`.

    Raises:
        VideoError: If it is another kind of file, is too large, or its index is missing or too long.
    """
    if len(data) > VIDEO_MB * 2**20:
        megabytes = -(-len(data) // 2**20)
        raise VideoError(
            f"This file has {megabytes} MB but at most {VIDEO_MB} MB are accepted: please cut the video shorter."
        )
    if _DOLBY_PROFILE_5.search(data):
        raise VideoError(
            "The colours of this video are Dolby Vision's own (profile 5): please save it in HDR10 or SDR."
        )
    if data.startswith(b"\x1aE\xdf\xa3"):
        if has_long_header(data):
            raise VideoError("The header of this video is too long: please save it again as MP4.")
        return MATROSKA
    if _BOXES.fullmatch(data[4:8]):
        if data[4:8] == b"ftyp" and _PHOTOS.fullmatch(data[8:12]):
            raise VideoError(f"This is a photo in a video format, not a video: please choose {ACCEPTED}.")
        _check_boxes(memoryview(data))
        return MOV
    kind = next((kind for start, kind in _OTHER_KINDS if data.startswith(start)), "")
    if data.startswith(b"RIFF"):
        kind = {b"AVI ": "an AVI video", b"WEBP": "a WebP picture", b"WAVE": "a WAV file"}.get(data[8:12], "")
    if kind:
        raise VideoError(f"This is {kind}: please choose {ACCEPTED}.")
    raise VideoError(f"This file cannot be read as a video: please choose {ACCEPTED}.")


def is_truncated(data: bytes, demuxer: str) -> bool:
    """Return whether a file ends before its outermost boxes or elements do, as after a copy that was interrupted."""
    if demuxer == MOV:
        return any(end > len(data) for end in _ends(memoryview(data)))
    header_end = element_end(data, 4)
    return data[header_end : header_end + 4] == b"\x18\x53\x80\x67" and element_end(data, header_end + 4) > len(data)


def clean_aperture(data: bytes, width: int, height: int) -> Aperture:
    """Return the part of each frame that an MP4 or MOV says to show (`clap`), as old cameras and editors do.

    Args:
        data: The file.
        width: Stored width of a frame in pixels.
        height: Stored height of a frame in pixels.

    Returns:
        Left, top, width and height as fractions of the frame; all of it if the file states nothing else.
    """
    whole = Aperture(0, 0, 1, 1)
    moov = next((body for name, body, _ in _boxes(memoryview(data)) if name == b"moov"), memoryview(b""))
    stated = {bytes(found[1]) for found in _APERTURE.finditer(moov)}
    if len(stated) != 1:
        return whole
    values = struct.unpack(">IIIIiIiI", stated.pop())
    if 0 in values[1::2]:
        return whole
    columns, rows, right, down = (values[i] / values[i + 1] for i in (0, 2, 4, 6))
    left, top = (width - columns) / 2 + right, (height - rows) / 2 + down
    is_inside = left >= 0 and top >= 0 and left + columns <= width and top + rows <= height
    if not is_inside or columns < width / 2 or rows < height / 2:
        return whole
    return Aperture(left / width, top / height, columns / width, rows / height)


class Aperture(NamedTuple):
    """A part of a frame, in fractions of its sides."""

    left: float
    top: float
    width: float
    height: float


def _ends(view: memoryview) -> Iterator[int]:
    """Yield where each of the outermost boxes of an MP4 ends."""
    position = 0
    while position + 8 <= len(view):
        size = _number(view, position)
        if size == 1:
            size = int.from_bytes(view[position + 8 : position + 16], "big")
        if size < 8:  # 0: up to the end of the file
            return
        position += size
        yield position


@dataclass
class _Track:
    """A track: its handlers, how many samples, chunks, samples a chunk and edits, and if all samples last 1 tick."""

    handlers: set[bytes] = field(default_factory=set)
    samples: int = 0
    chunks: int = 0
    chunk_samples: int = 0
    edits: int = 1
    is_regular: bool = False

    @property
    def entries(self) -> int:
        """Length of FFmpeg's index: an entry per sample, or per 1,024 of regular sound, for each edit."""
        entries = self.samples
        if self.is_regular and b"soun" in self.handlers and b"vide" not in self.handlers:
            entries = self.chunks * -(-self.chunk_samples // 1024)
        return entries * max(1, self.edits)


def _check_boxes(view: memoryview) -> None:
    """Walk the boxes of an MP4 or MOV: it must have an index, which must not be made to grow in memory."""
    tracks = [_Track()]
    fragments = metadata = 0
    names = set()
    for number, (name, body, parent) in enumerate(_boxes(view)):
        names.add(name)
        metadata += _number(body, 4) if name == b"keys" else parent in _METADATA
        if name == b"trak":
            tracks.append(_Track())
        elif name == b"hdlr":
            tracks[-1].handlers.add(bytes(body[8:12]))
        elif name in (b"stsz", b"stz2"):
            tracks[-1].samples += _number(body, 8)
        elif name in (b"stco", b"co64"):
            tracks[-1].chunks += _number(body, 4)
        elif name == b"stsc":
            runs = np.frombuffer(
                body[8 : 8 + max(0, len(body) - 8) // 12 * 12], ">u4"
            )  # first chunk, samples, description
            tracks[-1].chunk_samples = max(tracks[-1].chunk_samples, int(runs[1::3].max(initial=0)))
        elif name == b"elst":
            tracks[-1].edits = max(tracks[-1].edits, _number(body, 4))
        elif name == b"stts":
            tracks[-1].is_regular = _number(body, 4) == 1 and _number(body, 12) == 1
        elif name == b"trun":
            fragments += _number(body, 4)
        elif name == b"sidx":
            fragments += len(body) // 12
        if (
            number > MAX_BOXES
            or metadata > MAX_METADATA
            or name == b"cmov"
            or fragments > MAX_SAMPLES
            or tracks[-1].samples > 2**31
        ):
            break
    else:
        if not names & {b"moov", b"moof"}:
            raise VideoError(
                "This video is cut off: its index, usually the end of the file, is missing; please save it again."
            )
        if sum(track.entries for track in tracks) <= MAX_SAMPLES:
            return
    raise VideoError("The index of this video is too long: please cut the video shorter or save it again as MP4.")


def _boxes(view: memoryview) -> Iterator[tuple[bytes, memoryview, bytes]]:
    """Yield the name and content of each box, and the name of the box around it; then those inside it."""
    waiting = [(0, len(view), b"")]
    while waiting:
        position, end, parent = waiting.pop()
        if position + 8 > end:
            continue
        size, name, header = _number(view, position), bytes(view[position + 4 : position + 8]), 8
        if size == 1:
            size, header = int.from_bytes(view[position + 8 : position + 16], "big"), 16
        stop = min(end, position + size) if size else end
        if size and size < header:
            continue
        body = position + header
        waiting.append((stop, end, parent))
        yield name, view[body:stop], parent
        if _PARENTS.fullmatch(name):
            waiting.append((body + 4 if name == b"meta" and not _number(view, body) else body, stop, name))


def _number(view: memoryview, at: int) -> int:
    return int.from_bytes(view[at : at + 4], "big")
