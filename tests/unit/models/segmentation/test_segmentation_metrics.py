"""Scores of masks, compared with torchmetrics, and the boundary F-score."""

import numpy as np
import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.segmentation.metrics import IGNORED, MaskScores, boundary_f, outline, score_masks

torch = frameworks.torch()
CLASSES = 5


def masks_by_chance(seed: int, *, ignored: bool = True, absent: bool = False):
    """A prediction and a ground truth of 40 × 50 that mostly agree; optionally without class 4."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, CLASSES - absent, (8, 10)), np.ones((5, 5), int)).astype(np.uint8)
    prediction = np.where(rng.random(truth.shape) < 0.3, rng.integers(0, CLASSES - absent, truth.shape), truth)
    if ignored:
        truth[rng.random(truth.shape) < 0.1] = IGNORED
    return prediction.astype(np.uint8), truth


def tensors(*masks: np.ndarray):
    return [torch.from_numpy(mask.astype(np.int64))[None] for mask in masks]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("absent", [False, True])
def test_scores_are_those_of_torchmetrics(seed, absent):
    from torchmetrics.functional.classification import (
        multiclass_accuracy,
        multiclass_f1_score,
        multiclass_jaccard_index,
    )

    prediction, truth = masks_by_chance(seed, absent=absent)
    scores, pair = score_masks(prediction, truth, CLASSES), tensors(prediction, truth)
    there = slice(0, CLASSES - absent)  # torchmetrics returns 0 for an absent class
    settings = {"num_classes": CLASSES, "ignore_index": IGNORED}
    ious = multiclass_jaccard_index(*pair, average="none", **settings).numpy()
    dices = multiclass_f1_score(*pair, average="none", **settings).numpy()
    np.testing.assert_allclose(scores.iou[there], ious[there], atol=1e-6)
    np.testing.assert_allclose(scores.dice[there], dices[there], atol=1e-6)
    assert np.isnan(scores.iou[CLASSES - absent :]).all()
    macro = float(multiclass_jaccard_index(*pair, average="macro", **settings))
    assert scores.mean_iou == pytest.approx(macro, abs=1e-6)
    assert scores.mean_dice == pytest.approx(dices[there].mean(), abs=1e-6)
    micro = float(multiclass_accuracy(*pair, average="micro", **settings))
    assert scores.pixel_accuracy == pytest.approx(micro, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_without_ignored_pixels_they_are_those_of_its_segmentation_metrics(seed):
    from torchmetrics.functional.segmentation import dice_score, mean_iou

    prediction, truth = masks_by_chance(seed, ignored=False)
    scores, pair = score_masks(prediction, truth, CLASSES), tensors(prediction, truth)
    settings = {"num_classes": CLASSES, "input_format": "index"}
    np.testing.assert_allclose(scores.iou, mean_iou(*pair, per_class=True, **settings)[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(scores.dice, dice_score(*pair, average="none", **settings)[0].numpy(), atol=1e-6)


def test_confusion_matrices_of_photos_can_be_added():
    pairs = [masks_by_chance(seed) for seed in (1, 2)]
    apart = sum(score_masks(*pair, CLASSES).confusion for pair in pairs)
    joined = score_masks(*(np.concatenate(masks) for masks in zip(*pairs, strict=True)), CLASSES)
    np.testing.assert_array_equal(apart, joined.confusion)
    assert MaskScores(apart).mean_iou == joined.mean_iou


def test_without_counted_pixels_there_is_no_score():
    truth = np.full((4, 4), IGNORED, np.uint8)
    scores = score_masks(np.zeros((4, 4), np.uint8), truth, 2)
    assert np.isnan([scores.mean_iou, scores.mean_dice, scores.pixel_accuracy]).all()
    assert np.isnan(boundary_f(np.zeros((4, 4), np.uint8), truth, 2)).all()


def test_arguments_that_do_not_match_are_refused():
    square = np.zeros((4, 4), np.uint8)
    with pytest.raises(ValueError, match="one size"):
        score_masks(square, square[:3], 2)
    with pytest.raises(ValueError, match="one size"):
        boundary_f(square, square[:3], 2)
    with pytest.raises(ValueError, match="truth has labels"):
        score_masks(square, square + 7, 2)
    with pytest.raises(ValueError, match="prediction has labels"):
        score_masks(square + 7, square, 2)


def test_an_outline_is_inside_and_neither_the_border_nor_ignored_pixels_make_one():
    inside = np.zeros((6, 6), bool)
    inside[:4, :4] = True
    expected = np.zeros((6, 6), bool)
    expected[3, :4] = expected[:4, 3] = True
    np.testing.assert_array_equal(outline(inside), expected)
    counts = np.ones((6, 6), bool)
    counts[4] = False
    expected[3, :3] = False
    np.testing.assert_array_equal(outline(inside, counts), expected)


@pytest.mark.parametrize(("shift", "score"), [(0, 1.0), (2, 1.0), (3, 0.0)])
def test_an_outline_within_the_tolerance_is_right(shift, score):
    truth, prediction = np.zeros((2, 20, 30), np.uint8)
    truth[:, :10], prediction[:, : 10 + shift] = 1, 1
    np.testing.assert_array_equal(boundary_f(prediction, truth, 3, tolerance=2), [score, score, np.nan])


def test_an_outline_that_only_one_of_them_has_is_wrong():
    truth, prediction = np.zeros((2, 20, 30), np.uint8)
    prediction[5:9, 5:9] = 1
    np.testing.assert_array_equal(boundary_f(prediction, truth, 2), [0.0, 0.0])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tolerance", [1.0, 1.5, 3.0])
def test_the_boundary_score_is_its_definition(seed, tolerance):
    prediction, truth = masks_by_chance(seed)
    counts = truth != IGNORED

    def boundary(mask: np.ndarray, label: int) -> np.ndarray:
        found = []
        for row, column in np.argwhere((mask == label) & counts):
            beside = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
            beside = [(r, c) for r, c in beside if 0 <= r < mask.shape[0] and 0 <= c < mask.shape[1] and counts[r, c]]
            if any(mask[neighbour] != label for neighbour in beside):
                found.append((row, column))
        return np.array(found, float)

    for label, score in enumerate(boundary_f(prediction, truth, CLASSES, tolerance)):
        predicted, true = boundary(prediction, label), boundary(truth, label)
        near = np.linalg.norm(predicted[:, None] - true[None], axis=2) <= tolerance
        precision, recall = near.any(1).mean(), near.any(0).mean()
        assert score == pytest.approx(2 * precision * recall / (precision + recall))
