"""Parts of a photo covered, and its colour, shape or texture removed.

Shuffled patches keep textures and destroy the shape, as in Zhang & Zhu, "Interpreting adversarially trained
convolutional neural networks" (2019), https://arxiv.org/abs/1905.09797; smoothing with edges kept does the opposite.
"""

from __future__ import annotations

import cv2
import numpy as np

from cnn_demo.images.photo import check_pixels

FILLS = {"grey": "Grey", "blur": "Blur", "inpaint": "Inpaint"}
CHANGES = {"none": "Nothing", "colour": "Colour", "shape": "Shape", "texture": "Texture"}
GREY = 128
MAX_PATCHES = 16  # along a side
MAX_SMOOTHING = 25  # percent of the longer side
BLUR_SIGMA = 0.06  # standard deviation, as a fraction of the longer side
EDGE = 0.4  # difference of colours, as a fraction of their range, from which smoothing keeps an edge
_BLURRED_SIDE, _INPAINTED_SIDE, _SMOOTHED_SIDE = 128, 256, 1280  # a fill has no finer details than these show
_RADIUS = 3  # of the neighbourhood that inpaints a pixel


def covered(pixels: np.ndarray, mask: np.ndarray, fill: str = "grey") -> np.ndarray:
    """Cover a part of a photo; the rest is unchanged.

    Args:
        pixels: (H, W, 3) uint8.
        mask: (H, W) bool, True where the photo is covered.
        fill: "grey", "blur" (the photo blurred until its content is lost) or "inpaint" (continued from the
            surroundings; Telea 2004, https://doi.org/10.1080/10867651.2004.10487596).

    Returns:
        (H, W, 3) uint8; the pixels themselves if nothing is covered. If everything is covered, inpainting has no
        surroundings, and the result is grey.

    Raises:
        ValueError: If there is no such fill, or pixels or mask have another shape or type.
    """
    check_pixels(pixels)
    if mask.dtype != bool or mask.shape != pixels.shape[:2]:
        raise ValueError(f"The mask must be {pixels.shape[:2]} bool, not {mask.shape} {mask.dtype}.")
    if fill not in FILLS:
        raise ValueError(f"There is no fill {fill!r}: choose one of {', '.join(FILLS)}.")
    if not mask.any():
        return pixels
    result = pixels.copy()
    if fill == "blur":
        result[mask] = _blurred(pixels)[mask]
    elif fill == "inpaint" and not mask.all():
        result[mask] = _inpainted(pixels, mask)[mask]
    else:
        result[mask] = GREY
    return result


def changed(pixels: np.ndarray, change: str, patches: int = 4, smoothing: int = 10) -> np.ndarray:
    """Remove colour, shape or texture from a whole photo.

    Args:
        pixels: (H, W, 3) uint8.
        change: A key of `CHANGES`; "none" returns the pixels themselves.
        patches: Patches along each side, for "shape".
        smoothing: Standard deviation in percent of the longer side, for "texture".

    Raises:
        ValueError: If there is no such change, or a value is out of range.
    """
    check_pixels(pixels)
    match change:
        case "none":
            return pixels
        case "colour":
            return greyscale(pixels)
        case "shape":
            return shuffled(pixels, patches)
        case "texture":
            return smoothed(pixels, smoothing)
    raise ValueError(f"There is no change {change!r}: choose one of {', '.join(CHANGES)}.")


def greyscale(pixels: np.ndarray) -> np.ndarray:
    """Remove colour: each pixel (H, W, 3) uint8 becomes a grey of its brightness (luma of ITU-R BT.601)."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def shuffled(pixels: np.ndarray, patches: int, seed: int = 0) -> np.ndarray:
    """Remove shape: cut a photo into patches × patches rectangles of one size, and put each where another one was.

    Where the sides are no multiples of the count, a margin at the lower and right edge, narrower than `patches` pixels,
    is unchanged.

    Args:
        pixels: (H, W, 3) uint8.
        patches: Patches along each side, from 1 to `MAX_PATCHES`; 1 changes nothing, and fewer are cut from a photo
            with fewer pixels.
        seed: Random seed of the order.

    Raises:
        ValueError: If the number of patches is out of range.
    """
    if not 1 <= patches <= MAX_PATCHES:
        raise ValueError(f"A side has 1 to {MAX_PATCHES} patches, not {patches}.")
    down, across = (min(patches, side) for side in pixels.shape[:2])
    height, width = pixels.shape[0] // down, pixels.shape[1] // across
    result = pixels.copy()
    inner = pixels[: down * height, : across * width].reshape(down, height, across, width, 3).swapaxes(1, 2)
    stacked = inner.reshape(down * across, height, width, 3)[_one_cycle(down * across, seed)]
    back = stacked.reshape(down, across, height, width, 3).swapaxes(1, 2)
    result[: down * height, : across * width] = back.reshape(down * height, across * width, 3)
    return result


def smoothed(pixels: np.ndarray, smoothing: int) -> np.ndarray:
    """Remove texture: smooth a photo, but not across its edges (Gastal & Oliveira 2011).

    https://doi.org/10.1145/2010324.1964964. A photo of more than 1,280 pixels is smoothed at that size and enlarged.

    Args:
        pixels: (H, W, 3) uint8.
        smoothing: Standard deviation in percent of the longer side, from 0 to `MAX_SMOOTHING`.

    Raises:
        ValueError: If the smoothing is out of range.
    """
    if not 0 <= smoothing <= MAX_SMOOTHING:
        raise ValueError(f"Smoothing goes from 0 to {MAX_SMOOTHING}, not {smoothing}.")
    if not smoothing:
        return pixels
    small = _at_most(pixels, _SMOOTHED_SIDE)
    sigma = smoothing / 100 * max(small.shape[:2])
    smooth = cv2.edgePreservingFilter(small, flags=cv2.RECURS_FILTER, sigma_s=max(sigma, 0.5), sigma_r=EDGE)
    return _enlarged(smooth, pixels)


def _one_cycle(count: int, seed: int) -> np.ndarray:
    """Return a random permutation without fixed points: a single cycle (Sattolo's algorithm)."""
    draw = np.random.default_rng(seed)
    order = np.arange(count)
    for last in range(count - 1, 0, -1):
        other = int(draw.integers(last))
        order[[last, other]] = order[[other, last]]
    return order


def _blurred(pixels: np.ndarray) -> np.ndarray:
    small = _at_most(pixels, _BLURRED_SIDE)
    return _enlarged(cv2.GaussianBlur(small, (0, 0), BLUR_SIGMA * max(small.shape[:2])), pixels)


def _inpainted(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    small = _at_most(pixels, _INPAINTED_SIDE)
    size = small.shape[1::-1]
    # Whatever contains a covered pixel is hidden: a trace of the object would grow into the fill.
    hidden = (cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    if hidden.all():
        return np.full_like(pixels, GREY)
    return _enlarged(cv2.inpaint(np.ascontiguousarray(small), hidden, _RADIUS, cv2.INPAINT_TELEA), pixels)


def _at_most(pixels: np.ndarray, side: int) -> np.ndarray:
    """Reduce pixels until their longer side is at most `side`, by area averaging."""
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    height, width = (max(1, round(length * scale)) for length in pixels.shape[:2])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def _enlarged(small: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    if small.shape == pixels.shape:
        return small
    return cv2.resize(small, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
