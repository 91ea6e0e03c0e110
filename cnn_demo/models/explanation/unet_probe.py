"""A pixel or a region of a U-Net's class map, ready to be explained: Seg-Grad-CAM at every level of its encoder.

Vinogradova, Dibrov & Myers, "Towards interpretable semantic segmentation via gradient-weighted class activation
mapping" (2020), https://arxiv.org/abs/2002.11434. The target is the sum of the class logits of a set of pixels; here
their mean, which differs by a factor only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.explanation.probe import Probe, TargetGradients
from cnn_demo.models.explanation.targets import PixelTarget, RegionTarget
from cnn_demo.models.explanation.torch_maps import gradients_of
from cnn_demo.models.lazy import computed_once
from cnn_demo.models.segmentation import unets

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.segmentation.segmenters import SemanticSegmenter


@dataclass(frozen=True)
class LevelScores:
    """Score of a target with all levels of the encoder, without each of them, and with each of them alone.

    A level that is left out carries only the spatial mean of each of its maps: it no longer tells where anything is.

    Attributes:
        score: Score of the target with all levels, 0 to 1.
        without: Score without a level, by its name, the coarsest first.
        alone: Score with that level alone.
    """

    score: float
    without: dict[str, float]
    alone: dict[str, float]

    @property
    def drops(self) -> dict[str, float]:
        """Return by how much the score falls without each level; negative if it rises."""
        return {name: self.score - score for name, score in self.without.items()}


class UnetProbe(Probe):
    """A pixel or a region of a U-Net; scores come from its usual engine, gradients from its torch network.

    The maps of a level are those that its skip connection passes to the decoder (at the coarsest level, which has no
    skip connection, those that the decoder begins with). The gradients are those through the decoder alone: a level's
    map shows what the decoder reads at that level, not what coarser levels are computed from it.

    Attributes:
        target: The pixel or the region.
    """

    def __init__(
        self, segmenter: SemanticSegmenter, pixels: np.ndarray, target: PixelTarget | RegionTarget, side: int | None
    ) -> None:
        self.target = target
        self.size = pixels.shape[:2]
        self.layers = tuple(f"encoder 1/{stride}" for stride in (*unets.skips_of(segmenter.spec), 32)[::-1])
        self._segmenter = segmenter
        self._frame = frame = segmenter.frame(self.size, side)
        self.picture = frame.crop(frame.apply(pixels))
        self._weights = _weights_of(target, frame.photo, frame.scaled)
        if not 0 <= target.class_id < len(segmenter.labels):
            raise ValueError(f"{segmenter.spec.title} has classes 0 to {len(segmenter.labels) - 1}.")

    def score(self, picture: np.ndarray) -> float:
        """Return the probability of the class at the pixel, or its mean over the region."""
        return self._score(frameworks.torch().as_tensor(self._segmenter.logits(self._frame.apply(picture))))

    def gradients(self, layer: str) -> TargetGradients:
        """Return the gradients of the pixel's class logit, or of its mean over the region."""
        return self.all_gradients()[layer]

    def all_gradients(self) -> dict[str, TargetGradients]:
        """Return the gradients at all levels, from one forward and one backward pass of the decoder."""
        torch = frameworks.torch()
        network = self._segmenter.network
        with self._segmenter.lock, torch.enable_grad():
            taps = [each.detach().requires_grad_() for each in self._encoded]
            logits = network.segmentation_head(unets.decoded(network, taps)[-1])[0]
            used = {layer: taps[_depth(layer)] for layer in self.layers}
            (parts,) = gradients_of([self._pooled(logits)[self.target.class_id]], list(used.values()))
            score = self._score(logits.detach())
        return {layer: TargetGradients(score, self._frame, ((part,),)) for layer, part in zip(used, parts, strict=True)}

    def level_scores(self) -> LevelScores:
        """Return the score of the target without each level of the encoder and with it alone, as torch computes it."""
        with self._segmenter.lock, frameworks.torch().no_grad():  # the maps are kept, also for gradients
            score = self._score_without(())
            without = {layer: self._score_without((layer,)) for layer in self.layers}
            alone = {
                layer: self._score_without(other for other in self.layers if other != layer) for layer in self.layers
            }
        return LevelScores(score, without, alone)

    def _score_without(self, layers: Iterable[str]) -> float:
        network, features = self._segmenter.network, list(self._encoded)
        for layer in layers:
            features = unets.without_positions(features, 2 ** _depth(layer))
        return self._score(network.segmentation_head(unets.decoded(network, features)[-1])[0])

    def influence(self) -> np.ndarray:
        """Return the effective receptive field of the target: how much each pixel moves its logit.

        Luo et al. (2016), https://arxiv.org/abs/1701.04128. It takes one forward and one backward pass of the whole
        network.

        Returns:
            (h, w) float32 of the size of `picture`: absolute gradients, summed over the colours, which sum to 1; all
            zero if the logit does not depend on the photo.
        """
        torch = frameworks.torch()
        segmenter = self._segmenter
        batch = segmenter.batch(self._frame.apply(self.picture)).requires_grad_()
        with segmenter.lock, torch.enable_grad():
            logit = self._pooled(segmenter.network(batch)[0])[self.target.class_id]
            (gradient,) = torch.autograd.grad(logit, batch)
        values = self._frame.crop(gradient[0].abs().sum(0).cpu().numpy())
        return values / max(float(values.sum()), 1e-30)

    @computed_once
    def _encoded(self) -> list[torch.Tensor]:
        """The encoder's feature maps; the caller holds the segmenter's lock."""
        torch = frameworks.torch()
        with torch.no_grad():
            batch = self._segmenter.batch(self._frame.apply(self.picture))
            return unets.encoded(self._segmenter.network, batch)

    def _score(self, logits: torch.Tensor) -> float:
        """Return the score of the target for logits (C, H, W) at the input's size."""
        if isinstance(self.target, PixelTarget):  # as the class map does: interpolate, then compare
            return float(self._pooled(logits).softmax(0)[self.target.class_id])
        return float(self._pooled(logits.softmax(0))[self.target.class_id])

    def _pooled(self, values: torch.Tensor) -> torch.Tensor:
        """Return the weighted mean (C,) of values (C, H, W) at the input's size over the target's pixels."""
        height, width = self._frame.scaled
        weights = frameworks.torch().from_numpy(self._weights).to(values.device)
        return (values[:, :height, :width] * weights).sum((1, 2))


