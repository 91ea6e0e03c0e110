"""Frames of a video: decoded within limits, upright, downscaled, in sRGB, each with its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type

from cnn_demo.video.alpha import AlphaPlanes
from cnn_demo.video.colour import on_white, to_srgb
from cnn_demo.video.containers import DECODE_SECONDS, MAX_PIXELS, Video, VideoError, open_video
from cnn_demo.video.interlacing import Deinterlacer

MAX_SECONDS = 10.0
MAX_FRAMES = 2400
"""Maximum frames: 10 seconds of 240 a second."""
SIDE = 640
"""Maximum pixels of a frame's longer side, for detection and display."""
MAX_FAULTS = 50
"""Damaged packets after which decoding ends."""
MIN_STEP, MAX_DURATION = 0.001, 2.0
"""Seconds between two frames, and of the last frame."""


@dataclass(frozen=True)
class Frame:
    """A frame of a video.

    Attributes:
        pixels: (H, W, 3) uint8 sRGB, upright, both sides even.
        seconds: Time since the first frame.
        duration: Duration in seconds, by the file or the frame rate.
    """

    pixels: np.ndarray = field(repr=False)
    seconds: float
    duration: float


def first_frame(data: bytes) -> np.ndarray:
    """Return the first frame of a video, (H, W, 3) uint8, upright and downscaled.

    Raises:
        VideoError: As for `open_video` and `frames_of`.
    """
    with open_video(data) as video:
        return next(frames_of(video)).pixels


def frames_of(video: Video) -> Iterator[Frame]:
    """Decode the first 10 seconds of a video, at most 2,400 frames, upright and downscaled.

    All frames have the size of the first one; a later one of another size is scaled into it, with black bars if its
    proportions differ. `video.is_cut` states afterwards whether the end is missing.

    Raises:
        VideoError: If no frame can be decoded; a later decoding error ends the video.
    """
    step = float(1 / video.rate)
    start: float | None = None
    seconds, number = -step, 0
    canvas: _Canvas | None = None
    for decoded, planes in _decoded(video):
        earlier, time = seconds, decoded.time
        seconds = earlier + step
        if time is not None:
            start = time - seconds if start is None else start
            seconds = time - start
        if seconds <= earlier:  # a clock that stands still or goes back
            seconds = earlier + min(step, MIN_STEP)
        if number >= MAX_FRAMES or seconds >= MAX_SECONDS:
            video.is_cut = True
            return
        try:
            canvas = canvas or _Canvas(decoded, video)
            pixels = canvas.draw(decoded, planes.take(decoded.pts))
        except Exception as error:  # FFmpeg cannot convert every pixel format
            if number == 0:
                raise _unreadable() from error
            video.is_cut = True
            return
        number += 1
        duration = float(decoded.duration * decoded.time_base) if decoded.duration and decoded.time_base else step
        video.deadline.pause()
        yield Frame(pixels, seconds, duration if MIN_STEP <= duration <= MAX_DURATION else step)
        video.deadline.resume()
    if number == 0:
        raise VideoError("This video has no frames: please choose another one.")
    missing = (video.seconds or 0.0) - seconds - step
    video.is_cut = video.is_cut or video.is_truncated or missing > max(0.5, 3 * step)


def _decoded(video: Video) -> Iterator[tuple[av.VideoFrame, AlphaPlanes]]:
    """Decode the video stream past damaged packets, until the deadline."""
    planes, deinterlacer = AlphaPlanes(video.stream), Deinterlacer()
    faults = in_a_row = count = 0
    video.deadline.resume()
    while faults < MAX_FAULTS:
        try:
            video.deadline.check()
            packet = next(video.packets, None)
        except Exception as error:  # the reader's TimeoutError, and FFmpeg's many
            if not count:
                raise _unreadable() from error
            video.is_cut = True
            return
        if packet is None:
            break
        try:
            planes.receive(packet)
            frames = video.stream.decode(packet)
        except Exception:  # one packet is damaged; the next ones may be whole
            faults, in_a_row = faults + 1, in_a_row + 1
            continue
        for frame in frames:
            if frame.width * frame.height > MAX_PIXELS:
                faults, in_a_row = faults + 1, in_a_row + 1
                continue
            in_a_row = 0
            count += 1
            video.deadline.limit = DECODE_SECONDS
            for finished in deinterlacer.receive(frame):
                yield finished, planes
    for finished in deinterlacer.flush():
        yield finished, planes
    if faults and not count:
        raise _unreadable()
    video.is_cut = video.is_cut or in_a_row > 0


