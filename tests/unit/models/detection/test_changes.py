"""Kept, lost and new detections of two versions of a photo, made by hand."""

import numpy as np
import pytest
import supervision as sv

from cnn_demo.models.detection.candidates import Candidates
from cnn_demo.models.detection.changes import confidence_there, detection_changes

BOX = np.array([10.0, 10, 50, 50])


def detections(*found: tuple[np.ndarray, int, float]) -> sv.Detections:
    if not found:
        return sv.Detections(np.zeros((0, 4)), confidence=np.zeros(0), class_id=np.zeros(0, int))
    boxes, classes, scores = zip(*found, strict=True)
    return sv.Detections(np.array(boxes), confidence=np.array(scores), class_id=np.array(classes))


def test_a_box_that_moved_a_little_is_kept_and_one_of_another_class_is_new():
    before = detections((BOX, 0, 0.9), (BOX + 100, 1, 0.8), (BOX + 200, 2, 0.7))
    now = detections((BOX + 200, 3, 0.95), (BOX + 102, 1, 0.6), (BOX + 300, 0, 0.5))
    changes = detection_changes(before, now)
    assert changes.kept.tolist() == [[1, 1]]
    assert changes.lost.tolist() == [0, 2]
    assert changes.new.tolist() == [0, 2]


def test_two_boxes_cannot_both_be_the_object_that_was_there():
    changes = detection_changes(detections((BOX, 0, 0.9)), detections((BOX + 1, 0, 0.5), (BOX + 3, 0, 0.8)))
    assert changes.kept.tolist() == [[0, 1]]  # the more confident one
    assert changes.new.tolist() == [0]


@pytest.mark.parametrize(("before", "now"), [(0, 0), (2, 0), (0, 2)])
def test_nothing_may_be_found(before, now):
    all_boxes = [(BOX, 0, 0.9), (BOX + 100, 0, 0.8)]
    changes = detection_changes(detections(*all_boxes[:before]), detections(*all_boxes[:now]))
    assert (len(changes.kept), len(changes.lost), len(changes.new)) == (0, before, now)


def test_the_confidence_below_the_threshold_is_known():
    candidates = Candidates(
        size=(100, 100),
        boxes_xyxy=np.array([BOX, BOX + 2, BOX + 40, BOX], np.float32),
        scores=np.array([0.1, 0.2, 0.9, 0.8], np.float32),
        class_ids=np.array([0, 0, 0, 1]),
        labels=("cat", "dog", "bird"),
    )
    assert [confidence_there(candidates, BOX, class_id) for class_id in range(3)] == pytest.approx([0.2, 0.8, 0])
