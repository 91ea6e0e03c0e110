"""Detection metrics: matching to the ground truth, precision, recall and average precision.

As in COCO (Lin et al. 2014, https://arxiv.org/abs/1405.0312): by descending score, each predicted box is matched to the
unmatched ground-truth box of its class with the highest IoU, if that reaches the IoU threshold. An unmatched prediction
is a false positive; an unmatched ground-truth box is a false negative.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cnn_demo.models.boxes import iou as overlap_of

NOT_SUPPRESSED = -1
RECALLS = np.linspace(0, 1, 101)  # recall thresholds of COCO
IOUS = tuple(np.linspace(0.5, 0.95, 10).round(2))  # IoU thresholds of COCO
NOTHING_TRUE = float("nan")


@dataclass(frozen=True, eq=False)
class Matches:
    """Matches between N predicted and T ground-truth boxes.

    Attributes:
        scores: (N,) scores in descending order.
        order: (N,) int64, index of the predicted box that each score belongs to.
        truth: (N,) int64, index of the matched ground-truth box, or `NOT_SUPPRESSED` if unmatched.
        overlap: (N,) IoU with the matched ground-truth box; if unmatched, the highest IoU with a ground-truth box of
            its class, 0 if there is none.
        count: T, the number of ground-truth boxes.
    """

    scores: np.ndarray = field(repr=False)
    order: np.ndarray = field(repr=False)
    truth: np.ndarray = field(repr=False)
    overlap: np.ndarray = field(repr=False)
    count: int

    @property
    def right(self) -> np.ndarray:
        """(N,) bool: whether each prediction is a true positive."""
        return self.truth != NOT_SUPPRESSED


@dataclass(frozen=True)
class Score:
    """True positives, false positives and false negatives, and the ratios derived from them; NaN if undefined."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Fraction of the predictions that are true positives."""
        return _ratio(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Fraction of the ground-truth boxes that were detected."""
        return _ratio(self.right, self.right + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.right, 2 * self.right + self.wrong + self.missed)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else NOTHING_TRUE


def match(
    boxes: np.ndarray,
    scores: np.ndarray,
    class_ids: np.ndarray,
    true_boxes: np.ndarray,
    true_class_ids: np.ndarray,
    iou: float = 0.5,
) -> Matches:
    """Match the predictions on one photo to the ground truth.

    Args:
        boxes: (N, 4) corners of the predicted boxes.
        scores: (N,) scores.
        class_ids: (N,) predicted class indices.
        true_boxes: (T, 4) corners of the ground-truth boxes.
        true_class_ids: (T,) ground-truth class indices.
        iou: IoU threshold, above 0 and at most 1.

    Raises:
        ValueError: If the IoU is out of its range.
    """
    if not 0 < iou <= 1:
        raise ValueError(f"The IoU must be above 0 and at most 1, not {iou}.")
    order = np.argsort(-np.asarray(scores), kind="stable")
    truth = np.full(len(order), NOT_SUPPRESSED)
    overlap = np.zeros(len(order))
    free = np.ones(len(true_boxes), bool)
    for rank, found in enumerate(order):
        overlaps = np.where(true_class_ids == class_ids[found], overlap_of(boxes[found], true_boxes), 0.0)
        if not len(overlaps):
            continue
        left = np.where(free, overlaps, 0.0)
        best = int(left.argmax())
        if left[best] >= iou:
            truth[rank] = best
            free[best] = False
            overlap[rank] = left[best]
        else:
            overlap[rank] = overlaps.max()
    return Matches(np.asarray(scores)[order], order, truth, overlap, len(true_boxes))


def match_counted(
    boxes: np.ndarray,
    scores: np.ndarray,
    class_ids: np.ndarray,
    true_boxes: np.ndarray,
    true_class_ids: np.ndarray,
    difficult: np.ndarray,
    iou: float = 0.5,
) -> Matches:
    """Match like `match`, but ignore difficult ground-truth boxes, as Pascal VOC does.

    Everingham et al. (2010), https://doi.org/10.1007/s11263-009-0275-4: a difficult object that is missed does not
    count, and neither does a prediction on one, right or wrong.

    Args:
        boxes: (N, 4) corners of the predicted boxes.
        scores: (N,) scores.
        class_ids: (N,) predicted class indices.
        true_boxes: (T, 4) corners of the ground-truth boxes.
        true_class_ids: (T,) ground-truth class indices.
        difficult: (T,) bool, whether each ground-truth box is difficult.
        iou: IoU threshold, above 0 and at most 1.

    Returns:
        The matches without the predictions that match only a difficult box of their class; `count` is the number of
        ground-truth boxes that are not difficult.

    Raises:
        ValueError: If the IoU is out of its range.
    """
    counted = np.flatnonzero(~difficult)
    matches = match(boxes, scores, class_ids, true_boxes[counted], true_class_ids[counted], iou)
    order = matches.order
    same = np.asarray(class_ids)[order, None] == true_class_ids[difficult]
    overlaps = np.where(same, overlap_of(boxes[order, None], true_boxes[difficult]), 0.0)  # (N, difficult ones)
    kept = matches.right | (overlaps.max(axis=1, initial=0.0) < iou)
    truth = np.append(counted, NOT_SUPPRESSED)[matches.truth]  # NOT_SUPPRESSED is the index of the last item
    return Matches(matches.scores[kept], order[kept], truth[kept], matches.overlap[kept], matches.count)


def score_at(matches: Matches, confidence: float) -> Score:
    """Count true positives, false positives and false negatives above a confidence threshold."""
    shown = matches.scores > confidence
    right = int((matches.right & shown).sum())
    return Score(right, int(shown.sum()) - right, matches.count - right)


def precision_recall(right: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the precision-recall curve: both values after each prediction, by descending score.

    Args:
        right: (N,) bool, whether each prediction is a true positive, by descending score.
        count: Number of ground-truth boxes.

    Returns:
        Precision (N,) and recall (N,), float64; recall is NaN if there are no ground-truth boxes.
    """
    found = np.cumsum(right)
    recall = found / count if count else np.full(len(right), NOTHING_TRUE)
    return found / np.arange(1, len(right) + 1), recall


def average_precision(right: np.ndarray, count: int) -> float:
    """Return the average precision (AP), interpolated at COCO's 101 recall thresholds.

    Args:
        right: (N,) bool, whether each prediction is a true positive, by descending score.
        count: Number of ground-truth boxes.

    Returns:
        Average precision from 0 to 1; NaN if there are no ground-truth boxes.
    """
    if not count:
        return NOTHING_TRUE
    precision, recall = precision_recall(right, count)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    indices = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(envelope, 0.0)[np.minimum(indices, len(envelope))].mean())


