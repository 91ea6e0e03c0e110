"""How good a mask is: IoU, Dice and pixel accuracy from one table of counts, and how well its outlines lie.

All take class maps: (H, W) of class ids, and one label of the truth, `IGNORED`, whose pixels do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

IGNORED = 255
TOLERANCE = 2.0  # pixels


@dataclass(frozen=True, eq=False)
class MaskScores:
    """What a number of masks is worth, C classes; NaN where there was nothing to divide.

    Attributes:
        confusion: (C, C) int64 pixels: row the true class, column the answered one.
    """

    confusion: np.ndarray = field(repr=False)

    @property
    def iou(self) -> np.ndarray:
        """(C,): what answer and truth have in common, over what either has; NaN for classes that neither has."""
        both = np.diag(self.confusion)
        return _shares(both, self.confusion.sum(0) + self.confusion.sum(1) - both)

    @property
    def dice(self) -> np.ndarray:
        """(C,): twice what answer and truth have in common, over the sum of both; NaN for classes that neither has."""
        return _shares(2 * np.diag(self.confusion), self.confusion.sum(0) + self.confusion.sum(1))

    @property
    def mean_iou(self) -> float:
        """The mean of `iou` over the classes that the answer or the truth has."""
        return _mean(self.iou)

    @property
    def mean_dice(self) -> float:
        """The mean of `dice` over the classes that the answer or the truth has."""
        return _mean(self.dice)

    @property
    def pixel_accuracy(self) -> float:
        """Share of the pixels whose class is right."""
        return float(_shares(np.trace(self.confusion), self.confusion.sum()))


def score_masks(answer: np.ndarray, truth: np.ndarray, classes: int, ignored: int = IGNORED) -> MaskScores:
    """Compare a class map with the true one; over several photos, add up the `confusion` of each.

    Args:
        answer: (H, W) class ids.
        truth: (H, W) class ids, `ignored` where nothing is to count.
        classes: How many there are.
        ignored: The label in the truth that does not count.

    Raises:
        ValueError: If the two are of different sizes, or a label that counts is no class.
    """
    _check_sizes(answer, truth)
    counts = truth != ignored
    true, said = truth[counts].astype(np.int64), answer[counts].astype(np.int64)
    for name, labels in (("truth", true), ("answer", said)):
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise ValueError(f"The {name} has labels from {labels.min()} to {labels.max()}, not below {classes}.")
    return MaskScores(np.bincount(true * classes + said, minlength=classes**2).reshape(classes, classes))


def boundary_f(
    answer: np.ndarray, truth: np.ndarray, classes: int, tolerance: float = TOLERANCE, ignored: int = IGNORED
) -> np.ndarray:
    """Return for each class how well its outline lies: the boundary F-score of Csurka et al.

    "What is a good evaluation measure for semantic segmentation?" (BMVC 2013), https://doi.org/10.5244/C.27.32. The
    outline of a class are its pixels that have a pixel of another class to the left, to the right, above or below;
    neither the picture's edge nor ignored pixels make an outline. Precision is the share of the answered outline that
    lies within the tolerance of the true one, recall the share of the true outline within the tolerance of the
    answered one, and the score their harmonic mean.

    Args:
        answer: (H, W) class ids.
        truth: (H, W) class ids, `ignored` where nothing is to count.
        classes: How many there are.
        tolerance: Largest distance that counts as near, in pixels between their centres.
        ignored: The label in the truth that does not count.

    Returns:
        (C,) float64 from 0 to 1; NaN for classes without an outline in answer and truth.

    Raises:
        ValueError: If the two are of different sizes.
    """
    _check_sizes(answer, truth)
    counts = truth != ignored
    scores = np.full(classes, np.nan)
    for label in range(classes):
        said, true = outline((answer == label) & counts, counts), outline((truth == label) & counts, counts)
        if said.any() and true.any():
            precision, recall = _share_near(said, true, tolerance), _share_near(true, said, tolerance)
            scores[label] = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        elif said.any() or true.any():
            scores[label] = 0.0
    return scores


def outline(inside: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    """Return which pixels (H, W) of a class have one of its outside beside them, above or below.

    Args:
        inside: (H, W) bool, where the class is.
        counts: (H, W) bool, the pixels that count; all of them where it is None.
    """
    outside = ~inside if counts is None else ~inside & counts
    beside = np.zeros_like(inside)
    beside[:, 1:] |= outside[:, :-1]
    beside[:, :-1] |= outside[:, 1:]
    beside[1:] |= outside[:-1]
    beside[:-1] |= outside[1:]
    return inside & beside


def _share_near(pixels: np.ndarray, others: np.ndarray, tolerance: float) -> float:
    distances = cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float((distances[pixels] <= tolerance + 1e-4).mean())  # distances are float32


def _check_sizes(answer: np.ndarray, truth: np.ndarray) -> None:
    if answer.shape != truth.shape:
        raise ValueError(f"The masks must be of one size, not {answer.shape} and {truth.shape}.")


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)


def _mean(values: np.ndarray) -> float:
    return float("nan") if np.isnan(values).all() else float(np.nanmean(values))
