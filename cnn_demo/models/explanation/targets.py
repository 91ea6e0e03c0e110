"""Targets of an explanation: the one prediction whose reasons are asked for. Small values that can be cache keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from cnn_demo.models.detection.candidates import Candidates

Part: TypeAlias = Literal["class", "box", "left", "top", "right", "bottom", "centre", "mask"]
PARTS: tuple[Part, ...] = ("class", "box", "left", "top", "right", "bottom")
SIDES: tuple[Part, ...] = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class ClassTarget:
    """A class of a classifier or of a localizer's class head.

    Attributes:
        class_id: Index of the class.
    """

    class_id: int


@dataclass(frozen=True)
class BoxTarget:
    """One box of a detector, or the box of a localizer.

    Attributes:
        class_id: Index of its class; not used by a localizer, whose box has no class of its own.
        box_xyxy: Its four corners in pixels of the photo, not clipped.
        cell: Index of the grid, row and column of the cell that predicted it; None if the detector has no cells.
        part: What to explain: the score of its "class", its whole "box", or one side of it: "left", "top", "right" or
            "bottom". Of a localizer's box also its "centre", and of an instance its "mask".
    """

    class_id: int
    box_xyxy: tuple[float, float, float, float]
    cell: tuple[int, int, int] | None = None
    part: Part = "class"

    def __post_init__(self) -> None:
        if self.part not in get_args(Part):
            raise ValueError(f"A box has no part {self.part!r}: choose one of {', '.join(get_args(Part))}.")

    def with_part(self, part: Part) -> BoxTarget:
        """Return the same box with another part to explain.

        Raises:
            ValueError: If there is no such part.
        """
        return replace(self, part=part)


@dataclass(frozen=True)
class PixelTarget:
    """The class of one pixel of a semantic segmentation.

    Attributes:
        row: Row in the photo.
        column: Column in the photo.
        class_id: Index of the class.
    """

    row: int
    column: int
    class_id: int


@dataclass(frozen=True, eq=False)
class RegionTarget:
    """The class of a region of a semantic segmentation.

    Attributes:
        mask: (H, W) bool, the region's pixels on the photo.
        class_id: Index of the class.
    """

    mask: np.ndarray
    class_id: int

    def __post_init__(self) -> None:
        if self.mask.ndim != 2 or self.mask.dtype != bool or not self.mask.any():
            raise ValueError("A region is a mask (H, W) of bool with one pixel at least.")


Target: TypeAlias = ClassTarget | BoxTarget | PixelTarget | RegionTarget


def candidate_target(candidates: Candidates, index: int, part: Part = "class") -> BoxTarget:
    """Return the target that a candidate of a detector is.

    Args:
        candidates: The candidates of one photo.
        index: Index of the candidate.
        part: What to explain; see `BoxTarget`.

    Raises:
        ValueError: If there is no such candidate or part.
    """
    count = len(candidates.scores)
    if not 0 <= index < count:
        raise ValueError(f"There are candidates 0 to {count - 1}, and no candidate {index}.")
    x1, y1, x2, y2 = candidates.boxes_xyxy[index].tolist()
    cell = None
    if candidates.cells is not None:
        level, row, column = candidates.cells[index].tolist()
        cell = (level, row, column)
    return BoxTarget(int(candidates.class_ids[index]), (x1, y1, x2, y2), cell, part)
