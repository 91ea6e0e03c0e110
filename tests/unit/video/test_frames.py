"""Frames of videos: their times, their way up, their proportions, and limits on decoding."""

import io
import itertools
import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from cnn_demo.project import ROOT
from cnn_demo.video import VideoError, containers, first_frame, frames, frames_of, interlacing, open_video

from .clips import MILLISECOND, clip, corners, named, with_cover, without_element

TURNS = list(itertools.product((0, 90, 180, 270), (False, True), (False, True)))


def read(data):
    with open_video(data) as video:
        return list(frames_of(video)), video


def stored_times(data):
    with av.open(io.BytesIO(data)) as opened:
        return np.array([float(frame.time) for frame in opened.decode(video=0)])


# Times ---------------------------------------------------------------------------------------------------------------

TIMES = {
    "12 a second": np.arange(24) / 12,
    "30 a second": np.arange(40) / 30,
    "variable": np.cumsum([0, 0.03, 0.05, 0.4, 0.033, 0.034, 0.9, 0.02, 0.02]),
    "begins late": 30 + np.arange(10) / 10,
    "begins after an hour": 3600 + np.arange(10) / 10,
    "one frame": np.zeros(1),
    "one frame every two seconds": np.arange(4) * 2.0,
    "240 a second": np.arange(60) / 240,
}


@pytest.mark.parametrize("container", ["mp4", "mov", "webm", "matroska"])
@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
def test_a_frame_has_its_own_time_less_that_of_the_first(times, container):
    data = clip(times, container=container)
    found, video = read(data)
    stored = stored_times(data)
    np.testing.assert_allclose([frame.seconds for frame in found], stored - stored[0], atol=1e-6)
    np.testing.assert_allclose([frame.seconds for frame in found], times - times[0], atol=0.0011)
    assert not video.is_cut


@pytest.mark.parametrize("elements", [(b"\x23\xe3\x83",), (b"\x44\x89",), (b"\x23\xe3\x83", b"\x44\x89")])
@pytest.mark.parametrize("rate", [8, 12, 30])
def test_webm_without_rate_or_duration(elements, rate):
    """Browsers' recordings have neither."""
    data = clip(np.arange(20) / rate, container="webm")
    for element in elements:
        data = without_element(data, element)
    found, video = read(data)
    assert len(found) == 20
    assert found[-1].seconds == pytest.approx(19 / rate, abs=0.002)
    assert float(video.rate) == pytest.approx(rate, rel=0.05)
    assert not video.is_cut


def test_a_clock_that_goes_back_or_stands_still_still_moves_on():
    with av.open(io.BytesIO(clip([0, 0.1, 0.2]))) as opened:
        three = list(opened.decode(video=0))
    with pytest.MonkeyPatch.context() as patch, open_video(clip()) as video:
        for frame, pts in zip(three, (2000, 2000, 500), strict=True):
            frame.pts = pts
        planes = frames.AlphaPlanes(video.stream)
        patch.setattr(frames, "_decoded", lambda _video: iter([(frame, planes) for frame in three]))
        times = [frame.seconds for frame in frames_of(video)]
    assert times[0] == 0
    assert (np.diff(times) > 0).all()


def test_only_the_first_seconds_and_frames_are_decoded(monkeypatch):
    data = clip(np.arange(24) / 12)
    assert not read(data)[1].is_cut
    monkeypatch.setattr(frames, "MAX_SECONDS", 0.5)
    found, video = read(data)
    assert (len(found), video.is_cut) == (6, True)
    monkeypatch.setattr(frames, "MAX_FRAMES", 4)
    found, video = read(data)
    assert (len(found), video.is_cut) == (4, True)


def test_exactly_as_many_frames_as_the_limit_is_not_cut(monkeypatch):
    monkeypatch.setattr(frames, "MAX_FRAMES", 10)
    found, video = read(clip())
    assert (len(found), video.is_cut) == (10, False)


# Display matrix and sample aspect ratio ------------------------------------------------------------------------------


