"""Detections on two versions of one photo compared: which are kept, lost or new."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import supervision as sv

from cnn_demo.detections import class_ids, confidences
from cnn_demo.models.boxes import iou as overlap_of
from cnn_demo.models.detection.candidates import Candidates
from cnn_demo.models.detection.metrics import match

SAME_IOU = 0.5  # IoU from which two boxes of one class are taken for one object


@dataclass(frozen=True, eq=False)
class Changes:
    """Matched and unmatched detections; indices into both sets, in their order.

    Attributes:
        kept: (K, 2) int64, index before and index now of each object that is still detected.
        lost: (L,) int64, indices before of those that are not.
        new: (N,) int64, indices now of those that were not there before.
    """

    kept: np.ndarray = field(repr=False)
    lost: np.ndarray = field(repr=False)
    new: np.ndarray = field(repr=False)


def detection_changes(before: sv.Detections, now: sv.Detections) -> Changes:
    """Match the detections on two versions of a photo: of one class, with an IoU of at least `SAME_IOU`.

    The most confident detections now choose first.

    Args:
        before: Detections on the photo as it was.
        now: Detections on the changed photo, at the same size.
    """
    found = match(now.xyxy, confidences(now), class_ids(now), before.xyxy, class_ids(before), SAME_IOU)
    pairs = np.stack([found.truth[found.right], found.order[found.right]], axis=1).astype(np.int64)
    return Changes(
        pairs[pairs[:, 0].argsort(kind="stable")],
        np.setdiff1d(np.arange(len(before)), pairs[:, 0]),
        np.setdiff1d(np.arange(len(now)), pairs[:, 1]),
    )


def confidence_there(candidates: Candidates, box_xyxy: np.ndarray, class_id: int) -> float:
    """Return the highest score of a class where a box is, also below the threshold; 0 if no candidate is there.

    Args:
        candidates: Candidates of the photo.
        box_xyxy: (4,) corners in pixels of the photo.
        class_id: Index of the class.
    """
    same = np.flatnonzero(candidates.class_ids == class_id)
    there = same[overlap_of(candidates.visible(same), box_xyxy) >= SAME_IOU]
    return float(candidates.scores[there].max(initial=0))
