"""Raw detector output and its post-processing: confidence threshold, non-maximum suppression and max detections.

A detector outputs thousands of candidate boxes. Most have a low score, and many belong to the same object. Filtering
them takes a few milliseconds, so changing a threshold does not require running the network again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import supervision as sv

from cnn_demo.models.boxes import iou as overlap_of
from cnn_demo.models.detection.letterbox import Letterbox
from cnn_demo.models.model import SettingError

CONFIDENCE, MAX_DETECTIONS = 0.25, 300  # defaults, as in Ultralytics
# Ultralytics has 0.7. On the everyday detector's 322 validation photos 0.6 has 197 instead of 263 false positives at
# this confidence, with 370 instead of 372 of the 573 objects, and no lower mAP50-95 (0.4486 instead of 0.4479).
IOU = 0.6
NOT_SUPPRESSED = -1
Masks = Callable[[np.ndarray], np.ndarray]  # maps candidate indices (K,) to their masks (K, H, W) bool


@dataclass(frozen=True)
class Grid:
    """The grid of a one-stage detector: one cell for every `stride` pixels of its input.

    Attributes:
        stride: Height and width of a cell, in pixels of the input.
        rows: Number of rows of cells.
        columns: Number of columns of cells.
    """

    stride: int
    rows: int
    columns: int


@dataclass(frozen=True, eq=False)
class Candidates:
    """All N candidate boxes of a detector for one photo.

    Attributes:
        size: (height, width) of the photo.
        boxes_xyxy: (N, 4) float32, corners in pixels of the photo, not clipped: they may extend beyond it.
        scores: (N,) float32, score of the most likely class, from 0 to 1.
        class_ids: (N,) int64, index of that class.
        labels: Class names.
        needs_nms: Whether several boxes may belong to one object, so that NMS is needed.
        cells: (N, 3) int64, index into `grids`, row and column of the predicting cell; None if there are no cells.
        grids: Grids from the finest to the coarsest.
        frame: Position of the photo in the network's input; None if the detector does not expose it.
        proposals_xyxy: (P, 4) float32, region proposals in pixels of the photo; None for one-stage detectors.
        objectness: (P,) float32, objectness scores of the proposals; None for one-stage detectors.
        masks: Function that computes the masks of the selected candidates; None if the network predicts boxes only.
        milliseconds: Inference time, preprocessing of the photo included.
        device: Device it ran on: "cpu", "cuda" or "mps".
        engine: Inference engine: "torch", `machine.IN_HALF` or "OpenVINO".
    """

    size: tuple[int, int]
    boxes_xyxy: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)
    class_ids: np.ndarray = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)
    needs_nms: bool = True
    cells: np.ndarray | None = field(default=None, repr=False)
    grids: tuple[Grid, ...] = ()
    frame: Letterbox | None = None
    proposals_xyxy: np.ndarray | None = field(default=None, repr=False)
    objectness: np.ndarray | None = field(default=None, repr=False)
    masks: Masks | None = field(default=None, repr=False)
    milliseconds: float = 0.0
    device: str = "cpu"
    engine: str = "torch"

    def __post_init__(self) -> None:
        count = len(self.scores)
        if self.boxes_xyxy.shape != (count, 4) or self.class_ids.shape != (count,):
            raise ValueError(f"{count} scores need as many boxes and classes, not {self.boxes_xyxy.shape}.")

    def visible(self, indices: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return the boxes of these candidates, clipped to the photo, (K, 4) float32."""
        return self._on_photo(self.boxes_xyxy[indices])

    def _on_photo(self, boxes: np.ndarray) -> np.ndarray:
        height, width = self.size
        return np.clip(boxes, 0, np.array([width, height, width, height], np.float32))

    def cell_xyxy(self, index: int) -> np.ndarray:
        """Return the corners (4,) float32, in pixels of the photo, of the cell that predicted a candidate.

        Raises:
            ValueError: If this detector has no cells.
        """
        if self.cells is None or self.frame is None:
            raise ValueError("This detector's boxes do not come from the cells of a grid.")
        level, row, column = self.cells[index]
        stride = self.grids[level].stride
        return self._on_photo(self.frame.to_photo(np.array([column, row, column + 1, row + 1]) * stride))


@dataclass(frozen=True, eq=False)
class Selection:
    """Result of post-processing the M candidates above the confidence threshold, sorted by descending score.

    Attributes:
        candidates: The candidates before post-processing.
        order: (M,) int64, indices of the M candidates, sorted by descending score.
        suppressor: (M,) int64, for each candidate the index into `order` of the box that suppressed it, or
            `NOT_SUPPRESSED`.
        overlap: (M,) float64, IoU with that box; 0 if not suppressed.
        kept: (K,) int64, indices into `order` of the detections that are kept, sorted by descending score.
        over_limit: (L,) int64, indices into `order` of boxes that survive NMS but exceed `max_detections`.
    """

    candidates: Candidates
    order: np.ndarray = field(repr=False)
    suppressor: np.ndarray = field(repr=False)
    overlap: np.ndarray = field(repr=False)
    kept: np.ndarray = field(repr=False)
    over_limit: np.ndarray = field(repr=False)

    def detections(self) -> sv.Detections:
        """Return the kept detections; `data` holds `class_name` and `candidate`, the index into the candidates.

        Masks, if the network predicts them, are (K, H, W) bool; detections with an empty mask are left out.
        """
        index = self.order[self.kept]
        candidates = self.candidates
        masks = None if candidates.masks is None else candidates.masks(index)
        if masks is not None:
            there = masks.any(axis=(1, 2))
            index, masks = index[there], masks[there]
        class_ids = candidates.class_ids[index]
        names = np.array([candidates.labels[i] for i in class_ids], dtype=str)
        return sv.Detections(
            xyxy=candidates.visible(index),
            mask=masks,
            confidence=candidates.scores[index],
            class_id=class_ids,
            data={"class_name": names, "candidate": index},
            metadata={
                "milliseconds": candidates.milliseconds,
                "device": candidates.device,
                "engine": candidates.engine,
            },
        )

    def suppressed(self, index: int) -> np.ndarray:
        """Return the indices into `order` of the boxes suppressed by the box at this index."""
        return np.flatnonzero(self.suppressor == index)


