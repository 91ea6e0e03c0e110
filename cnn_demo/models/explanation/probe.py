"""Common interface of everything that can be explained: one target of one model on one photo."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from cnn_demo.models.explanation.cams import enlarge
from cnn_demo.models.explanation.torch_maps import MapGradient

Cam = Callable[[np.ndarray, np.ndarray], np.ndarray]  # from maps and gradients (h, w, C) to a map (h, w)


class InputFrame(Protocol):
    """Position of a photo in a network's input."""

    @property
    def scaled(self) -> tuple[int, int]:
        """(height, width) of the resized photo."""
        ...

    @property
    def input(self) -> tuple[int, int]:
        """(height, width) of the input."""
        ...

    def crop(self, values: np.ndarray) -> np.ndarray:
        """Return the part (scaled) of values at the input's size that shows the photo."""
        ...


@dataclass(frozen=True, eq=False)
class TargetGradients:
    """Gradients of a target with respect to feature maps, from one forward pass.

    Attributes:
        score: Score of the target, 0 to 1, as the network that was differentiated predicts it.
        frame: Position of the photo in the input that the feature maps cover.
        parts: For each scalar that makes up the target (one class logit, or four sides of a box) its gradients at each
            of the layer's feature maps.
    """

    score: float
    frame: InputFrame
    parts: tuple[tuple[MapGradient, ...], ...] = field(repr=False)

    def cam(self, method: Cam) -> np.ndarray:
        """Return the sum of the class activation maps over scalars and feature maps, (scaled) float32, not normalized.

        Maps of different resolutions are added as densities: each value is multiplied by the number of positions, so
        that every map contributes the same in total as its values say.
        """
        total = np.zeros(self.frame.scaled, np.float32)
        for part in self.parts:
            for each in part:
                if not each.gradients.any():
                    continue  # the target does not use these maps
                values = method(each.maps, each.gradients)
                total += self.frame.crop(enlarge(values * values.size, self.frame.input))
        return total


class Probe(ABC):
    """One target of one model on one photo.

    Attributes:
        size: (height, width) of the photo.
        picture: (h, w, 3) uint8, the photo at the resolution at which the network receives it, without padding.
        layers: Names of the layers whose feature maps can be used, the default first.
    """

    size: tuple[int, int]
    picture: np.ndarray
    layers: tuple[str, ...]

    @abstractmethod
    def score(self, picture: np.ndarray) -> float:
        """Return the score of the target, 0 to 1, on a picture of the size of `picture`.

        For a class this is its probability; for a box, or a side of it, the IoU of the box that the same cell, anchor
        or region predicts with the target.
        """

    def similarity(self, picture: np.ndarray) -> float:
        """Return how well the best prediction on a picture agrees with the target, 0 to 1, for D-RISE.

        Detectors compare all their predictions with the target; for the other networks it is the score.
        """
        return self.score(picture)

    @abstractmethod
    def gradients(self, layer: str) -> TargetGradients:
        """Return the feature maps of a layer and the gradients of the target with respect to them.

        Args:
            layer: One of `layers`.
        """

    def all_gradients(self) -> dict[str, TargetGradients]:
        """Return the gradients at each of `layers`, by its name."""
        return {layer: self.gradients(layer) for layer in self.layers}

    def on_photo(self, values: np.ndarray) -> np.ndarray:
        """Resize a map of the size of `picture` to the photo's size, (H, W) float32."""
        return enlarge(values, self.size)


def resized_photo(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a photo (H, W, 3) uint8 bilinearly to (height, width), as detectors do."""
    if pixels.shape[:2] == size:
        return pixels
    return cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LINEAR)
