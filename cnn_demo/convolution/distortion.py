"""Distortions of a photo (shift, rotation, noise), and measures of the change of its representation.

Everything that comes in at a border is real where the photo has it: a window is cut out of a larger photo, and the
photo is moved under it. The measures follow Zhang, "Making convolutional networks shift-invariant again" (2019),
https://arxiv.org/abs/1904.11486, and Azulay & Weiss (2019), https://arxiv.org/abs/1805.12177.
"""

import math

import cv2
import numpy as np

_ROUNDING = 1e-6
_BORDER = 3  # columns of a map that interpolation and the blur's mirrored border may touch


def shift_room(width: int, maximum: int) -> int:
    """Return how far a photo `width` pixels wide can be moved, up to `maximum`: half of it must stay inside."""
    return max(0, min(maximum, width // 2))


def shifted(image: np.ndarray, pixels: int, margin: int) -> np.ndarray:
    """Cut the window out of the photo, whose content is moved to the right under it.

    Args:
        image: The photo, (H, W, C).
        pixels: 0 to `margin`.
        margin: Columns that the window is narrower than the photo.

    Returns:
        (H, W − room, C); at `pixels` = 0 the window begins at column `margin`.

    Raises:
        ValueError: If the photo has no such columns.
    """
    width = image.shape[1] - margin
    if not 0 <= pixels <= margin or width < 1:
        raise ValueError(f"A photo {image.shape[1]} pixels wide cannot be moved by {pixels} of {margin} pixels.")
    return image[:, margin - pixels : margin - pixels + width]


def rotated(image: np.ndarray, degrees: float, maximum: float = 30.0) -> np.ndarray:
    """Turn the photo about its middle, counter-clockwise, and crop it to a window that no turn up to `maximum` empties.

    Args:
        image: The photo, (H, W, C) float32.
        degrees: Angle, −most to most.
        maximum: The largest angle; the window is the same for all.

    Returns:
        (H', W', C) float32, interpolated bicubically (at 0° the pixels themselves).
    """
    height, width = image.shape[:2]
    sine = math.sin(math.radians(maximum))
    cosine = math.cos(math.radians(maximum))
    # A window of the photo's shape, scaled so that its corners stay inside while the photo turns.
    scale = min(width / (width * cosine + height * sine), height / (width * sine + height * cosine))
    rows, columns = max(1, int(height * scale)), max(1, int(width * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    if degrees:
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        turned = cv2.warpAffine(image, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        image = turned.reshape(image.shape)
    return image[top : top + rows, left : left + columns]


def noisy(image: np.ndarray, deviation: float, seed: int = 0) -> np.ndarray:
    """Add Gaussian noise, clipped to 0...1 as a camera clips: the same grains at every strength.

    Args:
        image: (H, W, C) float32 in 0...1.
        deviation: Standard deviation of the noise, before clipping.
        seed: Seed of the noise.
    """
    grains = np.random.default_rng(seed).standard_normal(image.shape, np.float32)
    return np.clip(image + np.float32(deviation) * grains, 0, 1)


def relative_change(before: np.ndarray, after: np.ndarray) -> float:
    """Return ‖before − after‖ / ‖before‖ over all values: 0 is no change, 1 as much as there was.

    NaN if `before` is zero, or no more than rounding errors (a root mean square below 1e-6).
    """
    norm = _norm(before)
    return float(np.linalg.norm(before - after)) / norm if norm else math.nan


def cosine_similarity(before: np.ndarray, after: np.ndarray) -> float:
    """Return the cosine of the angle between two representations: 1 is the same direction; NaN where one is zero."""
    norms = _norm(before) * _norm(after)
    return min(float(np.vdot(before, after)) / norms, 1.0) if norms else math.nan


def _norm(maps: np.ndarray) -> float:
    norm = float(np.linalg.norm(maps))
    return norm if norm > _ROUNDING * math.sqrt(maps.size) else 0.0


def moved_along(before: np.ndarray, after: np.ndarray, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Move the maps of a photo along with it, so that they can be compared with the maps of the moved photo.

    If the shift is a fraction of map pixels, they are interpolated along the row (cubic convolution, Keys 1981): maps
    that sample their layer finely enough lose little by it, aliased ones cannot be interpolated.

    Args:
        before: (H, W, C) maps of the photo.
        after: (H, W, C) maps of the photo after its content moved to the right.
        distance: The shift in pixels of the maps: pixels of the photo divided by the product of all strides.

    Returns:
        Both maps, cropped to their common columns, (H, W', C); W' may be 0.
    """
    integer = math.floor(distance)
    t = distance - integer
    taps = ((t - t**2) * (1 - t) / -2, 1 - 2.5 * t**2 + 1.5 * t**3, (t + 4 * t**2 - 3 * t**3) / 2, (t**3 - t**2) / 2)
    first = integer + _BORDER + 1
    last = before.shape[1] - _BORDER
    if last <= first:
        return before[:, :0], after[:, :0]
    # A pixel of the moved map is t pixels left of the unmoved one: its left neighbour is one tap further.
    compared = after[:, first:last]
    moved = np.zeros_like(compared)
    for tap, offset in zip(taps, (-1, 0, 1, 2), strict=True):
        if tap:
            moved += np.float32(tap) * before[:, first - integer - offset : last - integer - offset]
    return moved, compared
