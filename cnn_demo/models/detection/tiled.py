"""Detection of small objects on overlapping tiles of a photo, and merging of the boxes of all tiles.

Slicing aided hyper inference (SAHI), Akyon et al. (2022), https://arxiv.org/abs/2202.06934: a network resizes its
input, and an object that is then only a few pixels large is missed. In a tile, the same object is larger. The
detections of all tiles and of the whole photo are merged, as many objects are in the overlap of two tiles.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import supervision as sv

from cnn_demo.models.boxes import area, intersection, union
from cnn_demo.models.detection.candidates import IOU, NOT_SUPPRESSED, Candidates, select
from cnn_demo.models.detection.detector import Detector
from cnn_demo.models.tiling import Tile

WHOLE = -1  # source of a box that was detected on the whole photo
LOWEST = 0.05  # boxes with a lower score are not kept
THRESHOLD = 0.5  # of merging, as in SAHI
AT_EDGE = 0.04  # of the sides of a tile: a box that ends so near to an edge is probably cut
METHODS = {"nmm": "Greedy merging", "nms": "NMS"}
METRICS = {"ios": "IoS", "iou": "IoU"}


@dataclass(frozen=True, eq=False)
class TiledBoxes:
    """All boxes of the whole photo and of the tiles so far, each after the detector's own NMS.

    Attributes:
        tiles: All tiles.
        done: Number of tiles so far.
        boxes_xyxy: (N, 4) float32, in pixels of the photo that was tiled.
        scores: (N,) float32.
        class_ids: (N,) int64.
        sources: (N,) int64, index of the tile that each box is from; `WHOLE` for the whole photo.
        labels: Class names.
        whole_milliseconds: Time for the whole photo.
        tiles_milliseconds: Time for the tiles so far.
        device: Device it ran on.
        engine: Inference engine.
    """

    tiles: tuple[Tile, ...]
    done: int
    boxes_xyxy: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)
    class_ids: np.ndarray = field(repr=False)
    sources: np.ndarray = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)
    whole_milliseconds: float
    tiles_milliseconds: float
    device: str
    engine: str

    @property
    def cut(self) -> np.ndarray:
        """Whether each box (N,) ends at an edge of its tile inside the photo, and may be a part of an object."""
        corners = np.array([tile.xyxy for tile in self.tiles], float).reshape(-1, 4)
        in_tile = self.sources != WHOLE
        own = corners[self.sources[in_tile]]
        margins = AT_EDGE * (own[:, 2:] - own[:, :2])
        boxes = self.boxes_xyxy[in_tile]
        near = np.hstack([boxes[:, :2] < own[:, :2] + margins, boxes[:, 2:] > own[:, 2:] - margins])
        inside = np.hstack([own[:, :2] > corners[:, :2].min(axis=0), own[:, 2:] < corners[:, 2:].max(axis=0)])
        cut = np.zeros(len(self.sources), bool)
        cut[in_tile] = (near & inside).any(axis=1)
        return cut

    def without_cut(self) -> TiledBoxes:
        """Return the boxes that no tile cuts."""
        whole = ~self.cut
        return replace(
            self,
            boxes_xyxy=self.boxes_xyxy[whole],
            scores=self.scores[whole],
            class_ids=self.class_ids[whole],
            sources=self.sources[whole],
        )


def detect_in_tiles(
    detector: Detector, pixels: np.ndarray, parts: tuple[Tile, ...], side: int | None = None
) -> Iterator[TiledBoxes]:
    """Run a detector on a photo and on its tiles, and yield the boxes so far after each run.

    Args:
        detector: The detector.
        pixels: (H, W, 3) uint8 RGB at full resolution.
        parts: Tiles of the photo, from `models.tiling.tiles`.
        side: Image size of the network, for the photo and for each tile; None for its own.

    Yields:
        The boxes of the whole photo, then also those of the first tile, and so on.
    """
    columns: list[tuple[np.ndarray, ...]] = []
    times = []
    for source in range(WHOLE, len(parts)):
        crop = pixels if source == WHOLE else np.ascontiguousarray(pixels[parts[source].slices])
        start = time.perf_counter()
        candidates = detector.candidates(crop, side)
        times.append((time.perf_counter() - start) * 1000)
        offset = (0, 0) if source == WHOLE else (parts[source].left, parts[source].top)
        columns.append(_kept(candidates, offset, source))
        boxes, scores, class_ids, sources = (np.concatenate(column) for column in zip(*columns, strict=True))
        yield TiledBoxes(
            tiles=parts,
            done=source + 1,
            boxes_xyxy=boxes,
            scores=scores,
            class_ids=class_ids,
            sources=sources,
            labels=candidates.labels,
            whole_milliseconds=times[0],
            tiles_milliseconds=sum(times[1:]),
            device=candidates.device,
            engine=candidates.engine,
        )


def _kept(candidates: Candidates, offset: tuple[int, int], source: int) -> tuple[np.ndarray, ...]:
    """Return boxes in pixels of the photo, scores, classes and sources of one run, after its NMS."""
    selection = select(candidates, LOWEST, IOU)
    index = selection.order[selection.kept]
    boxes = candidates.visible(index) + np.array(offset * 2, np.float32)
    return boxes, candidates.scores[index], candidates.class_ids[index], np.full(len(index), source)


@dataclass(frozen=True, eq=False)
class Merged:
    """Boxes above the confidence threshold by descending score, and the groups that were merged.

    Attributes:
        boxes_xyxy: (M, 4) float32, the boxes before merging.
        scores: (M,) float32.
        class_ids: (M,) int64.
        sources: (M,) int64.
        leader: (M,) int64, index of the box that each one was merged into; its own if it leads a group.
        overlap: (M,) float64, IoU or IoS with that box; 0 for leaders.
        merged_xyxy: (K, 4) float32, one box for each group, in the order of `leaders`.
        labels: Class names.
    """

    boxes_xyxy: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)
    class_ids: np.ndarray = field(repr=False)
    sources: np.ndarray = field(repr=False)
    leader: np.ndarray = field(repr=False)
    overlap: np.ndarray = field(repr=False)
    merged_xyxy: np.ndarray = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)

    @property
    def leaders(self) -> np.ndarray:
        """Indices of the boxes that lead a group (K,)."""
        return np.flatnonzero(self.leader == np.arange(len(self.leader)))

    @property
    def only_in_tiles(self) -> np.ndarray:
        """Whether no box of a group (K,) is from the whole photo."""
        return np.array([not (self.sources[self.leader == k] == WHOLE).any() for k in self.leaders], bool)

    @property
    def only_in_whole(self) -> np.ndarray:
        """Whether all boxes of a group (K,) are from the whole photo."""
        return np.array([(self.sources[self.leader == k] == WHOLE).all() for k in self.leaders], bool)

    def detections(self) -> sv.Detections:
        """Return one detection for each group."""
        leaders = self.leaders
        names = np.array([self.labels[i] for i in self.class_ids[leaders]], dtype=str)
        return sv.Detections(
            xyxy=self.merged_xyxy,
            confidence=self.scores[leaders],
            class_id=self.class_ids[leaders],
            data={"class_name": names},
        )


def merge(
    found: TiledBoxes, confidence: float, method: str = "nmm", metric: str = "ios", threshold: float = THRESHOLD
) -> Merged:
    """Merge boxes of one class that overlap, greedily by descending score.

    NMS keeps the box with the highest score; greedy merging (greedy NMM in SAHI) replaces a group by the smallest box
    that encloses it, so that an object that two tiles cut gets one whole box. IoS is the intersection over the area of
    the smaller box: it is 1 for a part of an object within the whole one, whose IoU may be low.

    Args:
        found: Boxes of the photo and of its tiles.
        confidence: Confidence threshold, 0 to 1.
        method: A key of `METHODS`.
        metric: A key of `METRICS`.
        threshold: Boxes with a larger overlap are merged, 0 to 1.

    Raises:
        ValueError: If there is no such method or metric, or a threshold is out of its range.
    """
    if method not in METHODS or metric not in METRICS:
        raise ValueError(f"Merge by {' or '.join(METHODS)}, and {' or '.join(METRICS)}; not {method}, {metric}.")
    if not 0 <= confidence <= 1 or not 0 <= threshold <= 1:
        raise ValueError(f"Thresholds are from 0 to 1, not {confidence} and {threshold}.")
    order = np.flatnonzero(found.scores > confidence)
    order = order[np.argsort(-found.scores[order], kind="stable")]
    boxes, class_ids = found.boxes_xyxy[order], found.class_ids[order]
    leader, overlap = _groups(boxes, class_ids, metric, threshold)
    leaders = np.flatnonzero(leader == np.arange(len(leader)))
    merged = boxes[leaders].copy()
    if method == "nmm":
        for at, k in enumerate(leaders):
            group = boxes[leader == k]
            merged[at] = np.concatenate([group[:, :2].min(axis=0), group[:, 2:].max(axis=0)])
    return Merged(boxes, found.scores[order], class_ids, found.sources[order], leader, overlap, merged, found.labels)


def _groups(boxes: np.ndarray, class_ids: np.ndarray, metric: str, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Assign each box to the first box of its class, by descending score, that it overlaps enough."""
    leader = np.full(len(boxes), NOT_SUPPRESSED)
    overlap = np.zeros(len(boxes))
    undecided = np.arange(len(boxes))
    while len(undecided):
        best, rest = undecided[0], undecided[1:]
        leader[best] = best
        overlaps = np.where(class_ids[rest] == class_ids[best], overlap_of(boxes[best], boxes[rest], metric), 0)
        joins = overlaps > threshold
        leader[rest[joins]] = best
        overlap[rest[joins]] = overlaps[joins]
        undecided = rest[~joins]
    return leader, overlap


def overlap_of(first: np.ndarray, second: np.ndarray, metric: str) -> np.ndarray:
    """Return the IoU or the IoS of boxes (..., 4); 0 for boxes without area.

    >>> overlap_of(np.array([0, 0, 10, 10]), np.array([0, 0, 10, 5]), "iou").item()
    0.5
    >>> overlap_of(np.array([0, 0, 10, 10]), np.array([0, 0, 10, 5]), "ios").item()
    1.0
    """
    whole = union(first, second) if metric == "iou" else np.minimum(area(first), area(second))
    return np.divide(intersection(first, second), whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)