def _unreadable() -> VideoError:
    return VideoError("No frame of this video can be read: please save it again as MP4, in 4K or less.")


class _Canvas:
    """The size of all frames, and the way of a decoded frame to it."""

    def __init__(self, first: av.VideoFrame, video: Video) -> None:
        self._aspect, self._aperture = float(video.aspect), video.aperture
        self._colours = video.colours
        self._codec = video.stream.codec_context.name
        self._transform = _transform_of(first)
        width, height = self._displayed(first)
        scale = min(1.0, SIDE / max(width, height))
        self.width, self.height = (max(2, round(length * scale / 2) * 2) for length in (width, height))

    def draw(self, frame: av.VideoFrame, opacity: np.ndarray | None) -> np.ndarray:
        """Return a decoded frame as (height, width, 3) uint8, composited on white by its opacity, if it has one."""
        width, height = self._fitted(*self._displayed(frame))
        stored = (height, width) if self._transform.transpose else (width, height)
        if self._codec == "vp8":  # VP8 has no codes for other than limited BT.601, but browsers record others
            frame.colorspace = self._colours.colorspace
            frame.color_range = self._colours.color_range or frame.color_range
        part = self._aperture
        whole = round(stored[0] / part.width), round(stored[1] / part.height)
        left, top = round(part.left * whole[0]), round(part.top * whole[1])
        pixels = to_srgb(frame, *whole, self._colours)[top : top + stored[1], left : left + stored[0]]
        if opacity is not None:
            pixels = on_white(pixels, cv2.resize(opacity, stored, interpolation=cv2.INTER_AREA)[..., None])
        pixels = self._transform.apply(pixels)
        if (height, width) == (self.height, self.width):
            return np.ascontiguousarray(pixels)
        canvas = np.zeros((self.height, self.width, 3), np.uint8)
        top, left = (self.height - height) // 2, (self.width - width) // 2
        canvas[top : top + height, left : left + width] = pixels
        return canvas

    def _displayed(self, frame: av.VideoFrame) -> tuple[float, float]:
        """Return the (width, height) of an upright frame with square pixels."""
        width = frame.width * self._aperture.width * max(1.0, self._aspect)
        height = frame.height * self._aperture.height / min(1.0, self._aspect)
        return (height, width) if self._transform.transpose else (width, height)

    def _fitted(self, width: float, height: float) -> tuple[int, int]:
        scale = min(self.width / width, self.height / height)
        fitted_width, fitted_height = (max(2, round(length * scale / 2) * 2) for length in (width, height))
        if abs(fitted_width - self.width) <= 2 and abs(fitted_height - self.height) <= 2:
            return self.width, self.height
        return min(fitted_width, self.width), min(fitted_height, self.height)


@dataclass(frozen=True)
class _Transform:
    """A display matrix as one of the eight transforms of a square: transpose, then flip."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        if self.transpose:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


def _transform_of(frame: av.VideoFrame) -> _Transform:
    """Return the transform nearest to a frame's display matrix (a b u, c d v, x y w): x' = ax + cy, y' = bx + dy."""
    side_data: Any = frame.side_data
    if Type.DISPLAYMATRIX not in side_data:
        return _Transform()
    values = np.frombuffer(bytes(side_data[Type.DISPLAYMATRIX])[:36], "<i4")
    if len(values) < 9:
        return _Transform()
    a, b, c, d = (int(values[index]) for index in (0, 1, 3, 4))
    if abs(b) + abs(c) > abs(a) + abs(d):
        return _Transform(True, c < 0, b < 0)
    return _Transform(False, a < 0, d < 0)
