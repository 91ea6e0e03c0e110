"""Video: objects keep their IDs, the output plays, and invalid files are refused with one sentence."""

import io

import av
import numpy as np
import pytest
import supervision as sv

from cnn_demo.video import AnnotatedVideo, Progress, Tracks, annotate_video, frames, tracking

from .clips import clip

RED, GREEN = (230, 20, 20), (20, 200, 20)


def scene(step: int, height: int = 120, width: int = 160) -> np.ndarray:
    """A red square that goes right and a green one that goes down."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[20:50, 10 + 2 * step : 40 + 2 * step] = RED
    pixels[10 + 2 * step : 40 + 2 * step, 110:140] = GREEN
    return pixels


def moving(count: int = 24, size: tuple[int, int] = (120, 160), rate: float = 12, container: str = "mp4") -> bytes:
    return clip(np.arange(count) / rate, size, container, draw=scene)


def squares(pixels: np.ndarray) -> sv.Detections:
    """A detector of objects by two colours."""
    boxes, class_ids = [], []
    for class_id, channel in enumerate((0, 1)):
        others = np.delete(pixels, channel, axis=2).max(axis=2)
        rows, columns = np.nonzero((pixels[..., channel] > 130) & (others < 110))
        if len(rows):
            boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
            class_ids.append(class_id)
    names = np.array([("red", "green")[i] for i in class_ids], dtype=str)
    return sv.Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.full(len(boxes), 0.9, np.float32),
        class_id=np.array(class_ids, int),
        data={"class_name": names},
    )


def decoded(mp4: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(mp4)) as read:
        return [frame.to_ndarray(format="rgb24") for frame in read.decode(video=0)]


@pytest.mark.parametrize("container", ["mp4", "mov", "webm"])
def test_objects_are_found_and_followed(container):
    told: list[Progress] = []
    done = annotate_video(moving(container=container), squares, 0.5, lambda progress: told.append(progress) or True)
    assert isinstance(done, AnnotatedVideo)
    assert (done.frames, done.tracks, done.cut) == (24, {"red": 1, "green": 1}, False)
    assert done.seconds == pytest.approx(2.0)
    assert [progress.done for progress in told] == list(range(1, 25))
    assert all(progress.done <= progress.total for progress in told)
    shown = decoded(done.mp4)
    assert len(shown) == 24
    assert shown[0].shape == (120, 160, 3)
    assert np.abs(shown[5].astype(int) - scene(5)).max() > 100  # there is a box now


def test_the_output_plays_in_browsers():
    with av.open(io.BytesIO(annotate_video(moving(6), squares, 0.5).mp4)) as read:
        stream = read.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 12


def test_an_object_keeps_its_number_and_colour():
    tracks = Tracks(0.5, 12)
    numbers = [tracks.follow(squares(scene(step))).tracker_id.tolist() for step in range(10)]
    assert numbers[2:] == [numbers[2]] * 8
    assert len(set(numbers[2])) == 2
    assert tracks.seen == {"red": 1, "green": 1}


def test_a_video_without_objects():
    done = annotate_video(moving(5), lambda pixels: squares(np.zeros_like(pixels)), 0.5)
    assert (done.frames, done.tracks) == (5, {})


def test_it_stops_on_request_and_keeps_the_finished_frames():
    done = annotate_video(moving(), squares, 0.5, lambda progress: progress.done < 7)
    assert done.frames == len(decoded(done.mp4)) == 7
    assert done.cut


def test_the_end_beyond_the_limits_is_missing_and_said_to_be(monkeypatch):
    monkeypatch.setattr(frames, "MAX_FRAMES", 6)
    done = annotate_video(moving(), squares, 0.5)
    assert (done.frames, done.cut, done.seconds) == (6, True, pytest.approx(0.5, abs=0.01))


@pytest.mark.parametrize(
    ("rate", "seconds", "detected"),
    [
        (12, 2, 24),
        (25, 2, 50),
        (30, 2, 60),
        (30000 / 1001, 2, 60),
        (50, 2, 60),
        (60, 2, 60),
        (120, 1, 30),
        (240, 1, 30),
    ],
)
@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_objects_are_detected_evenly_in_time_at_most_thirty_times_a_second(rate, seconds, detected, container):
    times = np.arange(round(rate * seconds)) / rate
    calls = []
    done = annotate_video(clip(times, (64, 96), container), lambda pixels: calls.append(0) or squares(pixels), 0.5)
    assert (done.frames, done.cut) == (len(times), False)
    assert done.detected == len(calls)
    assert abs(done.detected - detected) <= 2
    assert done.seconds == pytest.approx(seconds, abs=0.05)


def test_frames_between_two_detections_show_the_boxes_of_the_first(monkeypatch):
    shown = []
    monkeypatch.setattr(tracking, "draw_tracks", lambda pixels, found: shown.append(found) or pixels)
    done = annotate_video(moving(48, rate=120), squares, 0.5)
    assert (len(shown), done.detected) == (48, pytest.approx(12, abs=1))
    assert len({id(found) for found in shown}) == done.detected
    assert all(len(found) for found in shown)


TIMES = {
    "variable": np.cumsum([0, 0.03, 0.05, 0.4, 0.033, 0.034, 0.9, 0.02]),
    "slow motion": np.arange(24) / 240,
    "begins late": 30 + np.arange(10) / 10,
    "cinema": np.arange(24) * 1001 / 24000,
}


@pytest.mark.parametrize("container", ["mp4", "webm"])
@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
def test_the_result_has_the_times_of_the_original(times, container):
    done = annotate_video(clip(times, (120, 160), container, draw=scene), squares, 0.5)
    with av.open(io.BytesIO(done.mp4)) as read:
        found = [float(frame.time) for frame in read.decode(video=0)]
        length = float(read.streams.video[0].duration * read.streams.video[0].time_base)
    np.testing.assert_allclose(found, times - times[0], atol=0.0011)
    assert length == pytest.approx(done.seconds, abs=0.002)
    assert times[-1] - times[0] < done.seconds < times[-1] - times[0] + 0.12


def test_the_result_states_its_colours_and_keeps_them():
    done = annotate_video(moving(3), lambda pixels: squares(np.zeros_like(pixels)), 0.5)
    with av.open(io.BytesIO(done.mp4)) as read:
        context = read.streams.video[0].codec_context
        assert (context.colorspace, context.color_range, context.color_primaries, context.color_trc) == (1, 1, 1, 1)
        pixels = next(read.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(pixels[30, 20].astype(int) - RED).max() < 12
    assert np.abs(pixels[25, 125].astype(int) - GREEN).max() < 12


def test_a_truncated_video_is_annotated_up_to_its_end():
    whole = moving(container="webm")
    done = annotate_video(whole[: len(whole) * 2 // 3], squares, 0.5)
    assert 1 <= done.frames <= 24
