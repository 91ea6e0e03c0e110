"""Image corruptions: Gaussian blur and noise, brightness, rotation, crop, JPEG compression, and a photo of a screen.

Amounts are fractions of the photo or of the colours' range, not pixels, so that small and large copies of a photo are
corrupted alike. The kinds follow Hendrycks & Dietterich, "Benchmarking neural network robustness to common corruptions
and perturbations" (2019), https://arxiv.org/abs/1903.12261.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from cnn_demo.images.photo import check_pixels
from cnn_demo.images.screen_photo import photographed_screen

_GRAINS = 224  # noise grains along the photo's longer side: about a network's input size
_BORDER = cv2.BORDER_REFLECT_101


@dataclass(frozen=True)
class Corruption:
    """A kind of corruption.

    Attributes:
        title: Display name.
        label: Label of its amount, with the unit.
        unit: Unit written after an amount.
        low: Smallest amount.
        high: Largest amount.
        step: Step between amounts.
        neutral: Amount that leaves the photo unchanged.
        apply: Function of pixels (H, W, 3) uint8, an amount and a seed that returns the corrupted pixels.
    """

    title: str
    label: str
    unit: str
    low: float
    high: float
    step: float
    neutral: float
    apply: Callable[[np.ndarray, float, int], np.ndarray]

    def amounts(self, count: int = 13) -> list[float]:
        """Return `count` amounts over the whole range, evenly, with the neutral one among them."""
        evenly = np.linspace(self.low, self.high, count)
        evenly[np.abs(evenly - self.neutral).argmin()] = self.neutral
        return evenly.tolist()

    def written(self, amount: float) -> str:
        """Write an amount with its unit."""
        return f"{amount:g}{self.unit}"


def blurred(pixels: np.ndarray, amount: float, seed: int = 0) -> np.ndarray:
    """Blur by a Gaussian whose standard deviation is `amount` percent of the shorter side."""
    sigma = amount / 100 * min(pixels.shape[:2])
    return cv2.GaussianBlur(pixels, (0, 0), sigma, borderType=_BORDER) if sigma > 0 else pixels


def noisy(pixels: np.ndarray, amount: float, seed: int = 0) -> np.ndarray:
    """Add Gaussian noise with a standard deviation of `amount` percent of the colours' range, and clip.

    One seed gives the same grains at every strength. A large photo gets larger grains: fine ones would be averaged away
    when a network shrinks the photo.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, _GRAINS / max(height, width))
    shape = (max(1, round(height * scale)), max(1, round(width * scale)), 3)
    drawn = np.random.default_rng(seed).standard_normal(shape, np.float32)
    grains = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.clip(np.rint(pixels + np.float32(2.55 * amount) * grains), 0, 255).astype(np.uint8)


def brightened(pixels: np.ndarray, amount: float, seed: int = 0) -> np.ndarray:
    """Multiply all colours by `amount` percent, and clip."""
    table = np.clip(np.rint(np.arange(256) * (amount / 100)), 0, 255).astype(np.uint8)
    return table[pixels]


def rotated(pixels: np.ndarray, amount: float, seed: int = 0) -> np.ndarray:
    """Rotate about the centre by `amount` degrees, counter-clockwise; the corners are filled with mirror images."""
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), amount, 1.0)
    return cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=_BORDER)


def cropped(pixels: np.ndarray, amount: float, seed: int = 0) -> np.ndarray:
    """Keep `amount` percent of both sides, around the middle."""
    height, width = pixels.shape[:2]
    rows, columns = (max(1, round(side * amount / 100)) for side in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def compressed(pixels: np.ndarray, amount: float, seed: int = 0) -> np.ndarray:
    """Encode as a JPEG of quality `amount` and decode again."""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)  # the encoder expects BGR
    done, file = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, round(amount)])
    decoded = cv2.imdecode(file, cv2.IMREAD_COLOR) if done else None
    if decoded is None:
        raise ValueError(f"A picture of {pixels.shape[1]} × {pixels.shape[0]} pixels cannot be a JPEG.")
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


CORRUPTIONS: dict[str, Corruption] = {
    "blur": Corruption(
        "Blur", "Blur: standard deviation in % of the photo's shorter side", "%", 0.0, 6.0, 0.1, 0.0, blurred
    ),
    "noise": Corruption("Noise", "Noise: standard deviation in % of the colours' range", "%", 0, 60, 1, 0, noisy),
    "brightness": Corruption("Brightness", "Brightness in % of the photo's own", "%", 0, 300, 5, 100, brightened),
    "rotation": Corruption("Rotation", "Rotation in degrees, counter-clockwise", "°", -180, 180, 5, 0, rotated),
    "crop": Corruption("Crop", "Crop: size in % of each side", "%", 16, 100, 1, 100, cropped),
    "jpeg": Corruption("JPEG quality", "JPEG quality; 100 is the original photo", "", 4, 100, 1, 100, compressed),
    "screen": Corruption(
        "Photo of a screen",
        "Photo of a screen: strength of the distortion in %",
        "%",
        0,
        100,
        5,
        0,
        photographed_screen,
    ),
}


def corrupt(pixels: np.ndarray, kind: str, amount: float, seed: int = 0) -> np.ndarray:
    """Corrupt a photo.

    Args:
        pixels: (H, W, 3) uint8.
        kind: A key of `CORRUPTIONS`.
        amount: Amount within the kind's range; the neutral one returns the pixels unchanged.
        seed: Random seed.

    Returns:
        uint8 pixels of the same size, or smaller if the photo is cropped.

    Raises:
        ValueError: If the pixels are of another shape or type, or there is no such corruption or amount.
    """
    check_pixels(pixels)
    if kind not in CORRUPTIONS:
        raise ValueError(f"There is no corruption {kind!r}: choose one of {', '.join(CORRUPTIONS)}.")
    one = CORRUPTIONS[kind]
    if not math.isfinite(amount) or not one.low <= amount <= one.high:
        raise ValueError(f"{one.title} goes from {one.low:g} to {one.high:g}, not {amount:g}.")
    return pixels if amount == one.neutral else one.apply(pixels, amount, seed)
