"""Formats of videos: decided from the first bytes; everything else is refused without opening anything."""

import itertools
import socket
import struct
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from cnn_demo import limits
from cnn_demo.video import VideoError, containers, formats, open_video
from cnn_demo.video.formats import MATROSKA, MOV, demuxer_of

from .clips import clip, sound, with_cover

TEXTS = {
    "SDP": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 54321 RTP/AVP 96\r\n",
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "HLS after a mark": "\ufeff#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>',
    "concat": "ffconcat version 1.0\nfile '/etc/passwd'\n",
    "Smooth Streaming": '<SmoothStreamingMedia MajorVersion="2"></SmoothStreamingMedia>',
    "RTSP": "[Reference]\r\nRef1=http://127.0.0.1:9/a\r\n",
    "QuickTime": "SMILtext<smil><video src='http://127.0.0.1:9/a'/></smil>",
    "image list": "/etc/%03d.png\n",
    "subtitles": "1\n00:00:01,000 --> 00:00:02,000\nHello\n",
    "box of text": "....ftxp....#EXTM3U",
}


@pytest.fixture
def nothing_opens(monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("something was opened")

    monkeypatch.setattr(av, "open", refuse)
    monkeypatch.setattr(socket, "socket", refuse)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_is_refused_before_ffmpeg_reads_it(text, nothing_opens):
    with pytest.raises(VideoError, match=r"^This file cannot be read as a video: please choose MP4, WebM or MOV\.$"):
        open_video(text.encode())


@pytest.mark.parametrize("extra", [b"", b"\n", b"\0" * 100])
def test_a_playlist_inside_a_video_is_not_followed(extra):
    """The demuxer is fixed, so a playlist behind an MP4's first box is only a damaged MP4."""
    with pytest.raises(VideoError):
        open_video(struct.pack(">I4s", 8, b"free") + extra + TEXTS["HLS"].encode())


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"GIF89a", "a GIF"),
        (b"RIFF\0\0\0\0AVI LIST", "an AVI video"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP picture"),
        (b"OggS\0", "an Ogg file"),
        (b"0&\xb2u\x8ef\xcf\x11", "a Windows Media file"),
        (b"\0\0\x01\xba", "an MPEG program stream"),
        (b"G@\x11\x10", "an MPEG transport stream"),
        (b"\xff\xd8\xff\xe0", "a JPEG photo"),
        (b"ID3\x03", "an MP3 file"),
    ],
)
def test_another_format_is_named(start, kind, nothing_opens):
    with pytest.raises(VideoError) as refused:
        open_video(start + bytes(200))
    assert str(refused.value) == f"This is {kind}: please choose MP4, WebM or MOV."


@pytest.mark.parametrize(
    ("container", "demuxer"), [("mp4", MOV), ("mov", MOV), ("webm", MATROSKA), ("matroska", MATROSKA)]
)
def test_accepted_formats(container, demuxer):
    assert demuxer_of(clip(container=container)) == demuxer