def class_precisions(photos: list[tuple], classes: int, ious: tuple[float, ...] = IOUS) -> np.ndarray:
    """Return the AP of each class at each IoU threshold, (classes, IoUs); NaN for classes without ground truth.

    Args:
        photos: One tuple per photo: boxes, scores, class_ids, true_boxes, true_class_ids and, optionally, `difficult`;
            see `match_counted`.
        classes: Number of classes.
        ious: IoU thresholds.
    """
    complete = [photo if len(photo) == 6 else (*photo, np.zeros(len(photo[4]), bool)) for photo in photos]
    truths = np.concatenate([true_class_ids[~difficult] for _, _, _, _, true_class_ids, difficult in complete])
    precisions = np.full((classes, len(ious)), NOTHING_TRUE)
    for column, iou in enumerate(ious):
        all_matches = [
            match_counted(boxes, scores, class_ids, true_boxes, true_class_ids, difficult, iou)
            for boxes, scores, class_ids, true_boxes, true_class_ids, difficult in complete
        ]
        found = np.concatenate([np.asarray(photo[2])[m.order] for photo, m in zip(complete, all_matches, strict=True)])
        scores = np.concatenate([m.scores for m in all_matches])
        right = np.concatenate([m.right for m in all_matches])
        order = np.argsort(-scores, kind="stable")
        found, right = found[order], right[order]
        for label in range(classes):
            precisions[label, column] = average_precision(right[found == label], int((truths == label).sum()))
    return precisions


def mean_average_precision(photos: list[tuple], classes: int, ious: tuple[float, ...] = (0.5,)) -> float:
    """Return the mean average precision (mAP) over classes with ground truth and over IoU thresholds.

    Args:
        photos: One tuple per photo, as in `class_precisions`.
        classes: Number of classes.
        ious: IoU thresholds; `IOUS` gives COCO's mAP50-95.
    """
    precisions = class_precisions(photos, classes, ious)
    return NOTHING_TRUE if np.isnan(precisions).all() else float(np.nanmean(precisions))
