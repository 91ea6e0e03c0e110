"""Small images of a network's feature maps and kernels, stacked in one file."""

import cv2
import numpy as np

from cnn_demo.drawing.pictures import signed_colours
from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.ui.widgets.number_grid import short_number

# Black is zero, yellow the largest value; for outputs of a ReLU.
_HEAT = cv2.cvtColor(
    cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB
)
_GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
FRAME = (255, 210, 31)  # the colour of a mark in the picture component


def palette_of(layer: NetworkLayer) -> str:
    """Return a layer's palette: "grey" for the image itself, "heat" for non-negative values, else "signed"."""
    return {"input": "grey", "activation": "heat", "pool": "heat"}.get(layer.kind, "signed")


def legend(palette: str, scale: float | None) -> str:
    """Return the legend of the colours; `scale` is the magnitude drawn in full colour, None if each map has its own."""
    if palette == "grey":
        return "black is −1, white is +1"
    if palette == "heat":
        return f"black is 0, yellow is {'its largest value' if scale is None else short_number(scale)}"
    full = "its largest magnitude" if scale is None else f"±{short_number(scale)}"
    return f"red is positive, blue negative, full colour {full}"


def paint(values: np.ndarray, palette: str, scale: float | np.ndarray) -> np.ndarray:
    """Turn values into colours.

    Args:
        values: The values, of any shape.
        palette: The palette, "grey", "heat" or "signed".
        scale: The magnitude drawn in full colour; 0 if all values are zero. A float, or an array that
            broadcasts. Ignored by "grey", which ranges from −1 to 1.

    Returns:
        uint8 RGB, with one more axis than `values`.
    """
    if palette == "grey":
        return _GREY[np.rint(np.clip(values + 1, 0, 2) * 127.5).astype(np.uint8), 0]
    scaled = values / np.where(np.asarray(scale) > 0, scale, 1.0)
    if palette == "heat":
        return _HEAT[np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8), 0]
    return signed_colours(np.clip(scaled, -1, 1))


def channels_first(values: np.ndarray) -> np.ndarray:
    """Return maps (H, W, C) as (C, H, W), and a vector (C,) as maps of one pixel, (C, 1, 1)."""
    return values.reshape(-1, 1, 1) if values.ndim == 1 else np.moveaxis(values, -1, 0)


def enlarged(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Enlarge an image with nearest-neighbour interpolation."""
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_NEAREST)


def window_and_kernel(
    plane: np.ndarray, kernel: np.ndarray | None, window: tuple[int, int, int, int], side: int = 96
) -> np.ndarray:
    """Draw a map with a framed window and, beside it, the kernel applied to that window.

    Args:
        plane: The map, (H, W, 3) uint8.
        kernel: The kernel, (kh, kw, 3) uint8, or None.
        window: Row, column, height and width of the window, in pixels of the map; it may extend beyond the map.
        side: Side length of the drawn map in pixels.

    Returns:
        (side, width, 4) uint8 RGBA, transparent between the two.
    """
    scale = side / plane.shape[0]
    picture = enlarged(plane, side, side)
    top, left = (round(at * scale) for at in window[:2])
    bottom, right = round((window[0] + window[2]) * scale) - 1, round((window[1] + window[3]) * scale) - 1
    thin = bottom - top < side / 6  # a frame must not hide a window of a few pixels
    for colour, thickness in (((0, 0, 0), 3 if thin else 4), (FRAME, 1 if thin else 2)):
        cv2.rectangle(picture, (left - 1, top - 1), (right + 1, bottom + 1), colour, thickness)
    if kernel is None:
        return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    small, gap = round(side * 0.56), round(side * 0.16)
    canvas = np.zeros((side, side + gap + small, 4), np.uint8)
    canvas[:, :side, :3], canvas[:, :side, 3] = picture, 255
    start = (side - small) // 2
    canvas[start : start + small, side + gap :, :3] = enlarged(kernel, small, small)
    canvas[start : start + small, side + gap :, 3] = 255
    middle = (side + gap // 2, side // 2)
    for sign in (1, -1):  # a multiplication sign
        reach = gap // 4
        a, b = (middle[0] - reach, middle[1] - sign * reach), (middle[0] + reach, middle[1] + sign * reach)
        cv2.line(canvas, a, b, (128, 128, 128, 255), 2)
    return canvas
