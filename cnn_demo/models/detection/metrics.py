"""How good a detector is: which of its boxes count as right, and what follows from that.

As COCO counts it (Lin et al. 2014, https://arxiv.org/abs/1405.0312): from the most confident box on, each takes the
true box of its class that it overlaps most, if the IoU is high enough and no better box has taken it. What takes none
is a false positive; what nobody takes was missed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cnn_demo.models.boxes import iou as overlap_of

NOT_SUPPRESSED = -1
RECALLS = np.linspace(0, 1, 101)  # at which COCO reads the precision
IOUS = tuple(np.linspace(0.5, 0.95, 10).round(2))  # over which COCO averages
NOTHING_TRUE = float("nan")


@dataclass(frozen=True, eq=False)
class Matches:
    """Which boxes are right, N found and T true ones.

    Attributes:
        scores: (N,), from the most confident to the least.
        order: (N,) int64: the found box that each belongs to.
        truth: (N,) int64: the true box that it took, or `NOT_SUPPRESSED`.
        overlap: (N,) IoU with the true box that it took; else with the best of its class that was there, 0 if none.
        count: T.
    """

    scores: np.ndarray = field(repr=False)
    order: np.ndarray = field(repr=False)
    truth: np.ndarray = field(repr=False)
    overlap: np.ndarray = field(repr=False)
    count: int

    @property
    def right(self) -> np.ndarray:
        """(N,) bool: whether each found box took a true one."""
        return self.truth != NOT_SUPPRESSED


@dataclass(frozen=True)
class Score:
    """What a number of boxes is worth: counts, and the shares that follow; NaN where there was nothing to divide."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the found boxes that are right."""
        return _share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Share of the true boxes that were found."""
        return _share(self.right, self.right + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of the two."""
        return _share(2 * self.right, 2 * self.right + self.wrong + self.missed)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else NOTHING_TRUE


def match(
    boxes: np.ndarray,
    scores: np.ndarray,
    class_ids: np.ndarray,
    true_boxes: np.ndarray,
    true_class_ids: np.ndarray,
    iou: float = 0.5,
) -> Matches:
    """Match the boxes that were found on one photo with the true ones.

    Args:
        boxes: (N, 4) corners.
        scores: (N,).
        class_ids: (N,).
        true_boxes: (T, 4) corners.
        true_class_ids: (T,).
        iou: The least that counts as right, above 0 and at most 1.

    Raises:
        ValueError: If the IoU is out of its range.
    """
    if not 0 < iou <= 1:
        raise ValueError(f"The IoU must be above 0 and at most 1, not {iou}.")
    order = np.argsort(-np.asarray(scores), kind="stable")
    truth, overlap = np.full(len(order), NOT_SUPPRESSED), np.zeros(len(order))
    free = np.ones(len(true_boxes), bool)
    for place, found in enumerate(order):
        overlaps = np.where(true_class_ids == class_ids[found], overlap_of(boxes[found], true_boxes), 0.0)
        if not len(overlaps):
            continue
        left = np.where(free, overlaps, 0.0)
        best = int(left.argmax())
        if left[best] >= iou:
            truth[place], free[best], overlap[place] = best, False, left[best]
        else:
            overlap[place] = overlaps.max()
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
    """Match as `match` does, but ignore difficult true boxes, as Pascal VOC does.

    Everingham et al. (2010), https://doi.org/10.1007/s11263-009-0275-4: a difficult object that is missed does not
    count, and neither does a prediction on one, right or wrong.

    Args:
        boxes: (N, 4) corners.
        scores: (N,).
        class_ids: (N,).
        true_boxes: (T, 4) corners.
        true_class_ids: (T,).
        difficult: (T,) bool.
        iou: IoU threshold, above 0 and at most 1.

    Returns:
        The matches without the predictions that match a difficult box of their class and no other; `count` is that of
        the other true boxes.

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
    """Count what is right, wrong and missed among the boxes that are more confident than this."""
    shown = matches.scores > confidence
    right = int((matches.right & shown).sum())
    return Score(right, int(shown.sum()) - right, matches.count - right)


def precision_recall(right: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return precision and recall after each box, from the most confident on.

    Args:
        right: (N,) bool, in that order.
        count: Of the true boxes.

    Returns:
        (N,) and (N,) float64; recall is NaN where there is nothing true.
    """
    found = np.cumsum(right)
    recall = found / count if count else np.full(len(right), NOTHING_TRUE)
    return found / np.arange(1, len(right) + 1), recall


def average_precision(right: np.ndarray, count: int) -> float:
    """Return the mean, over 101 recalls, of the best precision that is reached at that recall or a higher one.

    Args:
        right: (N,) bool, from the most confident box to the least.
        count: Of the true boxes.

    Returns:
        From 0 to 1; NaN where there is nothing true.
    """
    if not count:
        return NOTHING_TRUE
    precision, recall = precision_recall(right, count)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(envelope, 0.0)[np.minimum(places, len(envelope))].mean())


def class_precisions(photos: list[tuple], classes: int, ious: tuple[float, ...] = IOUS) -> np.ndarray:
    """Return the average precision of each class at each IoU, (classes, IoUs); NaN for classes that are on no photo.

    Args:
        photos: For each photo what `match` takes: boxes, scores, class_ids, true_boxes, true_class_ids; where a sixth
            item is given, it is `difficult` as `match_counted` takes it.
        classes: How many there are.
        ious: Each the least that counts as right.
    """
    photos = [photo if len(photo) == 6 else (*photo, np.zeros(len(photo[4]), bool)) for photo in photos]
    truths = np.concatenate([photo[4][~photo[5]] for photo in photos])
    precisions = np.full((classes, len(ious)), NOTHING_TRUE)
    for column, iou in enumerate(ious):
        all_matches = [match_counted(*photo, iou) for photo in photos]
        found = np.concatenate([np.asarray(photo[2])[m.order] for photo, m in zip(photos, all_matches, strict=True)])
        scores = np.concatenate([m.scores for m in all_matches])
        right = np.concatenate([m.right for m in all_matches])
        order = np.argsort(-scores, kind="stable")
        found, right = found[order], right[order]
        for label in range(classes):
            precisions[label, column] = average_precision(right[found == label], int((truths == label).sum()))
    return precisions


def mean_average_precision(photos: list[tuple], classes: int, ious: tuple[float, ...] = (0.5,)) -> float:
    """Return the average precision, averaged over the classes that are on the photos, and over the IoUs.

    Args:
        photos: As for `class_precisions`.
        classes: How many there are.
        ious: Each the least that counts as right; `IOUS` gives COCO's mAP50-95.
    """
    precisions = class_precisions(photos, classes, ious)
    return NOTHING_TRUE if np.isnan(precisions).all() else float(np.nanmean(precisions))
