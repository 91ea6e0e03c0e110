"""Predictions in the pixels of a photo's file: the app reduces a large photo before it predicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import supervision as sv

from cnn_demo.detections import masks
from cnn_demo.images import Photo
from cnn_demo.results import Localization


def file_size(photo: Photo) -> tuple[int, int]:
    """Return (height, width) of the photo's file, upright."""
    width, height = photo.original_size
    return height, width


def file_facts(photo: Photo) -> dict[str, str | int]:
    """Return the fields by which every JSON export names its photo: `photo`, `width` and `height` of the file."""
    height, width = file_size(photo)
    return {"photo": photo.file_name, "width": width, "height": height}


def file_pixels(photo: Photo) -> np.ndarray:
    """Decode all pixels of the photo's file.

    Returns:
        (height, width, 3) uint8 RGB, upright. A photo without its file's bytes is enlarged to that size.
    """
    height, width = file_size(photo)
    if photo.size == (height, width):
        return photo.pixels
    if photo.data:
        from cnn_demo.images import read_photo

        return read_photo(photo.data, photo.name, max_side=max(height, width)).pixels
    return cv2.resize(photo.pixels, (width, height), interpolation=cv2.INTER_CUBIC)


def file_boxes(photo: Photo, boxes_xyxy: np.ndarray) -> np.ndarray:
    """Scale boxes (..., 4) from pixels of `photo.pixels` to pixels of the file."""
    (height, width), (rows, columns) = file_size(photo), photo.size
    scale = np.array([width / columns, height / rows] * 2)
    return (np.asarray(boxes_xyxy) * scale).astype(np.float32)


def file_detections(photo: Photo, detections: sv.Detections) -> sv.Detections:
    """Return a copy of detections with boxes in pixels of the file, and without masks, for which see `file_masks`."""
    return sv.Detections(
        file_boxes(photo, detections.xyxy),
        confidence=detections.confidence,
        class_id=detections.class_id,
        tracker_id=detections.tracker_id,
        data=dict(detections.data),
        metadata=dict(detections.metadata),
    )


def file_localization(photo: Photo, prediction: Localization) -> Localization:
    """Return a copy of a prediction with its box in pixels of the file."""
    if prediction.box_xyxy is None:
        return prediction
    return replace(prediction, box_xyxy=file_boxes(photo, prediction.box_xyxy))


def file_masks(photo: Photo, detections: sv.Detections) -> Iterator[np.ndarray]:
    """Yield the mask of each detection, (height, width) bool in pixels of the file, one at a time: they are large.

    Raises:
        ValueError: If the detections have no masks.
    """
    height, width = file_size(photo)
    for mask in masks(detections):
        yield _resized(mask, (height, width)) >= 128 if mask.shape != (height, width) else mask


def file_class_map(photo: Photo, class_map: np.ndarray) -> np.ndarray:
    """Enlarge a class map (H, W) to the file's size, (height, width) uint8, with smooth outlines.

    Each pixel gets the class whose mask, enlarged bilinearly, has the largest value there.
    """
    size = file_size(photo)
    if class_map.shape == size:
        return class_map.astype(np.uint8)
    result = np.zeros(size, np.uint8)
    largest = np.zeros(size, np.uint8)
    for index in np.unique(class_map):
        value = _resized(class_map == index, size)
        is_larger = value > largest
        result[is_larger] = index
        np.maximum(largest, value, out=largest)
    return result


def _resized(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Enlarge a mask (H, W) bool bilinearly to (height, width) uint8, 0 to 255."""
    return cv2.resize(mask.astype(np.uint8) * 255, size[::-1], interpolation=cv2.INTER_LINEAR)