def _depth(layer: str) -> int:
    """Return the index of a layer among the encoder's outputs, of which the first is the input itself."""
    return int(layer.rpartition("/")[2]).bit_length() - 1


def _weights_of(target: PixelTarget | RegionTarget, photo: tuple[int, int], scaled: tuple[int, int]) -> np.ndarray:
    """Return the weight of each pixel of the resized photo in the target, (scaled) float32; they sum to 1.

    Raises:
        ValueError: If the target is not on the photo.
    """
    if isinstance(target, PixelTarget):
        if not (0 <= target.row < photo[0] and 0 <= target.column < photo[1]):
            raise ValueError(f"The photo has no pixel in row {target.row}, column {target.column}.")
        rows, columns = (
            _interpolation(at, before, after)
            for at, before, after in zip((target.row, target.column), photo, scaled, strict=True)
        )
        return np.outer(rows, columns).astype(np.float32)
    if target.mask.shape != photo:
        raise ValueError(f"The region must have the photo's size {photo}, not {target.mask.shape}.")
    weights = cv2.resize(target.mask.astype(np.float32), scaled[::-1], interpolation=cv2.INTER_AREA)
    return weights / weights.sum()


def _interpolation(at: int, before: int, after: int) -> np.ndarray:
    """Return the weights of bilinear interpolation along one axis, (after,), for pixel `at` of `before` pixels."""
    position = min(max((at + 0.5) * after / before - 0.5, 0), after - 1)
    return np.maximum(1 - np.abs(np.arange(after) - position), 0)
