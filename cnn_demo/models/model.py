"""Interface of a loaded model, whatever its task."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.results import Classification, Localization, Segmentation

if TYPE_CHECKING:
    import supervision as sv


class SettingError(ValueError):
    """A setting is wrong whatever the photo: it is out of its range, or this model does not have it."""


class Model(Protocol):
    """A model that is ready to predict; one instance serves all visitors, serialized by its lock."""

    @property
    def spec(self) -> ModelSpec:
        """Its registry entry."""
        ...

    @property
    def device(self) -> str:
        """Device it runs on: "cpu", "cuda" or "mps"."""
        ...

    @property
    def lock(self) -> threading.Lock:
        """Held while the network runs."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in the order of its predictions."""
        ...

    def predict(
        self, pixels: np.ndarray, *args: Any, **settings: Any
    ) -> Classification | Localization | Segmentation | sv.Detections:
        """Predict for one photo.

        Args:
            pixels: (H, W, 3) uint8 RGB, of any size.
            *args: Settings by position; please name them instead.
            **settings: Settings of the task, such as a confidence threshold.

        Raises:
            SettingError: If a setting is out of its range.
            ValueError: If the pixels have another shape or dtype.
        """
        ...
