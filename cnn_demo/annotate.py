"""Boxes with names, drawn on a picture by supervision, at a size that fits it."""

from collections.abc import Sequence

import numpy as np
import supervision as sv

ANSWER, TRUTH, OTHER = "#ffb000", "#2fbf71", "#4aa3ff"  # told apart by the colour-blind too
_CLASSES = sv.ColorPalette.DEFAULT


def class_colour(class_id: int) -> str:
    """Return a class's colour, as "#rrggbb"; classes far apart in a list may share one."""
    return _CLASSES.by_idx(int(class_id)).as_hex()


def box_scale(photo: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return what boxes (..., 4) of a photo are multiplied by to lie on the same photo of another size, (4,).

    Args:
        photo: (H, W, ...) pixels.
        shown: (h, w, ...) pixels.
    """
    return np.tile([shown.shape[1] / photo.shape[1], shown.shape[0] / photo.shape[0]], 2)


def draw_boxes(
    pixels: np.ndarray,
    boxes: Sequence[np.ndarray],
    names: Sequence[str],
    colours: Sequence[str],
    *,
    thickness: int | None = None,
) -> np.ndarray:
    """Draw boxes, the last on top.

    Args:
        pixels: (H, W, 3) uint8 RGB; stays as it is.
        boxes: (4,) corners each, in pixels.
        names: One for each box; an empty one is not written.
        colours: One for each box, as "#rrggbb".
        thickness: Of the lines, in pixels; None for what fits the picture's size.

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
    return texts.annotate(scene, found[named], [name for name in names if name])


def _as_bgr(colour: str) -> str:
    """Supervision draws for OpenCV, whose pixels begin with blue; ours begin with red."""
    return f"#{colour[5:7]}{colour[3:5]}{colour[1:3]}"
