"""From a class for every pixel to objects, the classical way: what is connected, and the watershed of the distances.

Both know nothing but the class map. Connected components take what touches for one object; the watershed (Beucher &
Lantuéjoul 1979; Meyer 1994) parts it where it is narrow. Neither can part what overlaps, which is what networks for
instances are for.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import supervision as sv

from cnn_demo.models.detection.candidates import class_indices
from cnn_demo.results import Segmentation

METHODS = {"components": "Connected components", "watershed": "Watershed"}
NARROW = 0.6  # share of the largest distance within a component above which a pixel belongs to an object's core
LEAST = 0.0005  # share of the photo that an object must cover


def components(mask: np.ndarray) -> np.ndarray:
    """Number the parts of a mask that are connected, by sides or corners.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) int32: 0 outside, 1 to K in the parts.
    """
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)[1]


def watershed(mask: np.ndarray, narrow: float = NARROW) -> np.ndarray:
    """Number the objects in a mask, parted where it is narrow.

    The distance from the background is a relief; its summits are the cores of the objects, and the mask is flooded from
    them, the highest places first, until the floods meet.

    Args:
        mask: (H, W) bool.
        narrow: From 0 to below 1: how narrow a place must be, as a share of the widest one, to part two objects. At 0
            these are the connected components.

    Returns:
        (H, W) int32: 0 outside, 1 to K in the objects.

    Raises:
        ValueError: If `narrow` is out of its range.
    """
    if not 0 <= narrow < 1:
        raise ValueError(f"The narrowness must be from 0 to below 1, not {narrow}.")
    parts = components(mask)
    count = int(parts.max())
    if not count:
        return parts
    # Beyond the photo's border a mask is taken to go on: an object that is cut off there is not narrow.
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance = np.minimum(distance, max(mask.shape))  # a mask without background is infinitely far from it
    highest = np.zeros(count + 1, np.float32)
    np.maximum.at(highest, parts.ravel(), distance.ravel())
    return _flood(distance, components(mask & (distance > narrow * highest[parts])))


def _flood(distance: np.ndarray, cores: np.ndarray) -> np.ndarray:
    """Let cores grow over all that is above 0, pixel by pixel of falling distance.

    OpenCV's own watershed goes by how much neighbouring pixels differ, which is the same all over such a relief.
    """
    numbers, around_it = cores.astype(np.float32), np.ones((3, 3), np.uint8)
    for level in range(int(distance.max()), -1, -1):
        dry = (distance > level) & (numbers == 0)
        while dry.any():
            spread = cv2.dilate(numbers, around_it)
            grown = dry & (spread > 0)
            if not grown.any():  # what rises apart from all cores is reached from below
                break
            numbers[grown] = spread[grown]
            dry &= ~grown
        if (numbers[distance > 0] > 0).all():
            break
    return numbers.astype(np.int32)


def instances(
    segmentation: Segmentation,
    classes: Iterable[int | str] | None = None,
    method: str = "watershed",
    narrow: float = NARROW,
    least: float = LEAST,
) -> sv.Detections:
    """Make objects of a class map.

    Args:
        segmentation: Of one photo.
        classes: Names or indices of those that have objects; None for all.
        method: A key of `METHODS`.
        narrow: As for `watershed`.
        least: Share of the photo that an object must cover; smaller ones are left out.

    Returns:
        Masks (K, H, W) bool, boxes around them, and as confidence the mean of the network's over each mask; largest
        first.

    Raises:
        ValueError: If there is no such class or method, or a number is out of its range.
    """
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}: choose one of {', '.join(METHODS)}.")
    labels = segmentation.labels
    wanted = range(len(labels)) if classes is None else class_indices(classes, labels)
    masks, class_ids = [], []
    for class_id in wanted:
        mask = segmentation.class_map == class_id
        if not mask.any():
            continue
        numbers = components(mask) if method == "components" else watershed(mask, narrow)
        counts = np.bincount(numbers.ravel())
        for number in np.flatnonzero(counts[1:] >= max(1, least * mask.size)) + 1:
            masks.append(numbers == number)
            class_ids.append(class_id)
    order = np.argsort([-int(mask.sum()) for mask in masks], kind="stable")
    return detections_of([masks[i] for i in order], [class_ids[i] for i in order], segmentation)


def classes_as_detections(segmentation: Segmentation) -> sv.Detections:
    """Return each class that is anywhere on the photo as one detection, with its mask; the largest first."""
    class_ids = [segmentation.labels.index(label) for label in segmentation.coverage()]
    return detections_of([segmentation.class_map == i for i in class_ids], class_ids, segmentation)


def detections_of(masks: list[np.ndarray], class_ids: list[int], segmentation: Segmentation) -> sv.Detections:
    """Put masks (H, W) bool, none of them empty, and their classes into one result."""
    height, width = segmentation.class_map.shape
    boxes = np.array([around(mask) for mask in masks], np.float32).reshape(-1, 4)
    confidences = [segmentation.confidence[mask].mean() for mask in masks]
    return sv.Detections(
        xyxy=boxes,
        mask=np.array(masks, bool).reshape(-1, height, width),
        confidence=np.array(confidences, np.float32),
        class_id=np.array(class_ids, np.int64),
        data={"class_name": np.array([segmentation.labels[i] for i in class_ids], dtype=str)},
        metadata={"milliseconds": segmentation.milliseconds, "device": segmentation.device, "engine": "torch"},
    )


def around(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return the corners of the box around a mask (H, W) bool that is not empty: the last column and row lie within."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return left, top, left + width, top + height
