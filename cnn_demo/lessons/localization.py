"""Lesson of page 5, localization: texts, experiments, papers and misconceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cnn_demo.drawing.pictures import reduced
from cnn_demo.lessons import Correction, Lesson, Misconception, Paper, percent
from cnn_demo.lessons.localization_experiments import EXPERIMENTS
from cnn_demo.results import percent as exact_percent

if TYPE_CHECKING:
    from cnn_demo.models.localization.localizers import Localizer

# Ground truth of sample photos, drawn by hand: for each class, by the names of all networks, the corners of the box as
# fractions of the sides. A face is from hair to chin; of all else, the visible part counts.
TRUTHS: dict[str, dict[str, tuple[float, float, float, float]]] = {
    "chelsea": {"cat": (0.0, 0.0, 0.89, 1.0)},
    "astronaut": {"person": (0.04, 0.03, 0.71, 1.0), "face": (0.299, 0.027, 0.586, 0.371)},
    "grace_hopper": {"person": (0.02, 0.04, 1.0, 1.0), "face": (0.303, 0.037, 0.732, 0.575)},
    "bus": {"bus": (0.02, 0.213, 0.99, 0.69)},
    "motorcycle": {"motorcycle": (0.124, 0.05, 0.923, 0.904)},
}
SIDE = 480  # longer side in pixels of the photos on which misconceptions are corrected
MARGIN = 0.12  # of the photo's sides, cut off in each of four ways
HALF = 0.5

LESSON = Lesson(
    idea="One object: its **class** and its **bounding box**, predicted by two heads on one backbone.",
    experiments=EXPERIMENTS,
    papers=(
        Paper(
            "Sermanet et al.",
            2014,
            "OverFeat: Integrated recognition, localization and detection using convolutional networks",
            "https://arxiv.org/abs/1312.6229",
            "one network that classifies every window, and a head for boxes",
        ),
        Paper(
            "Zhou, Khosla, Lapedriza, Oliva & Torralba",
            2016,
            "Learning deep features for discriminative localization",
            "https://arxiv.org/abs/1512.04150",
            "class activation maps: boxes from a network trained without boxes",
        ),
        Paper(
            "Girshick",
            2015,
            "Fast R-CNN",
            "https://arxiv.org/abs/1504.08083",
            "a class head beside a box head, and the smooth L1 loss",
        ),
        Paper(
            "Rezatofighi et al.",
            2019,
            "Generalized intersection over union: A metric and a loss for bounding box regression",
            "https://arxiv.org/abs/1902.09630",
            "a loss for boxes that do not overlap",
        ),
        Paper(
            "Zheng et al.",
            2020,
            "Distance-IoU loss: Faster and better learning for bounding box regression",
            "https://arxiv.org/abs/1911.08287",
            "DIoU and CIoU: centres and proportions count too",
        ),
        Paper(
            "Tian, Shen, Chen & He",
            2019,
            "FCOS: Fully convolutional one-stage object detection",
            "https://arxiv.org/abs/1904.01355",
            "every location predicts its distances to the four sides, as in this page's box head",
        ),
    ),
)


def _network() -> Localizer:
    from cnn_demo.models import load_localizer, preferred_model

    return load_localizer(preferred_model("localization").key)


def _pixels(image: np.ndarray) -> np.ndarray:
    return reduced(np.rint(image * 255).astype(np.uint8), SIDE)


def _picture(pixels: np.ndarray, *boxes: np.ndarray) -> np.ndarray:
    """The pixels with boxes drawn on them."""
    from cnn_demo.drawing.boxes import PREDICTION, draw_boxes

    drawn = draw_boxes(pixels, boxes, [""] * len(boxes), [PREDICTION] * len(boxes))
    return drawn.astype(np.float32) / 255


def _box_confidence(image: np.ndarray) -> Correction:
    from cnn_demo.models.boxes import iou

    model = _network()
    pixels = _pixels(image)
    height, width = pixels.shape[:2]
    down, right = round(MARGIN * height), round(MARGIN * width)
    cuts = [(left, top, left + width - right, top + height - down) for top in (0, down) for left in (0, right)]
    first = model.evidence(pixels)
    label = first.localization.label or model.labels[int(first.logits[:-1].argmax())]
    index = model.labels.index(label)
    found = []
    for left, top, far, low in cuts:
        evidence = model.evidence(np.ascontiguousarray(pixels[top:low, left:far]))
        box = evidence.box_xyxy + np.array([left, top, left, top])
        found.append((float(evidence.localization.probabilities[index]), float(iou(box, first.box_xyxy)), box))
    probabilities, overlaps = [probability for probability, _, _ in found], [overlap for _, overlap, _ in found]
    worst = int(np.argmin(overlaps))
    nothing = "" if first.localization.label else "On this photo it predicts “nothing”, and shows no box. "
    low, high = exact_percent(min(probabilities)), exact_percent(max(probabilities))
    goes = f"is {low}" if low == high else f"is {low} to {high}"
    return Correction(
        f"The probability is the class head's: it is that of “{label}”, not of the box. {nothing}On the whole "
        f"photo it is {exact_percent(float(first.localization.probabilities[index]))}. With {percent(MARGIN)} cut off "
        f"two sides, in four ways, it {goes}, while the new boxes "
        f"have an IoU of {min(overlaps):.2f} to {max(overlaps):.2f} with the first. Nothing in the prediction "
        "indicates which box is better.",
        (
            ("The box, on the whole photo", _picture(pixels, first.box_xyxy), "clip"),
            (f"And after a cut: IoU {overlaps[worst]:.2f}", _picture(pixels, found[worst][2]), "clip"),
        ),
    )


def _half_right(image: np.ndarray) -> Correction:
    from cnn_demo.models.boxes import intersection, iou

    model = _network()
    pixels = _pixels(image)
    box = model.evidence(pixels).box_xyxy.astype(np.float64)
    width, height = box[2] - box[0], box[3] - box[1]
    third = box + np.array([width / 3, 0, width / 3, 0])
    tenth = box + np.tile([width / 10, height / 10], 2)
    return Correction(
        "IoU is strict. Two boxes of one size, one moved by a third of its width: "
        f"{percent(float(intersection(box, third) / intersection(box, box)))} of the first is still covered, yet the "
        f"IoU is only {float(iou(box, third)):.2f}, because the rest counts in the union. Moved by a tenth in both "
        f"directions, which you would hardly call wrong, it is {float(iou(box, tenth)):.2f}. So 0.5, the usual "
        "threshold for a match, is stricter than it sounds, and 0.75 is tight.",
        (
            (f"A third to the right: IoU {float(iou(box, third)):.2f}", _picture(pixels, box, third), "clip"),
            (f"A tenth both ways: IoU {float(iou(box, tenth)):.2f}", _picture(pixels, box, tenth), "clip"),
        ),
    )


def _two_objects(image: np.ndarray) -> Correction:
    from cnn_demo.models.boxes import iou
    from cnn_demo.models.localization.localizers import NOTHING

    model = _network()
    pixels = _pixels(image)
    width = pixels.shape[1]
    twice = np.concatenate([pixels, pixels[:, ::-1]], axis=1)
    evidence = model.evidence(np.ascontiguousarray(twice))
    single = model.evidence(pixels).box_xyxy
    mirrored = np.array([2 * width - single[2], single[1], 2 * width - single[0], single[3]])
    left, right = (float(iou(evidence.box_xyxy, box)) for box in (single, mirrored))
    label = evidence.localization.label or NOTHING
    return Correction(
        "It predicts one box, however many objects there are. For the photo beside its mirror image the network "
        f"predicts “{label}”, and its one box has IoU {left:.2f} with the box of the left one and {right:.2f} with "
        f"that of the right one. {_between(left, right)} Page 6 is about networks that predict a box for each object.",
        (
            ("One photo", _picture(pixels, single), "clip"),
            ("The photo and its mirror image: one box", _picture(twice, evidence.box_xyxy), "clip"),
        ),
    )


def _between(left: float, right: float) -> str:
    """Conclude from its IoU with the boxes of two objects where the one box is."""
    if max(left, right) >= HALF:
        return "It is nearer to one of them, and the other has no box."
    return "It fits neither: the mean of two right boxes is a wrong one."


def _in_the_middle(image: np.ndarray) -> Correction:
    from cnn_demo.models.boxes import iou

    model = _network()
    pixels = _pixels(image)
    height, width = pixels.shape[:2]
    rows, columns = max(1, round(HALF * height)), max(1, round(HALF * width))
    small = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA)
    expected = model.evidence(pixels).box_xyxy * HALF
    found = []
    for top in (0, height - rows):
        for left in (0, width - columns):
            canvas = np.full_like(pixels, 128)
            canvas[top : top + rows, left : left + columns] = small
            box = model.evidence(canvas).box_xyxy
            found.append((float(iou(box, expected + np.array([left, top, left, top]))), canvas, box))
    overlaps = [overlap for overlap, _, _ in found]
    worst, best = int(np.argmin(overlaps)), int(np.argmax(overlaps))
    return Correction(
        "In most photos the main object is in the middle, so a network could learn to always predict a box "
        "there. That is why training photos are cropped, moved and scaled at random. This photo at half its size in "
        f"each corner of a grey canvas: the box has IoU {min(overlaps):.2f} to {max(overlaps):.2f} with the "
        f"expected box, the network's own box on the whole photo moved and scaled alike. {_followed(overlaps)} The tab "
        "*Explain* shows the pixels that the box depends on.",
        (
            (f"Worst corner: IoU {overlaps[worst]:.2f}", _picture(found[worst][1], found[worst][2]), "clip"),
            (f"Best corner: IoU {overlaps[best]:.2f}", _picture(found[best][1], found[best][2]), "clip"),
        ),
    )


def _followed(overlaps: list[float]) -> str:
    """Conclude from the IoUs in four corners whether the box followed the object."""
    corners = sum(overlap >= HALF for overlap in overlaps)
    if corners == len(overlaps):
        return "It follows into every corner."
    if corners:
        return f"It follows into {corners} of {len(overlaps)} corners (an IoU of at least {HALF:g})."
    return "This time it does not follow: so small and on grey, the network does not find the object."


MISCONCEPTIONS = (
    Misconception("“99% means that the box is right.”", _box_confidence),
    Misconception("“An IoU of 0.5 is half wrong.”", _half_right),
    Misconception("“Two objects get two boxes.”", _two_objects),
    Misconception("“It only looks in the middle.”", _in_the_middle),
)
