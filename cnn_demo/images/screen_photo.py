"""A photo of a photo on a screen, simulated: perspective, moiré, blur, and uneven brightness."""

import cv2
import numpy as np

_TILT = 0.06  # of each side: how far a corner moves outwards at full strength
_BLUR = 0.012  # of the shorter side: standard deviation at full strength
_MOIRE = 0.12  # amplitude of the stripes at full strength, as a fraction of the colour
_STRIPES = 23.0  # along the diagonal
_DIM, _GLARE = 0.35, 45.0  # at full strength: darkening at the far side, levels of 255 added at the near one
_CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)  # x, y
# How far each corner moves outwards, from 0 to 1 in x and y: the camera stands to the lower left of the screen.
_OUTWARDS = np.array([[0.2, 0.1], [0.0, 0.6], [0.3, 0.2], [1.0, 0.7]], np.float32)


def photographed_screen(pixels: np.ndarray, amount: float, seed: int = 0) -> np.ndarray:
    """Photograph a screen that shows the picture, with `amount` percent of the strongest distortion.

    The screen is seen from the side and fills the frame. Its grid of pixels and that of the camera make coloured
    stripes (moiré); the lens blurs, and one side is brighter than the other.

    Args:
        pixels: (H, W, 3) uint8.
        amount: 0 to 100.
        seed: Not used; all corruptions have one.

    Returns:
        (H, W, 3) uint8.
    """
    strength = amount / 100
    height, width = pixels.shape[:2]
    size = np.array([width, height], np.float32)
    moved = _CORNERS + strength * _TILT * _OUTWARDS * np.sign(_CORNERS - 0.5)
    view = cv2.getPerspectiveTransform(_CORNERS * size - 0.5, moved.astype(np.float32) * size - 0.5)
    tilted = cv2.warpPerspective(
        pixels, view, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    ).astype(np.float32)
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    waves = 2 * np.pi * _STRIPES * (0.8 * x + 0.6 * y + 0.04 * np.sin(2 * np.pi * y))
    phases = np.array([0, 0.7, 1.4])  # red, green and blue points of a screen lie beside each other
    tilted *= 1 + strength * _MOIRE * np.sin(waves[..., np.newaxis] + phases)
    tilted = tilted * (1 - strength * _DIM * x[..., np.newaxis]) + strength * _GLARE * (1 - x[..., np.newaxis])
    sigma = strength * _BLUR * min(height, width)
    if sigma > 0:
        tilted = cv2.GaussianBlur(tilted, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.clip(np.rint(tilted), 0, 255).astype(np.uint8)
