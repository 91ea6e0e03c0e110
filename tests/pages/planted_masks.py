"""Fake segmenters for page tests: they predict planted masks, without a framework."""

import cv2
import numpy as np

from cnn_demo.models.detection.candidates import Candidates
from cnn_demo.models.detection.detector import Detector
from cnn_demo.models.segmentation.classical_instances import mask_box
from cnn_demo.models.segmentation.segmenters import SIDES, SemanticSegmenter
from cnn_demo.results import Segmentation

# Four persons and a bus on a photo of 480 × 640: middles (row, column) and radii. The first three persons touch.
SIZE = (480, 640)
PERSONS = ((300, 140, 70), (300, 267, 70), (300, 394, 70), (390, 560, 45))
BUS = (slice(30, 190), slice(60, 600))
INSIDE, BORDER, OUTSIDE = 0.95, 0.55, 0.9  # confidences
SCORES = (0.93, 0.88, 0.83, 0.78, 0.73)  # of the persons, then of the bus
SECOND = 0.8  # fraction of the remaining probability that the second class gets


def person(number: int) -> np.ndarray:
    """The mask (H, W) of a person."""
    row, column, radius = PERSONS[number]
    rows, columns = np.indices(SIZE)
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def bus() -> np.ndarray:
    """The mask (H, W) of the bus."""
    mask = np.zeros(SIZE, bool)
    mask[BUS] = True
    return mask


def planted_map(labels: tuple[str, ...], size: tuple[int, int]) -> np.ndarray:
    """The classes (H, W): persons, the bus, and the first class everywhere else."""
    numbers = np.zeros(SIZE, np.uint8)
    numbers[bus()] = labels.index("bus")
    for number in range(len(PERSONS)):
        numbers[person(number)] = labels.index("person")
    return numbers if size == SIZE else cv2.resize(numbers, size[::-1], interpolation=cv2.INTER_NEAREST)


class PlantedSegmenter(SemanticSegmenter):
    """Predicts the planted class map: confident within objects, less elsewhere, uncertain along borders."""

    def __init__(self, spec) -> None:
        self.spec, self.device, self.stride, self.calls = spec, "cpu", 32, []
        self.sides = tuple(sorted({*SIDES, spec.input_size[0]}))

    def predict(self, pixels, mode="whole", side=None, tile=512, overlap=0.25, keep_probabilities=False):
        self.calls.append((mode, side))
        labels, size = self.labels, pixels.shape[:2]
        class_map = planted_map(labels, size)
        around_it = np.ones((5, 5), np.uint8)
        border = cv2.dilate(class_map, around_it) != cv2.erode(class_map, around_it)
        confidence = np.where(border, BORDER, np.where(class_map > 0, INSIDE, OUTSIDE)).astype(np.float32)
        second, rest = (1 - confidence) * SECOND, (1 - confidence) * (1 - SECOND) / (len(labels) - 2)
        disorder = -sum(
            times * p * np.log(p) for times, p in ((1, confidence), (1, second), (len(labels) - 2, rest))
        ) / np.log(len(labels))
        probabilities = None
        if keep_probabilities:
            probabilities = np.broadcast_to(rest, (len(labels), *size)).astype(np.float16)
            rows, columns = np.indices(size)
            other = np.where(class_map == labels.index("person"), labels.index("bus"), labels.index("person"))
            probabilities[other, rows, columns] = second
            probabilities[class_map, rows, columns] = confidence
        return Segmentation(class_map, labels, confidence, disorder.astype(np.float32), probabilities, 12.0, "cpu")


class PlantedInstances(Detector):
    """Finds each person and the bus."""

    engine, device, needs_nms, sides = "torch", "cpu", True, (320, 640, 800)

    def __init__(self, spec) -> None:
        self.spec = spec

    def candidates(self, pixels: np.ndarray, side: int | None = None) -> Candidates:
        size = pixels.shape[:2]
        whole = [*(person(number) for number in range(len(PERSONS))), bus()]
        masks = np.array(
            [cv2.resize(mask.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0 for mask in whole]
        )
        labels = self.spec.labels
        return Candidates(
            size=size,
            boxes_xyxy=np.array([mask_box(mask) for mask in masks], np.float32),
            scores=np.array(SCORES, np.float32),
            class_ids=np.array([labels.index("person")] * len(PERSONS) + [labels.index("bus")]),
            labels=labels,
            masks=lambda indices: masks[indices],
            milliseconds=34.0,
        )


FEW, MANY = "LR-ASPP, MobileNetV3-Large", "SegFormer B0, ADE20K"  # 21 classes and 150
