"""Three ways to make a feature map larger: repeat its pixels, interpolate between them, stamp a kernel for each.

The decoder of a segmentation network has to bring coarse maps back to the photo's resolution. Interpolation is fixed;
the kernel of a transposed convolution is learned, and if its stamps overlap unevenly a checkerboard appears (Odena,
Dumoulin & Olah, "Deconvolution and checkerboard artifacts" (2016), https://doi.org/10.23915/distill.00003).
"""

import cv2
import numpy as np

from cnn_demo.convolution.transposed import transposed_convolve

KERNELS = {"even": "All equal", "bilinear": "A pyramid: bilinear", "random": "Random: not yet trained"}
STRIDE = 2  # each step doubles


def nearest(plane: np.ndarray, factor: int) -> np.ndarray:
    """Repeat each pixel of a map (H, W) or (H, W, C) `factor` times in both directions."""
    return plane.repeat(factor, axis=0).repeat(factor, axis=1)


def bilinear(plane: np.ndarray, factor: int) -> np.ndarray:
    """Interpolate between the middles of the pixels of a map (H, W) float32; the border's values go on beyond it."""
    height, width = plane.shape[:2]
    size = width * factor, height * factor
    return cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)


def kernel_of(kind: str, size: int, seed: int = 0, stride: int = STRIDE) -> np.ndarray:
    """Return a kernel for doubling a map, or for a transposed convolution of another stride.

    Args:
        kind: A key of `KERNELS`.
        size: Its height and width, at least 2.
        seed: Seed of the random kernel.
        stride: How many times as high and wide the map becomes.

    Returns:
        (size, size) float32, whose weights sum to the square of the stride, 4: a map of even brightness then keeps it
        on average, as each of its pixels becomes four.

    Raises:
        ValueError: If there is no such kind, or the size is too small.
    """
    if size < STRIDE:
        raise ValueError(f"A kernel that doubles a map has a size of {STRIDE} or more, not {size}.")
    if kind == "even":
        weights = np.ones((size, size))
    elif kind == "bilinear":
        ramp = np.maximum(0, 1 - np.abs(np.arange(size) - (size - 1) / 2) / stride)
        weights = np.outer(ramp, ramp)
    elif kind == "random":
        weights = np.random.default_rng(seed).normal(1, 0.6, (size, size))
    else:
        raise ValueError(f"There is no kernel {kind!r}: choose one of {', '.join(KERNELS)}.")
    return (weights * stride**2 / weights.sum()).astype(np.float32)


def transposed(plane: np.ndarray, weights: np.ndarray, steps: int) -> np.ndarray:
    """Double a map by transposed convolutions, one after the other.

    Args:
        plane: (H, W) float32.
        weights: (k, k) of each of them.
        steps: Number of transposed convolutions.

    Returns:
        (H · 2^steps, W · 2^steps) float32; values beyond the border are cropped, evenly on both sides.
    """
    for _ in range(steps):
        height, width = (STRIDE * side for side in plane.shape)
        over = len(weights) - STRIDE
        enlarged = transposed_convolve(plane, weights, STRIDE)
        plane = enlarged[over // 2 : over // 2 + height, over // 2 : over // 2 + width]
    return plane


def stamps(size: int, count: int) -> np.ndarray:
    """Return how many stamps of a kernel of this size each pixel of the doubled map gets, (2·count, 2·count) int.

    Args:
        size: Height and width of the kernel.
        count: Height and width of the map before.
    """
    counts = transposed(np.ones((count, count), np.float32), np.ones((size, size), np.float32), 1)
    return np.rint(counts).astype(int)


def unevenness(size: int) -> int:
    """Return how many times as many stamps the fullest pixel gets as the emptiest, away from the border."""
    inner = stamps(size, 4 * size)[2 * size : -2 * size, 2 * size : -2 * size]
    return int(inner.max() // inner.min())


def ripple(weights: np.ndarray) -> float:
    """Return by how much an even map of ones would come out uneven, largest less smallest, away from the border."""
    size = len(weights)
    inner = transposed(np.ones((4 * size,) * 2, np.float32), weights, 1)[2 * size : -2 * size, 2 * size : -2 * size]
    return float(inner.max() - inner.min())
