"""A box of a torchvision detector, ready to be explained: by the region proposal, anchor or default box behind it.

Two-stage detectors (Faster and Mask R-CNN) crop their feature maps under a region proposal; one-stage detectors (SSD,
RetinaNet, FCOS) predict from a position of a feature map. Either region is kept while the photo is changed, as the cell
of a YOLO detector is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import iou
from cnn_demo.models.detection.letterbox import Letterbox
from cnn_demo.models.explanation.probe import Probe, TargetGradients
from cnn_demo.models.explanation.targets import PARTS, SIDES, BoxTarget
from cnn_demo.models.explanation.torch_maps import gradients_of, leaves

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.detection.torchvision_detectors import TorchvisionDetector
    from cnn_demo.models.frameworks import TorchNetwork

PYRAMID, BACKBONE = "pyramid", "backbone"
TOLERANCE = 1.0  # pixels of the input by which a box may differ from the target
OUTWARD = (-1.0, -1.0, 1.0, 1.0)  # direction in which each side of a box moves away from its centre


@dataclass(frozen=True, eq=False)
class Outputs:
    """Outputs of a detector's head for n regions.

    Attributes:
        logits: (n, C) class logits, torchvision's category 0 included.
        scores: (n, C) scores from 0 to 1.
        boxes: (n, 4) corners for one class, in pixels of the input, not clipped.
    """

    logits: torch.Tensor = field(repr=False)
    scores: torch.Tensor = field(repr=False)
    boxes: torch.Tensor = field(repr=False)


class TorchvisionProbe(Probe):
    """One box of a torchvision detector.

    By default, class scores are explained at the pyramid level that the region is read from, and boxes at the maps of
    the backbone, if the network has a feature pyramid (FPN) after it.

    Attributes:
        target: The box.
    """

    def __init__(self, detector: TorchvisionDetector, pixels: np.ndarray, target: BoxTarget, side: int | None) -> None:
        if not 0 <= target.class_id < len(detector.labels):
            raise ValueError(f"{detector.spec.title} has classes 0 to {len(detector.labels) - 1}.")
        if target.part not in PARTS:
            raise ValueError(f"A box of a detector has no {target.part}: choose one of {', '.join(PARTS)}.")
        self.target = target
        self.size = pixels.shape[:2]
        self._detector, self._network = detector, detector.network
        self._category = detector.category(target.class_id)
        both = (PYRAMID, BACKBONE) if target.part == "class" else (BACKBONE, PYRAMID)
        self.layers = both if hasattr(self._network.backbone, "fpn") else (PYRAMID,)
        self._images = detector.resized(pixels, side)
        height, width = self._images.image_sizes[0]
        self.picture = detector.as_pixels(self._images)
        self._frame = Letterbox(self.size, tuple(self._images.tensors.shape[2:]), (height, width), 0, 0)
        self._box = np.array(target.box_xyxy) * ([width / self.size[1], height / self.size[0]] * 2)
        self._row: int | None = None  # of the region among all of them
        self._regions: torch.Tensor | None = None  # (1, 4) that region of a two-stage detector

    def score(self, picture: np.ndarray) -> float:
        """Return the class score of the region, or the IoU of its box with the target."""
        torch = frameworks.torch()
        with self._detector.lock, torch.no_grad():
            if self._row is None:
                self._locate(self._images, self._maps(self._images))
            images = self._detector.as_input(picture)
            found = self._of_region(images, self._maps(images))
        if self.target.part == "class":
            return float(found.scores[0, self._category])
        return float(iou(self._box, self._clipped(found.boxes)[0]))

    def similarity(self, picture: np.ndarray) -> float:
        """Return the similarity of D-RISE: IoU × cosine of the class scores × confidence, for the best of all regions.

        Petsiuk et al. (2021), https://arxiv.org/abs/2006.03204.
        """
        torch = frameworks.torch()
        with self._detector.lock, torch.no_grad():
            images = self._detector.as_input(picture)
            maps = self._maps(images)
            found = _outputs(self._network, images, maps, _regions(self._network, images, maps), self._category)
            overlap = iou(self._box, self._clipped(found.boxes))
            near = overlap > 0
            scores = found.scores[torch.from_numpy(near).to(found.scores.device), 1:].cpu().numpy()
        if not near.any():
            return 0.0
        own = scores[:, self._category - 1]
        if self.target.part != "class":
            return float(np.max(overlap[near] * own))
        cosine = own / np.maximum(np.linalg.norm(scores, axis=1), 1e-9)
        return float(np.max(overlap[near] * cosine * scores.max(axis=1)))

    def gradients(self, layer: str) -> TargetGradients:
        """Return the gradients of the region's class logit, or of the positions of the sides of its box."""
        torch = frameworks.torch()
        tap = self._network.backbone if layer == PYRAMID else self._network.backbone.body
        with self._detector.lock, torch.enable_grad(), leaves(tap, "output") as taps:
            maps = self._maps(self._images)
            if self._row is None:
                self._locate(self._images, maps)
            found = self._of_region(self._images, maps)
            if self.target.part == "class":
                scalars = [found.logits[0, self._category]]
            else:
                sides = [i for i, side in enumerate(SIDES) if self.target.part in ("box", side)]
                scalars = [OUTWARD[i] * found.boxes[0, i] for i in sides]
            parts = gradients_of(scalars, taps)
        score = float(found.scores[0, self._category].detach())
        return TargetGradients(score, self._frame, tuple(tuple(part) for part in parts))

    def _maps(self, images: Any) -> dict[str, torch.Tensor]:
        """Return the feature maps that the head reads, from the finest on."""
        maps = self._network.backbone(images.tensors)
        return dict(maps) if isinstance(maps, Mapping) else {"0": maps}

    def _locate(self, images: Any, maps: dict[str, torch.Tensor]) -> None:
        """Find the region that the target was predicted from.

        Raises:
            ValueError: If there is none.
        """
        torch = frameworks.torch()
        with torch.no_grad():
            regions = _regions(self._network, images, maps)
            found = _outputs(self._network, images, maps, regions, self._category)
            distance = np.abs(self._clipped(found.boxes) - np.clip(self._box, 0, self._limits())).max(axis=1)
            near = distance <= min(distance.min(initial=np.inf) + 0.05, TOLERANCE)
            if not near.any():
                raise ValueError("The network predicts no such box on this photo: was it found at another image size?")
            scores = np.where(near, found.scores[:, self._category].cpu().numpy(), -1)
        self._row = int(scores.argmax())
        self._regions = None if regions is None else regions[self._row : self._row + 1].detach()

    def _of_region(self, images: Any, maps: dict[str, torch.Tensor]) -> Outputs:
        """Return the outputs for the region alone, (1, ...) each."""
        found = _outputs(self._network, images, maps, self._regions, self._category)
        if self._regions is not None:
            return found
        rows = slice(self._row, (self._row or 0) + 1)
        return Outputs(found.logits[rows], found.scores[rows], found.boxes[rows])

    def _limits(self) -> list[int]:
        height, width = self._frame.scaled
        return [width, height, width, height]

    def _clipped(self, boxes: torch.Tensor) -> np.ndarray:
        return np.clip(boxes.detach().cpu().numpy().astype(np.float64), 0, self._limits())


