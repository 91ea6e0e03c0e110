"""A fake detector for page tests: it predicts planted boxes in YOLO's format, without a framework."""

import numpy as np

from cnn_demo.models.detection.candidates import Candidates, Grid
from cnn_demo.models.detection.yolo_detector import cell_indices

# Class index and corners as fractions of the sides: two persons, one of them in a crowd of boxes, and a bus.
OBJECTS = ((0, (0.05, 0.3, 0.3, 0.95)), (0, (0.4, 0.35, 0.55, 0.9)), (5, (0.1, 0.05, 0.95, 0.7)))


class PlantedEngine:
    """Predict each object in the cells around its middle, the nearest most confidently, each box slightly different."""

    name = "torch"
    strides = (8, 16, 32)

    def __init__(self, objects=OBJECTS, *, needs_nms: bool = True) -> None:
        self.objects, self.needs_nms = objects, needs_nms

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = pictures.shape[2:]
        grids = tuple(Grid(stride, height // stride, width // stride) for stride in self.strides)
        cells = cell_indices(grids)
        strides = np.array(self.strides)[cells[:, 0]]
        centres = (cells[:, :0:-1] + 0.5) * strides[:, None]
        scores = np.full((80, len(cells)), 0.0001, np.float32)
        distances = np.ones((4, len(cells)), np.float32)
        for number, (class_id, fractions) in enumerate(self.objects):
            box = np.array(fractions) * (width, height, width, height)
            away = np.linalg.norm(centres - (box[:2] + box[2:]) / 2, axis=1)
            level = 0 if max(box[2:] - box[:2]) < 64 else 2 if max(box[2:] - box[:2]) > 200 else 1
            away[cells[:, 0] != level] = np.inf
            for rank, cell in enumerate(np.argsort(away)[: 4 if self.needs_nms else 1]):
                scores[class_id, cell] = 0.93 - 0.05 * number - 0.12 * rank
                wobble = box + 0.025 * rank * np.tile(box[2:] - box[:2], 2)
                sides = np.concatenate([centres[cell] - wobble[:2], wobble[2:] - centres[cell]]) / strides[cell]
                distances[:, cell] = sides
        return distances[None], scores[None]


class TwoStages:
    """Return the outputs of one of torchvision's two-stage detectors."""

    engine, device, needs_nms, sides = "torch", "cpu", True, (320, 800)

    def __init__(self, spec) -> None:
        self.spec = spec

    def candidates(self, pixels: np.ndarray, side: int | None = None) -> Candidates:
        height, width = pixels.shape[:2]
        scale = np.array([width, height, width, height], np.float32)
        boxes = np.array([fractions for _, fractions in OBJECTS[:2]], np.float32) * scale
        grid = np.linspace(0, 0.8, 12, dtype=np.float32)
        proposals = np.stack([grid, grid, grid + 0.2, grid + 0.2], axis=1) * scale
        return Candidates(
            size=(height, width),
            boxes_xyxy=boxes,
            scores=np.array([0.9, 0.6], np.float32),
            class_ids=np.array([0, 0]),
            labels=self.spec.labels,
            proposals_xyxy=proposals,
            objectness=np.linspace(0.99, 0.4, 12, dtype=np.float32),
        )
