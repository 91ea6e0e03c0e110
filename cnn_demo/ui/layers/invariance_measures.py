"""Invariance of a representation to changes of the photo, with each kind of pooling, for page 2."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cnn_demo.convolution.distortion import (
    cosine_similarity,
    moved_along,
    noisy,
    relative_change,
    rotated,
    shift_room,
    shifted,
)
from cnn_demo.convolution.stack import ConvLayer, Layer, PoolLayer, plan_stack, run_stack
from cnn_demo.convolution.stack_text import format_stack, parse_stack
from cnn_demo.images import Photo
from cnn_demo.ui.layers.maps import learned_kernels, working_image
from cnn_demo.ui.page.caching import photo_cache

POOLINGS = {
    "none": "No pooling",
    "max": "Max",
    "blur": "Blurred max",
    "average": "Average",
    "skip": "Stride only",
    "smooth": "Blurred stride",
}
SIDES = {True: 256, False: 128}  # pixels; a stack of many layers is measured on a smaller photo
MAX_SHIFT = 16


@dataclass(frozen=True)
class Distortion:
    """A distortion of a photo.

    Attributes:
        title: Button label.
        axis: Axis title of the curve.
        amounts: Amounts at which the curve is measured.
        unit: Unit, written after an amount.
        happened: Text before the amount in the caption of a distorted photo.
    """

    title: str
    axis: str
    amounts: tuple[float, ...]
    unit: str
    happened: str

    @property
    def maximum(self) -> float:
        """The largest amount."""
        return self.amounts[-1]

    def written(self, amount: float) -> str:
        """Return an amount with its unit."""
        return f"{amount:g}{self.unit}".replace("-", "−")


DISTORTIONS = {
    "shift": Distortion("Shift", "shift to the right (pixels)", tuple(range(MAX_SHIFT + 1)), " px", "shifted by"),
    "rotate": Distortion("Rotate", "rotation (degrees)", tuple(range(-30, 31, 3)), "°", "rotated by"),
    "noise": Distortion("Noise", "standard deviation of the noise", tuple(i / 20 for i in range(11)), "", "with noise"),
}


@dataclass(frozen=True)
class Question:
    """A distortion of the photo and the layers it is measured on.

    Attributes:
        distortion: A key of `DISTORTIONS`.
        layers: The stack; its poolings are exchanged for each of `POOLINGS`.
    """

    distortion: str
    layers: tuple[Layer, ...]

    @classmethod
    def one_layer(cls, distortion: str, source: str, size: int, stride: int) -> "Question":
        """Return eight filters without padding (so that borders give no position cue), ReLU, and one pooling."""
        side = 5 if source == "learned" else 3
        return cls(distortion, (ConvLayer(8, side, padding="valid", source=source), PoolLayer("max", size, stride)))

    @property
    def is_short(self) -> bool:
        """Whether the stack has only one convolution."""
        return sum(isinstance(layer, ConvLayer) for layer in self.layers) < 2


def with_pooling(layers: tuple[Layer, ...], kind: str) -> tuple[Layer, ...]:
    """Return the stack with every pooling of the kind `kind`, or without any for "none".

    Global poolings stay, as "max" or "average" if that is the kind: no other kind has a global version.
    """
    if kind == "none":
        return tuple(layer for layer in layers if isinstance(layer, ConvLayer) or layer.size is None)
    kinds = ("max", "average")
    return tuple(
        layer
        if isinstance(layer, ConvLayer) or (layer.size is None and kind not in kinds)
        else replace(layer, kind=kind)
        for layer in layers
    )


def representation(image: np.ndarray, question: Question, kind: str) -> np.ndarray:
    """Return the last maps of the question's layers with one kind of pooling, (H', W', C')."""
    return run_stack(image, with_pooling(question.layers, kind), learned_kernels())


def distorted_pair(photo: Photo, question: Question, amount: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the photo and the distorted photo, cropped to one size, (H, W, 3) float32 in 0..1."""
    image = working_image(photo, SIDES[question.is_short])
    return distort(image, question.distortion, 0), distort(image, question.distortion, amount)


def distort(image: np.ndarray, distortion: str, amount: float) -> np.ndarray:
    """Apply the distortion with the key `distortion` in `DISTORTIONS` to an image (H, W, 3), by an amount."""
    if distortion == "shift":
        return np.ascontiguousarray(shifted(image, int(amount), shift_room(image.shape[1], MAX_SHIFT)))
    if distortion == "rotate":
        return np.ascontiguousarray(rotated(image, amount, DISTORTIONS["rotate"].maximum))
    return noisy(image, amount)


def curves(photo: Photo, question: Question) -> tuple[pd.DataFrame, float]:
    """Measure every pooling at every amount.

    Args:
        photo: The photo.
        question: The distortion and the layers.

    Returns:
        A row for each pooling and amount: `pooling`, `amount`, `change`, `moved`, `cosine` and `numbers`, the number
        of activations in the representation; and the largest amount that this photo allows.

    Raises:
        ValueError: If the layers do not fit, or the photo is too small; the message is one sentence.
    """
    image = working_image(photo, SIDES[question.is_short])
    limit = DISTORTIONS[question.distortion].maximum
    if question.distortion == "shift":
        limit = shift_room(image.shape[1], MAX_SHIFT)
        if limit == 0:
            raise ValueError("This photo is one pixel wide and cannot be shifted: choose a larger one.")
    size = distort(image, question.distortion, 0).shape[:2]
    for kind in POOLINGS:
        if problem := plan_stack(size, with_pooling(question.layers, kind)).problem:
            sentence = problem.rstrip(".")
            raise ValueError(f"{sentence}: choose smaller layers or a larger photo.")
    return _curves(photo, question.distortion, format_stack(question.layers)), limit


@photo_cache(spinner="Measuring…")
def _curves(photo: Photo, distortion: str, text: str) -> pd.DataFrame:
    question = Question(distortion, parse_stack(text))
    image = working_image(photo, SIDES[question.is_short])
    limit = shift_room(image.shape[1], MAX_SHIFT) if distortion == "shift" else DISTORTIONS[distortion].maximum
    references = _representations(distort(image, distortion, 0), question)
    rows = []
    for amount in DISTORTIONS[distortion].amounts:
        if amount > limit:
            continue
        for kind, maps in _representations(distort(image, distortion, amount), question).items():
            before = references[kind]
            row = {"pooling": kind, "amount": amount, "numbers": maps.size}
            row |= {"change": relative_change(before, maps), "cosine": cosine_similarity(before, maps)}
            if distortion == "shift":
                row["moved"] = relative_change(*moved_along(before, maps, amount / total_stride(question.layers, kind)))
            rows.append(row)
    return pd.DataFrame(rows)


def _representations(image: np.ndarray, question: Question) -> dict[str, np.ndarray]:
    """Return the last maps with each pooling; the layers before the first pooling are computed once."""
    layers = question.layers
    first = next((index for index, layer in enumerate(layers) if isinstance(layer, PoolLayer)), len(layers))
    learned = learned_kernels()
    begun = run_stack(image, layers[:first], learned)
    done = sum(isinstance(layer, ConvLayer) for layer in layers[:first])
    return {kind: run_stack(begun, with_pooling(layers[first:], kind), learned, done) for kind in POOLINGS}


def total_stride(layers: tuple[Layer, ...], kind: str) -> int:
    """Return the stride of the last maps in pixels of the photo, with one kind of pooling."""
    strides = [layer.stride for layer in with_pooling(layers, kind) if isinstance(layer, ConvLayer) or layer.size]
    return int(np.prod(strides, dtype=np.int64))