@pytest.mark.parametrize(("degrees", "flip_x", "flip_y"), TURNS)
@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_rotated_and_mirrored_videos_are_upright(degrees, flip_x, flip_y, container):
    pixels = first_frame(clip((0, 0.1), turned=(degrees, flip_x, flip_y), container=container))
    expected = np.rot90(corners(0, 64, 96), degrees // 90)
    expected = expected[:, ::-1] if flip_x else expected
    expected = expected[::-1] if flip_y else expected
    assert pixels.shape == expected.shape
    assert named(pixels) == named(expected)


@pytest.mark.parametrize("degrees", [5, -3, 87, 181])
def test_a_slanted_matrix_is_rounded_to_quarter_turns(degrees):
    pixels = first_frame(clip((0, 0.1), turned=(degrees, False, False)))
    assert named(pixels) == named(np.rot90(corners(0, 64, 96), round(degrees / 90)))


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (Fraction(64, 45), (64, 136)),
        (Fraction(2), (64, 192)),
        (Fraction(1, 2), (128, 96)),
        (Fraction(12, 11), (64, 104)),
        (Fraction(1, 1), (64, 96)),
        (Fraction(1000, 1), (64, 96)),
        (Fraction(8), (54, 640)),
    ],
)
@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_pixels_become_square(aspect, size, container):
    pixels = first_frame(clip((0, 0.1), aspect=aspect, container=container))
    assert pixels.shape == (*size, 3)
    assert named(pixels) == list("rgbw")


def test_aspect_ratio_and_rotation_together():
    pixels = first_frame(clip((0, 0.1), aspect=Fraction(2), turned=(90, False, False)))
    assert pixels.shape == (192, 64, 3)
    assert named(pixels) == named(np.rot90(corners(0, 64, 96)))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((722, 1282), (360, 640)), ((1282, 722), (640, 360)), ((66, 98), (66, 98)), ((2, 1024), (2, 640))],
)
def test_large_frames_are_downscaled_and_sides_are_even(size, expected):
    found, _ = read(clip((0, 0.1), size))
    assert {frame.pixels.shape for frame in found} == {(*expected, 3)}


# Which stream, and which frames are not decoded -----------------------------------------------------------------------


def test_a_cover_picture_is_no_video():
    found, _ = read(with_cover(5))
    assert len(found) == 5
    assert found[0].pixels.shape == (64, 96, 3)


def vp9(size):
    grey = av.VideoFrame.from_ndarray(np.full((*size, 3), 90, np.uint8), format="rgb24").reformat(format="yuv420p")
    return clip((0,), size, container="webm", codec="libvpx-vp9", frames=[grey], options={"cpu-used": "8"})


def claiming(webm, height, width):
    """Write another size into a WebM's header: PixelWidth is element B0, PixelHeight BA."""
    with av.open(io.BytesIO(webm)) as opened:
        stream = opened.streams.video[0]
        sizes = ((b"\xb0\x82", stream.width, width), (b"\xba\x82", stream.height, height))
    for element, old, new in sizes:
        assert webm.count(element + old.to_bytes(2, "big")) == 1
        webm = webm.replace(element + old.to_bytes(2, "big"), element + new.to_bytes(2, "big"))
    return webm


def test_frames_larger_than_the_header_states_are_refused(monkeypatch):
    data = claiming(vp9((600, 1000)), 64, 64)
    assert first_frame(data).shape == (384, 640, 3)
    monkeypatch.setattr(containers, "MAX_PIXELS", 500 * 500)
    monkeypatch.setattr(frames, "MAX_PIXELS", 500 * 500)
    with pytest.raises(VideoError, match=r"No frame of this video can be read: .* in 4K or less"):
        first_frame(data)


def test_a_header_that_states_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(containers, "MAX_PIXELS", 50 * 50)
    with pytest.raises(VideoError, match="frames of this video are too large"):
        open_video(clip((0, 0.1)))


def changing(sizes, container="matroska", codec="mpeg4"):
    """Encode a video whose frames change in size: streams of one codec, one behind the other."""
    packets = []
    for number, size in enumerate(sizes):
        with av.open(io.BytesIO(clip((0, 0.1, 0.2), size, container="webm", codec="libvpx"))) as opened:
            for packet in opened.demux(video=0):
                if packet.size:
                    packets.append((bytes(packet), packet.is_keyframe, number * 300 + packet.pts))
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as out:
        stream = out.add_stream("libvpx", rate=10)
        stream.height, stream.width, stream.pix_fmt = *sizes[0], "yuv420p"
        stream.time_base = MILLISECOND
        for content, is_key, pts in packets:
            packet = av.Packet(content)
            packet.pts = packet.dts = pts
            packet.time_base, packet.stream, packet.is_keyframe = MILLISECOND, stream, is_key
            out.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize("second", [(128, 192), (32, 48), (96, 64), (64, 64)])
