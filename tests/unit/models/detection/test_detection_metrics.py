"""Matching and average precision against pycocotools, and by hand."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cnn_demo.models.detection.metrics import (
    IOUS,
    NOT_SUPPRESSED,
    Score,
    average_precision,
    class_precisions,
    match,
    match_counted,
    mean_average_precision,
    precision_recall,
    score_at,
)

CLASSES = 3


def drawn(photos: int, seed: int) -> list[tuple]:
    """Random ground-truth boxes; predictions are these slightly moved, some of another class, and some unrelated."""
    draw = np.random.default_rng(seed)
    made = []
    for _ in range(photos):
        count = draw.integers(0, 9)
        low = draw.uniform(0, 300, (count, 2))
        truth = np.concatenate([low, low + draw.uniform(20, 120, (count, 2))], axis=1)
        classes = draw.integers(0, CLASSES, count)
        near = np.repeat(truth, 2, axis=0) + draw.normal(0, 8, (2 * count, 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        guessed = np.where(draw.random(2 * count) < 0.8, np.repeat(classes, 2), draw.integers(0, CLASSES, 2 * count))
        low = draw.uniform(0, 300, (3, 2))
        stray = np.concatenate([low, low + 40], axis=1)
        boxes = np.concatenate([near, stray])
        class_ids = np.concatenate([guessed, draw.integers(0, CLASSES, 3)])
        made.append((boxes, draw.permutation(len(boxes)) / len(boxes) + draw.random(), class_ids, truth, classes))
    return made


def by_pycocotools(photos: list[tuple]) -> np.ndarray:
    """Return COCO's twelve figures."""
    images, annotations, results = [], [], []
    for number, (boxes, scores, class_ids, truth, classes) in enumerate(photos, 1):
        images.append({"id": number, "width": 500, "height": 500})
        for box, label in zip(truth, classes, strict=True):
            size = box[2:] - box[:2]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(label),
                    "bbox": [*box[:2], *size],
                    "area": float(size.prod()),
                    "iscrowd": 0,
                }
            )
        for box, score, label in zip(boxes, scores, class_ids, strict=True):
            bbox = [*box[:2], *(box[2:] - box[:2])]
            results.append({"image_id": number, "category_id": int(label), "bbox": bbox, "score": float(score)})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": label, "name": str(label)} for label in range(CLASSES)],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize("seed", range(4))
def test_it_is_cocos_mean_average_precision(seed):
    photos = drawn(25, seed)
    stats = by_pycocotools(photos)
    assert mean_average_precision(photos, CLASSES, IOUS) == pytest.approx(stats[0], abs=2e-3)
    assert mean_average_precision(photos, CLASSES) == pytest.approx(stats[1], abs=2e-3)
    assert mean_average_precision(photos, CLASSES, (0.75,)) == pytest.approx(stats[2], abs=2e-3)


def test_a_true_box_is_found_once_and_by_the_most_confident():
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], float)
    boxes = np.array([[0, 0, 10, 9], [0, 0, 10, 10], [21, 0, 31, 10], [50, 50, 60, 60]], float)
    matches = match(boxes, np.array([0.9, 0.8, 0.3, 0.6]), np.zeros(4, int), truth, np.zeros(2, int))
    assert matches.order.tolist() == [0, 1, 3, 2]
    assert matches.truth.tolist() == [0, NOT_SUPPRESSED, NOT_SUPPRESSED, 1]
    assert matches.overlap == pytest.approx([0.9, 1.0, 0, 9 / 11])
    assert score_at(matches, 0.5) == Score(right=1, wrong=2, missed=1)
    assert score_at(matches, 0.2) == Score(right=2, wrong=2, missed=0)


def test_a_right_box_with_a_wrong_class_is_a_false_positive():
    box = np.array([[0, 0, 10, 10]], float)
    matches = match(box, np.array([0.9]), np.array([1]), box, np.array([0]))
    assert not matches.right.any()
    assert score_at(matches, 0) == Score(0, 1, 1)


def test_precision_recall_and_f1():
    score = Score(right=3, wrong=1, missed=2)
    assert (score.precision, score.recall) == (0.75, 0.6)
    assert score.f1 == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    nothing = Score(0, 0, 0)
    assert np.isnan([nothing.precision, nothing.recall, nothing.f1]).all()
    assert Score(0, 2, 0).precision == 0


def test_the_curve_and_its_mean():
    right = np.array([True, False, True, False])
    precision, recall = precision_recall(right, 4)
    assert precision == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert recall == pytest.approx([1 / 4, 1 / 4, 1 / 2, 1 / 2])
    assert average_precision(right, 4) == pytest.approx((26 * 1 + 25 * 2 / 3) / 101)
    assert average_precision(np.array([], bool), 3) == 0
    assert np.isnan(average_precision(right, 0))


def test_no_predictions_and_no_ground_truth():
    no_boxes, empty = np.zeros((0, 4)), np.zeros(0)
    assert match(no_boxes, empty, empty, no_boxes, empty).count == 0
    assert score_at(match(no_boxes, empty, empty, np.ones((2, 4)), np.zeros(2)), 0.5) == Score(0, 0, 2)
    assert np.isnan(mean_average_precision([(no_boxes, empty, empty, no_boxes, empty)], CLASSES))
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        match(no_boxes, empty, empty, no_boxes, empty, iou=0)


def test_difficult_boxes_are_ignored():
    """Pascal VOC: not missed where nothing is found, and no false positive where something is, however often."""
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]], float)
    labels, difficult = np.array([0, 0, 0, 1]), np.array([False, True, False, True])
    boxes = np.array([[20, 0, 30, 9], [40, 0, 50, 9], [20, 0, 30, 10], [60, 0, 70, 10], [80, 0, 90, 10]], float)
    photo = (boxes, np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.zeros(5, int), truth, labels, difficult)
    matches = match_counted(*photo)
    assert matches.order.tolist() == [1, 3, 4]  # the fourth is on a difficult box, but of another class
    assert matches.truth.tolist() == [2, NOT_SUPPRESSED, NOT_SUPPRESSED]
    assert matches.count == 2
    precisions = class_precisions([photo], 2, (0.5,))[:, 0]
    assert precisions[0] == pytest.approx(51 / 101)
    assert np.isnan(precisions[1])
    assert match_counted(*photo, iou=0.95).order.tolist() == [0, 1, 3, 4]  # the first overlaps the difficult box by 0.9
    np.testing.assert_array_equal(
        class_precisions([photo[:5]], 2), class_precisions([(*photo[:5], difficult & False)], 2)
    )
