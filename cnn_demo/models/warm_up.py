"""Loading of the frameworks and of the networks with which the pages begin, before a visitor asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from cnn_demo.images import sample_photos
from cnn_demo.models import frameworks, load, load_classifier, preferred_model
from cnn_demo.topics import TOPICS

if TYPE_CHECKING:
    import numpy as np

COMPARED = ("efficientnet_lite0", "efficientnet_lite1")  # those that page 4 begins with, beside the CIFAR-10 network
WALK = "cifar10_cnn"  # whose activations page 3 begins with


def steps() -> Iterator[Callable[[], object]]:
    """Yield functions that import the frameworks, and load and run each page's first networks on its first photo.

    A first run compiles a network for the size of the photo. Each step takes a few seconds; none prints anything.
    """
    yield frameworks.openvino
    yield partial(_run, preferred_model("detection").key, _photo(6))
    yield partial(_run, preferred_model("semantic-segmentation").key, _photo(7))
    yield frameworks.keras
    yield lambda: load_classifier(WALK).activations(_photo(3))
    for key in dict.fromkeys((preferred_model("classification").key, *COMPARED, WALK)):
        yield partial(_run, key, _photo(4))
    yield partial(_run, preferred_model("localization").key, _photo(5))


def _run(key: str, pixels: np.ndarray) -> None:
    load(key).predict(pixels)


def _photo(number: int) -> np.ndarray:
    key = TOPICS[number - 1].photo
    return next(sample for sample in sample_photos() if sample.key == key).load().pixels
