"""Object tracking in videos: detections become tracks, and the frames an annotated MP4."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import supervision as sv

from cnn_demo.detections import class_ids, class_names, confidences, subset, track_ids
from cnn_demo.drawing.boxes import class_colour, draw_boxes
from cnn_demo.models import frameworks
from cnn_demo.video.containers import open_video
from cnn_demo.video.frames import MAX_FRAMES, MAX_SECONDS, frames_of
from cnn_demo.video.writer import VideoWriter

DETECTED_RATE = 30
"""Maximum frames a second on which objects are detected; other frames show the boxes of the frame before."""


@dataclass(frozen=True)
class Progress:
    """Progress on a video: frames done, the maximum number of frames, and the last annotated frame."""

    done: int
    total: int
    pixels: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class AnnotatedVideo:
    """An annotated video.

    Attributes:
        mp4: The file's content.
        frames: Number of frames.
        detected: Number of frames on which objects were detected.
        seconds: Duration in seconds.
        tracks: Number of tracked objects per class.
        cut: Whether the original is longer.
        size: (height, width) of a frame.
    """

    mp4: bytes = field(repr=False)
    frames: int
    detected: int
    seconds: float
    tracks: dict[str, int]
    cut: bool
    size: tuple[int, int]


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
            "track_buffer": max(1, round(rate)),  # a track survives one second without detections
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


def annotate_video(
    data: bytes,
    detect: Callable[[np.ndarray], sv.Detections],
    confidence: float,
    report: Callable[[Progress], bool] = lambda _progress: True,
) -> AnnotatedVideo:
    """Detect and track the objects of a video, on at most `DETECTED_RATE` frames a second, evenly in time.

    Args:
        data: The file's content.
        detect: Function from (H, W, 3) uint8 to detections above half the confidence threshold, with `class_name`.
        confidence: Confidence threshold for a new track, 0 to 1.
        report: Callback that receives the progress after each frame; processing stops if it returns False.

    Returns:
        The annotated video, up to the last processed frame.

    Raises:
        VideoError: As for `open_video` and `frames_of`.
    """
    file = io.BytesIO()
    number, detected, seconds, size = 0, 0, 0.0, (0, 0)
    step = 1 / DETECTED_RATE
    due = 0.0  # time of the next detection
    with open_video(data) as video, VideoWriter(file) as writer:
        tracks = Tracks(confidence, min(DETECTED_RATE, float(video.rate)))
        total = min(MAX_FRAMES, video.frames or MAX_FRAMES, max(1, round(MAX_SECONDS * video.rate)))
        frames = frames_of(video)
        for number, frame in enumerate(frames, 1):
            if frame.seconds >= due - step / 4:  # times in the file are rounded
                followed = tracks.follow(detect(frame.pixels))
                detected += 1
                due = max(due + step, frame.seconds + step / 2)
            scene = draw_tracks(frame.pixels, followed)
            writer.add(scene, frame.seconds, frame.duration)
            seconds, size = frame.seconds + frame.duration, scene.shape[:2]
            if not report(Progress(number, max(total, number), scene)):
                video.is_cut = next(frames, None) is not None
                break
        is_cut = video.is_cut
    return AnnotatedVideo(file.getvalue(), number, detected, seconds, tracks.seen, is_cut, size)


def draw_tracks(pixels: np.ndarray, followed: sv.Detections) -> np.ndarray:
    """Draw the tracked objects with class and ID, one colour per ID."""
    numbers = track_ids(followed).tolist()
    names = [f"{name} {number}" for name, number in zip(class_names(followed), numbers, strict=True)]
    return draw_boxes(pixels, followed.xyxy, names, [class_colour(number) for number in numbers])
