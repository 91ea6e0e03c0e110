"""Heatmaps: values as colours, overlaid on an image."""

from collections.abc import Sequence

import cv2
import numpy as np

from cnn_demo.drawing.pictures import signed_colours

# Black is 0, yellow is 1; brightness grows with the value, so that it is readable without colour vision.
_HEAT = cv2.cvtColor(
    cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB
)
SIDE = 64  # maximum longer side in pixels of a small map
TALLEST = 30_000  # maximum height in pixels of small maps below each other: browsers refuse taller images
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "middle", "right")


def heat_colours(values: np.ndarray) -> np.ndarray:
    """Return the colours of values in 0...1, from black over red to yellow.

    Args:
        values: Finite values of any shape, clipped to 0...1.

    Returns:
        uint8 RGB, with one more axis than `values`.

    Raises:
        ValueError: If a value is not finite.
    """
    if not np.isfinite(values).all():
        raise ValueError("A heatmap must hold finite numbers only.")
    return _HEAT[np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8), 0]


def map_colours(plane: np.ndarray, signed: bool) -> np.ndarray:
    """Colour a feature map (H, W) as (H, W, 3) uint8, saturated at its largest magnitude.

    Args:
        plane: The activations.
        signed: Whether to use a blue-white-red map, for layers with negative activations; else black to yellow.
    """
    largest = float(np.abs(plane).max())
    scaled = plane / largest if largest > 0 else np.zeros_like(plane)
    return signed_colours(scaled) if signed else heat_colours(scaled)


def small_maps(maps: np.ndarray, channels: Sequence[int]) -> np.ndarray:
    """Colour feature maps, reduced to at most `SIDE` pixels, and further if they would be taller than `TALLEST`.

    Args:
        maps: (H, W, C) activations; one negative value makes the colours of all maps signed.
        channels: Indices of the N maps.

    Returns:
        (N, h, w, 3) uint8, each map with a colour scale of its own.
    """
    height, width = maps.shape[:2]
    scale = min(1.0, SIDE / max(height, width), TALLEST / (len(channels) * height))
    size = max(1, int(width * scale)), max(1, int(height * scale))
    signed = bool(maps.min() < 0)
    coloured = (map_colours(maps[..., channel], signed) for channel in channels)
    return np.stack([cv2.resize(colours, size, interpolation=cv2.INTER_AREA) for colours in coloured])


def blend(pixels: np.ndarray, colours: np.ndarray, opacity: float) -> np.ndarray:
    """Blend two images.

    Args:
        pixels: (h, w, 3) uint8, the lower image.
        colours: (h, w, 3) uint8, the upper image.
        opacity: Opacity of the upper image, from 0 (invisible) to 1 (opaque).

    Returns:
        (h, w, 3) uint8, (1 − opacity) · pixels + opacity · colours, rounded.

    Raises:
        ValueError: If the shapes differ, or the opacity is outside 0...1.
    """
    if pixels.shape != colours.shape:
        raise ValueError(f"Both pictures must have one shape, not {pixels.shape} and {colours.shape}.")
    if not 0 <= opacity <= 1:
        raise ValueError(f"The opacity must be between 0 and 1, not {opacity}.")
    return cv2.addWeighted(pixels, 1 - opacity, colours, opacity, 0)


def overlay(pixels: np.ndarray, values: np.ndarray, opacity: float) -> np.ndarray:
    """Overlay a heatmap on its image.

    Args:
        pixels: (h, w, 3) uint8.
        values: (h, w), in 0...1.
        opacity: Opacity of the map, from 0 (image only) to 1 (map only).

    Returns:
        (h, w, 3) uint8.

    Raises:
        ValueError: If map and picture differ in size, a number is not finite, or the opacity is outside 0...1.
    """
    return blend(pixels, heat_colours(values), opacity)


def peak_position(values: np.ndarray) -> str:
    """Return the ninth of a map (h, w) that holds its largest value, such as "top left" or "middle"."""
    row, column = np.unravel_index(np.argmax(values), values.shape)
    vertical, horizontal = _ROWS[3 * row // values.shape[0]], _COLUMNS[3 * column // values.shape[1]]
    return " ".join(word for word in (vertical, horizontal) if word != "middle") or "middle"
