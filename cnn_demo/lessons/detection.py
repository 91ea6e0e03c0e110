"""Lesson of page 6, detection: texts, experiments, papers and misconceptions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.detections import class_ids, class_names, confidences
from cnn_demo.drawing.pictures import reduced
from cnn_demo.lessons import Correction, Experiment, Lesson, Misconception, Paper, percent
from cnn_demo.lessons.detection_experiments import EXPERIMENTS, WITHOUT_STREETS

if TYPE_CHECKING:
    import supervision as sv

    from cnn_demo.models.detection.detector import Detector

SIDE = 640  # longer side in pixels of the photos on which misconceptions are corrected
SMALLER = (4, 8)  # divisors of the photo's sides, to show the effect on small objects
GREY = 114  # canvas around a shrunk photo, as in YOLO's letterbox
MATCH_IOU = 0.5  # IoU from which two boxes are taken for one object

LESSON = Lesson(
    idea="All objects at once: of thousands of predicted **boxes**, two thresholds decide which remain.",
    experiments=EXPERIMENTS,
    papers=(
        Paper(
            "Girshick, Donahue, Darrell & Malik",
            2014,
            "Rich feature hierarchies for accurate object detection and semantic segmentation",
            "https://arxiv.org/abs/1311.2524",
            "R-CNN: propose regions, classify each, suppress overlapping ones",
        ),
        Paper(
            "Ren, He, Girshick & Sun",
            2015,
            "Faster R-CNN: Towards real-time object detection with region proposal networks",
            "https://arxiv.org/abs/1506.01497",
            "the first stage becomes a network too; anchors",
        ),
        Paper(
            "Redmon, Divvala, Girshick & Farhadi",
            2016,
            "You only look once: Unified, real-time object detection",
            "https://arxiv.org/abs/1506.02640",
            "one pass, a grid of cells, and each predicts its boxes",
        ),
        Paper(
            "Liu et al.",
            2016,
            "SSD: Single shot multibox detector",
            "https://arxiv.org/abs/1512.02325",
            "boxes from feature maps of several sizes, for objects of several sizes",
        ),
        Paper(
            "Lin et al.",
            2014,
            "Microsoft COCO: Common objects in context",
            "https://arxiv.org/abs/1405.0312",
            "the photos, the 80 classes, and how detectors are scored",
        ),
        Paper(
            "Bolya, Foley, Hays & Hoffman",
            2020,
            "TIDE: A general toolbox for identifying object detection errors",
            "https://arxiv.org/abs/2008.08115",
            "six kinds of errors, and how much average precision each of them costs",
        ),
        Paper(
            "Wang et al.",
            2024,
            "YOLOv10: Real-time end-to-end object detection",
            "https://arxiv.org/abs/2405.14458",
            "how to train a head that needs no NMS",
        ),
        Paper(
            "Akyon, Altinuc & Temizel",
            2022,
            "Slicing aided hyper inference and fine-tuning for small object detection",
            "https://arxiv.org/abs/2202.06934",
            "SAHI: tiles of the photo, for small objects",
        ),
    ),
)


def lesson_for(labels: tuple[str, ...]) -> Lesson:
    """Return the lesson for a network with these classes, with photos that show some of them."""
    if "tie" in labels:
        return LESSON
    if "bus" in labels:  # the two men are large; the street has large objects and smaller ones
        return replace(LESSON, experiments=tuple(_on(each, "bus") for each in LESSON.experiments))
    others = tuple(
        _on(experiment, "astronaut")
        for experiment in LESSON.experiments[1:]
        # One face shows no large object beside small ones; and the networks of streets are not here.
        if experiment.settings["task"] != "Cells and proposals" and not _names_network(experiment)
    )
    return replace(LESSON, experiments=(WITHOUT_STREETS, *others))


def _on(experiment: Experiment, photo: str) -> Experiment:
    """Return an experiment on another photo, if it has one that does not belong to the network that it names."""
    return replace(experiment, photo=photo) if experiment.photo and not _names_network(experiment) else experiment


def _names_network(experiment: Experiment) -> bool:
    return not experiment.settings.keys().isdisjoint(("detector", "detectors"))


def _detector() -> Detector:
    from cnn_demo.models import load_detector, preferred_model

    return load_detector(preferred_model("detection").key)


def _pixels(image: np.ndarray) -> np.ndarray:
    return reduced(np.rint(image * 255).astype(np.uint8), SIDE)


def _picture(pixels: np.ndarray, found: sv.Detections, boxes: np.ndarray | None = None) -> np.ndarray:
    """Draw the detections on the pixels."""
    from cnn_demo.drawing.boxes import class_colour, draw_boxes

    boxes = found.xyxy if boxes is None else boxes
    drawn = draw_boxes(pixels, boxes, class_names(found), [class_colour(i) for i in class_ids(found)])
    return drawn.astype(np.float32) / 255


def _found(found: sv.Detections) -> str:
    from cnn_demo.exports.boxes import counts

    return ", ".join(f"{count} × {name}" for name, count in counts(found).items()) or "no objects"


def _counterparts(found: sv.Detections, others: sv.Detections, boxes: np.ndarray) -> np.ndarray:
    """For each detection the index of the other one of its class that overlaps it most; −1 if none does enough.

    Args:
        found: N detections.
        others: M detections.
        boxes: Boxes (M, 4) of the others, in the coordinates of `found`.
    """
    from cnn_demo.models.detection.metrics import match

    matches = match(boxes, confidences(others), class_ids(others), found.xyxy, class_ids(found), MATCH_IOU)
    counterparts = np.full(len(found), -1)
    taken = matches.truth >= 0
    counterparts[matches.truth[taken]] = matches.order[taken]
    return counterparts


def _calibrated(image: np.ndarray) -> Correction:
    model = _detector()
    pixels = _pixels(image)
    found = model.predict(pixels)
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    again = model.predict(mirrored)
    width = pixels.shape[1]
    back = again.xyxy[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (width, 0, width, 0)
    matched = _counterparts(found, again, back)
    same = np.flatnonzero(matched >= 0)
    pictures = (
        ("The photo", _picture(pixels, found), "clip"),
        ("Mirrored", _picture(mirrored, again), "clip"),
    )
    text = (
        "It is a score for ranking boxes. Each class is scored independently, so the scores of a box need not sum to "
        "100%, and the scores are not calibrated: 80% need not be right eight times in ten. "
    )
    if not len(same):
        return Correction(
            text + f"On this photo no two boxes can be compared: {_found(found)}; mirrored, {_found(again)}.", pictures
        )
    first, second = confidences(found)[same], confidences(again)[matched[same]]
    changed = int(np.abs(first - second).argmax())
    name = class_names(found)[same[changed]]
    return Correction(
        text
        + (
            f"Mirrored, this photo shows the same objects. {_again(len(same), len(found))}, and the "
            f"confidence of one {name} goes from {percent(first[changed])} to {percent(second[changed])}."
        ),
        pictures,
    )


def _found_once(image: np.ndarray) -> Correction:
    from cnn_demo.models.detection.candidates import select

    model = _detector()
    pixels = _pixels(image)
    selection = select(model.candidates(pixels), 0.05)
    if not len(selection.kept):
        text = "On this photo no box has a confidence of even 5%: try another photo."
        return Correction(text, (("The photo", pixels.astype(np.float32) / 255, "clip"),))
    candidates = selection.candidates
    suppressed_counts = [len(selection.suppressed(winner)) for winner in selection.kept]
    best = int(np.argmax(suppressed_counts))
    winner = selection.kept[best]
    cluster = selection.order[np.append(selection.suppressed(winner), winner)]
    name = candidates.labels[candidates.class_ids[selection.order[winner]]]
    if candidates.needs_nms:
        text = (
            "Several cells of the network predict a box for the same object. Of "
            f"{_number(len(selection.order), 'box', 'boxes')} with a confidence of at least 5% on this photo, "
            f"{len(selection.kept)} {'is' if len(selection.kept) == 1 else 'are'} left after non-maximum suppression; "
            f"one {name} alone had {len(cluster)}. That each object seems to be found once is the work of NMS, and it "
            "can be wrong: of two people who embrace, one may be suppressed."
        )
    else:
        text = (
            "This network was trained to predict one box for each object, so its boxes need no suppression. In most "
            "detectors, several cells predict a box for the same object."
        )
    from cnn_demo.drawing.boxes import PREDICTION, draw_boxes

    boxes = candidates.visible(cluster)
    colours = [PREDICTION] * len(boxes)
    shown = draw_boxes(pixels, boxes, [""] * len(boxes), colours, thickness=1).astype(np.float32) / 255
    return Correction(text, ((f"All boxes of one {name}", shown, "clip"),))


def _upside_down(image: np.ndarray) -> Correction:
    model = _detector()
    pixels = _pixels(image)
    found = model.predict(pixels)
    turned = np.ascontiguousarray(pixels[::-1, ::-1])
    again = model.predict(turned)
    height, width = pixels.shape[:2]
    back = again.xyxy[:, [2, 3, 0, 1]] * -1 + (width, height, width, height)
    same = int((_counterparts(found, again, back) >= 0).sum())
    if not len(found):
        verdict = "On this photo it finds 0 objects: try one with a bus or people."
    elif same == len(found):
        verdict = "Here all is found again: the shape is much the same upside down. Try the bus in the street."
    else:
        verdict = f"{_again(same, len(found))} where it was." if len(found) == 1 else f"{_again(same, len(found))}."
    return Correction(
        "It learned its classes as training photos show them: mostly upright, and at usual sizes and positions. "
        f"Upright it finds here: {_found(found)}. Upside down: {_found(again)}. {verdict}",
        (("Upright", _picture(pixels, found), "clip"), ("Upside down", _picture(turned, again), "clip")),
    )


def _again(same: int, count: int) -> str:
    """Return in words how many of the objects are found again."""
    if count == 1:
        return "The object is found again" if same else "The object is not found again"
    return f"{same} of {count} objects {'is' if same == 1 else 'are'} found again"


def _number(count: int, name: str, names: str = "") -> str:
    return f"{count} {name if count == 1 else names or name + 's'}"


def _small_objects(image: np.ndarray) -> Correction:
    """Shrink the photo on a grey canvas of its own size, and count the objects that are found again."""
    model = _detector()
    pixels = _pixels(image)
    found = model.predict(pixels)
    pictures = [("The photo", _picture(pixels, found), "clip")]
    again = []
    for divisor in SMALLER:
        small = reduced(pixels, max(1, round(max(pixels.shape[:2]) / divisor)))
        canvas = np.full_like(pixels, GREY)
        top, left = ((side - part) // 2 for side, part in zip(pixels.shape[:2], small.shape[:2], strict=True))
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
        others = model.predict(canvas)
        back = (others.xyxy - (left, top, left, top)) * (pixels.shape[1] / small.shape[1])
        again.append(int((_counterparts(found, others, back) >= 0).sum()))
        pictures.append((f"1/{divisor} of its size", _picture(canvas, others), "clip"))
    if not len(found):
        verdict = "On this photo it finds 0 objects at its own size: try one with a bus or people."
    else:
        sizes = " and ".join(f"{count} at 1/{divisor}" for divisor, count in zip(SMALLER, again, strict=True))
        verdict = f"Of {_number(len(found), 'object')} on this photo, {sizes} of the size are found again."
        if again[-1] == len(found):
            verdict += " They were large enough to survive that; try a photo of a crowd."
    return Correction(
        "Each photo is first resized to the image size of the network. Small objects are then a few pixels, and those "
        f"smaller than a cell of the finest grid are hardly ever found. {verdict} A larger image size helps, and so "
        "does the tab *Tiles*, which enlarges parts of the photo; both take more time.",
        tuple(pictures),
    )


MISCONCEPTIONS = (
    Misconception("“80% means that it is correct eight times in ten.”", _calibrated),
    Misconception("“The network finds each object once.”", _found_once),
    Misconception("“It recognizes a bus, whichever way up.”", _upside_down),
    Misconception("“Small objects are as easy as large ones.”", _small_objects),
)