def test_frames_whose_size_changes_keep_the_first_size_and_their_proportions(second):
    found, video = read(changing([(64, 96), second]))
    assert {frame.pixels.shape for frame in found} == {(64, 96, 3)}
    assert len(found) == 6
    scale = min(64 / second[0], 96 / second[1])
    height, width = round(second[0] * scale), round(second[1] * scale)
    last = found[-1].pixels
    top, left = (64 - height) // 2, (96 - width) // 2
    assert named(last[top : top + height, left : left + width]) == list("rgbw")
    assert (last[:, : max(0, left - 3)] < 20).all()
    assert not video.is_cut


def test_frames_that_become_too_large_end_the_video(monkeypatch):
    data = changing([(64, 96), (640, 960)])
    monkeypatch.setattr(containers, "MAX_PIXELS", 100 * 100)
    monkeypatch.setattr(frames, "MAX_PIXELS", 100 * 100)
    found, video = read(data)
    assert (len(found), video.is_cut) == (3, True)


@pytest.mark.parametrize("container", ["matroska", "mp4"])
def test_few_streams_are_opened(container):
    """FFmpeg decodes a frame of each while it opens a file."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        streams = []
        for _ in range(40):
            stream = out.add_stream("mpeg4", rate=10)
            stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
            streams.append(stream)
        for stream in streams:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(corners(0, 64, 96), format="rgb24")))
            out.mux(stream.encode())
    try:
        with open_video(file.getvalue()) as video:
            count = len(video.container.streams)
    except VideoError:
        count = 0
    assert count <= containers.MAX_STREAMS


def fragmented(data):
    """Remux into a fragmented MP4, as browsers record it."""
    file = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(io.BytesIO(data)) as source, av.open(file, "w", format="mp4", options=options) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
def test_fragmented_videos(times):
    found, video = read(fragmented(clip(times)))
    np.testing.assert_allclose([frame.seconds for frame in found], times - times[0], atol=0.0011)
    assert not video.is_cut


# Damage --------------------------------------------------------------------------------------------------------------


def noise(number, height, width):
    return np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("container", ["webm", "matroska"])
def test_a_truncated_video_is_read_up_to_its_end(container, kept):
    data = clip(np.arange(40) / 10, draw=noise, container=container)
    found, video = read(data[: int(len(data) * kept)])
    assert 40 * kept - 6 < len(found) < 40
    assert video.is_cut


@pytest.mark.parametrize("kept", [0.4, 0.7])
def test_a_truncated_video_with_its_index_in_front(kept, tmp_path):
    file = io.BytesIO(clip(np.arange(40) / 10, draw=noise))
    moved = tmp_path / "moved.mp4"
    with av.open(file) as source, av.open(str(moved), "w", format="mp4", options={"movflags": "faststart"}) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    data = moved.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    found, video = read(data[: int(len(data) * kept)])
    assert 40 * kept - 6 < len(found) < 40
    assert video.is_cut


def test_damage_in_the_middle_costs_only_some_frames():
    data = bytearray(clip(np.arange(40) / 10, draw=noise, container="webm"))
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    found, _ = read(bytes(data))
    assert len(found) >= 30


def test_a_video_without_a_single_frame():
    data = clip((0, 0.1), container="webm")
    cluster = data.index(b"\x1f\x43\xb6\x75")
    with pytest.raises(VideoError) as refused:
        first_frame(data[:cluster])
    assert str(refused.value).count(".") == 1


def test_a_video_of_rubbish_frames():
    data = bytearray(clip((0, 0.1), draw=noise))
    at = data.index(b"mdat") + 4
    data[at : at + 2000] = bytes(2000)
    with pytest.raises(VideoError, match=r"^(No frame of this video can be read|This video has no frames)"):
        first_frame(bytes(data))


@pytest.mark.parametrize("whole", [0, 4])
def test_frames_that_cannot_be_converted(monkeypatch, whole):
    calls = []

    def convert(frame, width, height, codes):
        calls.append(1)
        if len(calls) > whole:
            raise OSError("Operation not supported")
        return np.zeros((height, width, 3), np.uint8)

    monkeypatch.setattr(frames, "to_srgb", convert)
    if whole == 0:
        with pytest.raises(VideoError, match="No frame of this video can be read"):
            read(clip())
    else:
        found, video = read(clip())
        assert (len(found), video.is_cut) == (whole, True)


def test_reading_ends_when_its_time_is_spent(monkeypatch):
    data = clip(np.arange(20) / 10)
    with open_video(data) as video:
        video.deadline.limit = 0.0
        with pytest.raises(VideoError, match="No frame"):
            next(frames_of(video))
    monkeypatch.setattr(frames, "DECODE_SECONDS", 0.0)
    found, video = read(data)
    assert video.is_cut
    assert 1 <= len(found) < 20


def test_time_between_frames_does_not_count(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(containers.time, "monotonic", lambda: now[0])
    with open_video(clip()) as video:
        now[0] += 1000
        count = 0
        for _frame in frames_of(video):
            now[0] += 1000
            count += 1
    assert (count, video.is_cut) == (10, False)


def test_the_sample_video_is_small_and_readable():
    data = (ROOT / "assets" / "sample_video" / "portraits.mp4").read_bytes()
    found, video = read(data)
    assert len(data) < 10**6
    assert (len(found), found[0].pixels.shape, float(video.rate)) == (75, (360, 640, 3), 15)


def two_fields(number, height, width):
    """A bar that moves between the two fields of a frame."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    for field in (0, 1):
        left = (2 * number + field) * 6 % (width - 20)
        pixels[field::2, left : left + 20] = 220
    return pixels


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_interlaced_frames_are_deinterlaced(codec):
    times = np.arange(10) / 25
    options = {"flags": "+ildct+ilme"} | ({"x264-params": "tff=1"} if codec == "libx264" else {})
    data = clip(times, (128, 192), "matroska", codec, draw=two_fields, options=options)
    read_frames, _ = read(data)
    assert [frame.seconds for frame in read_frames] == pytest.approx(times, abs=0.001)
    for frame in read_frames:
        grey = frame.pixels[..., 1].astype(int)
        assert np.abs(grey[2:] - grey[:-2]).mean() + 1 > np.abs(np.diff(grey, axis=0)).mean()  # no comb
        assert np.abs(np.diff(grey, axis=0)).mean() < 3


