"""Video: objects keep their IDs, the output plays, and invalid files are refused with one sentence."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest
import supervision as sv

from cnn_demo import video
from cnn_demo.video import AnnotatedFilm, Progress, Tracks, VideoError, annotate_film, frames_of, open_film, rate_of

RED, GREEN = (230, 20, 20), (20, 200, 20)


def scene(step: int, height: int = 120, width: int = 160) -> np.ndarray:
    """A red square that goes right and a green one that goes down."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[20:50, 10 + 2 * step : 40 + 2 * step] = RED
    pixels[10 + 2 * step : 40 + 2 * step, 110:140] = GREEN
    return pixels


def film(count: int = 24, size: tuple[int, int] = (120, 160), rate: int = 12, container: str = "mp4") -> bytes:
    file, codec = io.BytesIO(), {"mp4": "libx264", "mov": "libx264", "webm": "libvpx", "avi": "mpeg4"}[container]
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        for step in range(count):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(scene(step, *size), format="rgb24")))
        out.mux(stream.encode())
    return file.getvalue()


def sound() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=8000, layout="mono")
        for _ in range(10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.rate = 8000
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return file.getvalue()


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


def pictures(mp4: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(mp4)) as read:
        return [frame.to_ndarray(format="rgb24") for frame in read.decode(video=0)]


@pytest.mark.parametrize("container", ["mp4", "mov", "webm"])
def test_objects_are_found_and_followed(container):
    told: list[Progress] = []
    done = annotate_film(film(container=container), squares, 0.5, lambda progress: told.append(progress) or True)
    assert isinstance(done, AnnotatedFilm)
    assert (done.frames, done.tracks, done.cut) == (24, {"red": 1, "green": 1}, False)
    assert done.seconds == pytest.approx(2.0)
    assert [progress.done for progress in told] == list(range(1, 25))
    assert all(progress.done <= progress.total for progress in told)
    shown = pictures(done.mp4)
    assert len(shown) == 24
    assert shown[0].shape == (120, 160, 3)
    assert np.abs(shown[5].astype(int) - scene(5)).max() > 100  # there is a box now


def test_the_output_plays_in_browsers():
    with av.open(io.BytesIO(annotate_film(film(6), squares, 0.5).mp4)) as read:
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
    done = annotate_film(film(5), lambda pixels: squares(np.zeros_like(pixels)), 0.5)
    assert (done.frames, done.tracks) == (5, {})


def test_it_stops_on_request_and_keeps_the_finished_frames():
    done = annotate_film(film(), squares, 0.5, lambda progress: progress.done < 7)
    assert done.frames == len(pictures(done.mp4)) == 7
    assert done.cut


def test_only_the_first_seconds_and_pictures_are_looked_at(monkeypatch):
    monkeypatch.setattr(video, "MAX_SECONDS", 0.5)
    done = annotate_film(film(), squares, 0.5)
    assert done.frames == 6
    assert done.cut
    monkeypatch.setattr(video, "MAX_FRAMES", 4)
    assert annotate_film(film(), squares, 0.5).frames == 4


def test_large_pictures_become_small_and_sides_even():
    with open_film(film(2, (722, 1282))) as opened:
        shapes = {frame.pixels.shape for frame in frames_of(opened)}
    assert shapes == {(360, 640, 3)}


def test_the_rate_is_kept_within_reason():
    with open_film(film(3, rate=12)) as opened:
        assert rate_of(opened) == 12
    with open_film(film(3, rate=240)) as opened:
        assert rate_of(opened) == Fraction(60)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "cannot be read as a video: please bring MP4, WebM or MOV."),
        (b"GIF89a" + bytes(50), "please bring"),
        (bytes(5000), "please bring MP4, WebM or MOV."),
        (sound(), "This file has sound, but no video: please bring another one."),
        (film(3, container="avi"), "please bring MP4, WebM or MOV."),
        (film()[:300], "please bring MP4, WebM or MOV."),
    ],
    ids=["empty", "gif", "zeros", "sound", "avi", "beginning"],
)
def test_an_invalid_file_is_refused_with_one_sentence(data, sentence):
    with pytest.raises(VideoError) as refused:
        open_film(data)
    assert str(refused.value).endswith(sentence) or sentence == "please bring"
    assert str(refused.value).count(".") == 1


def test_pictures_that_are_too_large_are_refused(monkeypatch):
    monkeypatch.setattr(video, "MAX_PIXELS", 100 * 100)
    with pytest.raises(VideoError, match="too large"):
        open_film(film(2))


def test_a_truncated_video_is_annotated_up_to_its_end():
    whole = film(container="webm")
    done = annotate_film(whole[: len(whole) * 2 // 3], squares, 0.5)
    assert 1 <= done.frames <= 24
