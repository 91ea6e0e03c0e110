"""Short videos: decoding by FFmpeg (PyAV), object tracking, and annotated MP4 output.

A video is untrusted input like a photo: a file that is no video, has no frames or is too large is refused with a
one-sentence message, and only the first seconds are decoded.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import supervision as sv

from cnn_demo.detections import class_ids, class_names, confidences, subset, track_ids
from cnn_demo.drawing.boxes import class_colour, draw_boxes
from cnn_demo.models import frameworks

ACCEPTED = "MP4, WebM or MOV"
MAX_SECONDS, MAX_FRAMES = 10.0, 300
SIDE = 640  # pixels of a frame's longer side, for detection and display
MAX_PIXELS = 4096 * 2304  # of a frame
CONTAINERS = {"mov", "mp4", "webm"}
MAX_RATE = Fraction(60)


class VideoError(Exception):
    """A video that cannot be processed; the message is one sentence for the visitor."""


@dataclass(frozen=True)
class Frame:
    """A frame of a video: (H, W, 3) uint8 RGB, upright, both sides even; and its timestamp in seconds."""

    pixels: np.ndarray = field(repr=False)
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Progress on a video: frames done, the maximum number of frames, and the last annotated frame."""

    done: int
    total: int
    pixels: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class AnnotatedFilm:
    """An annotated video.

    Attributes:
        mp4: The file's content.
        frames: Number of frames.
        seconds: Duration in seconds.
        tracks: Number of tracked objects per class.
        cut: Whether the original is longer.
        size: (height, width) of a frame.
    """

    mp4: bytes = field(repr=False)
    frames: int
    seconds: float
    tracks: dict[str, int]
    cut: bool
    size: tuple[int, int]


def open_film(data: bytes) -> av.container.InputContainer:
    """Open a video.

    Raises:
        VideoError: If the file is no video, has no frames, or they are too large.
    """
    try:
        film = av.open(io.BytesIO(data), mode="r")
    except Exception as error:  # FFmpeg has many error types
        raise VideoError(f"This file cannot be read as a video: please bring {ACCEPTED}.") from error
    if not CONTAINERS & set(film.format.name.split(",")):
        raise VideoError(f"This is a {film.format.long_name} file: please bring {ACCEPTED}.")
    if not film.streams.video:
        raise VideoError("This file has sound, but no video: please bring another one.")
    stream = film.streams.video[0]
    if not stream.width or stream.width * stream.height > MAX_PIXELS:
        raise VideoError("The frames of this video are too large: please bring it in 4K or less.")
    stream.thread_type = "NONE"  # one core is enough for decoding
    return film


def first_frame(data: bytes) -> np.ndarray:
    """Return the first frame of a video, (H, W, 3) uint8, upright and downscaled.

    Raises:
        VideoError: As for `open_film` and `frames_of`.
    """
    with open_film(data) as film:
        return next(frames_of(film)).pixels


def rate_of(film: av.container.InputContainer) -> Fraction:
    """Return the frame rate, at most 60; 25 if the file does not state it."""
    rate = film.streams.video[0].average_rate
    return min(Fraction(rate), MAX_RATE) if rate else Fraction(25)


def frames_of(film: av.container.InputContainer) -> Iterator[Frame]:
    """Decode the first 10 seconds of a video, at most 300 frames, upright and downscaled.

    Raises:
        VideoError: If no frame can be decoded; a later decoding error ends the video.
    """
    rate = rate_of(film)
    number = 0
    try:
        for picture in film.decode(video=0):
            seconds = float(picture.time) if picture.time is not None else number / float(rate)
            if number >= MAX_FRAMES or seconds >= MAX_SECONDS:
                return
            yield Frame(_upright(picture), seconds)
            number += 1
    except av.FFmpegError as error:
        if number == 0:
            raise VideoError("No frame of this video can be read: please try to save it again as MP4.") from error
    if number == 0:
        raise VideoError("This video has no frames: please bring another one.")


def _upright(picture: av.VideoFrame) -> np.ndarray:
    scale = min(1.0, SIDE / max(picture.width, picture.height))
    width, height = (max(2, round(length * scale / 2) * 2) for length in (picture.width, picture.height))
    pixels: np.ndarray = picture.to_ndarray(format="rgb24")
    if (height, width) != pixels.shape[:2]:
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    quarters = round(getattr(picture, "rotation", 0) / 90) % 4  # counter-clockwise
    return np.ascontiguousarray(np.rot90(pixels, quarters))


