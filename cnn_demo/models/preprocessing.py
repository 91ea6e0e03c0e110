"""Pixel normalization of the network families.

The names are those of Keras's `imagenet_utils.preprocess_input`, and "lite" is EfficientNet-Lite's;
`tests/unit/models/test_preprocessing.py` compares each with Keras's own function.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

ScalingName = Literal["tf", "caffe", "torch", "lite", "unit", "none"]
# Channel means and standard deviations of ImageNet: Caffe's in BGR order, torch's in RGB order.
CAFFE_MEANS = np.array([103.939, 116.779, 123.68], np.float32)
TORCH_MEANS = np.array([0.485, 0.456, 0.406], np.float32)
TORCH_DEVIATIONS = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True)
class Scaling:
    """A pixel normalization.

    Attributes:
        sentence: Description for the page.
        apply: Function from (..., 3) uint8 RGB to (..., 3) float32.
        grey: The grey level (0 to 255) closest to the network's zero padding.
    """

    sentence: str
    apply: Callable[[np.ndarray], np.ndarray]
    grey: int


def _tf(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 127.5 - 1


def _caffe(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., ::-1].astype(np.float32) - CAFFE_MEANS


def _torch(pixels: np.ndarray) -> np.ndarray:
    return (pixels.astype(np.float32) / 255 - TORCH_MEANS) / TORCH_DEVIATIONS


def _lite(pixels: np.ndarray) -> np.ndarray:
    scaled = pixels.astype(np.float32)
    scaled -= 127
    scaled /= 128
    return scaled


def _unit(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 255


def _none(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32)


SCALINGS: dict[ScalingName, Scaling] = {
    "tf": Scaling("Pixels are divided by 127.5, minus 1: from −1 to 1.", _tf, 128),
    "caffe": Scaling("BGR channel order, minus the ImageNet means, about 104, 117 and 124.", _caffe, 115),
    "torch": Scaling("Scaled to 0 to 1, minus the ImageNet means, divided by the standard deviations.", _torch, 115),
    "lite": Scaling("Pixels minus 127, divided by 128: from −1 to 1.", _lite, 127),
    "unit": Scaling("Pixels divided by 255: from 0 to 1.", _unit, 0),
    "none": Scaling("Pixels from 0 to 255 without change: the network's first layer normalizes them.", _none, 128),
}
