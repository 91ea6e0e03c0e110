"""Small videos made by PyAV, with known frames, times and tags."""

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np

MILLISECOND = Fraction(1, 1000)
CODECS = {"mp4": "libx264", "mov": "libx264", "webm": "libvpx", "matroska": "libx264", "avi": "mpeg4"}
CORNERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
"""Red, green, blue and white corners, (2, 2, 3)."""


def corners(_number: int, height: int, width: int) -> np.ndarray:
    """Four corners of different colours."""
    return CORNERS.repeat(height // 2, 0).repeat(width // 2, 1)


def named(pixels: np.ndarray) -> list[str]:
    """Return the colours of the four corners, row by row: any of r, g, b, w, or "?"."""
    height, width = pixels.shape[:2]
    names = {(1, 0, 0): "r", (0, 1, 0): "g", (0, 0, 1): "b", (1, 1, 1): "w"}
    places = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [names.get(tuple((pixels[place] > 128).astype(int).tolist()), "?") for place in places]


def clip(
    times: Sequence[float] = tuple(number / 10 for number in range(10)),
    size: tuple[int, int] = (64, 96),
    container: str = "mp4",
    codec: str = "",
    pix_fmt: str = "yuv420p",
    draw: Callable[[int, int, int], np.ndarray] = corners,
    aspect: Fraction | None = None,
    turned: tuple[float, bool, bool] | None = None,
    tags: dict[str, int] | None = None,
    options: dict[str, str] | None = None,
    frames: Sequence[av.VideoFrame] | None = None,
) -> bytes:
    """Encode a video.

    Args:
        times: Time of each frame in seconds.
        size: (height, width) of a frame.
        container: "mp4", "mov", "webm", "matroska" or "avi".
        codec: Encoder, the container's usual one if empty.
        pix_fmt: Pixel format.
        draw: Function from the frame's number and size to (height, width, 3) uint8.
        aspect: Sample aspect ratio.
        turned: Display rotation in degrees counter-clockwise, horizontal and vertical flip.
        tags: `colorspace`, `color_range`, `color_primaries` and `color_trc`.
        options: Options of the encoder.
        frames: Frames to encode as they are, instead of `draw`.
    """
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(codec or CODECS[container], rate=25, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
        stream.time_base = stream.codec_context.time_base = MILLISECOND
        if aspect:
            stream.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio = aspect
        if turned:
            stream.set_display_rotation(*turned)
        for name, code in (tags or {}).items():
            setattr(stream.codec_context, name, code)
        ends = [*times[1:], times[-1] + (times[1] - times[0] if len(times) > 1 else 0.1)]
        durations = {round(time * 1000): round((end - time) * 1000) for time, end in zip(times, ends, strict=True)}

        def mux(packets: list[av.Packet]) -> None:
            for packet in packets:
                packet.duration = durations.get(packet.pts, 40)
                out.mux(packet)

        for number, time in enumerate(times):
            frame = frames[number] if frames else av.VideoFrame.from_ndarray(draw(number, *size), format="rgb24")
            frame.time_base, frame.pts = MILLISECOND, round(time * 1000)
            mux(stream.encode(frame))
        mux(stream.encode())
    return file.getvalue()


def without_element(webm: bytes, element: bytes) -> bytes:
    """Replace an EBML element by a void one: `23e383` is the default duration of a frame, `4489` the file's."""
    at = webm.index(element)
    length = len(element) + 1 + (webm[at + len(element)] & 0x7F)
    return webm[:at] + b"\xec" + bytes([0x80 | (length - 2)]) + bytes(length - 2) + webm[at + length :]


def sound() -> bytes:
    """Encode an MP4 with sound only."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=8000, layout="mono")
        for _ in range(10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.rate = 8000
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return file.getvalue()


def with_cover(count: int) -> bytes:
    """Encode an MP4 whose first stream is a cover picture, and whose second has `count` frames; none if it is 0."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        cover: Any = out.add_stream("mjpeg", rate=1)
        cover.height = cover.width = 32
        cover.pix_fmt, cover.disposition = "yuvj420p", av.stream.Disposition.attached_pic
        if count:
            stream: Any = out.add_stream("libx264", rate=10)
            stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        out.mux(cover.encode(av.VideoFrame.from_ndarray(corners(0, 32, 32), format="rgb24")))
        for _ in range(count):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(corners(0, 64, 96), format="rgb24")))
        if count:
            out.mux(stream.encode())
        out.mux(cover.encode())
    return file.getvalue()
