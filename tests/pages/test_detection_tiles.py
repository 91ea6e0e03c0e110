"""Page 6, tiles: the page shows the boxes of `models.detection.tiled` for the photo's file."""

import cv2
import driver
import numpy as np
import pytest
from driver import component, written

from cnn_demo.drawing.boxes import GROUND_TRUTH, NEUTRAL, PREDICTION, WRONG
from cnn_demo.exports.full_size import file_pixels
from cnn_demo.images import read_photo, sample_photos
from cnn_demo.lessons.detection_experiments import EXPERIMENTS
from cnn_demo.lessons.leads import TILES
from cnn_demo.models import load
from cnn_demo.models.detection.tiled import WHOLE, detect_in_tiles, merge
from cnn_demo.models.tiling import tiles
from cnn_demo.ui.detection.tiles import AUTO, MOST, tiles_within_limit

LINK = {
    "detector": "Everyday detector", "detect_confidence": "45", "tiles_size": "480 px", "tiles_drop_cut": "false",
}  # fmt: skip


@pytest.fixture(scope="module")
def photo():
    return next(sample for sample in sample_photos() if sample.key == "bus").load()


@pytest.fixture(scope="module")
def detector():
    detector = load("everyday_detector")
    detector.wait_for_export()
    return detector


@pytest.fixture(scope="module")
def found(photo, detector):
    pixels = file_pixels(photo)
    *_, found = detect_in_tiles(detector, pixels, tiles(pixels.shape[:2], 480, 0.2))
    return found


def open_tab(photo, link=None):
    return driver.open_view("detection", "Tiles", photo, LINK | (link or {}))


def drawn(app, colour: str) -> list[list[float]]:
    return [box["corners"] for box in component(app, "tiles_photo")["boxes"] if box["colour"] == colour]


def test_what_only_tiles_find_is_green(photo, found):
    merged = merge(found, 0.45)
    app = open_tab(photo)
    alone = int(merged.only_in_tiles.sum())
    assert alone == 3
    assert TILES in written(app)
    assert f"**{alone}** found only in the 6 tiles" in written(app)
    assert f"**{len(merged.scores) - len(merged.leaders)}** of {len(merged.scores)} boxes merged" in written(app)
    assert len(drawn(app, NEUTRAL)) == len(found.tiles)
    green = merged.merged_xyxy[merged.only_in_tiles][::-1]
    np.testing.assert_allclose(drawn(app, GROUND_TRUTH), green, atol=0.06)
    assert len(drawn(app, PREDICTION)) == len(merged.leaders) - alone


def test_the_notice_of_the_experiment_is_true(photo, detector):
    experiment = next(each for each in EXPERIMENTS if each.settings["task"] == "Tiles")
    pixels = file_pixels(photo)
    parts, used = tiles_within_limit(pixels.shape[:2], AUTO, 0.2)
    assert (len(parts), used) == (4, 640)
    *_, found = detect_in_tiles(detector, pixels, parts)
    whole = found.class_ids[(found.sources == WHOLE) & (found.scores > 0.45)]
    assert sorted(found.labels[k] for k in whole) == ["bus", "person", "person"]
    merged = merge(found.without_cut(), 0.45)
    (green,) = np.flatnonzero(merged.only_in_tiles)
    assert merged.detections().data["class_name"][green] == "person"
    assert merged.merged_xyxy[green][0] < 5  # at the left border
    *_, small = detect_in_tiles(detector, pixels, tiles(pixels.shape[:2], 240, 0.2))
    many = merge(small, 0.45)
    wrong = many.detections().data["class_name"][many.only_in_tiles].tolist()
    assert {"bird", "cat"} <= set(wrong)
    assert "a bird and a cat" in experiment.notice
    assert not {"bird", "cat"} & set(merge(small.without_cut(), 0.45).detections().data["class_name"])


def test_boxes_that_a_tile_cuts_are_dropped(photo, found):
    app = open_tab(photo, {"tiles_drop_cut": "true"})
    merged = merge(found.without_cut(), 0.45)
    dropped = int((found.cut & (found.scores > 0.45)).sum())
    assert dropped > 1
    assert f"{dropped} boxes that a tile cuts were dropped." in written(app)
    assert not merged.only_in_tiles.any()
    assert "No object is found only in tiles here" in written(app)
    assert not drawn(app, GROUND_TRUTH)
    app.toggle(key="tiles_drop_cut").set_value(False).run()
    assert "**Look at each green box**" in written(app)


def test_a_link_sets_tiles_and_merging(photo, found, detector):
    link = {"tiles_metric": "IoU", "tiles_merging": "NMS", "tiles_threshold": "70", "tiles_shown": "Before merging"}
    app = open_tab(photo, link)
    merged = merge(found, 0.45, "nms", "iou", 0.7)
    gone = len(merged.scores) - len(merged.leaders)
    assert len(drawn(app, WRONG)) == gone > 0
    assert f"**{gone}** of {len(merged.scores)} boxes merged" in written(app)
    app = open_tab(photo, {"tiles_size": "640 px", "tiles_overlap": "50", "tiles_shown": "Whole photo"})
    assert len(drawn(app, NEUTRAL)) == len(tiles((1080, 810), 640, 0.5))
    assert len(drawn(app, PREDICTION)) == 3
    assert not drawn(app, GROUND_TRUTH)


def test_tiles_are_of_the_files_pixels_and_limited():
    noise = np.random.default_rng(0).integers(0, 256, (1800, 2400, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    photo = driver.SMALL.__class__(
        read_photo(data, "noise.jpg").pixels, "noise.jpg", "digest", original_size=(2400, 1800), data=data
    )
    assert max(photo.size) == 1280
    app = open_tab(photo, {"tiles_size": "160 px"})
    parts, used = tiles_within_limit((1800, 2400), 160, 0.2)
    wanted = len(tiles((1800, 2400), 160, 0.2))
    assert wanted > MOST >= len(parts)
    assert any(f"would be {wanted}, more than the {MOST}" in each.value for each in app.info)
    outlines = np.array(drawn(app, NEUTRAL))
    assert len(outlines) == len(parts)
    np.testing.assert_allclose(outlines.max(axis=0)[2:], photo.size[::-1], atol=0.06)
    np.testing.assert_allclose(outlines[0, 2] - outlines[0, 0], used * 1280 / 2400, atol=0.1)


def test_a_photo_no_larger_than_a_tile_has_one(photo):
    app = open_tab(photo, {"tiles_size": "1280 px"})
    assert [each.label for each in app.metric][1] == "1 tile of 1280 px"
    assert "found only in the tile, " in written(app)


def test_the_limit_holds_for_any_photo():
    for size in ((12000, 16000), (100, 60000), (64, 64)):
        parts, used = tiles_within_limit(size, 160, 0.5)
        assert 1 <= len(parts) <= MOST
        assert used >= 160
