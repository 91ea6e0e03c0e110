"""COCO's count on masks: all right, all wrong, and the same as our own count on boxes."""

import numpy as np
import pytest

from cnn_demo.models.detection.metrics import class_precisions
from training.steps.mask_precision import MaskedPrediction, mask_precisions

SIZE = (60, 80)


def rectangle(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def masks_of(boxes: np.ndarray) -> np.ndarray:
    return np.array([rectangle(*box) for box in boxes], bool).reshape(-1, *SIZE)


def test_the_ground_truth_scores_one_and_no_prediction_scores_zero():
    truth = masks_of([(0, 0, 20, 20), (30, 10, 60, 50)])
    right = MaskedPrediction(truth, np.array([0.9, 0.8]), np.array([0, 1]), truth, np.array([0, 1]))
    np.testing.assert_allclose(mask_precisions([right], 3), [[1] * 10, [1] * 10, [np.nan] * 10])
    none = MaskedPrediction(truth[:0], np.zeros(0), np.zeros(0, int), truth, np.array([0, 1]))
    np.testing.assert_array_equal(mask_precisions([none], 3), [[0] * 10, [0] * 10, [np.nan] * 10])


def test_a_mask_with_the_right_box_but_another_outline_is_wrong():
    truth = masks_of([(0, 0, 40, 40)])
    corners = np.zeros((1, *SIZE), bool)
    corners[0, [0, 0, 39, 39], [0, 39, 0, 39]] = True
    prediction = MaskedPrediction(corners, np.array([0.9]), np.array([0]), truth, np.array([0]))
    assert mask_precisions([prediction], 1).max() == 0


@pytest.mark.parametrize("seed", range(3))
def test_on_rectangles_it_is_the_precision_of_boxes(seed):
    rng, predictions, boxed = np.random.default_rng(seed), [], []
    for _ in range(6):
        corner = rng.integers(0, 30, (4, 2))
        true = np.concatenate([corner, corner + rng.integers(10, 30, (4, 2))], axis=1)
        found = np.concatenate([true[:3] + rng.integers(-2, 3, (3, 4)), true[:1]]).clip(0, 59)
        scores, found_ids, true_ids = rng.random(4), rng.integers(0, 2, 4), rng.integers(0, 2, 4)
        predictions.append(MaskedPrediction(masks_of(found), scores, found_ids, masks_of(true), true_ids))
        boxed.append((found.astype(float), scores, found_ids, true.astype(float), true_ids))
    np.testing.assert_allclose(mask_precisions(predictions, 2), class_precisions(boxed, 2), atol=1e-6)
