"""A bank of hand-made filters, for untrained layers: edges, spots, stripes and a blur at any size."""

import math

import numpy as np

from cnn_demo.convolution.kernels import difference_of_gaussians, gabor, gaussian

# Degrees; coarse directions first, so that a small bank still looks in all of them. 180° and more are the same edges
# with their sign changed, which a ReLU keeps apart.
_EDGES = (0, 90, 45, 135, 180, 270, 225, 315, 22.5, 112.5, 67.5, 157.5, 202.5, 292.5, 247.5, 337.5)
_STRIPES = (0, 90, 45, 135, 22.5, 112.5, 67.5, 157.5)


def _titles() -> tuple[str, ...]:
    edges, lines = ([f"{name} {angle:g}°" for angle in angles] for name, angles in _ANGLES)
    dark = [f"dark line {angle:g}°" for angle in _STRIPES[:5]]
    first = (*edges[:4], "bright spot", *lines[:2], "dark spot")
    return (*first, "blur", *edges[4:8], *lines[2:4], *edges[8:], *lines[4:], *dark)


_ANGLES = (("edge", _EDGES), ("line", _STRIPES))
FILTER_TITLES = _titles()


def hand_made_filters(count: int, size: int) -> np.ndarray:
    """Return the first `count` filters of the bank.

    Edges are derivatives of a Gaussian (at 3 × 3, Sobel's kernels within 2%), lines are Gabor kernels, spots are
    differences of Gaussians. All of these sum to zero and their magnitudes to two, so that the response to an image in
    0...1 is in −1...1; the blur sums to one. At size 1 there is only brightness: every filter passes the image on.

    Args:
        count: 1 to `len(FILTER_TITLES)`.
        size: taps per side.

    Returns:
        (size, size, count) float32.

    Raises:
        ValueError: if the bank has no such count.
    """
    if not 1 <= count <= len(FILTER_TITLES):
        raise ValueError(f"The bank has 1 to {len(FILTER_TITLES)} filters, not {count}.")
    if size == 1:
        return np.ones((1, 1, count), np.float32)
    return np.stack([_filter(title, size) for title in FILTER_TITLES[:count]], axis=2)


def _filter(title: str, size: int) -> np.ndarray:
    name, _, angle = title.removesuffix("°").rpartition(" ")
    if name == "edge":
        return _edge(size, float(angle))
    if title == "blur":
        return gaussian(size, size / 4)
    if angle == "spot":
        weights = difference_of_gaussians(size, size / 6, 1.6)
        return _scaled(weights if name == "bright" else -weights)
    weights = gabor(size, size / 4, max(size * 0.8, 2.0), float(angle))
    return _scaled(weights if name == "line" else -weights)


def _edge(size: int, angle: float) -> np.ndarray:
    offsets = np.arange(size) - (size - 1) / 2
    x, y = np.meshgrid(offsets, -offsets)
    along = x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))
    return _scaled(along * np.exp(-(x**2 + y**2) / (2 * (size / 3.5) ** 2)))


def _scaled(weights: np.ndarray) -> np.ndarray:
    magnitude = np.abs(weights).sum()
    return (2 * weights / magnitude if magnitude > 1e-6 else np.zeros_like(weights)).astype(np.float32)