def _regions(network: TorchNetwork, images: Any, maps: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """Return the region proposals (N, 4) in pixels of the input; None for one-stage detectors: anchors are fixed."""
    return network.rpn(images, maps)[0][0] if hasattr(network, "rpn") else None


def _outputs(
    network: TorchNetwork, images: Any, maps: dict[str, torch.Tensor], regions: torch.Tensor | None, category: int
) -> Outputs:
    """Run the head on region proposals (n, 4), or on all anchors.

    Args:
        network: The network.
        images: The input.
        maps: The feature maps that the head reads.
        regions: Region proposals; None for one-stage detectors.
        category: torchvision's index of the class whose boxes are wanted.
    """
    if regions is not None:
        heads = network.roi_heads
        crops = heads.box_roi_pool(maps, [regions], images.image_sizes)
        logits, offsets = heads.box_predictor(heads.box_head(crops))
        boxes = heads.box_coder.decode(offsets, [regions])[:, category]
        return Outputs(logits, logits.softmax(1), boxes)
    found = network.head(list(maps.values()))
    anchors = network.anchor_generator(images, list(maps.values()))[0]
    logits, offsets = found["cls_logits"][0], found["bbox_regression"][0]
    if "bbox_ctrness" in found:  # FCOS
        scores = (logits.sigmoid() * found["bbox_ctrness"][0].sigmoid()).sqrt()
        return Outputs(logits, scores, network.box_coder.decode(offsets, anchors))
    boxes = network.box_coder.decode_single(offsets, anchors)
    # RetinaNet's classes are independent of one another; SSD has a background.
    scores = logits.sigmoid() if hasattr(network.head.classification_head, "cls_logits") else logits.softmax(1)
    return Outputs(logits, scores, boxes)
