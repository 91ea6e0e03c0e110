"""Measure every bundled model on its validation part and print one table: the figures of the model cards.

`python -m training.evaluate --data FOLDER` needs the archives that the cards name. Models are loaded
as in the app, with the bundled weights.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from cnn_demo.models import ModelUnavailable, list_models, load_classifier, load_detector, load_localizer
from cnn_demo.models.boxes import iou
from cnn_demo.models.calibration import expected_calibration_error, softmax
from cnn_demo.models.detection.candidates import select
from cnn_demo.models.detection.metrics import class_precisions
from cnn_demo.models.detection.yolo_detector import MIN_SCORE, YoloDetector
from cnn_demo.models.localization.localizers import Localizer
from training.data.assorted import Labelled, read_assorted
from training.data.datasets import argument_parser, read_backgrounds, read_caltech3, read_cifar10, read_streets
from training.data.everyday import main_object, read_nothing, read_voc
from training.data.placement import pasted_picture
from training.evaluate_masks import (
    evaluate_everyday,
    evaluate_everyday_instances,
    evaluate_instances,
    evaluate_pets,
    evaluate_streets,
)
from training.steps.bundle import crossed_calibration_error

PASTED_SIDE = 320  # pixels of the pictures that photos are pasted onto
PASTED_SEED = 1
NMS_IOU = 0.7  # as `yolo val`

Figures = list[tuple[str, str, str]]  # name of the metric, its value, the data


def main() -> None:
    """Read the arguments and print the table."""
    parser = argument_parser(__doc__)
    keys = [spec.key for spec in list_models() if spec.key in EVALUATIONS]
    parser.add_argument("--model", action="append", choices=keys, help="only this one; may be repeated")
    options = parser.parse_args()
    print(f"| {'model':20} | {'figure':50} | {'value':>8} | measured on")
    print(f"|{'-' * 22}|{'-' * 52}|{'-' * 10}|{'-' * 30}")
    for key in options.model or keys:
        try:
            figures = EVALUATIONS[key](options.data)
        except ModelUnavailable as missing:  # such as heads whose backbone is not on this machine
            figures = [("not measured", "", str(missing))]
        for figure, value, dataset in figures:
            print(f"| {key:20} | {figure:50} | {value:>8} | {dataset}", flush=True)


def evaluate_cifar10(folder: Path) -> Figures:
    """Accuracy, per class too, and calibration of the CIFAR-10 network."""
    model = load_classifier("cifar10_cnn")
    _, validation = read_cifar10(folder)
    images, labels = validation.images, validation.labels
    logits = np.concatenate([model.logits(images[i : i + 500]) for i in range(0, len(images), 500)])
    right = logits.argmax(1) == labels
    untempered = expected_calibration_error(softmax(logits), labels)
    here = f"{len(images):,} held-back images"
    figures = [
        ("accuracy", f"{right.mean():.4f}", here),
        ("expected calibration error, two-fold temperature", f"{crossed_calibration_error(logits, labels):.4f}", here),
        ("expected calibration error, no temperature", f"{untempered:.4f}", here),
        ("temperature, fitted on all of them", f"{model.temperature:.3f}", here),
    ]
    classes = enumerate(model.labels)
    return figures + [(f"accuracy on {name}", f"{right[labels == i].mean():.3f}", "500 of them") for i, name in classes]


def evaluate_localizer(folder: Path, key: str = "caltech_localizer") -> Figures:
    """Class and box of the localizer on held-back photos, the same pasted onto others, and photos with none of them."""
    model = load_localizer(key)
    held_out = read_caltech3(folder)[1]
    backgrounds = read_backgrounds(folder)[1]
    truth = np.array([photo.label for photo in held_out])
    whole = [measured_box(model, photo.pixels, photo.box) for photo in held_out]
    rng = np.random.default_rng(PASTED_SEED)
    pasted = []
    for photo in held_out:
        pixels, box = pasted_picture(photo, backgrounds[rng.integers(len(backgrounds))], PASTED_SIDE, rng)
        pasted.append(measured_box(model, pixels, box * PASTED_SIDE))
    figures = []
    for measured, here in ((whole, "held-back photos"), (pasted, "the same, pasted at random scale and position")):
        labels, overlaps = (np.array(values) for values in zip(*measured, strict=True))
        here = f"{len(held_out)} {here}"
        figures += [
            ("class accuracy; no box counts as wrong", f"{(labels == truth).mean():.4f}", here),
            ("mean IoU", f"{overlaps.mean():.4f}", here),
            ("IoU above 0.5", f"{(overlaps > 0.5).mean():.4f}", here),
            ("IoU above 0.75", f"{(overlaps > 0.75).mean():.4f}", here),
        ]
        for label, name in enumerate(model.spec.labels):
            own = truth == label
            figures.append((f"mean IoU on {name}", f"{overlaps[own].mean():.3f}", f"{own.sum()} of them"))
    others = {"held-back photos with none of the three": backgrounds, "street scenes": read_streets(folder)}
    for here, photos in others.items():
        false = np.mean([model.predict(pixels).label is not None for pixels in photos])
        figures.append(("false boxes", f"{false:.4f}", f"{len(photos)} {here}"))
    return figures


def evaluate_everyday_localizer(folder: Path, key: str = "everyday_localizer") -> Figures:
    """Class and box of the main object of Pascal VOC's validation photos, and boxes on photos without any object."""
    model = load_localizer(key)
    photos = [photo for photo in read_voc(folder)[1] if len(photo.boxes)]
    nothing = read_nothing(folder)[1]
    outcomes = []
    for photo in photos:
        label, box = main_object(photo.boxes, photo.class_ids)
        evidence = model.evidence(photo.pixels)
        likeliest = int(evidence.logits[:-1].argmax())
        has_box = evidence.localization.label is not None
        outcomes.append((label, likeliest == label, has_box, float(iou(evidence.box_xyxy, box))))
    truth, right, found, overlaps = (np.array(values) for values in zip(*outcomes, strict=True))
    false = np.mean([model.predict(pixels).label is not None for pixels in nothing])
    here = f"{len(photos)} photos"
    figures = [
        ("class accuracy; no box counts as wrong", f"{(right & found).mean():.4f}", here),
        ("class accuracy of the likeliest of twenty", f"{right.mean():.4f}", here),
        ("mean IoU", f"{overlaps.mean():.4f}", here),
        ("IoU above 0.5", f"{(overlaps > 0.5).mean():.4f}", here),
        ("false boxes", f"{false:.4f}", f"{len(nothing)} held-back photos with none of the classes"),
    ]
    for label, name in enumerate(model.spec.labels):
        own = truth == label
        if own.any():
            figures.append((f"class accuracy on {name}", f"{(right & found)[own].mean():.3f}", f"{own.sum()} of them"))
            figures.append((f"mean IoU on {name}", f"{overlaps[own].mean():.3f}", f"{own.sum()} of them"))
    return figures


