"""Encoding of annotated frames as an MP4 that every browser plays."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

TICK = Fraction(1, 90_000)
"""Unit of the timestamps in seconds: a whole number of them is a frame of 24, 25, 29.97, 30, 60 or 240 a second."""
_BT709 = 1  # code of ITU-T H.273 for matrix, primaries and transfer function


class VideoWriter:
    """Writer of H.264 in MP4, for frames at any times.

    Args:
        file: Receives the content, which is complete at the end of the `with` statement.
    """

    def __init__(self, file: io.BytesIO) -> None:
        self._container = av.open(file, "w", format="mp4")
        self._stream: Any = None
        self._durations: dict[int, int] = {}

    def __enter__(self) -> VideoWriter:
        return self

    def add(self, pixels: np.ndarray, seconds: float, duration: float) -> None:
        """Add a frame.

        Args:
            pixels: (H, W, 3) uint8 sRGB, both sides even, the same for all frames.
            seconds: Time of the frame, later than that of the frame before.
            duration: Duration of the frame in seconds, which counts for the last one.
        """
        if self._stream is None:
            height, width = pixels.shape[:2]
            self._stream = self._container.add_stream("libx264", options={"crf": "23", "preset": "veryfast"})
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.time_base = TICK
            context = self._stream.codec_context
            context.time_base = TICK
            context.max_b_frames = 0  # in reordered frames at irregular times, MP4 loses the end
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = ColorRange.MPEG
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, threads=1
        )
        frame.time_base = TICK
        frame.pts = round(seconds / TICK)
        self._durations[frame.pts] = max(1, round(duration / TICK))
        self._encode(frame)

    def __exit__(self, *_error: object) -> None:
        if self._stream is not None:
            self._encode(None)
        self._container.close()

    def _encode(self, frame: av.VideoFrame | None) -> None:
        """Encode a frame, or flush the encoder, which forgets durations."""
        for packet in self._stream.encode(frame):
            packet.duration = self._durations.pop(packet.pts, 1)
            self._container.mux(packet)
