"""The errors of a detector by their kind, and the average precision that mending each kind would give.

Bolya, Foley, Hays & Hoffman, "TIDE: A general toolbox for identifying object detection errors" (2020),
https://arxiv.org/abs/2008.08115. A false positive has one of five kinds, by its IoU with the ground truth:

* localization: an object of its class, with an IoU from the background threshold to the foreground threshold;
* classification: an object of another class, with an IoU of at least the foreground threshold;
* duplicate: an object of its class that a more confident prediction has been matched to;
* background: no object at all, with every IoU at most the background threshold;
* both: an object of another class, with an IoU between the thresholds.

The kinds are tested in this order, as in TIDE's own program. The sixth kind, missed, are objects without a match that
no error of classification or localization points at: mending those would find the other ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cnn_demo.models.boxes import iou as overlap_of
from cnn_demo.models.detection.metrics import NOTHING_TRUE, Matches, match, mean_average_precision

Kind = Literal["classification", "localization", "both", "duplicate", "background", "missed"]
KINDS: tuple[Kind, ...] = ("classification", "localization", "both", "duplicate", "background", "missed")
FOREGROUND, BACKGROUND = 0.5, 0.1  # IoU thresholds of the paper
NO_OBJECT = -1


@dataclass(frozen=True)
class Mistake:
    """One false positive.

    Attributes:
        kind: Its kind.
        prediction: Index of the predicted box.
        truth: Index of the object that it points at, the one with the highest IoU of those its kind is about;
            `NO_OBJECT` in the background.
        overlap: IoU with that object; in the background the highest IoU with any object.
        mendable: Whether mending it makes it a true positive: of all errors of its kind on an object without a match,
            the most confident one. The others are removed.
    """

    kind: Kind
    prediction: int
    truth: int
    overlap: float
    mendable: bool = False


@dataclass(frozen=True, eq=False)
class Mistakes:
    """All errors on one photo.

    Attributes:
        matches: Matches of the predictions to the ground truth.
        wrong: The false positives, by descending score.
        missed: (M,) int64, objects without a match that no error of classification or localization points at.
        covered: (K,) int64, the other objects without a match.
    """

    matches: Matches = field(repr=False)
    wrong: tuple[Mistake, ...]
    missed: np.ndarray
    covered: np.ndarray

    def of_kind(self, kind: Kind) -> tuple[Mistake, ...]:
        """Return the false positives of one kind, by descending score."""
        return tuple(mistake for mistake in self.wrong if mistake.kind == kind)

    @property
    def counts(self) -> dict[Kind, int]:
        """Number of errors of each kind, in the order of `KINDS`."""
        counts = {kind: len(self.of_kind(kind)) for kind in KINDS}
        return counts | {"missed": len(self.missed)}


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions and ground truth of one photo.

    Attributes:
        boxes: (N, 4) corners of the predicted boxes.
        scores: (N,) scores.
        class_ids: (N,) predicted class indices.
        true_boxes: (T, 4) corners of the ground-truth boxes.
        true_class_ids: (T,) ground-truth class indices.
    """

    boxes: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)
    class_ids: np.ndarray = field(repr=False)
    true_boxes: np.ndarray = field(repr=False)
    true_class_ids: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        for boxes, *columns in (
            (self.boxes, self.scores, self.class_ids),
            (self.true_boxes, self.true_class_ids),
        ):
            if boxes.shape != (len(boxes), 4) or any(column.shape != (len(boxes),) for column in columns):
                raise ValueError("Boxes must be (N, 4), with one class, and of predictions one score, for each.")

    @property
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The five arrays, as `metrics.mean_average_precision` takes them."""
        return self.boxes, self.scores, self.class_ids, self.true_boxes, self.true_class_ids


def find_mistakes(photo: Predictions, foreground: float = FOREGROUND, background: float = BACKGROUND) -> Mistakes:
    """Return the errors on one photo by their kind.

    Args:
        photo: Predictions and ground truth.
        foreground: IoU from which a prediction is a match, above 0 and at most 1.
        background: IoU up to which a prediction is in the background, above 0 and at most `foreground`.

    Raises:
        ValueError: If a threshold is out of its range.
    """
    if not 0 < background <= foreground:
        raise ValueError(f"The background IoU must be above 0 and at most {foreground}, not {background}.")
    matches = match(*photo.columns, foreground)
    found = set(matches.truth[matches.right].tolist())
    overlaps = np.nan_to_num(overlap_of(photo.boxes[:, None], photo.true_boxes[None]))  # (N, T)
    same = photo.class_ids[:, None] == photo.true_class_ids[None]
    wrong: list[Mistake] = []
    pointed_at: dict[Kind, set[int]] = {"classification": set(), "localization": set()}
    for index in matches.order[~matches.right].tolist():  # by descending score
        kind, truth, overlap = _kind_of(overlaps[index], same[index], foreground, background)
        mendable = kind in pointed_at and truth not in found and truth not in pointed_at[kind]
        if mendable:
            pointed_at[kind].add(truth)
        wrong.append(Mistake(kind, index, truth, overlap, mendable))
    without_match = sorted(set(range(len(photo.true_boxes))) - found)
    covered = [i for i in without_match if any(i in objects for objects in pointed_at.values())]
    missed = [i for i in without_match if i not in covered]
    return Mistakes(matches, tuple(wrong), np.array(missed, np.int64), np.array(covered, np.int64))


def _kind_of(overlaps: np.ndarray, same: np.ndarray, foreground: float, background: float) -> tuple[Kind, int, float]:
    """Return the kind of one false positive, its object and the IoU with it.

    Args:
        overlaps: (T,) IoU with each object.
        same: (T,) bool, whether the object is of the predicted class.
        foreground: IoU threshold of a match.
        background: IoU threshold of the background.
    """
    if not len(overlaps):
        return "background", NO_OBJECT, 0.0
    of_class, of_others = np.where(same, overlaps, 0.0), np.where(same, 0.0, overlaps)
    own, other = int(of_class.argmax()), int(of_others.argmax())
    if background <= of_class[own] < foreground:
        return "localization", own, float(of_class[own])
    if of_others[other] >= foreground:
        return "classification", other, float(of_others[other])
    if of_class[own] >= foreground:
        return "duplicate", own, float(of_class[own])
    if of_others[other] <= background:
        return "background", NO_OBJECT, float(overlaps.max())
    return "both", other, float(of_others[other])


def mended(photo: Predictions, mistakes: Mistakes, kind: Kind) -> Predictions:
    """Return the predictions and the ground truth as if all errors of one kind had been mended.

    A wrong class becomes that of the object, and an inaccurate box becomes the object's, once for each object; all
    other false positives of the kind are removed. Missed objects are taken out of the ground truth.

    Args:
        photo: Predictions and ground truth.
        mistakes: The errors on this photo.
        kind: One of `KINDS`.
    """
    if kind == "missed":
        left = np.setdiff1d(np.arange(len(photo.true_boxes)), mistakes.missed)
        return Predictions(
            photo.boxes, photo.scores, photo.class_ids, photo.true_boxes[left], photo.true_class_ids[left]
        )
    boxes, class_ids = photo.boxes.astype(np.float64), photo.class_ids.copy()
    kept = np.ones(len(boxes), bool)
    for mistake in mistakes.of_kind(kind):
        if not mistake.mendable:
            kept[mistake.prediction] = False
        elif kind == "classification":
            class_ids[mistake.prediction] = photo.true_class_ids[mistake.truth]
        else:
            boxes[mistake.prediction] = photo.true_boxes[mistake.truth]
    return Predictions(boxes[kept], photo.scores[kept], class_ids[kept], photo.true_boxes, photo.true_class_ids)


def precision_gains(
    photos: Sequence[Predictions], foreground: float = FOREGROUND, background: float = BACKGROUND
) -> dict[Kind, float]:
    """Return what mending each kind of error alone would add to the mean average precision (dAP in the paper).

    The gains do not add up to what is missing to 1: mending one kind changes what another one costs. Classes all of
    whose objects were missed no longer count when those are mended; if no class is left, the precision is taken for 1.

    Args:
        photos: Predictions and ground truth of one or more photos.
        foreground: IoU threshold of a match.
        background: IoU threshold of the background.

    Returns:
        Gains from 0 to 1; NaN without ground truth.

    Raises:
        ValueError: If a threshold is out of its range.
    """
    if not any(len(photo.true_boxes) for photo in photos):
        return dict.fromkeys(KINDS, NOTHING_TRUE)
    ids = [ids for photo in photos for ids in (photo.class_ids, photo.true_class_ids)]
    classes = int(max((column.max() for column in ids if len(column)), default=-1)) + 1
    mistakes = [find_mistakes(photo, foreground, background) for photo in photos]

    def precision(shown: Sequence[Predictions]) -> float:
        return mean_average_precision([photo.columns for photo in shown], classes, (foreground,))

    now = precision(photos)
    gains: dict[Kind, float] = {}
    for kind in KINDS:
        value = precision([mended(*each, kind) for each in zip(photos, mistakes, strict=True)])
        gains[kind] = (1.0 if np.isnan(value) else value) - now
    return gains
