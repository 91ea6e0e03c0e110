"""Test patterns: simple images that show the effect of a kernel."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pattern:
    """A test pattern: its key, its title, its use, and the function from size to (H, W) in 0...1."""

    name: str
    title: str
    sentence: str
    function: Callable[[int], np.ndarray]


def _impulse(size: int) -> np.ndarray:
    values = np.zeros((size, size))
    values[size // 2, size // 2] = 1
    return values


def _edge(size: int) -> np.ndarray:
    return np.tile(np.arange(size) >= size // 2, (size, 1)).astype(np.float64)


def _disc(size: int) -> np.ndarray:
    # Fading within a pixel keeps the rim round.
    return np.clip(size * 0.3 - _radius(size) + 0.5, 0, 1)


def _checkerboard(size: int) -> np.ndarray:
    squares = np.arange(size) // max(size // 16, 1)
    return ((squares[:, np.newaxis] + squares) % 2).astype(np.float64)


def _chirp(size: int) -> np.ndarray:
    # The phase π r² / size turns at r / size cycles per pixel: 0 in the middle, 0.5, the finest there is, at the sides.
    return 0.5 + 0.5 * np.cos(np.pi * _radius(size) ** 2 / size)


def _noise(size: int) -> np.ndarray:
    return np.random.default_rng(0).random((size, size))


def _radius(size: int) -> np.ndarray:
    offsets = np.arange(size) - (size - 1) / 2
    return np.hypot(offsets[:, np.newaxis], offsets)


PATTERNS = {
    p.name: p
    for p in (
        Pattern(
            "impulse",
            "One bright pixel",
            "Shows the kernel itself: upright under true convolution, rotated by 180° under cross-correlation.",
            _impulse,
        ),
        Pattern("edge", "Edge", "One step from dark to bright: the simplest input for an edge detector.", _edge),
        Pattern(
            "disc", "Disc", "An edge in every direction: change a kernel's angle and see which part responds.", _disc
        ),
        Pattern("checkerboard", "Checkerboard", "Edges both ways, and corners where they meet.", _checkerboard),
        Pattern(
            "chirp",
            "Zone plate",
            "Rings, coarse in the middle and as fine as pixels allow outside: shows which scales a kernel lets "
            "through.",
            _chirp,
        ),
        Pattern("noise", "Noise", "Random pixels: blurs smooth them, edge detectors amplify them.", _noise),
    )
}


def pattern(name: str, size: int = 256) -> np.ndarray:
    """Return a grey test pattern, (size, size, 3) uint8, the same every time.

    Args:
        name: a key of `PATTERNS`.
        size: pixels along each side, at least 2.

    Raises:
        KeyError: if there is no such pattern; the message names all.
        ValueError: if the size is smaller than 2.
    """
    if name not in PATTERNS:
        raise KeyError(f"There is no pattern {name!r}; choose one of {', '.join(PATTERNS)}.")
    if size < 2:
        raise ValueError(f"A pattern has at least 2 pixels a side, not {size}.")
    grey = np.round(PATTERNS[name].function(size) * 255).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=2)
