"""Labelled boxes, drawn on an image by supervision, scaled to its size."""

from collections.abc import Sequence

import numpy as np
import supervision as sv

from cnn_demo.detections import class_ids, class_names, confidences, subset
from cnn_demo.results import percent

PREDICTION, GROUND_TRUTH, OTHER = "#ffb000", "#2fbf71", "#4aa3ff"  # distinguishable for the colour-blind too
WRONG, NEUTRAL = "#ff4b5c", "#9aa3b2"  # a red and a grey
_CLASSES = sv.ColorPalette.DEFAULT


def class_colour(class_id: int) -> str:
    """Return a class's colour, as "#rrggbb"; classes far apart in a list may share one."""
    return _CLASSES.by_idx(int(class_id)).as_hex()


def box_scale(photo: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return the factors (4,) that scale boxes (..., 4) of a photo to the same photo at another size.

    Args:
        photo: (H, W, ...) pixels.
        shown: (h, w, ...) pixels.
    """
    return np.tile([shown.shape[1] / photo.shape[1], shown.shape[0] / photo.shape[0]], 2)


def draw_boxes(
    pixels: np.ndarray,
    boxes: np.ndarray | Sequence[np.ndarray],
    names: Sequence[str],
    colours: Sequence[str],
    *,
    thickness: int | None = None,
) -> np.ndarray:
    """Draw boxes, the last on top.

    Args:
        pixels: (H, W, 3) uint8 RGB; stays as it is.
        boxes: (4,) corners each, or (N, 4), in pixels.
        names: One for each box; an empty one is not written.
        colours: One for each box, as "#rrggbb".
        thickness: Line thickness in pixels; None to choose it by the image size.

    Returns:
        (H, W, 3) uint8, a copy.

    Raises:
        ValueError: If there are not as many names and colours as boxes.
    """
    if not len(boxes) == len(names) == len(colours):
        raise ValueError(f"{len(boxes)} boxes need as many names and colours.")
    scene = pixels.copy()
    if not len(boxes):
        return scene
    size = pixels.shape[1], pixels.shape[0]
    scale = sv.calculate_optimal_text_scale(size)
    palette = sv.ColorPalette([sv.Color.from_hex(_as_bgr(colour)) for colour in colours])
    lines = sv.BoxAnnotator(palette, thickness or max(2, sv.calculate_optimal_line_thickness(size)))
    texts = sv.LabelAnnotator(
        palette,
        text_color=sv.Color.BLACK,
        text_scale=scale,
        text_thickness=max(1, round(2 * scale)),
        text_padding=5,
        smart_position=True,
    )
    found = sv.Detections(np.asarray(boxes, np.float32).reshape(-1, 4), class_id=np.arange(len(boxes)))
    scene = lines.annotate(scene, found)
    named = np.array([bool(name) for name in names])
    if not named.any():
        return scene
    return texts.annotate(scene, subset(found, named), [name for name in names if name])


def _as_bgr(colour: str) -> str:
    """Supervision draws for OpenCV, whose pixels begin with blue; ours begin with red."""
    return f"#{colour[5:7]}{colour[3:5]}{colour[1:3]}"


def box_at(boxes: np.ndarray, row: int, column: int) -> int | None:
    """Return the index of the smallest box (N, 4) around a pixel, None if there is none."""
    containing = (boxes[:, :2] <= (column + 0.5, row + 0.5)).all(1) & (boxes[:, 2:] >= (column + 0.5, row + 0.5)).all(1)
    inside = np.flatnonzero(containing)
    if not len(inside):
        return None
    areas = (boxes[inside, 2:] - boxes[inside, :2]).prod(axis=1)
    return int(inside[areas.argmin()])


def named(found: sv.Detections) -> list[str]:
    """Return the label of each detection: class and confidence."""
    scored = zip(class_names(found), confidences(found), strict=True)
    return [f"{name} {percent(float(score))}" for name, score in scored]


def drawn(pixels: np.ndarray, found: sv.Detections) -> np.ndarray:
    """Draw the detections with names and confidences.

    Args:
        pixels: (H, W, 3) uint8.
        found: Detections in pixels of this image.
    """
    order = np.argsort(confidences(found), kind="stable")  # the most confident on top
    names, colours = named(found), [class_colour(i) for i in class_ids(found)]
    return draw_boxes(pixels, found.xyxy[order], [names[i] for i in order], [colours[i] for i in order])
