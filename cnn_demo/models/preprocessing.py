"""How the families of networks want their pixels: each was trained on numbers of another scale.

The names are those of Keras's `imagenet_utils.preprocess_input`, and "lite" is EfficientNet-Lite's;
`tests/unit/models/test_preprocessing.py` holds each of Keras's against Keras's own function.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Means and deviations of ImageNet's photos: Caffe's in blue, green, red; torch's in red, green, blue.
CAFFE_MEANS = np.array([103.939, 116.779, 123.68], np.float32)
TORCH_MEANS = np.array([0.485, 0.456, 0.406], np.float32)
TORCH_DEVIATIONS = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True)
class Scaling:
    """One way to turn pixels into what a network takes.

    Attributes:
        sentence: What is done, for the page.
        apply: From (..., 3) uint8 RGB to (..., 3) float32.
        grey: The grey level (0 to 255) that comes nearest to the network's own zero padding.
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


def _none(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32)


SCALINGS = {
    "tf": Scaling("Pixels are divided by 127.5, less 1: from −1 to 1.", _tf, 128),
    "caffe": Scaling("Blue, green, red; each less its mean over ImageNet, about 104, 117 and 124.", _caffe, 115),
    "torch": Scaling("Each colour from 0 to 1, less its mean over ImageNet, divided by its deviation.", _torch, 115),
    "lite": Scaling("127 is taken from pixels, which are then divided by 128: from −1 to 1.", _lite, 127),
    "none": Scaling("Pixels from 0 to 255 as they are: the network's first layer scales them.", _none, 128),
}