class Tracks:
    """Multi-object tracker: Ultralytics' implementation of ByteTrack.

    Boxes are matched with the predicted boxes of tracked objects, first those of high confidence, then the others.
    Zhang et al. (2022), https://arxiv.org/abs/2110.06864.

    Attributes:
        seen: Number of tracked objects per class so far.
    """

    def __init__(self, confidence: float, rate: float) -> None:
        frameworks.ultralytics()
        from ultralytics.trackers.byte_tracker import BYTETracker

        settings = {
            "track_high_thresh": confidence,
            "track_low_thresh": confidence / 2,
            "new_track_thresh": confidence,
            "track_buffer": round(rate),  # a track survives one second without detections
            "match_thresh": 0.8,
            "fuse_score": True,
        }
        self._tracker = BYTETracker(SimpleNamespace(**settings))
        self._known: dict[int, str] = {}

    @property
    def seen(self) -> dict[str, int]:
        """Number of tracked objects per class, the most frequent first."""
        return dict(Counter(self._known.values()).most_common())

    def follow(self, found: sv.Detections) -> sv.Detections:
        """Return the boxes of tracked objects, with the track's ID as `tracker_id`."""
        from ultralytics.engine.results import Boxes

        table = np.column_stack([found.xyxy, confidences(found), class_ids(found)]).astype(np.float32).reshape(-1, 6)
        rows = self._tracker.update(Boxes(table, orig_shape=(1, 1)))
        rows = np.asarray(rows).reshape(-1, 8)
        followed = subset(found, rows[:, 7].astype(int))
        numbers = rows[:, 4].astype(int)
        followed.tracker_id = numbers
        for number, name in zip(numbers.tolist(), class_names(followed), strict=True):
            self._known.setdefault(number, name)
        return followed


def annotate_film(
    data: bytes,
    detect: Callable[[np.ndarray], sv.Detections],
    confidence: float,
    report: Callable[[Progress], bool] = lambda _progress: True,
) -> AnnotatedFilm:
    """Detect and track the objects of a video.

    Args:
        data: The file's content.
        detect: Function from (H, W, 3) uint8 to detections above half the confidence threshold, with `class_name`.
        confidence: Confidence threshold for a new track, 0 to 1.
        report: Callback that receives the progress after each frame; processing stops if it returns False.

    Returns:
        The annotated video, up to the last processed frame.

    Raises:
        VideoError: As for `open_film` and `frames_of`.
    """
    film = open_film(data)
    rate = rate_of(film)
    stream = film.streams.video[0]
    total = min(MAX_FRAMES, max(1, round(MAX_SECONDS * float(rate))), stream.frames or MAX_FRAMES)
    length = float(film.duration / av.time_base) if film.duration else 0.0
    tracks = Tracks(confidence, float(rate))
    file = io.BytesIO()
    seconds = 0.0
    number, size = 0, (0, 0)
    with film, _Writer(file, rate) as writer:
        for number, frame in enumerate(frames_of(film), 1):
            scene = draw_tracks(frame.pixels, tracks.follow(detect(frame.pixels)))
            writer.add(scene)
            size = size if number > 1 else scene.shape[:2]
            seconds = number / float(rate)
            if not report(Progress(number, max(total, number), scene)):
                break
    return AnnotatedFilm(file.getvalue(), number, seconds, tracks.seen, length > seconds + 0.5, size)


def draw_tracks(pixels: np.ndarray, followed: sv.Detections) -> np.ndarray:
    """Draw the tracked objects with class and ID, one colour per ID."""
    numbers = track_ids(followed).tolist()
    names = [f"{name} {number}" for name, number in zip(class_names(followed), numbers, strict=True)]
    return draw_boxes(pixels, followed.xyxy, names, [class_colour(number) for number in numbers])


class _Writer:
    """Writer of an H.264 MP4 that every browser plays."""

    def __init__(self, file: io.BytesIO, rate: Fraction) -> None:
        self._container = av.open(file, "w", format="mp4")
        self._rate = rate
        self._stream: Any = None

    def __enter__(self) -> _Writer:
        return self

    def add(self, pixels: np.ndarray) -> None:
        height, width = pixels.shape[:2]
        if self._stream is None:
            options = {"crf": "23", "preset": "veryfast"}
            self._stream = self._container.add_stream("libx264", rate=self._rate, options=options)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        if (height, width) != (self._stream.height, self._stream.width):  # a video whose frame size changes
            pixels = cv2.resize(pixels, (self._stream.width, self._stream.height))
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))

    def __exit__(self, *_error: object) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
