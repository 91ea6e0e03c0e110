"""Detection on tiles with a planted detector that sees large squares only; merging of boxes by hand-made cases."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cnn_demo.models.detection.candidates import Candidates
from cnn_demo.models.detection.detector import Detector
from cnn_demo.models.detection.tiled import WHOLE, TiledBoxes, detect_in_tiles, merge
from cnn_demo.models.tiling import tiles

INPUT = 128  # pixels, the detector's input
SMALLEST = 12  # pixels of its input, that a square needs to be seen
SQUARES = np.array([(20, 30, 40, 50), (250, 100, 270, 120), (600, 400, 622, 422), (10, 440, 34, 464)])
LARGE = (330, 140, 530, 340)


class SquareFinder(Detector):
    """Finds white squares on black that have at least `SMALLEST` pixels after the input was reduced to `INPUT`."""

    needs_nms = True
    engine = "torch"
    sides = (INPUT,)

    def __init__(self) -> None:
        self.spec = SimpleNamespace(labels=("square",))
        self.device = "cpu"
        self.lock = threading.Lock()

    def candidates(self, pixels, side=None):
        gain = min(1.0, INPUT / max(pixels.shape[:2]))
        count, _, stats, _ = cv2.connectedComponentsWithStats(pixels[..., 0])
        left, top, width, height = stats[1:, :4].T if count > 1 else np.zeros((4, 0), int)
        boxes = np.stack([left, top, left + width, top + height], axis=1).astype(np.float32)
        seen = np.minimum(width, height) * gain >= SMALLEST
        scores = np.where(width * height > 9000, 0.9, 0.8 * (0.5 + width * height / 18000)).astype(np.float32)
        return Candidates(pixels.shape[:2], boxes[seen], scores[seen], np.zeros(seen.sum(), int), self.spec.labels)


def planted() -> np.ndarray:
    pixels = np.zeros((480, 640, 3), np.uint8)
    for left, top, right, bottom in (*SQUARES, LARGE):
        pixels[top:bottom, left:right] = 255
    return pixels


def last(parts) -> TiledBoxes:
    *_, found = detect_in_tiles(SquareFinder(), planted(), parts)
    return found


@pytest.mark.parametrize("size", [(480, 640), (128, 128), (100, 300), (3000, 4000), (129, 127)])
@pytest.mark.parametrize("overlap", [0, 0.2, 0.5])
def test_tiles_cover_the_photo_and_end_at_its_border(size, overlap):
    seen = np.zeros(size, bool)
    parts = tiles(size, 128, overlap)
    for part in parts:
        seen[part.slices] = True
        assert (part.height, part.width) == (min(128, size[0]), min(128, size[1]))
    assert seen.all()
    assert parts[0].xyxy[:2] == (0, 0)
    assert parts[-1].xyxy[2:] == size[::-1]


def test_small_squares_are_found_in_tiles_only():
    parts = tiles((480, 640), 128, 0.2)
    found = last(parts)
    whole = found.boxes_xyxy[found.sources == WHOLE]
    np.testing.assert_array_equal(whole, [LARGE])  # the small ones have 4 pixels of the reduced photo
    merged = merge(found, 0.25)
    small = merged.merged_xyxy[merged.only_in_tiles]
    np.testing.assert_array_equal(small[np.lexsort(small.T)], SQUARES[np.lexsort(SQUARES.T)])
    assert len(merged.merged_xyxy) == len(SQUARES) + 1  # with the large one, which tiles cut into pieces
    np.testing.assert_array_equal(merged.merged_xyxy[~merged.only_in_tiles], [LARGE])
    assert not merged.only_in_whole.any()  # pieces of it are in tiles


def test_pieces_of_a_large_object_stay_with_iou_and_are_merged_with_ios():
    found = last(tiles((480, 640), 128, 0.2))
    pieces = merge(found, 0.25, "nms", "iou")
    assert len(pieces.merged_xyxy) > len(SQUARES) + 1
    assert len(merge(found, 0.25, "nms", "ios").merged_xyxy) == len(SQUARES) + 1


def test_a_square_in_the_overlap_of_tiles_is_merged_exactly_once():
    parts = tiles((480, 640), 128, 0.5)
    found = last(parts)
    square = SQUARES[1]
    inside = [k for k, part in enumerate(parts) if _contains(part.xyxy, square)]
    assert len(inside) >= 2  # tiles that have it whole
    same = np.abs(found.boxes_xyxy - square).max(axis=1) == 0
    assert sorted(found.sources[same]) == inside
    for method in ("nms", "nmm"):
        merged = merge(found, 0.25, method)
        hits = [k for k, box in zip(merged.leaders, merged.merged_xyxy, strict=True) if (box == square).all()]
        assert len(hits) == 1
        assert (merged.leader == hits[0]).sum() >= len(inside)


def _contains(outer, inner) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]


def test_each_run_adds_its_boxes_and_its_time():
    parts = tiles((480, 640), 320, 0.2)
    states = list(detect_in_tiles(SquareFinder(), planted(), parts))
    assert [state.done for state in states] == list(range(len(parts) + 1))
    assert states[0].tiles_milliseconds == 0 < states[0].whole_milliseconds
    assert states[-1].tiles_milliseconds > states[1].tiles_milliseconds
    assert states[-1].whole_milliseconds == states[0].whole_milliseconds
    assert set(states[0].sources) == {WHOLE}


def boxes(*corners, scores=None, classes=None) -> TiledBoxes:
    count = len(corners)
    scores = np.linspace(0.9, 0.5, count, dtype=np.float32) if scores is None else np.array(scores, np.float32)
    classes = np.zeros(count, int) if classes is None else np.array(classes)
    array = np.array(corners, np.float32).reshape(-1, 4)
    return TiledBoxes((), 0, array, scores, classes, np.arange(count) - 1, ("a", "b"), 1.0, 1.0, "cpu", "torch")


def test_boxes_at_inner_edges_of_their_tile_are_cut():
    """Two tiles beside each other, the second from 80 to 180; nothing cuts a box at the edge of the photo."""
    parts = tiles((100, 180), 100, 0.2)
    assert [part.xyxy for part in parts] == [(0, 0, 100, 100), (80, 0, 180, 100)]
    cases = {
        (WHOLE, (0, 0, 180, 100)): False,
        (0, (0, 0, 50, 100)): False,
        (0, (60, 20, 99, 40)): True,
        (0, (60, 20, 95, 40)): False,
        (1, (81, 20, 120, 40)): True,
        (1, (120, 0, 180, 100)): False,
    }
    sources, corners = zip(*cases, strict=True)
    found = replace(boxes(*corners), tiles=parts, sources=np.array(sources))
    assert found.cut.tolist() == list(cases.values())
    assert found.without_cut().sources.tolist() == [WHOLE, 0, 0, 1]
    assert len(found.without_cut().scores) == 4


def test_an_object_that_two_tiles_cut_gets_one_whole_box():
    found = boxes((0, 0, 60, 20), (40, 0, 100, 20), (50, 2, 58, 18))
    nms, nmm = merge(found, 0.25, "nms", "ios", 0.3), merge(found, 0.25, "nmm", "ios", 0.3)
    np.testing.assert_array_equal(nms.merged_xyxy, [(0, 0, 60, 20)])
    np.testing.assert_array_equal(nmm.merged_xyxy, [(0, 0, 100, 20)])
    np.testing.assert_allclose(nmm.overlap, [0, 20 / 60, 1])
    assert nmm.leader.tolist() == [0, 0, 0]
    assert nmm.detections().data["class_name"].tolist() == ["a"]
    assert not nmm.only_in_tiles[0]  # the first box is of the whole photo


def test_other_classes_and_boxes_below_the_threshold_stay_apart():
    found = boxes((0, 0, 10, 10), (0, 0, 10, 10), (1, 0, 10, 10), scores=(0.9, 0.8, 0.2), classes=(0, 1, 0))
    merged = merge(found, 0.25)
    assert merged.leader.tolist() == [0, 1]
    assert merge(found, 0.1).leader.tolist() == [0, 1, 0]
    assert len(merge(found, 0.95).merged_xyxy) == 0
    empty = boxes((5, 5, 5, 9), (5, 5, 5, 9))  # boxes without area overlap nothing
    assert merge(empty, 0.25).leader.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"method": "soft"}, "Merge by nmm or nms, and ios or iou; not soft, ios."),
        ({"metric": "giou"}, "not nmm, giou"),
        ({"threshold": 1.1}, "Thresholds are from 0 to 1, not 0.25 and 1.1."),
    ],
)
def test_invalid_settings_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        merge(boxes((0, 0, 1, 1)), 0.25, **options)
