"""What a detector says before anything is thrown away, and what is thrown away: confidence, NMS, a limit.

A detector answers with thousands of boxes, most of them worth nothing and many of them for the same object. What a
visitor sees is what three cuts leave over. They cost a few milliseconds, so the network need not run again for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import supervision as sv

from cnn_demo.models.boxes import iou as overlap_of
from cnn_demo.models.catalogue.specs import ModelSpec
from cnn_demo.models.detection.letterbox import Letterbox

CONFIDENCE, IOU, MAX_DETECTIONS = 0.25, 0.7, 300  # where nobody says otherwise, as in Ultralytics
NOT_SUPPRESSED = -1
Masks = Callable[[np.ndarray], np.ndarray]  # from indices of candidates (K,) to their masks (K, H, W) bool


@dataclass(frozen=True)
class Grid:
    """The places at which a one-stage detector looks for objects: one cell each `stride` pixels of its input.

    Attributes:
        stride: Height and width of a cell, in pixels of the input.
        rows: How many cells one below the other.
        columns: How many cells side by side.
    """

    stride: int
    rows: int
    columns: int


@dataclass(frozen=True, eq=False)
class Candidates:
    """All boxes that a detector has for a photo, N of them.

    Attributes:
        size: (height, width) of the photo.
        boxes_xyxy: (N, 4) float32, corners in pixels of the photo, as the network said them: they may reach beyond it.
        scores: (N,) float32, of the class that the box is most likely of, from 0 to 1.
        class_ids: (N,) int64, that class.
        labels: The names of the classes.
        overlapping: Whether several boxes may be for one object, so that NMS is needed.
        cells: (N, 3) int64, index into `grids`, row and column of the cell that said it; None where there are no cells.
        grids: From the finest to the coarsest.
        frame: Where the photo is in the network's input; None where the detector keeps that to itself.
        proposals_xyxy: (P, 4) float32, the first stage's boxes in pixels of the photo; None where there is one stage.
        objectness: (P,) float32, how sure the first stage is that there is something.
        masks: Makes masks on the photo, for those that are left over alone; None where the network has boxes only.
        milliseconds: What the network took, preparation of the photo included.
        device: "cpu", "cuda" or "mps": where it ran.
        engine: "torch" or "OpenVINO": what ran it.
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
        """Return the boxes of these candidates (K, 4) float32 as far as they lie on the photo."""
        return self._on_photo(self.boxes_xyxy[indices])

    def _on_photo(self, boxes: np.ndarray) -> np.ndarray:
        height, width = self.size
        return np.clip(boxes, 0, np.array([width, height, width, height], np.float32))

    def cell_xyxy(self, index: int) -> np.ndarray:
        """Return the corners (4,) float32, in pixels of the photo, of the cell that said a candidate.

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
    """What the cuts do to the candidates that are confident enough, M of them, the most confident first.

    Attributes:
        candidates: Of which it was selected.
        order: (M,) int64, their indices.
        suppressor: (M,) int64, for each the place in `order` of the box that suppressed it, or `NOT_SUPPRESSED`.
        overlap: (M,) float64, its IoU with that box; 0 where there is none.
        kept: (K,) int64, places in `order` of those that are left over, the most confident first.
        beyond_limit: (L,) int64, places in `order` of those that nobody suppressed but that are too many.
    """

    candidates: Candidates
    order: np.ndarray = field(repr=False)
    suppressor: np.ndarray = field(repr=False)
    overlap: np.ndarray = field(repr=False)
    kept: np.ndarray = field(repr=False)
    over_limit: np.ndarray = field(repr=False)

    def detections(self) -> sv.Detections:
        """Return what is left over; its data holds `class_name` and `candidate`, the index into the candidates.

        Where the network has masks, they are (K, H, W) bool, and what has an empty one is left out.
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

    def suppressed(self, place: int) -> np.ndarray:
        """Return the places in `order` of those that the box at this place suppressed."""
        return np.flatnonzero(self.suppressor == place)


