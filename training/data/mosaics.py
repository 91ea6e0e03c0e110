"""Pictures to train the bundled detector on: one photo, or four side by side, at any scale and position.

Most photos of the set show one object in their middle. Four of them side by side, cut by each other, show many
objects anywhere, small and large (Bochkovskiy et al., "YOLOv4" (2020), https://arxiv.org/abs/2004.10934).
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from cnn_demo.models.detection.letterbox import GREY
from training.data.assorted import LABELS, Labelled
from training.data.placement import in_window, recolour

MOSAICS = 0.5  # fraction of pictures made of four photos
ZOOMS_IN_MOSAIC, ZOOMS_ALONE = (0.6, 2.0), (0.4, 1.3)  # times the size at which the photo just fits
STRETCH = 0.15  # logarithm of how much wider or higher a photo may become
MIN_VISIBLE, MIN_SIDE = 0.35, 3  # visible fraction and side in pixels of a box for it to count


SAMPLING_WEIGHTS = {  # how often a class is drawn beside a playing card's rank, which a few photos teach
    "face": 2,
    "airplane": 4,
    "motorcycle": 2,
    "cat head": 4,
    "dog head": 4,
    "raccoon": 4,
    "red cell": 1.5,
    "white cell": 1.5,
    "platelet": 1.5,
}


class PhotoPool(Protocol):
    """Photos that can be drawn from."""

    def draw(self, rng: np.random.Generator) -> Labelled:
        """Draw a photo."""
        ...


class Pool:
    """Pool of photos sampled by class: classes of varied appearance more often than uniform ones."""

    def __init__(self, photos: list[Labelled]) -> None:
        self.photos = photos
        by_label = [[i for i, photo in enumerate(photos) if label in photo.class_ids] for label in range(len(LABELS))]
        self._of_class = [of_class for of_class in by_label if of_class]
        weights = [SAMPLING_WEIGHTS.get(label, 1) for label, of_class in zip(LABELS, by_label, strict=True) if of_class]
        self._weights = np.array(weights) / sum(weights)

    def draw(self, rng: np.random.Generator) -> Labelled:
        """Draw a class, then a photo with it."""
        of_class = self._of_class[rng.choice(len(self._of_class), p=self._weights)]
        return self.photos[of_class[rng.integers(len(of_class))]]


def picture(pool: PhotoPool, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make a picture.

    Returns:
        pixels (side, side, 3) uint8, boxes (N, 4) float32 as corners in its pixels, and class ids (N,) int64.
    """
    if rng.random() >= MOSAICS:
        pixels, boxes, class_ids = placed(pool.draw(rng), (side, side), ZOOMS_ALONE, rng)
        return recolour(pixels, rng), boxes, class_ids
    across, down = rng.integers(round(0.3 * side), round(0.7 * side) + 1, 2)
    canvas = np.empty((side, side, 3), np.uint8)
    all_boxes = []
    all_class_ids = []
    for top, bottom in ((0, down), (down, side)):
        for left, right in ((0, across), (across, side)):
            pixels, own, ids = placed(pool.draw(rng), (bottom - top, right - left), ZOOMS_IN_MOSAIC, rng)
            canvas[top:bottom, left:right] = recolour(pixels, rng)
            all_boxes.append(own + np.array([left, top, left, top], np.float32))
            all_class_ids.append(ids)
    return canvas, np.concatenate(all_boxes), np.concatenate(all_class_ids)


def placed(
    photo: Labelled, size: tuple[int, int], zooms: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Show a photo in a window (height, width) at random scale and position, mirrored if that keeps its class.

    Returns:
        pixels (height, width, 3) uint8, the visible boxes (N, 4) float32, and their class ids (N,) int64.
    """
    pixels, boxes, class_ids = mirrored(photo, rng)
    zoom = np.exp(rng.uniform(*np.log(zooms))) * min(size[0] / pixels.shape[0], size[1] / pixels.shape[1])
    zoom = zoom * np.exp(rng.uniform(-STRETCH, STRETCH, 2))
    scaled = np.maximum(1, np.round(np.array(pixels.shape[:2]) * zoom)).astype(int)
    padding = np.array(size) - scaled
    top, left = np.round(rng.random(2) * padding).astype(int)  # negative where the photo is larger than the window
    shrinks = scaled[0] <= pixels.shape[0]
    pixels = cv2.resize(pixels, scaled[::-1].tolist(), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    window = in_window(pixels, (top, left), size, GREY)
    gains = scaled[[1, 0, 1, 0]] / np.array(photo.pixels.shape)[[1, 0, 1, 0]]
    uncut = boxes * gains + np.array([left, top, left, top])
    boxes = np.clip(uncut, 0, np.array([size[1], size[0]] * 2))
    sides = boxes[:, 2:] - boxes[:, :2]
    visible = sides.prod(1) / (uncut[:, 2:] - uncut[:, :2]).prod(1)
    kept = (visible > MIN_VISIBLE) & (sides.min(1) > MIN_SIDE) if len(boxes) else np.zeros(0, bool)
    return window, boxes[kept].astype(np.float32), class_ids[kept]


def mirrored(photo: Labelled, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mirror every second photo, left to right and upside down, as far as its objects may be mirrored."""
    pixels = photo.pixels
    boxes = photo.boxes.astype(np.float64)
    height, width = pixels.shape[:2]
    across, down = photo.may_be_mirrored
    if across and rng.random() < 0.5:
        pixels = cv2.flip(pixels, 1)
        boxes = np.array([width, 0, width, 0]) + boxes[:, [2, 1, 0, 3]] * (-1, 1, -1, 1)
    if down and rng.random() < 0.5:
        pixels = cv2.flip(pixels, 0)
        boxes = np.array([0, height, 0, height]) + boxes[:, [0, 3, 2, 1]] * (1, -1, 1, -1)
    return pixels, boxes, photo.class_ids
