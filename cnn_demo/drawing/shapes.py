"""Shapes that a visitor draws on a picture: boxes, polygons and brush strokes, and the masks they make."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from cachetools import LRUCache, cached

ERASER = -1  # class index of a stroke that removes the paint below it
MAX_SHAPES, MAX_POINTS = 1000, 50_000  # of a drawing
MIN_SIDE = 1.0  # of a box, in pixels
_FEWEST = {"box": 2, "polygon": 3, "stroke": 1}  # points


@dataclass(frozen=True)
class Shape:
    """A box, a polygon or a brush stroke.

    Attributes:
        kind: What it is.
        class_id: Index of its class; `ERASER` for a stroke that erases.
        points: x and y in pixels of the picture: two corners of a box (upper left and lower right), the corners of a
            polygon, the path of a stroke.
        width: Width of a stroke in pixels of the picture; 0 for all others.
    """

    kind: Literal["box", "polygon", "stroke"]
    class_id: int
    points: tuple[tuple[float, float], ...]
    width: float = 0.0


def box_shape(box: np.ndarray, class_id: int = 0) -> Shape:
    """Return the corners (4,) of a box in pixels as a shape."""
    left, top, right, bottom = (float(value) for value in box)
    return Shape("box", class_id, ((left, top), (right, bottom)))


def as_json(shapes: Sequence[Shape]) -> list[dict[str, Any]]:
    """Return shapes as plain JSON, as `read_shapes` reads them."""
    return [
        {"kind": shape.kind, "classId": shape.class_id, "points": [list(at) for at in shape.points]}
        | ({"width": shape.width} if shape.kind == "stroke" else {})
        for shape in shapes
    ]


def read_shapes(sent: object, size: tuple[int, int], classes: int) -> tuple[Shape, ...] | None:
    """Return the shapes that a browser sent, cut to the picture; boxes without an area are left out.

    Args:
        sent: JSON of a list of shapes, from the browser and therefore of any content.
        size: (height, width) of the picture.
        classes: Number of classes.

    Returns:
        The shapes in the order of drawing; None if anything is invalid or there are too many points.
    """
    if not isinstance(sent, list) or len(sent) > MAX_SHAPES:
        return None
    shapes = []
    left = MAX_POINTS
    for each in sent:
        shape = _read_shape(each, size, classes, left)
        if shape is None:
            return None
        left -= len(shape.points)
        if shape.kind != "box" or _has_area(shape, size):
            shapes.append(shape)
    return tuple(shapes)


def _has_area(box: Shape, size: tuple[int, int]) -> bool:
    (left, top), (right, bottom) = box.points
    return min(right - left, bottom - top) >= min(MIN_SIDE, *size)


def _read_shape(sent: object, size: tuple[int, int], classes: int, max_points: int) -> Shape | None:
    if not isinstance(sent, dict):
        return None
    kind, class_id, points = (sent.get(name) for name in ("kind", "classId", "points"))
    if not isinstance(kind, str) or kind not in _FEWEST or not isinstance(points, list):
        return None
    if not isinstance(class_id, int) or not (0 <= class_id < classes or (kind == "stroke" and class_id == ERASER)):
        return None
    if not _FEWEST[kind] <= len(points) <= max_points or (kind == "box" and len(points) > 2):
        return None
    try:
        coordinates = np.array(points, np.float64)
        width = float(sent.get("width", 0)) if kind == "stroke" else 0.0
    except (TypeError, ValueError, OverflowError):
        return None
    if coordinates.shape != (len(points), 2) or not np.isfinite(coordinates).all():
        return None
    coordinates = np.clip(coordinates, 0, size[::-1]).round(1)  # as a link has them
    if kind == "box":
        coordinates = np.sort(coordinates, axis=0)
    if kind == "stroke" and not 0 < width <= max(size):  # NaN is neither
        return None
    return Shape(kind, int(class_id), tuple((float(x), float(y)) for x, y in coordinates), width)  # type: ignore[arg-type]


def boxes_of(shapes: Sequence[Shape]) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners (N, 4) float64 of the boxes in pixels, and their classes (N,)."""
    boxes = [shape for shape in shapes if shape.kind == "box"]
    corners = np.array([shape.points for shape in boxes], np.float64).reshape(-1, 4)
    return corners, np.array([shape.class_id for shape in boxes], int)


def rasterize(shapes: Sequence[Shape], size: tuple[int, int], mask_size: tuple[int, int], blank: int) -> np.ndarray:
    """Return the class of each pixel of a mask.

    A pixel belongs to a polygon if its centre is inside, and to a stroke if its centre is within half the width of the
    path; a later shape covers the earlier ones, and a stroke of the eraser makes pixels blank.

    Args:
        shapes: The shapes, in the order of drawing.
        size: (height, width) of the picture that they were drawn on.
        mask_size: (height, width) of the mask, of the same proportions.
        blank: Value of the pixels of no shape.

    Returns:
        `mask_size` int64.
    """
    mask = np.full(mask_size, blank, np.int64)
    for shape in shapes:
        mask[_covered(shape, size, mask_size)] = blank if shape.class_id == ERASER else shape.class_id
    return mask


# With each new stroke, a page asks for all earlier ones again. One that covers the photo takes 10 MB.
@cached(LRUCache(64 * 2**20, getsizeof=lambda covered: covered[0].nbytes + covered[1].nbytes), lock=threading.Lock())
def _covered(shape: Shape, size: tuple[int, int], mask_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the pixels that a shape covers."""
    scale = np.array([mask_size[1] / size[1], mask_size[0] / size[0]])
    points = np.array(shape.points) * scale
    if shape.kind == "stroke":
        covered = _near_path(points, max(0.5, shape.width / 2 * float(scale.mean())), mask_size)
    else:
        corners = points[[[0, 1, 1, 0], [0, 0, 1, 1]], [[0], [1]]].T if shape.kind == "box" else points
        covered = _inside_polygon(corners, mask_size)
    rows, columns = np.nonzero(covered)
    return rows.astype(np.int32), columns.astype(np.int32)


def _inside_polygon(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels, (height, width) bool, whose centres are inside a polygon (N, 2), by the even-odd rule."""
    height, width = size
    crossings = np.zeros((height, width + 1), np.int32)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        low, high = min(y0, y1), max(y0, y1)
        rows = np.arange(max(0, math.ceil(low - 0.5)), min(height, math.ceil(high - 0.5)))
        if not len(rows):
            continue  # no row of centres between both ends
        x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
        crossings[rows, np.clip(np.ceil(x - 0.5), 0, width).astype(int)] += 1
    return np.cumsum(crossings, axis=1)[:, :width] % 2 == 1


def _near_path(path: np.ndarray, radius: float, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels, (height, width) bool, whose centres are at most `radius` from a path (N, 2)."""
    near = np.zeros(size, bool)
    ends = path[1:] if len(path) > 1 else path  # a single point is a path of no length
    for start, end in zip(path[: len(ends)], ends, strict=True):
        left, top = np.maximum(np.floor(np.minimum(start, end) - radius), 0).astype(int)
        right, bottom = np.ceil(np.maximum(start, end) + radius).astype(int)
        x = np.arange(left, min(right, size[1])) + 0.5 - start[0]
        y = np.arange(top, min(bottom, size[0]))[:, None] + 0.5 - start[1]
        across, down = end - start
        length = across**2 + down**2
        along = np.clip((x * across + y * down) / length, 0, 1) if length else 0.0
        distance = (x - along * across) ** 2 + (y - along * down) ** 2
        near[top:bottom, left:right] |= distance <= radius**2
    return near