def measured_box(model: Localizer, pixels: np.ndarray, truth: np.ndarray) -> tuple[int, float]:
    """Return the predicted class, −1 for none, and the IoU of the box head's box, which is predicted in any case."""
    evidence = model.evidence(pixels)
    label = evidence.localization.label
    return model.spec.labels.index(label) if label else -1, float(iou(evidence.box_xyxy, truth))


def evaluate_detector(folder: Path, key: str = "assorted_yolo11n") -> Figures:
    """Average precision of the detector of cards, raccoons and blood cells: over all classes, and of each class."""
    model = cast(YoloDetector, load_detector(key, device="cpu"))
    photos = read_assorted(folder)[1]
    precisions = precisions_of(model, photos)
    here = f"{len(photos)} held-back photos"
    figures = [
        ("mAP50", f"{np.nanmean(precisions[:, 0]):.4f}", here),
        ("mAP50-95", f"{np.nanmean(precisions):.4f}", here),
    ]
    truths = np.concatenate([photo.class_ids for photo in photos])
    for label, name in enumerate(model.spec.labels):
        here = f"{(truths == label).sum()} of them"
        figures.append((f"AP50 on {name}", f"{precisions[label, 0]:.3f}", here))
        figures.append((f"AP50-95 on {name}", f"{precisions[label].mean():.3f}", here))
    return figures


def evaluate_everyday_detector(folder: Path, key: str = "everyday_detector") -> Figures:
    """Average precision of the everyday detector on Pascal VOC's validation photos; difficult boxes are ignored."""
    model = cast(YoloDetector, load_detector(key, device="cpu"))
    photos = read_voc(folder)[1]
    precisions = precisions_of(model, photos)
    here = f"{len(photos)} validation photos"
    worst = int(np.nanargmin(precisions[:, 0]))
    truths = np.concatenate([photo.class_ids[~photo.difficult] for photo in photos])
    return [
        ("mAP50", f"{np.nanmean(precisions[:, 0]):.4f}", here),
        ("mAP50-95", f"{np.nanmean(precisions):.4f}", here),
        ("smallest AP50 of a class", f"{precisions[worst, 0]:.3f}", model.spec.labels[worst]),
    ] + [
        (f"AP50 on {name}", f"{precisions[label, 0]:.3f}", f"{(truths == label).sum()} of them")
        for label, name in enumerate(model.spec.labels)
    ]


def precisions_of(model: YoloDetector, photos: Sequence[Labelled]) -> np.ndarray:
    """Return a detector's average precision of each class at each IoU, (C, 10), with every candidate that it has."""
    model.wait_for_export()  # visitors get OpenVINO
    predictions = []
    for photo in photos:
        candidates = model.candidates(photo.pixels, several_classes=True)
        found = select(candidates, confidence=MIN_SCORE, iou=NMS_IOU).detections()
        predictions.append((found.xyxy, found.confidence, found.class_id, *photo.ground_truth))
    return class_precisions(predictions, len(model.spec.labels))


EVALUATIONS: dict[str, Callable[[Path], Figures]] = {
    "cifar10_cnn": evaluate_cifar10,
    "everyday_localizer": evaluate_everyday_localizer,
    "caltech_localizer": evaluate_localizer,
    "everyday_detector": evaluate_everyday_detector,
    "assorted_yolo11n": evaluate_detector,
    "caltech_localizer_mobilenet_v2": partial(evaluate_localizer, key="caltech_localizer_mobilenet_v2"),
    "everyday_unet": evaluate_everyday,
    "street_unet": evaluate_streets,
    "pet_unet": evaluate_pets,
    "everyday_instances": evaluate_everyday_instances,
    "pets_instances": evaluate_instances,
}


if __name__ == "__main__":
    main()
