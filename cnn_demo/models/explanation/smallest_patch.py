"""The smallest square of a photo whose covering swaps two classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models.explanation.curves import filled
from cnn_demo.models.explanation.feature_maps import check_label, check_picture

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

BATCH = 16  # images per batch; the lock is released between batches
CELLS = 16  # cells of the grid along the shorter side
LARGEST = 12  # cells along the side of the largest square


@dataclass(frozen=True, eq=False)
class PatchSearch:
    """Result of the search.

    Attributes:
        box_xyxy: (4,) int, corners of the square in pixels of the network's input; None if no square swaps the classes.
        covered: (h, w, 3) uint8, the input with this square covered; the input itself if there is none.
        before: Probabilities of both classes for the whole input.
        after: Probabilities of both classes with the square covered; those before if there is none.
        top: Index of the most probable class with the square covered.
        tried: Number of squares that were covered.
        largest: Side of the largest square that was covered, as a fraction of the shorter side.
    """

    box_xyxy: np.ndarray | None
    covered: np.ndarray = field(repr=False)
    before: tuple[float, float]
    after: tuple[float, float]
    top: int
    tried: int
    largest: float

    @property
    def side(self) -> float:
        """Side of the square as a fraction of the input's shorter side; 0 if there is none."""
        if self.box_xyxy is None:
            return 0.0
        return float(self.box_xyxy[2] - self.box_xyxy[0]) / min(self.covered.shape[:2])


def smallest_patch(
    model: Classifier,
    seen: np.ndarray,
    first: int,
    second: int,
    fill: str = "grey",
    progress: Callable[[float], None] | None = None,
) -> PatchSearch:
    """Cover squares of growing size until the less probable of two classes becomes the more probable one.

    Squares lie on a grid of 16 cells along the shorter side, small ones at every cell, larger ones at steps of half
    their side. Among the squares of the first size that swaps the classes, it is the one with the largest margin.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        first: Index of a class.
        second: Index of another class.
        fill: "grey", or "blur" for a strongly blurred copy of the photo.
        progress: Callback that receives the completed fraction of all squares after each batch.

    Raises:
        ValueError: If there is no such class or fill, or the image has another size.
    """
    check_picture(model, seen)
    check_label(model, first)
    check_label(model, second)
    substitute = filled(seen, fill)
    logits = model.logits(seen[np.newaxis])[0]
    leader, other = (first, second) if logits[first] >= logits[second] else (second, first)
    sizes = [squares(seen.shape[:2], cells) for cells in range(1, LARGEST + 1)]
    total, tried = sum(map(len, sizes)), 0
    before = _pair(model, logits, first, second)
    for cells, found in enumerate(sizes, 1):
        rows = []
        for start in range(0, len(found), BATCH):
            rows.append(model.logits(np.stack([_cover(seen, substitute, box) for box in found[start : start + BATCH]])))
            if progress is not None:
                progress((tried + min(start + BATCH, len(found))) / total)
        tried += len(found)
        covered_logits = np.concatenate(rows)
        margins = covered_logits[:, other] - covered_logits[:, leader]
        best = int(margins.argmax())
        if margins[best] > 0:
            after = covered_logits[best]
            return PatchSearch(
                found[best],
                _cover(seen, substitute, found[best]),
                before,
                _pair(model, after, first, second),
                int(after.argmax()),
                tried,
                cells / CELLS,
            )
    return PatchSearch(None, seen, before, before, int(logits.argmax()), tried, LARGEST / CELLS)


def squares(size: tuple[int, int], cells: int) -> np.ndarray:
    """Return the corners (N, 4) of all squares of one size on the grid, as x1, y1, x2, y2 in pixels.

    Args:
        size: (height, width) of the image.
        cells: Side of the squares in cells.
    """
    cell = min(size) / CELLS
    side = max(1, round(cells * cell))
    step = max(1, cells // 2) * cell
    ys, xs = (
        sorted({*(min(round(at), length - side) for at in np.arange(0, length - side, step)), length - side})
        for length in size
    )
    return np.array([(x, y, x + side, y + side) for y in ys for x in xs])


def _cover(seen: np.ndarray, substitute: np.ndarray, box: np.ndarray) -> np.ndarray:
    x1, y1, x2, y2 = box
    covered = seen.copy()
    covered[y1:y2, x1:x2] = substitute[y1:y2, x1:x2]
    return covered


def _pair(model: Classifier, logits: np.ndarray, first: int, second: int) -> tuple[float, float]:
    probabilities = model.probabilities(logits)
    return float(probabilities[first]), float(probabilities[second])
