"""Page 5's own arithmetic: values from a browser, box encodings, the intersection."""

from types import SimpleNamespace

import numpy as np
import pytest

from cnn_demo.lessons.localization import TRUTHS
from cnn_demo.models.boxes import giou, iou
from cnn_demo.models.localization.weak_localization import WindowScan
from cnn_demo.ui.components.box_pair import within
from cnn_demo.ui.localization.prediction import box_label, resized_map, shown_classes
from cnn_demo.ui.localization.true_box import shaded
from cnn_demo.ui.localization.two_boxes import BEGINNINGS, ENCODINGS
from cnn_demo.ui.localization.without_box_head import window_map

SIZE = (600, 900)


def test_boxes_from_a_browser_are_clipped_to_the_picture():
    sent = within([[-5, 10, 50, 60], [800, 500, 1000, 700]], SIZE)
    np.testing.assert_allclose(sent, [[0, 10, 50, 60], [800, 500, 900, 600]])


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "boxes",
        [[0, 0, 1, 1]],
        [[0, 0, 1], [0, 0, 1, 1]],
        [[0, 0, 1, "x"], [0, 0, 1, 1]],
        [[0, 0, float("nan"), 1], [0, 0, 1, 1]],
        [[5, 0, 5, 1], [0, 0, 1, 1]],
        [[950, 0, 990, 10], [0, 0, 1, 1]],
        [[5, 9, 6, 1], [0, 0, 1, 1]],
    ],
)
def test_invalid_values_from_a_browser_are_ignored(sent):
    assert within(sent, SIZE) is None


@pytest.mark.parametrize("name", ENCODINGS)
def test_encodings_can_be_read_back(name):
    rng = np.random.default_rng(3)
    for _ in range(50):
        corner, far = np.sort(rng.uniform(0, 1, (2, 2, 2)) * SIZE[::-1], axis=1).transpose(1, 0, 2)
        box, other = np.concatenate([corner, far], axis=1)
        written = ENCODINGS[name].write(box, SIZE, other)
        np.testing.assert_allclose(ENCODINGS[name].read(written, SIZE, other), box, atol=1e-6)


def test_the_presets_have_the_ious_of_their_names():
    pairs = {name: (np.array(begin.first), np.array(begin.second)) for name, begin in BEGINNINGS.items()}
    assert 0.2 < iou(*pairs["overlap"]) < 0.6
    assert iou(*pairs["apart"]) == 0
    assert giou(*pairs["apart"]) < 0
    large, small = pairs["inside"]
    assert (large[:2] < small[:2]).all()
    assert (small[2:] < large[2:]).all()
    wide, tall = pairs["shape"]
    np.testing.assert_allclose((wide[:2] + wide[2:]) / 2, (tall[:2] + tall[2:]) / 2)
    shift = np.array([1 / 3, 0, 1 / 3, 0])  # "shifted by a third of its side in one direction … 0.5"
    assert iou(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]) + shift) == pytest.approx(0.5)


def test_only_the_intersection_is_tinted():
    grey = np.full((40, 60, 3), 100, np.uint8)
    tinted = shaded(grey, np.array([5.0, 5, 30, 30]), np.array([20.0, 10, 50, 35]))
    changed = (tinted != grey).any(axis=2)
    expected = np.zeros((40, 60), bool)
    expected[10:30, 20:30] = True
    np.testing.assert_array_equal(changed, expected)
    np.testing.assert_array_equal(shaded(grey, np.array([0, 0, 9, 9]), np.array([20, 20, 30, 30])), grey)


def test_a_map_is_brought_to_the_photos_size():
    values = np.array([[0.0, 2.0], [4.0, 1.0]], np.float32)
    large = resized_map(values, (20, 30))
    assert large.shape == (20, 30)
    assert large.max() == pytest.approx(1, abs=0.01)
    assert large[19, 0] > 0.95
    assert not resized_map(np.zeros((2, 2), np.float32), (4, 4)).any()


def test_the_samples_boxes_are_boxes():
    for left, top, right, bottom in (box for boxes in TRUTHS.values() for box in boxes.values()):
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1


def test_nothing_is_among_the_classes_that_are_shown():
    probabilities = np.array([0.01, 0.3, 0.05, 0.2, 0.06, 0.07, 0.3, 0.01], np.float32)
    assert shown_classes(probabilities).tolist() == [1, 6, 3, 5, 4, 7]
    probabilities[-1] = 0.9
    assert shown_classes(probabilities).tolist() == [7, 1, 6, 3, 5, 4]
    assert shown_classes(probabilities[:3]).tolist() == [1, 2, 0]


def test_pixels_that_no_window_covers_are_zero():
    boxes = np.array([[0, 0, 4, 4], [2, 0, 6, 4]], np.float32)
    chances = np.array([[0.2, 0.8], [0.6, 0.4]], np.float32)
    scan = WindowScan(("face", "nothing"), boxes, np.ones(2, np.float32), chances)
    warmth = window_map(scan, "face", np.ones(4), (4, 8))
    np.testing.assert_allclose(warmth[0], [0.2, 0.2, 0.4, 0.4, 0.6, 0.6, 0, 0], atol=1e-6)


def test_an_improbable_class_has_a_question_mark():
    texts = [box_label(SimpleNamespace(label="cat", probability=probability)) for probability in (0.992, 0.5, 0.37)]
    assert texts == ["cat 99.2%", "cat 50.0%", "cat? 37.0%"]
