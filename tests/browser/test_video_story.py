"""Page 6's videos in a real browser: the sample, a phone's video of 60 MB, and refused files."""

from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from visitor import settle, visit

from cnn_demo.limits import VIDEO_MB
from cnn_demo.models import list_models

BUNDLED = [spec for spec in list_models("detection") if spec.availability() == "bundled"]
pytestmark = pytest.mark.skipif(not BUNDLED, reason="needs the bundled detector")
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def phone_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MP4 of 60 MB, as from a phone held upright: 1920 x 1080 pixels to be turned, full of noise."""
    path = tmp_path_factory.mktemp("phone") / "VID_20260101.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)
    size = number = 0
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"crf": "0", "preset": "ultrafast", "g": "1"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.set_display_rotation(-90)
        while size < 60 * MEGABYTE:
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.roll(noise, number, 1), format="rgb24")):
                size += packet.size
                out.mux(packet)
            number += 1
        out.mux(stream.encode())
    assert path.stat().st_size > 60 * MEGABYTE
    return path


def uploader(page: Page) -> Locator:
    return page.get_by_test_id("stFileUploader").filter(has_text="Video: MP4")


def test_a_phone_video_of_60_megabytes(page: Page, phone_video: Path) -> None:
    visit(page, "/Object_detection?task=Video")
    expect(uploader(page)).to_contain_text(f"up to {VIDEO_MB} MB")
    uploader(page).locator("input[type=file]").set_input_files(phone_video)
    first = page.get_by_role("img", name="The first frame of your video.")
    expect(first).to_be_visible()
    box = first.bounding_box()
    assert box is not None
    assert box["height"] > 1.5 * box["width"]
    page.get_by_role("button", name="Track objects").click()
    settle(page)
    expect(page.locator("video")).to_be_visible()
    expect(page.locator("[data-testid=stAlert]").filter(has_text="movie_off")).to_have_count(0)


def test_refused_files_give_one_sentence_and_the_sample_is_tracked_and_plays(page: Page, tmp_path: Path) -> None:
    visit(page, "/Object_detection?task=Video")
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(VIDEO_MB * MEGABYTE + 1)
    uploader(page).locator("input[type=file]").set_input_files(large)
    expect(uploader(page)).to_contain_text(f"must be {VIDEO_MB}")
    playlist = tmp_path / "clip.mp4"
    playlist.write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n")
    uploader(page).locator("input[type=file]").set_input_files(playlist)
    expect(page.get_by_text("This file cannot be read as a video: please choose MP4, WebM or MOV.")).to_be_visible()

    page.get_by_role("button", name="Use the sample video").click()
    settle(page)
    page.get_by_role("button", name="Track objects").click()
    video = page.locator("video")
    expect(video).to_be_visible()
    settle(page)
    expect(page.get_by_text("75 frames, 5.0 s")).to_be_visible()
    assert video.evaluate("async video => { await video.play(); return video.duration }") == pytest.approx(5, abs=0.05)
