"""The mask of an instance of a YOLO network, ready to be explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.explanation.targets import BoxTarget, Part
from cnn_demo.models.explanation.yolo_probe import YoloProbe

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.detection.yolo_detector import RawOutputs, YoloDetector
    from cnn_demo.models.frameworks import TorchNetwork


class EmptyMask(ValueError):
    """An instance has a box, but no pixel in its mask at the resolution of the network's output."""


class YoloMaskProbe(YoloProbe):
    """The mask of one instance: the mean of its logits over the pixels that it has on the whole photo.

    A mask is a linear combination of prototypes (Bolya et al. 2019, https://arxiv.org/abs/1904.02689), cropped to its
    box. All pyramid levels are explained together, since coefficients and prototypes come from several.

    Raises:
        EmptyMask: If the mask has no pixel.
    """

    parts: ClassVar[tuple[Part, ...]] = ("mask",)

    def __init__(self, detector: YoloDetector, pixels: np.ndarray, target: BoxTarget, side: int | None) -> None:
        super().__init__(detector, pixels, target, side)
        raw = detector.raw(self.picture, self._side)
        if raw.prototypes is None:
            raise ValueError(f"{detector.spec.title} predicts no masks.")
        self._region = self._mixture(raw) > 0
        rows, columns = self._region.shape
        frame = self._frame
        scale = np.array([columns / frame.input[1], rows / frame.input[0]] * 2)
        corners = np.round((self._box + np.array([frame.left, frame.top] * 2)) * scale).astype(int)
        left, top, right, bottom = np.clip(corners, 0, (columns, rows, columns, rows))
        inside = np.zeros_like(self._region)
        inside[top:bottom, left:right] = True
        self._region &= inside
        if not self._region.any():
            raise EmptyMask("This instance has an empty mask.")

    def score(self, picture: np.ndarray) -> float:
        """Return the mean probability of the mask over its pixels, the sigmoid of its logits."""
        logits = self._mixture(self._detector.raw(picture, self._side))[self._region]
        return float((1 / (1 + np.exp(-logits))).mean())

    def similarity(self, picture: np.ndarray) -> float:
        """Return the score: the mask of the same cell, and not of the most similar one."""
        return self.score(picture)

    def _mixture(self, raw: RawOutputs) -> np.ndarray:
        """Return the mask logits of the cell, (h, w) float32 at a quarter of the input's resolution."""
        assert raw.coefficients is not None
        assert raw.prototypes is not None
        return np.tensordot(raw.coefficients[self._at], raw.prototypes, 1)

    def _scalars(self, head: TorchNetwork, raw: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        """Return the mean of the mask logits over the mask's pixels."""
        return [self._logits(raw).mean()]

    def _score_of(self, raw: dict[str, torch.Tensor]) -> float:
        """Return the mean probability of the mask over its pixels in the torch network's outputs."""
        return float(self._logits(raw).detach().sigmoid().mean())

    def _logits(self, raw: dict[str, torch.Tensor]) -> torch.Tensor:
        torch = frameworks.torch()
        logits = torch.einsum("k,khw->hw", raw["mask_coefficient"][0, :, self._at], raw["prototypes"][0])
        return logits[torch.from_numpy(self._region).to(logits.device)]
