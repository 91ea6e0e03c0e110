"""Base class of all detectors."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.detection.candidates import (
    IOU,
    MAX_DETECTIONS,
    Candidates,
    check_settings,
    class_indices,
    select,
)

if TYPE_CHECKING:
    import supervision as sv


class Detector(ABC):
    """Base class of all detectors: predictions are the post-processed candidates.

    Attributes:
        spec: Its registry entry.
        device: Device it runs on: "cpu", "cuda" or "mps".
        lock: Held while the network runs.
        needs_nms: Whether several boxes may belong to one object, so that NMS is needed.
    """

    spec: ModelSpec
    device: str
    lock: threading.Lock
    needs_nms: bool

    @property
    @abstractmethod
    def engine(self) -> str:
        """Name of the inference engine: "torch" or "OpenVINO"."""

    @property
    @abstractmethod
    def sides(self) -> tuple[int, ...]:
        """Image sizes to choose from, in pixels."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in the network's order."""
        return self.spec.labels

    def wait_for_export(self) -> None:
        """Wait until a background export to another engine has finished; most detectors have none."""
        return

    @abstractmethod
    def candidates(self, pixels: np.ndarray, side: int | None = None) -> Candidates:
        """Return all candidate boxes of the network for a photo.

        Args:
            pixels: (H, W, 3) uint8 RGB, of any size.
            side: Image size, in pixels; None for the network's own size.

        Raises:
            ValueError: If the pixels have another shape or dtype, or the size is not possible.
        """

    def predict(
        self,
        pixels: np.ndarray,
        confidence: float | None = None,
        iou: float = IOU,
        classes: Iterable[int | str] | None = None,
        max_detections: int = MAX_DETECTIONS,
        side: int | None = None,
    ) -> sv.Detections:
        """Detect all objects in a photo.

        Args:
            pixels: (H, W, 3) uint8 RGB, of any size.
            confidence: Confidence threshold, 0 to 1; None for the model's default.
            iou: IoU threshold of NMS, 0 to 1; ignored by networks that need no NMS.
            classes: Names or indices of the classes to keep; None for all.
            max_detections: Maximum number of detections.
            side: Image size; see `candidates`.

        Returns:
            Boxes in pixels of the photo, sorted by descending confidence, and masks (N, H, W) bool if the network
            predicts them; `data` holds `class_name`, `metadata` holds `milliseconds`, `device` and `engine`.

        Raises:
            ValueError: As `candidates` and `select` do.
        """
        confidence = self.spec.threshold if confidence is None else confidence
        check_settings(confidence, iou, max_detections)
        class_ids = None if classes is None else class_indices(classes, self.spec.labels)
        return select(self.candidates(pixels, side), confidence, iou, class_ids, max_detections).detections()
