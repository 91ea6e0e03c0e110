"""A box of a YOLO detector, ready to be explained: by its cell, whether its head needs NMS or not."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import iou
from cnn_demo.models.detection.candidates import Grid
from cnn_demo.models.detection.letterbox import Letterbox
from cnn_demo.models.explanation.probe import Probe, TargetGradients, resized_photo
from cnn_demo.models.explanation.targets import PARTS, SIDES, BoxTarget, Part
from cnn_demo.models.explanation.torch_maps import gradients_of, leaves

if TYPE_CHECKING:
    import torch

    from cnn_demo.models.detection.yolo_detector import YoloDetector
    from cnn_demo.models.frameworks import TorchNetwork

PYRAMID, BACKBONE = "pyramid", "backbone"


class YoloProbe(Probe):
    """One box of a YOLO detector; scores come from its usual engine, gradients from its torch network.

    By default, class scores are explained at the pyramid level from which the box's cell predicts, and boxes at the
    backbone's maps.

    Attributes:
        target: The box.
    """

    parts: ClassVar[tuple[Part, ...]] = PARTS

    def __init__(self, detector: YoloDetector, pixels: np.ndarray, target: BoxTarget, side: int | None) -> None:
        if target.cell is None:
            raise ValueError("A box of a YOLO detector is explained by its cell, which this target lacks.")
        if target.part not in self.parts:
            raise ValueError(f"A box of a detector has no {target.part}: choose one of {', '.join(self.parts)}.")
        self.target = target
        self.size = pixels.shape[:2]
        self.layers = (PYRAMID, BACKBONE) if target.part == "class" else (BACKBONE, PYRAMID)
        self._detector = detector
        self._side = side or detector.spec.input_size[0]
        self._frame = frame = Letterbox.fit(self.size, self._side, max(detector.strides))
        self.picture = resized_photo(pixels, frame.scaled)
        grids = tuple(Grid(stride, frame.input[0] // stride, frame.input[1] // stride) for stride in detector.strides)
        self._at = _flat_index(grids, target.cell)
        height, width = self.size
        self._box = np.array(target.box_xyxy) * ([frame.scaled[1] / width, frame.scaled[0] / height] * 2)
        if not 0 <= target.class_id < len(detector.labels):
            raise ValueError(f"{detector.spec.title} has classes 0 to {len(detector.labels) - 1}.")

    def score(self, picture: np.ndarray) -> float:
        """Return the class score of the cell, or the IoU of its box with the target."""
        raw = self._detector.raw(picture, self._side)
        if self.target.part == "class":
            return float(raw.scores[self._at, self.target.class_id])
        return float(iou(self._box, raw.boxes_xyxy[self._at]))

    def similarity(self, picture: np.ndarray) -> float:
        """Return the similarity of D-RISE: IoU × cosine of the class scores × confidence, for the best of all cells.

        Petsiuk et al. (2021), https://arxiv.org/abs/2006.03204. The head has no objectness: the highest class score
        stands for it.
        """
        raw = self._detector.raw(picture, self._side)
        overlap = iou(self._box, raw.boxes_xyxy)
        near = overlap > 0  # a fraction of all cells; the others count 0
        if not near.any():
            return 0.0
        overlap, scores = overlap[near], raw.scores[near]
        own = scores[:, self.target.class_id]
        if self.target.part != "class":
            return float(np.max(overlap * own))
        cosine = own / np.maximum(np.linalg.norm(scores, axis=1), 1e-9)
        return float(np.max(overlap * cosine * scores.max(axis=1)))

    def gradients(self, layer: str) -> TargetGradients:
        """Return the gradients of the cell's class logit, or of its distances to the sides of the box."""
        torch = frameworks.torch()
        detector, target, frame = self._detector, self.target, self._frame
        outputs = detector.torch_network()
        head = outputs.model.model[-1]
        pixels = np.ascontiguousarray(frame.apply(self.picture).transpose(2, 0, 1)[None], np.float32) / 255
        with ExitStack() as stack:
            stack.enter_context(detector.lock)
            stack.enter_context(torch.enable_grad())
            if layer == PYRAMID:
                found = [stack.enter_context(leaves(head, "input"))]
            else:
                found = [stack.enter_context(leaves(module, "output")) for module in _backbone(outputs.model)]
            raw = outputs.model(torch.from_numpy(pixels).to(detector.device))
            scalars = self._scalars(head, raw)
            taps = [leaf for each in found for leaf in each]
            if layer == PYRAMID and target.cell is not None and target.part != "mask":
                taps = [taps[target.cell[0]]]
            parts = gradients_of(scalars, taps)
            score = self._score_of(raw)
        return TargetGradients(score, frame, tuple(tuple(part) for part in parts))

    def _scalars(self, head: TorchNetwork, raw: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        """Return the class logit of the cell, or the distances of its centre to the sides that the target asks for."""
        if self.target.part == "class":
            return [raw["scores"][0, self.target.class_id, self._at]]
        distances = head.dfl(raw["boxes"])[0, :, self._at]  # (4,), left, top, right, bottom
        return [distances[i] for i, side in enumerate(SIDES) if self.target.part in ("box", side)]

    def _score_of(self, raw: dict[str, torch.Tensor]) -> float:
        """Return the class score of the cell in the torch network's outputs."""
        return float(raw["scores"][0, self.target.class_id, self._at].detach().sigmoid())


def _flat_index(grids: tuple[Grid, ...], cell: tuple[int, int, int]) -> int:
    """Return the index of a cell among all cells, which follow each other grid by grid and row by row.

    Raises:
        ValueError: If there is no such cell.
    """
    level, row, column = cell
    if not (0 <= level < len(grids) and 0 <= row < grids[level].rows and 0 <= column < grids[level].columns):
        raise ValueError(f"The network has no cell {cell} on this photo: was it found at another image size?")
    before = sum(grid.rows * grid.columns for grid in grids[:level])
    return before + row * grids[level].columns + column


def _backbone(model: TorchNetwork) -> list[TorchNetwork]:
    """Return the modules of the backbone whose feature maps the neck reads."""
    stages = model.model
    plan = getattr(model, "yaml", None)
    if not plan:  # the bundled everyday networks: encoder, neck, head
        return [stages[0]]
    count = len(plan["backbone"])
    read = {count - 1}
    for stage in stages[count:]:
        sources = stage.f if isinstance(stage.f, (list, tuple)) else [stage.f]
        read |= {source if source >= 0 else stage.i + source for source in sources}
    return [stages[index] for index in sorted(read) if index < count]
