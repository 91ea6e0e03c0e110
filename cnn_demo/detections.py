"""Typed columns of `sv.Detections`, which supervision declares as optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    import supervision as sv


def class_names(detections: sv.Detections) -> list[str]:
    """Return the class name of each detection.

    Raises:
        ValueError: If the detections have none.
    """
    return data_column(detections, "class_name").tolist()


def class_ids(detections: sv.Detections) -> np.ndarray:
    """Return the class index of each detection, (N,) integers.

    Raises:
        ValueError: If the detections have none.
    """
    return _existing(detections.class_id, "class indices")


def confidences(detections: sv.Detections) -> np.ndarray:
    """Return the confidence of each detection, (N,) from 0 to 1.

    Raises:
        ValueError: If the detections have none.
    """
    return _existing(detections.confidence, "confidences")


def masks(detections: sv.Detections) -> np.ndarray:
    """Return the mask of each detection, (N, H, W) bool.

    Raises:
        ValueError: If the detections have boxes only.
    """
    if detections.mask is None:
        raise ValueError("These detections have boxes only: take a model for instance segmentation.")
    return np.asarray(detections.mask, bool)


def track_ids(detections: sv.Detections) -> np.ndarray:
    """Return the track ID of each detection, (N,) integers.

    Raises:
        ValueError: If the detections were not tracked.
    """
    return _existing(detections.tracker_id, "track IDs")


def data_column(detections: sv.Detections, name: str) -> np.ndarray:
    """Return an entry of `data`, (N,).

    Raises:
        ValueError: If there is no entry of that name.
    """
    return np.asarray(_existing(detections.data.get(name), name))


def subset(detections: sv.Detections, index: np.ndarray | slice) -> sv.Detections:
    """Return the detections that an array of indices, a mask (N,) bool or a slice selects."""
    return cast("sv.Detections", detections[index])  # only a name selects something else, a column


def _existing(values: np.ndarray | list | None, name: str) -> np.ndarray:
    if values is None:
        raise ValueError(f"These detections have no {name}.")
    return np.asarray(values)
