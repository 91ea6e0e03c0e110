"""YOLACT-style masks: linear combinations of prototypes, cropped to the box.

The network predicts K prototypes for the whole photo and K coefficients for each candidate. A mask is the region where
the linear combination is above zero (YOLACT, Bolya et al. 2019, https://arxiv.org/abs/1904.02689).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from cnn_demo.models.detection.letterbox import Letterbox


@dataclass(frozen=True, eq=False)
class PrototypeMasks:
    """Prototypes and coefficients of N candidates; calling it with indices computes their masks.

    Attributes:
        prototypes: (K, h, w) float32, prototypes covering the network's input at a lower resolution.
        coefficients: (N, K) float32, coefficients of each candidate.
        boxes_xyxy: (N, 4) float32, boxes in pixels of the photo.
        frame: Position of the photo in the input.
    """

    prototypes: np.ndarray = field(repr=False)
    coefficients: np.ndarray = field(repr=False)
    boxes_xyxy: np.ndarray = field(repr=False)
    frame: Letterbox

    def __call__(self, indices: np.ndarray) -> np.ndarray:
        """Return the masks of these candidates, (K, H, W) bool at the photo's size, cropped to their boxes."""
        height, width = self.frame.photo
        masks = np.zeros((len(indices), height, width), bool)
        for mask, index in zip(masks, indices, strict=True):
            corners = np.ceil(self.boxes_xyxy[index]).astype(int)  # a pixel is inside if its top left corner is
            left, top, right, bottom = np.clip(corners, 0, (width, height, width, height))
            if left < right and top < bottom:
                mask[top:bottom, left:right] = self._mixed(index, left, top, right, bottom) > 0
        return masks

    def _mixed(self, index: int, left: int, top: int, right: int, bottom: int) -> np.ndarray:
        """Return the linear combination on a region of the photo, interpolated bilinearly between pixel centres."""
        mixture = np.tensordot(self.coefficients[index], self.prototypes, 1).astype(np.float32)
        frame = self.frame
        rows, columns = mixture.shape
        x = _coordinates(left, right, frame.photo[1], frame.scaled[1], frame.left, columns / frame.input[1])
        y = _coordinates(top, bottom, frame.photo[0], frame.scaled[0], frame.top, rows / frame.input[0])
        across, down = np.meshgrid(x, y)
        return cv2.remap(mixture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _coordinates(start: int, stop: int, photo: int, scaled: int, margin: int, scale: float) -> np.ndarray:
    """Map the photo's pixels from `start` to `stop` to coordinates along one axis of a prototype, float32.

    Coordinates are clipped to the centres of the outermost prototype pixels that belong to the photo: the padding
    predicts background and would otherwise erode masks at the photo's border.
    """
    first = margin * scale
    last = (margin + scaled) * scale - 1
    coordinates = ((np.arange(start, stop) + 0.5) * scaled / photo + margin) * scale - 0.5
    return np.clip(coordinates, first, max(first, last)).astype(np.float32)
