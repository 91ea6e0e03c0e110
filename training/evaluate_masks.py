"""Evaluation of the bundled segmenters on their validation parts, for `training.evaluate`."""

from pathlib import Path

import numpy as np

from cnn_demo.detections import class_ids, confidences, masks
from cnn_demo.models import load_detector, load_segmenter
from cnn_demo.models.segmentation.metrics import MaskScores, boundary_f, score_masks
from training.data.everyday import read_voc
from training.data.instances import read_voc_instances
from training.data.instances import truth_of as true_instances
from training.data.masks import MaskedPhoto, read_camvid, read_pets
from training.everyday_unet import masked
from training.pets_instances import FEWEST_SURE, truth_of
from training.steps.mask_precision import MaskedPrediction, mask_precisions
from training.steps.unet import foreground_iou

Figures = list[tuple[str, str, str]]  # name of the metric, its value, the data


def evaluate_streets(folder: Path, key: str = "street_unet") -> Figures:
    """IoU of each class of the U-Net of street scenes, on CamVid's validation part."""
    return _figures_of(key, read_camvid(folder)[1], "validation scenes")[0]


def evaluate_pets(folder: Path, key: str = "pet_unet") -> Figures:
    """IoU of the U-Net of pets on held-back photos: of pet against background, and of each class."""
    photos = read_pets(folder)[1]
    figures, scores = _figures_of(key, photos, "held-back pets", outlined=False)  # outlines are in ignored borders
    here = f"{len(photos)} held-back pets"
    return [("foreground IoU, cat or dog", f"{foreground_iou(scores.confusion):.4f}", here), *figures]


def evaluate_everyday(folder: Path, key: str = "everyday_unet") -> Figures:
    """IoU of each class of the everyday U-Net, on Pascal VOC's validation photos with masks."""
    photos = masked(read_voc(folder)[1])
    return _figures_of(key, photos, "validation photos", outlined=False)[0]  # outlines are in ignored borders


def _figures_of(
    key: str, photos: list[MaskedPhoto], description: str, *, outlined: bool = True
) -> tuple[Figures, MaskScores]:
    model = load_segmenter(key)
    model.wait_for_export()  # as for visitors
    labels = model.spec.labels
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    boundary_scores = []
    for photo in photos:
        prediction = model.predict(photo.pixels).class_map
        confusion += score_masks(prediction, photo.mask, len(labels)).confusion
        if outlined:
            boundary_scores.append(boundary_f(prediction, photo.mask, len(labels)))
    scores = MaskScores(confusion)
    here = f"{len(photos)} {description}"
    figures = [
        ("mean IoU", f"{scores.mean_iou:.4f}", here),
        ("mean Dice", f"{scores.mean_dice:.4f}", here),
        ("pixel accuracy", f"{scores.pixel_accuracy:.4f}", here),
    ]
    if outlined and not np.isnan(boundary_scores).all():
        figures.append(("boundary F, within 2 pixels", f"{np.nanmean(boundary_scores):.4f}", f"{here}, mean over both"))
    fractions = confusion.sum(axis=1) / confusion.sum()
    return figures + [
        (f"IoU on {name}", f"{scores.iou[i]:.3f}", f"{fractions[i]:.1%} of the pixels") for i, name in enumerate(labels)
    ], scores


def evaluate_instances(folder: Path, key: str = "pets_instances") -> Figures:
    """The mean average precision of the masks of cats and dogs, on held-back photos of one pet each."""
    return _mask_figures(key, [(photo.pixels, truth_of(photo)) for photo in read_pets(folder)[1]], "held-back pets")


def evaluate_everyday_instances(folder: Path, key: str = "everyday_instances") -> Figures:
    """The mean average precision of the masks of twenty classes, on Pascal VOC's validation photos with instances."""
    photos = read_voc_instances(folder)[1]
    return _mask_figures(key, [(photo.pixels, true_instances(photo)) for photo in photos], "validation photos")


def _mask_figures(
    key: str, photos: list[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]], description: str
) -> Figures:
    """Measure the masks on photos, each with its true masks (T, H, W) and their class ids (T,)."""
    model = load_detector(key)
    model.wait_for_export()  # as for visitors
    predictions = []
    for pixels, truth in photos:
        found = model.predict(pixels, confidence=FEWEST_SURE)
        own_masks = np.zeros((0, *pixels.shape[:2]), bool) if found.mask is None else masks(found)
        predictions.append(MaskedPrediction(own_masks, confidences(found), class_ids(found), *truth))
    labels = model.spec.labels
    precisions = mask_precisions(predictions, len(labels))
    here = f"{len(photos)} {description}"
    truths = np.concatenate([prediction.true_class_ids for prediction in predictions])
    figures = [
        ("mask mAP50", f"{np.nanmean(precisions[:, 0]):.4f}", here),
        ("mask mAP50-95", f"{np.nanmean(precisions):.4f}", here),
    ]
    for label, name in enumerate(labels):
        figures.append((f"mask AP50 on {name}", f"{precisions[label, 0]:.3f}", f"{(truths == label).sum()} of them"))
    return figures
