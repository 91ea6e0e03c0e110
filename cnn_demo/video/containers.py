"""Containers: a video's header, read once.

FFmpeg gets the one demuxer of the file's format, no protocol, no second file, a short list of decoders, and a limit on
the pixels of every frame.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice, pairwise

import av
import psutil

from cnn_demo.video.colour import ColourCodes
from cnn_demo.video.formats import ACCEPTED, MOV, Aperture, VideoError, clean_aperture, demuxer_of, is_truncated

MAX_PIXELS = 4096 * 2304
"""Maximum pixels of a frame, in the header and of every decoded frame."""
HEADER_MEMORY = 500 * 2**20
"""Maximum growth of the process in bytes while a header of more than `LONG_HEADER` is read."""
LONG_HEADER = 16 * 2**20
"""Bytes read with the header from which its memory counts: FFmpeg also reads the first frames, up to 5 MB and one."""
OPEN_SECONDS, DECODE_SECONDS = 20.0, 120.0
"""Maximum time for the header and the first frame, and for all frames, without their processing."""

MAX_STREAMS = 32
"""Maximum streams: phones write up to eight; FFmpeg may decode a frame of each when it opens a file."""

_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
_DECODERS = (
    "h264,hevc,vvc,libdav1d,av1,vp8,vp9,mpeg4,h263,mpeg1video,mpeg2video,mjpeg,prores,dnxhd,theora,qtrle,png,rawvideo,"
    "ffv1,rpza,svq1,svq3,cinepak"
)
_PEEKED = 30  # packets from which a missing frame rate is measured


class Deadline:
    """A budget of time that can be paused; `check` raises `TimeoutError` once it is spent."""

    def __init__(self, seconds: float) -> None:
        self.limit = seconds
        self._spent = 0.0
        self._since: float | None = time.monotonic()

    @property
    def expired(self) -> bool:
        """Whether the budget is spent."""
        running = 0.0 if self._since is None else time.monotonic() - self._since
        return self._spent + running > self.limit

    def pause(self) -> None:
        """Stop the clock."""
        if self._since is not None:
            self._spent += time.monotonic() - self._since
            self._since = None

    def resume(self) -> None:
        """Start the clock again."""
        if self._since is None:
            self._since = time.monotonic()

    def check(self) -> None:
        """Raise `TimeoutError` if the budget is spent."""
        if self.expired:
            raise TimeoutError


class _Reader(io.BytesIO):
    """The file as FFmpeg reads it, within the time that is left, and within the memory for a long header.

    The memory is that of the process, in which other visitors work as well: a header that is not long never exceeds it.

    Attributes:
        in_header: Whether FFmpeg still reads the header.
    """

    def __init__(self, data: bytes, deadline: Deadline) -> None:
        super().__init__(data)
        self.in_header = True
        self._deadline = deadline
        self._header_bytes = 0
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss

    def read(self, size: int | None = -1, /) -> bytes:
        self._deadline.check()
        data = super().read(size)
        if self.in_header:
            self._header_bytes += len(data)
            is_long = self._header_bytes > LONG_HEADER
            if is_long and self._process.memory_info().rss - self._before > HEADER_MEMORY:
                raise MemoryError
        return data

    def writable(self) -> bool:
        return False


@dataclass
class Video:
    """An open video; use it in a `with` statement.

    Attributes:
        container: FFmpeg's container.
        stream: Video stream: the first that is neither a cover picture nor a thumbnail, preferably the default one.
        deadline: Time left for reading and decoding.
        packets: Packets of the stream.
        rate: Frames per second, by the first timestamps or the header, 1 to 1000.
        frames: Number of frames by the header; None if it does not state it.
        seconds: Duration of the stream by the header; None if it does not state it.
        aspect: Sample aspect ratio, width to height.
        aperture: Part of a frame that is shown.
        colours: Colour codes of the container.
        is_truncated: Whether the file ends too early.
        is_cut: Whether frames are missing at the end: beyond the limits, or not readable. Set by `frames.frames_of`.
    """

    container: av.container.InputContainer = field(repr=False)
    stream: av.VideoStream = field(repr=False)
    deadline: Deadline = field(repr=False)
    packets: Iterator[av.Packet] = field(repr=False)
    rate: Fraction
    frames: int | None
    seconds: float | None
    aspect: Fraction
    aperture: Aperture
    colours: ColourCodes
    is_truncated: bool
    is_cut: bool = False

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_error: object) -> None:
        self.container.close()


def open_video(data: bytes) -> Video:
    """Open a video and read its header.

    Raises:
        VideoError: If the file is no video, has no frames, or they are too large.
    """
    demuxer = demuxer_of(data)
    deadline = Deadline(OPEN_SECONDS)
    container = _open(data, demuxer, deadline)
    try:
        stream = _video_stream(container)
        first, packets = _peeked(container.demux(stream))
        rate = _measured_rate(first, stream) or _stated_rate(stream) or Fraction(25)
        deadline.pause()
        return Video(
            container=container,
            stream=stream,
            deadline=deadline,
            packets=packets,
            rate=rate,
            frames=stream.frames or None,
            seconds=_duration_of(container, stream),
            aspect=_aspect_of(stream),
            aperture=clean_aperture(data if demuxer == MOV else b"", stream.width, stream.height),
            colours=ColourCodes.of(stream.codec_context),
            is_truncated=is_truncated(data, demuxer),
        )
    except BaseException:
        container.close()
        raise


def _refuse(_url: str, _flags: int, _options: dict) -> io.BytesIO:
    raise OSError("a video may not open other files")


def _open(data: bytes, demuxer: str, deadline: Deadline) -> av.container.InputContainer:
    reader = _Reader(data, deadline)
    try:
        container = av.open(
            reader,
            mode="r",
            format=demuxer,
            io_open=_refuse,
            options={"max_pixels": str(MAX_PIXELS), "threads": "1"},
            container_options={
                "format_whitelist": _DEMUXERS,
                "max_streams": str(MAX_STREAMS),
                "protocol_whitelist": "none",
                "codec_whitelist": _DECODERS,
            },
            metadata_errors="replace",
        )
        reader.in_header = False
        return container
    except TimeoutError as error:
        raise VideoError("This video takes too long to open: please save it again as MP4.") from error
    except Exception as error:  # FFmpeg has many error types
        raise VideoError(f"This file cannot be read as a video: please choose {ACCEPTED}.") from error


# Header --------------------------------------------------------------------------------------------------------------


def _video_stream(container: av.container.InputContainer) -> av.VideoStream:
    streams = container.streams.video
    covers = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    moving = [stream for stream in streams if not stream.disposition & covers]
    if not moving:
        content = "sound, but no video" if container.streams.audio else "neither video nor sound"
        if streams:
            content = "a cover picture, but no video"
        raise VideoError(f"This file has {content}: please choose another one.")
    decoders = _DECODERS.split(",")
    readable = [stream for stream in moving if stream.codec_context and stream.codec_context.name in decoders]
    if not readable:
        codec = moving[0].codec_context.codec.long_name if moving[0].codec_context else "an unknown codec"
        raise VideoError(f"The frames of this video are in {codec}: please save it as MP4 with H.264.")
    preferred = av.stream.Disposition.default
    stream = next((stream for stream in readable if stream.disposition & preferred), readable[0])
    if stream.width * stream.height > MAX_PIXELS:
        raise VideoError("The frames of this video are too large: please save it in 4K or less.")
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    stream.thread_type = "NONE"  # one core is enough for decoding
    return stream


def _peeked(packets: Iterator[av.Packet]) -> tuple[list[av.Packet], Iterator[av.Packet]]:
    """Return the first packets, and all of them; an error comes after those that could be read."""
    first: list[av.Packet] = []
    try:
        for packet in islice(packets, _PEEKED):
            first.append(packet)
    except Exception as error:  # FFmpeg has many error types
        return first, chain(first, _raising(error))
    return first, chain(first, packets)


def _raising(error: Exception) -> Iterator[av.Packet]:
    raise error
    yield  # which makes it a generator


def _measured_rate(first: list[av.Packet], stream: av.VideoStream) -> Fraction | None:
    """Return the frame rate by the median difference of the first timestamps."""
    times = sorted({packet.pts for packet in first if packet.pts is not None})
    steps = [later - earlier for earlier, later in pairwise(times)]
    if not steps or not stream.time_base:
        return None
    rate = 1 / (Fraction(statistics.median(steps)) * stream.time_base)
    return min(max(rate, Fraction(1)), Fraction(1000)).limit_denominator(1001)


def _stated_rate(stream: av.VideoStream) -> Fraction | None:
    rate = stream.average_rate
    return rate if rate and 1 <= rate <= 1000 else None


def _duration_of(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and len(container.streams) == 1:
        return (container.duration - max(0, container.start_time or 0)) / av.time_base
    return None


def _aspect_of(stream: av.VideoStream) -> Fraction:
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return Fraction(aspect) if aspect and Fraction(1, 8) <= aspect <= 8 else Fraction(1)
