"""The mean average precision of instance masks, counted by COCO's own program on run-length encoded masks."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class MaskedPrediction:
    """Predictions (N masks) and ground truth (T masks) of one photo.

    Attributes:
        masks: (N, H, W) bool, predicted masks.
        scores: (N,).
        class_ids: (N,).
        true_masks: (T, H, W) bool.
        true_class_ids: (T,).
    """

    masks: np.ndarray = field(repr=False)
    scores: np.ndarray
    class_ids: np.ndarray
    true_masks: np.ndarray = field(repr=False)
    true_class_ids: np.ndarray


def mask_precisions(predictions: list[MaskedPrediction], classes: int) -> np.ndarray:
    """Return the average precision of each class at the IoUs 0.5, 0.55 to 0.95: (classes, 10), NaN for absent classes.

    Args:
        predictions: Predictions and ground truth of each photo.
        classes: Number of classes.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    images: list[dict] = []
    truths: list[dict] = []
    found: list[dict] = []
    for photo, prediction in enumerate(predictions):
        height, width = prediction.true_masks.shape[1:]
        images.append({"id": photo, "height": height, "width": width})
        for mask, label in zip(prediction.true_masks, prediction.true_class_ids, strict=True):
            numbered = {"id": len(truths) + 1, "iscrowd": 0}  # an id of 0 would mean "no match"
            truths.append(_row(photo, mask, label) | numbered)
        for mask, label, score in zip(prediction.masks, prediction.class_ids, prediction.scores, strict=True):
            found.append(_row(photo, mask, label) | {"score": float(score)})
    if not found:
        there = np.isin(np.arange(classes), [row["category_id"] for row in truths])
        return np.where(there[:, None], 0.0, np.full((classes, 10), np.nan))
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": images,
        "categories": [{"id": label} for label in range(classes)],
        "annotations": truths,
    }
    with contextlib.redirect_stdout(io.StringIO()):  # suppresses its log
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # IoU, recall, class; of all sizes, of 100 masks a photo
    return np.where(precision < 0, np.nan, precision).mean(axis=1).T


def _row(photo: int, mask: np.ndarray, label: int) -> dict:
    from pycocotools import mask as rle

    encoded = rle.encode(np.asfortranarray(mask, np.uint8))
    return {
        "image_id": photo,
        "category_id": int(label),
        "segmentation": encoded,
        "bbox": rle.toBbox(encoded).tolist(),
        "area": float(rle.area(encoded)),
    }