def test_frames_that_are_not_interlaced_stay_as_they_are():
    data = clip(draw=two_fields, size=(128, 192), options={"crf": "0", "preset": "ultrafast"})
    assert np.abs(np.diff(read(data)[0][3].pixels[..., 1].astype(int), axis=0)).mean() > 8


def test_a_filter_that_fails_leaves_the_frames(monkeypatch):
    monkeypatch.setattr(interlacing, "Graph", lambda: 1 / 0)
    data = clip(size=(128, 192), draw=two_fields, options={"flags": "+ildct+ilme", "x264-params": "tff=1"})
    assert len(read(data)[0]) == 10


def with_aperture(data: bytes, *values: int) -> bytes:
    """Add the box `clap` to the sample description of an MP4, and to the lengths of the boxes around it."""
    at = data.index(b"avc1", data.index(b"stsd")) - 4
    end = at + int.from_bytes(data[at : at + 4], "big")
    box = struct.pack(">I4s8i", 40, b"clap", *values)
    data = bytearray(data[:end] + box + data[end:])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        start = data.index(name, data.index(b"moov")) - 4
        data[start : start + 4] = (int.from_bytes(data[start : start + 4], "big") + 40).to_bytes(4, "big")
    return bytes(data)


def framed(_number, height, width):
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[8:-8, 16:-16] = corners(0, height - 16, width - 32)
    return pixels


@pytest.mark.parametrize("turned", [None, (90, False, False)])
def test_only_the_clean_aperture_is_shown(turned):
    data = clip(size=(80, 128), draw=framed, options={"crf": "0"}, turned=turned)
    found, _ = read(with_aperture(data, 96, 1, 64, 1, 0, 1, 0, 1))
    assert found[0].pixels.shape[:2] == ((64, 96) if turned is None else (96, 64))
    assert (found[0].pixels.min(axis=2) < 100).mean() > 0.7  # no white frame
    moved, _ = read(with_aperture(data, 96, 1, 64, 1, 16, 1, 8, 1))
    assert (moved[0].pixels.min(axis=2) > 200).mean() > 0.2


@pytest.mark.parametrize(
    "values",
    [(96, 0, 64, 1, 0, 1, 0, 1), (200, 1, 64, 1, 0, 1, 0, 1), (96, 1, 64, 1, 99, 1, 0, 1), (1, 1, 1, 1, 0, 1, 0, 1)],
)
def test_an_aperture_that_makes_no_sense_is_ignored(values):
    found, _ = read(with_aperture(clip(size=(80, 128), draw=framed), *values))
    assert found[0].pixels.shape[:2] == (80, 128)
