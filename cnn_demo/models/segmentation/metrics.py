"""Segmentation metrics: IoU, Dice and pixel accuracy from a confusion matrix, and the boundary F-score.

All metrics take class maps (H, W) of class ids; pixels labelled `IGNORED` in the ground truth are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from cnn_demo.results import Segmentation

IGNORED = 255
TOLERANCE = 2.0  # pixels
REACH = 3  # pixels from a border between classes that count as near it


@dataclass(frozen=True, eq=False)
class MaskScores:
    """Metrics of predicted masks with C classes; NaN if undefined.

    Attributes:
        confusion: (C, C) int64 confusion matrix of pixels: rows are ground truth, columns predictions.
    """

    confusion: np.ndarray = field(repr=False)

    @property
    def iou(self) -> np.ndarray:
        """(C,) intersection over union per class; NaN for classes absent from prediction and ground truth."""
        both = np.diag(self.confusion)
        return _ratios(both, self.confusion.sum(0) + self.confusion.sum(1) - both)

    @property
    def dice(self) -> np.ndarray:
        """(C,) Dice coefficient per class; NaN for classes absent from prediction and ground truth."""
        return _ratios(2 * np.diag(self.confusion), self.confusion.sum(0) + self.confusion.sum(1))

    @property
    def mean_iou(self) -> float:
        """Mean of `iou` over the classes present in prediction or ground truth."""
        return _mean(self.iou)

    @property
    def mean_dice(self) -> float:
        """Mean of `dice` over the classes present in prediction or ground truth."""
        return _mean(self.dice)

    @property
    def pixel_accuracy(self) -> float:
        """Fraction of the pixels with the correct class."""
        return float(_ratios(np.trace(self.confusion), self.confusion.sum()))


def score_masks(prediction: np.ndarray, truth: np.ndarray, classes: int, ignored: int = IGNORED) -> MaskScores:
    """Compare a predicted class map with the ground truth; for several photos, add up the `confusion` of each.

    Args:
        prediction: (H, W) predicted class ids.
        truth: (H, W) ground-truth class ids, `ignored` for pixels to ignore.
        classes: Number of classes.
        ignored: Label of ignored pixels in the ground truth.

    Raises:
        ValueError: If the two have different sizes, or a label is out of range.

    Example:
        >>> import numpy as np
        >>> from cnn_demo.models.segmentation.metrics import score_masks
        >>> scores = score_masks(np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]]), classes=2)
        >>> scores.iou.round(3), scores.pixel_accuracy
        (array([0.5  , 0.667]), 0.75)
    """
    _check_sizes(prediction, truth)
    counts = truth != ignored
    true, predicted = truth[counts].astype(np.int64), prediction[counts].astype(np.int64)
    for name, labels in (("truth", true), ("prediction", predicted)):
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise ValueError(f"The {name} has labels from {labels.min()} to {labels.max()}, not below {classes}.")
    return MaskScores(np.bincount(true * classes + predicted, minlength=classes**2).reshape(classes, classes))


def boundary_f(
    prediction: np.ndarray, truth: np.ndarray, classes: int, tolerance: float = TOLERANCE, ignored: int = IGNORED
) -> np.ndarray:
    """Return the boundary F-score of each class.

    Csurka et al., "What is a good evaluation measure for semantic segmentation?" (BMVC 2013),
    https://doi.org/10.5244/C.27.32. The boundary of a class consists of its pixels with a 4-neighbour of another class;
    the image border and ignored pixels do not create boundaries. Precision is the fraction of the predicted boundary
    within the tolerance of the ground-truth boundary, recall the fraction of the ground-truth boundary within the
    tolerance of the predicted one, and the score is their harmonic mean.

    Args:
        prediction: (H, W) predicted class ids.
        truth: (H, W) ground-truth class ids, `ignored` for pixels to ignore.
        classes: Number of classes.
        tolerance: Distance tolerance in pixels, between pixel centres.
        ignored: Label of ignored pixels in the ground truth.

    Returns:
        (C,) float64 from 0 to 1; NaN for classes without a boundary in prediction and ground truth.

    Raises:
        ValueError: If the two have different sizes.
    """
    _check_sizes(prediction, truth)
    counts = truth != ignored
    scores = np.full(classes, np.nan)
    present = np.union1d(prediction[counts], truth[counts])
    for label in present[(present >= 0) & (present < classes)]:
        predicted, true = outline((prediction == label) & counts, counts), outline((truth == label) & counts, counts)
        if predicted.any() and true.any():
            precision, recall = _fraction_near(predicted, true, tolerance), _fraction_near(true, predicted, tolerance)
            scores[label] = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        elif predicted.any() or true.any():
            scores[label] = 0.0
    return scores


def outline(inside: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    """Return the boundary pixels of a class, (H, W) bool: its pixels with a 4-neighbour outside the class.

    Args:
        inside: (H, W) bool mask of the class.
        counts: (H, W) bool mask of the pixels that are not ignored; None for all.
    """
    outside = ~inside if counts is None else ~inside & counts
    near_outside = np.zeros_like(inside)
    near_outside[:, 1:] |= outside[:, :-1]
    near_outside[:, :-1] |= outside[:, 1:]
    near_outside[1:] |= outside[:-1]
    near_outside[:-1] |= outside[1:]
    return inside & near_outside


def border_confidence(segmentation: Segmentation, reach: int = REACH) -> tuple[float, float]:
    """Return the mean confidence of the pixels near a border between classes, and of all others; NaN for none.

    Args:
        segmentation: The prediction for one photo.
        reach: Pixels up, down, left, right or across that count as near.
    """
    classes = segmentation.class_map.astype(np.int16)
    kernel = np.ones((2 * reach + 1,) * 2, np.uint8)
    near = np.asarray(cv2.dilate(classes, kernel) != cv2.erode(classes, kernel))
    inside, outside = segmentation.confidence[near], segmentation.confidence[~near]
    return (
        float(inside.mean()) if inside.size else float("nan"),
        float(outside.mean()) if outside.size else float("nan"),
    )


def _fraction_near(pixels: np.ndarray, others: np.ndarray, tolerance: float) -> float:
    distances = cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float((distances[pixels] <= tolerance + 1e-4).mean())  # distances are float32


def _check_sizes(prediction: np.ndarray, truth: np.ndarray) -> None:
    if prediction.shape != truth.shape:
        raise ValueError(f"The masks must be of one size, not {prediction.shape} and {truth.shape}.")


def _ratios(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)


def _mean(values: np.ndarray) -> float:
    return float("nan") if np.isnan(values).all() else float(np.nanmean(values))