def select(
    candidates: Candidates,
    confidence: float = CONFIDENCE,
    iou: float = IOU,
    classes: Iterable[int | str] | None = None,
    max_detections: int = MAX_DETECTIONS,
) -> Selection:
    """Cut: below the confidence, other classes, suppressed by a better box of the same class, beyond the limit.

    Args:
        candidates: Of one photo.
        confidence: A box must be more confident than this, from 0 to 1.
        iou: A box is suppressed where its IoU with a better one of its class is above this, from 0 to 1.
        classes: Names or indices of those to keep; None for all.
        max_detections: No more than so many are kept, the most confident ones.

    Raises:
        ValueError: If a setting is out of its range, or there is no such class.
    """
    check_settings(confidence, iou, max_detections)
    wanted = candidates.scores > confidence
    if classes is not None:
        wanted &= np.isin(candidates.class_ids, class_indices(classes, candidates.labels))
    order = np.flatnonzero(wanted)
    order = order[np.argsort(-candidates.scores[order], kind="stable")]
    if candidates.needs_nms:
        suppressor, overlap = suppress(candidates.boxes_xyxy[order], candidates.class_ids[order], iou)
    else:
        suppressor, overlap = np.full(len(order), NOT_SUPPRESSED), np.zeros(len(order))
    alone = np.flatnonzero(suppressor == NOT_SUPPRESSED)
    return Selection(candidates, order, suppressor, overlap, alone[:max_detections], alone[max_detections:])


def suppress(boxes: np.ndarray, class_ids: np.ndarray, iou: float) -> tuple[np.ndarray, np.ndarray]:
    """Non-maximum suppression: each box, from the best on, suppresses all worse ones of its class that overlap it much.

    A suppressed box suppresses nobody. Neubeck & Van Gool, "Efficient non-maximum suppression" (2006), describe this
    greedy way; class by class as in Girshick et al., "R-CNN" (2014), https://arxiv.org/abs/1311.2524.

    Args:
        boxes: (M, 4) corners, the best first.
        class_ids: (M,).
        iou: Above this, a box is suppressed.

    Returns:
        For each box the index of the one that suppressed it, or `NOT_SUPPRESSED`, (M,) int64, and its IoU with it, (M,)
        float64.
    """
    suppressor, overlap = np.full(len(boxes), NOT_SUPPRESSED), np.zeros(len(boxes))
    undecided = np.arange(len(boxes))
    while len(undecided):
        best, rest = undecided[0], undecided[1:]
        overlaps = np.where(class_ids[rest] == class_ids[best], overlap_of(boxes[best], boxes[rest]), 0)
        suppressed = overlaps > iou
        suppressor[rest[suppressed]], overlap[rest[suppressed]] = best, overlaps[suppressed]
        undecided = rest[~suppressed]
    return suppressor, overlap


class Detector:
    """What all detectors share: they answer with what the cuts leave of their candidates."""

    spec: ModelSpec

    def candidates(self, pixels: np.ndarray, side: int | None = None) -> Candidates:
        """Return all boxes that the network has for a photo."""
        raise NotImplementedError

    def predict(
        self,
        pixels: np.ndarray,
        confidence: float = CONFIDENCE,
        iou: float = IOU,
        classes: Iterable[int | str] | None = None,
        max_detections: int = MAX_DETECTIONS,
        side: int | None = None,
    ) -> sv.Detections:
        """Find all objects on a photo.

        Args:
            pixels: (H, W, 3) uint8, of any size.
            confidence: As for `select`, like the next three.
            iou: Nothing changes with it where the network's boxes need no NMS.
            classes: Names or indices.
            max_detections: The most confident ones.
            side: As for `candidates`.

        Returns:
            Boxes in pixels of the photo, the most confident first, and masks (N, H, W) bool where the network has them;
            `data` holds `class_name`, `metadata` the milliseconds, the device and the engine.

        Raises:
            ValueError: As `candidates` and `select` do.
        """
        check_settings(confidence, iou, max_detections)
        wanted = None if classes is None else class_indices(classes, self.spec.labels)
        return select(self.candidates(pixels, side), confidence, iou, wanted, max_detections).detections()


def check_settings(confidence: float, iou: float, max_detections: int) -> None:
    """Refuse settings that mean nothing.

    Raises:
        ValueError: In one sentence.
    """
    for name, value in {"confidence": confidence, "IoU": iou}.items():
        if not 0 <= value <= 1:
            raise ValueError(f"The {name} must be from 0 to 1, not {value}.")
    if max_detections < 1:
        raise ValueError(f"At least one detection must be allowed, not {max_detections}.")


def class_indices(classes: Iterable[int | str], labels: tuple[str, ...]) -> list[int]:
    """Return the indices of classes that are given by name or by index.

    Raises:
        ValueError: If there is no such class; the message names the choices.
    """
    indices = []
    for wanted in classes:
        if isinstance(wanted, str) and wanted in labels:
            indices.append(labels.index(wanted))
        elif not isinstance(wanted, str) and 0 <= wanted < len(labels):
            indices.append(int(wanted))
        else:
            raise ValueError(f"There is no class {wanted!r}: choose of {', '.join(labels)}.")
    return indices