def test_a_photo_in_a_video_format_is_refused(tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "photo.avif")
    with pytest.raises(VideoError, match="a photo in a video format"):
        open_video((tmp_path / "photo.avif").read_bytes())


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "This file cannot be read as a video: please choose MP4, WebM or MOV."),
        (bytes(5000), "This file cannot be read as a video: please choose MP4, WebM or MOV."),
        (sound(), "This file has sound, but no video: please choose another one."),
        (with_cover(0), "This file has a cover picture, but no video: please choose another one."),
        (b"\x1aE\xdf\xa3" + bytes(500), "This file cannot be read as a video: please choose MP4, WebM or MOV."),
    ],
    ids=["empty", "zeros", "sound", "cover", "matroska"],
)
def test_a_file_without_video_is_refused_with_one_sentence(data, sentence):
    with pytest.raises(VideoError) as refused:
        open_video(data)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_a_video_without_its_index_is_called_cut_off(container):
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    data = clip(container=container, draw=lambda *_: noise)
    with pytest.raises(VideoError, match="cut off: its index"):
        open_video(data[: len(data) // 2])


def test_a_webm_of_very_many_tags_is_refused(nothing_opens):
    """FFmpeg compares each with all others: 60,000 of them, 0.9 MB, took 40 s."""
    tags = element("1254c367", element("7373", *[element("67c8", element("45a3", b"a"))] * 2_001))
    with pytest.raises(VideoError, match="header of this video is too long"):
        open_video(b"\x1aE\xdf\xa3" + tags)


def element(name: str, *content: bytes) -> bytes:
    body = b"".join(content)
    return bytes.fromhex(name) + (len(body) | 2**56).to_bytes(8, "big") + body


@pytest.mark.parametrize("where", ["in front", "at the end", "after damage", "of unknown size"])
def test_a_webm_of_very_many_chapters_is_refused(where):
    """FFmpeg compares each with all others, and makes 50 bytes and more of each empty one, which has two."""
    chapters = element("1043a770", element("45b9", b"\xb6\x80" * 2_001))
    if where == "of unknown size":
        chapters = bytes.fromhex("1043a770") + b"\xff" + chapters[12:]
    whole = clip(container="webm")
    data = {"in front": whole[:60] + chapters + whole[60:], "after damage": whole + bytes(99) + chapters}
    with pytest.raises(VideoError, match="header of this video is too long"):
        demuxer_of(data.get(where, whole + chapters))


def test_a_webm_of_very_many_elements_is_refused(nothing_opens):
    with pytest.raises(VideoError, match="header of this video is too long"):
        open_video(b"\x1aE\xdf\xa3" + element("1c53bb6b", element("bb", b"\xb3\x80" * 200_001)))


def test_frames_of_a_webm_do_not_count():
    data = clip(container="webm", draw=lambda number, height, width: np.full((height, width, 3), number, np.uint8))
    frames = element("a3", b"\x81\0\0\x80" + b"\xb6\x80\x67\xc8" * 200_000)
    assert demuxer_of(data + element("1f43b675", frames)) == MATROSKA


@pytest.mark.parametrize("is_long", [False, True])
def test_a_long_header_that_takes_too_much_memory_is_refused(is_long, monkeypatch):
    """Memory that others take meanwhile does not count against a header that is not long."""
    data = clip(container="webm")
    monkeypatch.setattr(containers, "LONG_HEADER", 100 if is_long else 2**20)
    process = containers.psutil.Process()
    monkeypatch.setattr(containers.psutil, "Process", lambda: process)
    sizes = itertools.count(0, containers.HEADER_MEMORY + 1)
    monkeypatch.setattr(process, "memory_info", lambda: SimpleNamespace(rss=next(sizes)))
    with pytest.raises(VideoError, match="cannot be read as a video") if is_long else open_video(data):
        open_video(data)


@pytest.mark.parametrize("parent", ["udta", "trak", "keys"])
def test_an_mp4_of_very_many_metadata_entries_is_refused(parent, nothing_opens):
    """FFmpeg compares each with all others: 200,000 of them took more than 20 s."""
    entries = box(b"udta", *[box(b"\xa9%03d" % (number % 1000), bytes(4), b"text") for number in range(2_001)])
    boxes = {"udta": entries, "trak": box(b"trak", entries)}
    keys = box(b"meta", bytes(4), box(b"keys", struct.pack(">II", 0, 2**31)))
    with pytest.raises(VideoError, match="index of this video is too long"):
        open_video(box(b"ftyp", b"isom", bytes(4)) + box(b"moov", boxes.get(parent, keys)))


@pytest.mark.parametrize("where", ["mp4", "webm"])
def test_dolby_vision_without_other_colours_is_refused_by_name(where, nothing_opens):
    record = bytes([1, 0, 5 << 1, 6 << 3 | 5]) + bytes(20)
    mapping = element("41e4", element("41e7", b"dvcC") + b"\x41\xed\x98" + record)
    data = {"mp4": box(b"ftyp", b"isom", bytes(4)) + box(b"dvcC", record), "webm": b"\x1aE\xdf\xa3" + mapping}
    with pytest.raises(VideoError, match="Dolby Vision"):
        open_video(data[where])


def test_dolby_vision_with_other_colours_is_read():
    data = clip() + box(b"free", box(b"dvvC", bytes([1, 0, 8 << 1, 6 << 3 | 5])))
    with open_video(data) as video:
        assert video.rate > 0


def test_a_file_above_the_limit_is_refused(monkeypatch, nothing_opens):
    monkeypatch.setattr(formats, "VIDEO_MB", 0)
    with pytest.raises(VideoError, match="has 1 MB but at most 0 MB"):
        open_video(b"\x1aE\xdf\xa3")
    assert limits.VIDEO_MB >= 100


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def track(handler: bytes, samples: int, duration: int = 1, edits: int = 1, chunks: int = 0, each: int = 0) -> bytes:
    """A track of so many samples; it has `chunks` of `each` samples."""
    table = box(
        b"stbl",
        box(b"stts", struct.pack(">IIII", 0, 1, samples, duration)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, each, 1)),
        box(b"stco", struct.pack(">II", 0, chunks)),
        box(b"stsz", struct.pack(">III", 0, 1, samples)),
    )
    edited = box(b"edts", box(b"elst", struct.pack(">II", 0, edits)))
    return box(b"trak", edited, box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(12)), box(b"minf", table)))


@pytest.mark.parametrize(
    "boxes",
    [
        box(b"moov", track(b"vide", 100_000_000)),
        box(b"moov", track(b"soun", 100_000_000, duration=2)),
        box(b"moov", box(b"udta", track(b"vide", 100_000_000))),
        box(b"moov", b"") + box(b"moof", box(b"traf", box(b"trun", struct.pack(">II", 0, 100_000_000)))),
        box(b"moov", b"") + box(b"moof", *[box(b"traf", box(b"trun", struct.pack(">II", 0, 2**20)))] * 3),
        box(b"moov", box(b"cmov", b"")),
        box(b"moov", track(b"vide", 10_000, edits=1000)),
        box(b"moov", track(b"soun", 2**31 - 1, chunks=100, each=2**31 - 1)),
    ],
    ids=["frames", "sound", "nested", "fragment", "fragments", "compressed", "edits", "chunks"],
)
def test_an_index_that_grows_in_memory_is_refused(boxes, nothing_opens):
    with pytest.raises(VideoError, match="index of this video is too long"):
        open_video(box(b"ftyp", b"isom", bytes(4)) + boxes)


def test_an_hour_of_uncompressed_sound_is_no_long_index():
    data = box(b"ftyp", b"qt  ", bytes(4)) + box(b"moov", track(b"soun", 48_000 * 3600, chunks=7200, each=24_000))
    assert demuxer_of(data) == MOV
