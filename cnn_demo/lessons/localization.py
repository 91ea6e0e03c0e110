"""What page 5 teaches: its texts, its experiments and the misconceptions it answers on the visitor's own photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cnn_demo.drawing import reduced
from cnn_demo.lessons import Answer, Experiment, Lesson, Misconception, Paper

if TYPE_CHECKING:
    from cnn_demo.models.localizers import Localizer

# Of sample photos: the class, and the corners of the true box as shares of the sides, drawn by hand (hair to chin).
TRUTHS: dict[str, tuple[str, tuple[float, float, float, float]]] = {
    "astronaut": ("face", (0.299, 0.027, 0.586, 0.371)),
    "grace_hopper": ("face", (0.303, 0.037, 0.732, 0.575)),
}
SIDE = 480  # pixels of the longer side of the photos that misconceptions are answered on
MARGIN = 0.12  # of the photo's sides, cut off in each of four ways
HALF = 0.5

LESSON = Lesson(
    idea=(
        "**Localization** asks two questions of one object: *what* is it, and *where*? One network answers both, with "
        "two heads on one trunk. See its box, draw the true one, and watch how far the two agree, and what the network "
        "would have to pay for the difference."
    ),
    experiments=(
        Experiment(
            "A face, and a box on it",
            "Two heads, one pass: the class head says “face”, the box head says where. Below, see which places of the "
            "photo the box head listens to.",
            {"task": "Find it"},
            photo="astronaut",
        ),
        Experiment(
            "None of the three",
            "A cat is no airplane, face or motorcycle. The box head draws a box all the same; it is the class head "
            "that says “nothing”, and keeps it back.",
            {"task": "Find it"},
            photo="chelsea",
        ),
        Experiment(
            "When IoU is blind",
            "The boxes do not meet. Drag one: IoU stays 0, whatever you do, while GIoU and DIoU say whether it gets "
            "better. That is why boxes are learned with those.",
            {"task": "Two boxes", "boxes_begin": "apart"},
        ),
        Experiment(
            "A box for nothing?",
            "The class map was never taught a box. Drag the cut: low, the box swallows the photo; high, only the most "
            "telling part is left. Compare with the head, which was shown boxes.",
            {"task": "Without a box head", "cam_cut": 60},
            photo="astronaut",
        ),
        Experiment(
            "Teach it the box alone",
            "The class counts for nothing now, so the whole loss comes from the box: drag the weights, and see what "
            "a wrong box costs in either way of counting.",
            {"task": "Draw the truth", "weight_class": 0.0},
            photo="grace_hopper",
        ),
    ),
    papers=(
        Paper(
            "Sermanet et al.",
            2014,
            "OverFeat: Integrated recognition, localization and detection using convolutional networks",
            "https://arxiv.org/abs/1312.6229",
            "one network that classifies in every window, and a head that says where",
        ),
        Paper(
            "Zhou, Khosla, Lapedriza, Oliva & Torralba",
            2016,
            "Learning deep features for discriminative localization",
            "https://arxiv.org/abs/1512.04150",
            "class activation maps: boxes from a network that never saw one",
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
            "what to learn from boxes that do not meet",
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
            "every place says how far the sides are: what this page's box head does",
        ),
    ),
)


def _network() -> Localizer:
    from cnn_demo.models import load

    return load("caltech_localizer")


def _pixels(image: np.ndarray) -> np.ndarray:
    return reduced(np.rint(image * 255).astype(np.uint8), SIDE)


def _picture(pixels: np.ndarray, *boxes: np.ndarray) -> np.ndarray:
    """The pixels with boxes on them, as an answer shows them."""
    from cnn_demo.annotate import ANSWER, draw_boxes

    drawn = draw_boxes(pixels, boxes, [""] * len(boxes), [ANSWER] * len(boxes))
    return drawn.astype(np.float32) / 255


def _sure_of_the_box(image: np.ndarray) -> Answer:
    from cnn_demo.models.boxes import iou

    model, pixels = _network(), _pixels(image)
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
    shares, overlaps = [share for share, _, _ in found], [overlap for _, overlap, _ in found]
    worst = int(np.argmin(overlaps))
    return Answer(
        f"The probability is the class head's: it says how sure the network is of “{label}”, and nothing of the box. "
        f"Cut {MARGIN:.0%} off two sides of this photo, in four ways: the probability goes from {min(shares):.0%} to "
        f"{max(shares):.0%}, while the IoU of the new boxes with the first goes from {min(overlaps):.2f} to "
        f"{max(overlaps):.2f}. Nothing in the answer says which of the boxes is the better one.",
        (
            ("The box, on the whole photo", _picture(pixels, first.box_xyxy), "clip"),
            (f"And after a cut: IoU {overlaps[worst]:.2f}", _picture(pixels, found[worst][2]), "clip"),
        ),
    )


def _half_right(image: np.ndarray) -> Answer:
    from cnn_demo.models.boxes import intersection, iou

    model, pixels = _network(), _pixels(image)
    box = model.evidence(pixels).box_xyxy.astype(np.float64)
    width, height = box[2] - box[0], box[3] - box[1]
    third = box + np.array([width / 3, 0, width / 3, 0])
    tenth = box + np.tile([width / 10, height / 10], 2)
    return Answer(
        "IoU is harsh. Two boxes of one size, one moved by a third of its width: "
        f"{float(intersection(box, third) / intersection(box, box)):.0%} of the first is still covered, yet the IoU "
        f"is only {float(iou(box, third)):.2f}, for what sticks out counts in the union. Moved by a tenth in both "
        f"directions, which you would hardly call wrong, it is {float(iou(box, tenth)):.2f}. So 0.5, from where on a "
        "box usually counts as found, is a looser bound than it sounds, and 0.75 a tight one.",
        (
            (f"A third to the right: IoU {float(iou(box, third)):.2f}", _picture(pixels, box, third), "clip"),
            (f"A tenth both ways: IoU {float(iou(box, tenth)):.2f}", _picture(pixels, box, tenth), "clip"),
        ),
    )


def _two_of_them(image: np.ndarray) -> Answer:
    from cnn_demo.models.boxes import iou

    model, pixels = _network(), _pixels(image)
    width = pixels.shape[1]
    twice = np.concatenate([pixels, pixels[:, ::-1]], axis=1)
    evidence = model.evidence(np.ascontiguousarray(twice))
    single = model.evidence(pixels).box_xyxy
    mirrored = np.array([2 * width - single[2], single[1], 2 * width - single[0], single[3]])
    left, right = (float(iou(evidence.box_xyxy, box)) for box in (single, mirrored))
    said = evidence.localization.label or "nothing that it knows"
    return Answer(
        "It has one box to give, however many objects there are. The photo beside its mirror image: the network "
        f"answers “{said}”, and its one box has IoU {left:.2f} with where it found the left one and {right:.2f} with "
        "the right one. An average of two right answers can be a wrong one. Page 6 is about networks that give one box "
        "for each object.",
        (
            ("One photo", _picture(pixels, single), "clip"),
            ("The photo and its mirror image: one box", _picture(twice, evidence.box_xyxy), "clip"),
        ),
    )


def _in_the_middle(image: np.ndarray) -> Answer:
    from cnn_demo.models.boxes import iou

    model, pixels = _network(), _pixels(image)
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
    least, most = int(np.argmin(overlaps)), int(np.argmax(overlaps))
    return Answer(
        "Had it only learned that objects are in the middle, which in its photos they are, its box would stay there. "
        "So while it learned, photos were moved, made smaller and pasted elsewhere. This photo at half its size in "
        f"each corner of a grey canvas: the box has IoU {min(overlaps):.2f} to {max(overlaps):.2f} with where it ought "
        "to have gone, judged by the network's own box on the whole photo.",
        (
            (f"Worst corner: IoU {overlaps[least]:.2f}", _picture(found[least][1], found[least][2]), "clip"),
            (f"Best corner: IoU {overlaps[most]:.2f}", _picture(found[most][1], found[most][2]), "clip"),
        ),
    )


MISCONCEPTIONS = (
    Misconception("“99 % means that the box is right.”", _sure_of_the_box),
    Misconception("“An IoU of 0.5 is half wrong.”", _half_right),
    Misconception("“Two objects get two boxes.”", _two_of_them),
    Misconception("“It only looks in the middle.”", _in_the_middle),
)
