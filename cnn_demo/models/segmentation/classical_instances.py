"""Instances from a class map with classical methods: connected components and watershed.

Both use only the class map. Connected components merge touching objects; the watershed of the distance transform
(Beucher & Lantuéjoul 1979; Meyer 1994) splits them at narrow parts. Neither can separate overlapping objects, which
requires an instance segmentation network.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import supervision as sv

from cnn_demo.models.detection.candidates import class_indices
from cnn_demo.results import Segmentation

METHODS = {"components": "Connected components", "watershed": "Watershed"}
NARROW = 0.6  # fraction of a component's maximum distance above which a pixel is a marker
MIN_AREA = 0.0005  # minimum object area as a fraction of the photo


def components(mask: np.ndarray) -> np.ndarray:
    """Label the 8-connected components of a mask.

    Args:
        mask: (H, W) bool mask.

    Returns:
        (H, W) int32 labels: 0 for background, 1 to K for the components.
    """
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)[1]


def watershed(mask: np.ndarray, narrow: float = NARROW) -> np.ndarray:
    """Label the objects in a mask with a watershed, splitting it at narrow parts.

    The peaks of the distance transform are the markers of the objects; the mask is flooded from them in order of
    descending distance until the regions meet.

    Args:
        mask: (H, W) bool mask.
        narrow: Marker threshold as a fraction of a component's maximum distance, from 0 to below 1; higher values split
            more. At 0 the result is the connected components.

    Returns:
        (H, W) int32 labels: 0 for background, 1 to K for the objects.

    Raises:
        ValueError: If `narrow` is out of its range.
    """
    if not 0 <= narrow < 1:
        raise ValueError(f"The narrowness must be from 0 to below 1, not {narrow}.")
    parts = components(mask)
    count = int(parts.max())
    if not count:
        return parts
    # The photo's border does not count as background: an object that is cut off there is not narrow.
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance = np.minimum(distance, max(mask.shape))  # distances are infinite in a mask without background
    highest = np.zeros(count + 1, np.float32)
    np.maximum.at(highest, parts.ravel(), distance.ravel())
    return _flood(distance, components(mask & (distance > narrow * highest[parts])))


def _flood(distance: np.ndarray, cores: np.ndarray) -> np.ndarray:
    """Grow the markers over all pixels with a distance above 0, in order of descending distance.

    `cv2.watershed` orders pixels by the difference to their neighbours, which is uniform in a distance transform.
    """
    numbers = cores.astype(np.float32)
    around_it = np.ones((3, 3), np.uint8)
    for level in range(int(distance.max()), -1, -1):
        dry = (distance > level) & (numbers == 0)
        while dry.any():
            spread = cv2.dilate(numbers, around_it)
            grown = dry & (spread > 0)
            if not grown.any():  # a peak apart from all markers is reached from a lower level
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
    min_area: float = MIN_AREA,
) -> sv.Detections:
    """Extract instances from a semantic segmentation.

    Args:
        segmentation: The segmentation of one photo.
        classes: Names or indices of the classes to extract; None for all.
        method: A key of `METHODS`.
        narrow: Marker threshold of `watershed`.
        min_area: Minimum area as a fraction of the photo; smaller objects are left out.

    Returns:
        Masks (K, H, W) bool, their bounding boxes and the mean confidence within each mask, sorted by descending area.

    Raises:
        ValueError: If there is no such class or method, or a setting is out of its range.
    """
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}: choose one of {', '.join(METHODS)}.")
    labels = segmentation.labels
    selected = range(len(labels)) if classes is None else class_indices(classes, labels)
    masks, class_ids = [], []
    for class_id in selected:
        mask = segmentation.class_map == class_id
        if not mask.any():
            continue
        numbers = components(mask) if method == "components" else watershed(mask, narrow)
        counts = np.bincount(numbers.ravel())
        for number in np.flatnonzero(counts[1:] >= max(1, min_area * mask.size)) + 1:
            masks.append(numbers == number)
            class_ids.append(class_id)
    order = np.argsort([-int(mask.sum()) for mask in masks], kind="stable")
    return detections_of([masks[i] for i in order], [class_ids[i] for i in order], segmentation)


def classes_as_detections(segmentation: Segmentation) -> sv.Detections:
    """Return each class present in the photo as one detection with its mask, sorted by descending area."""
    class_ids = [segmentation.labels.index(label) for label in segmentation.coverage()]
    return detections_of([segmentation.class_map == i for i in class_ids], class_ids, segmentation)


def detections_of(masks: list[np.ndarray], class_ids: list[int], segmentation: Segmentation) -> sv.Detections:
    """Build detections from non-empty masks (H, W) bool and their classes."""
    height, width = segmentation.class_map.shape
    boxes = np.array([mask_box(mask) for mask in masks], np.float32).reshape(-1, 4)
    confidences = [segmentation.confidence[mask].mean() for mask in masks]
    return sv.Detections(
        xyxy=boxes,
        mask=np.array(masks, bool).reshape(-1, height, width),
        confidence=np.array(confidences, np.float32),
        class_id=np.array(class_ids, np.int64),
        data={"class_name": np.array([segmentation.labels[i] for i in class_ids], dtype=str)},
        metadata={
            "milliseconds": segmentation.milliseconds,
            "device": segmentation.device,
            "engine": segmentation.engine,
        },
    )


def mask_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return the corners of the bounding box of a non-empty mask (H, W) bool; the last row and column are included."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return left, top, left + width, top + height