def select(
    candidates: Candidates,
    confidence: float = CONFIDENCE,
    iou: float = IOU,
    classes: Iterable[int | str] | None = None,
    max_detections: int = MAX_DETECTIONS,
) -> Selection:
    """Filter candidates by score and class, apply class-wise NMS, and keep the top `max_detections`.

    Args:
        candidates: The candidates of one photo.
        confidence: Confidence threshold, 0 to 1; only boxes above it are kept.
        iou: IoU threshold of NMS, 0 to 1; a box whose IoU with a higher-scoring box of its class exceeds it is removed.
        classes: Names or indices of the classes to keep; None for all.
        max_detections: Maximum number of detections to keep.

    Raises:
        SettingError: If a setting is out of its range, or there is no such class.

    Example:
        >>> import numpy as np
        >>> from cnn_demo.models.detection.candidates import Candidates, select
        >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], np.float32)
        >>> scores, class_ids = np.array([0.9, 0.8, 0.7], np.float32), np.zeros(3, int)
        >>> selection = select(Candidates((20, 50), boxes, scores, class_ids, ("cat",)), confidence=0.5, iou=0.45)
        >>> selection.order[selection.kept]  # the second box overlaps the first one by an IoU of 0.82
        array([0, 2])
    """
    check_settings(confidence, iou, max_detections)
    keep = candidates.scores > confidence
    if classes is not None:
        keep &= np.isin(candidates.class_ids, class_indices(classes, candidates.labels))
    order = np.flatnonzero(keep)
    order = order[np.argsort(-candidates.scores[order], kind="stable")]
    if candidates.needs_nms:
        suppressor, overlap = suppress(candidates.boxes_xyxy[order], candidates.class_ids[order], iou)
    else:
        suppressor = np.full(len(order), NOT_SUPPRESSED)
        overlap = np.zeros(len(order))
    alone = np.flatnonzero(suppressor == NOT_SUPPRESSED)
    return Selection(candidates, order, suppressor, overlap, alone[:max_detections], alone[max_detections:])


def suppress(boxes: np.ndarray, class_ids: np.ndarray, iou: float) -> tuple[np.ndarray, np.ndarray]:
    """Apply greedy class-wise non-maximum suppression (NMS).

    Each box, by descending score, suppresses all lower-scoring boxes of its class whose IoU with it is above the
    threshold; a suppressed box suppresses no others. Greedy NMS: Neubeck & Van Gool, "Efficient non-maximum
    suppression" (2006); per class as in Girshick et al., "R-CNN" (2014), https://arxiv.org/abs/1311.2524.

    Args:
        boxes: (M, 4) corners, sorted by descending score.
        class_ids: (M,) class indices.
        iou: IoU threshold.

    Returns:
        The index of the suppressing box, or `NOT_SUPPRESSED`, (M,) int64, and the IoU with it, (M,) float64.
    """
    suppressor = np.full(len(boxes), NOT_SUPPRESSED)
    overlap = np.zeros(len(boxes))
    undecided = np.arange(len(boxes))
    while len(undecided):
        best, rest = undecided[0], undecided[1:]
        overlaps = np.where(class_ids[rest] == class_ids[best], overlap_of(boxes[best], boxes[rest]), 0)
        suppressed = overlaps > iou
        suppressor[rest[suppressed]] = best
        overlap[rest[suppressed]] = overlaps[suppressed]
        undecided = rest[~suppressed]
    return suppressor, overlap


def check_settings(confidence: float, iou: float, max_detections: int) -> None:
    """Check the settings of post-processing.

    Raises:
        SettingError: If a setting is out of its range.
    """
    for name, value in {"confidence": confidence, "IoU": iou}.items():
        if not 0 <= value <= 1:
            raise SettingError(f"The {name} must be from 0 to 1, not {value}.")
    if max_detections < 1:
        raise SettingError(f"Max detections must be at least 1, not {max_detections}.")


def class_indices(classes: Iterable[int | str], labels: tuple[str, ...]) -> list[int]:
    """Return the indices of classes given by name or by index.

    Raises:
        SettingError: If there is no such class; the message names the choices.
    """
    indices = []
    for name_or_index in classes:
        if isinstance(name_or_index, str) and name_or_index in labels:
            indices.append(labels.index(name_or_index))
        elif not isinstance(name_or_index, str) and 0 <= name_or_index < len(labels):
            indices.append(int(name_or_index))
        else:
            raise SettingError(f"There is no class {name_or_index!r}: choose from {', '.join(labels)}.")
    return indices
