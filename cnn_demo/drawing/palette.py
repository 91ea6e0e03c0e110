"""Palette of maximally distinct colours for masks, visible on any photo."""

from functools import lru_cache

import cv2
import numpy as np

from cnn_demo.results import BACKGROUND

MOST = 255  # as many as an indexed picture has classes
_LEVELS = 14  # of red, green and blue, of which colours are chosen
_LIGHTNESS, _CHROMA = (35, 92), 30  # in CIELAB: neither black nor white nor grey, which photos have most of
_FIRST = (65, -20, -40)  # a sky blue


def distinct_colours(count: int) -> np.ndarray:
    """Return perceptually distinct colours.

    Each is the one that is farthest, in CIELAB, from all that come before: the first ones are the farthest apart, and
    a class keeps its colour however many classes there are.

    Args:
        count: Number of colours, from 0 to `MOST`.

    Returns:
        (count, 3) uint8 RGB. Of 150, the two nearest are 14 apart; a distance of 2 can be seen.

    Raises:
        ValueError: If the count is out of range.
    """
    if not 0 <= count <= MOST:
        raise ValueError(f"There are from 0 to {MOST} colours, not {count}.")
    return _colours()[:count].copy()


def class_colours(labels: tuple[str, ...]) -> np.ndarray:
    """Return a colour for each class, (C, 3) uint8 RGB; a background is black."""
    colours = distinct_colours(len(labels))
    if BACKGROUND in labels:
        colours[labels.index(BACKGROUND)] = 0
    return colours


def object_colours(count: int) -> np.ndarray:
    """Return black for pixels without an object, and a colour for each object, (count + 1, 3) uint8 RGB."""
    return np.concatenate([np.zeros((1, 3), np.uint8), distinct_colours(count)])


@lru_cache(1)
def _colours() -> np.ndarray:
    levels = np.linspace(0, 1, _LEVELS, dtype=np.float32)
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = cv2.cvtColor(rgb[None], cv2.COLOR_RGB2Lab)[0]
    low, high = _LIGHTNESS
    fit = (lab[:, 0] > low) & (lab[:, 0] < high) & (np.hypot(lab[:, 1], lab[:, 2]) > _CHROMA)
    rgb, lab = rgb[fit], lab[fit]
    chosen = [int(np.linalg.norm(lab - _FIRST, axis=1).argmin())]
    nearest = np.full(len(lab), np.inf)
    while len(chosen) < MOST:
        nearest = np.minimum(nearest, np.linalg.norm(lab - lab[chosen[-1]], axis=1))
        chosen.append(int(nearest.argmax()))
    return np.rint(rgb[chosen] * 255).astype(np.uint8)


def as_hex(colour: np.ndarray) -> str:
    """Write a colour (3,) uint8 RGB as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*(int(value) for value in colour))
