"""Perturbation-based explanations: how the class probability changes when the image is modified. No gradients.

Perturbation also evaluates the other methods: see `curves`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models.classification.classifiers import GREY
from cnn_demo.models.explanation.cams import enlarge
from cnn_demo.models.explanation.feature_maps import check_label, check_picture, feature_maps, strongest_first

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

BATCH = 16  # images per batch; the lock is released between batches
SMALLEST_CHANGE = 1e-6  # of a probability; smaller changes are rounding errors

Progress = Callable[[float], None]  # called with the completed fraction after each batch


def score_cam(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    layer: str | None = None,
    channels: int = 64,
    progress: Progress | None = None,
) -> np.ndarray:
    """Score-CAM: weight each feature map by the class probability of the image masked with it.

    Each feature map is resized to the image, normalized to 0...1 and used as a mask: the image is kept where it is 1,
    and grey where it is 0. The weight is the resulting probability minus that of an all-grey image. For speed only the
    `channels` with the largest mean activation are used; the paper uses all, which are 1280 in MobileNetV2.

    Wang et al. (2020), https://arxiv.org/abs/1910.01279.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        label_index: Index of the class.
        layer: One of `map_layers`; None for the last of `convolutional_layers`.
        channels: Maximum number of channels.
        progress: Callback that receives the completed fraction.

    Returns:
        (H, W) map at the layer's resolution, non-negative, not normalized.

    Raises:
        ValueError: If there is no such layer or class, or the image has another size.
    """
    check_label(model, label_index)
    if channels < 1:
        raise ValueError(f"At least one channel is needed, not {channels}.")
    maps = feature_maps(model, seen, layer)
    maps = maps[:, :, strongest_first(maps)[:channels]]
    count = maps.shape[2]

    def pictures() -> Iterator[np.ndarray]:
        yield np.full_like(seen, GREY)
        for channel in range(count):
            mask = _to_unit_range(enlarge(maps[:, :, channel], seen.shape[:2]))[:, :, np.newaxis]
            yield np.round(GREY + (seen.astype(np.float32) - GREY) * mask).astype(np.uint8)

    grey, *shown = class_probabilities(model, pictures(), label_index, 1 + count, progress)
    return np.maximum(maps @ _without_rounding(np.array(shown) - grey), 0)


def occlusion(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    patch: int | None = None,
    stride: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Occlusion sensitivity: slide a grey square over the image and measure the drop in class probability.

    Zeiler & Fergus (2014), https://arxiv.org/abs/1311.2901.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        label_index: Index of the class.
        patch: Side of the square in pixels; None for an eighth of the image's shorter side.
        stride: Step of the square in pixels; None for half the square.
        progress: Callback that receives the completed fraction.

    Returns:
        (h, w) float32: mean drop over all squares that covered the pixel; negative if the probability rose.

    Raises:
        ValueError: If there is no such class, the square or stride does not fit, or the image has another size.
    """
    check_picture(model, seen)
    check_label(model, label_index)
    size = seen.shape[:2]
    squares = covering_squares(size, patch, stride)

    def pictures() -> Iterator[np.ndarray]:
        yield seen
        for square in squares:
            covered = seen.copy()
            covered[square] = GREY
            yield covered

    unmasked, *masked = class_probabilities(model, pictures(), label_index, 1 + len(squares), progress)
    total, times = np.zeros((2, *size), np.float32)
    for square, drop in zip(squares, _without_rounding(unmasked - np.array(masked)), strict=True):
        total[square] += drop
        times[square] += 1
    return total / np.maximum(times, 1)


def covering_squares(
    size: tuple[int, int], patch: int | None = None, stride: int | None = None
) -> list[tuple[slice, slice]]:
    """Return the rows and columns of squares that cover an image, the outermost touching its borders.

    Args:
        size: (height, width) of the image.
        patch: Side of the square in pixels; None for an eighth of the image's shorter side.
        stride: Step of the square in pixels; None for half the square.

    Raises:
        ValueError: If the square or the step does not fit.
    """
    height, width = size
    patch = max(min(size) // 8, 1) if patch is None else patch
    stride = max(patch // 2, 1) if stride is None else stride
    if not 1 <= patch <= min(size) or stride < 1:
        raise ValueError(f"A square of {patch} at stride {stride} does not fit an image of {height} × {width}.")
    rows, columns = ([*range(0, length - patch, stride), length - patch] for length in size)
    return [(slice(row, row + patch), slice(column, column + patch)) for row in rows for column in columns]


def class_probabilities(
    model: Classifier, pictures: Iterable[np.ndarray], label_index: int, count: int, progress: Progress | None
) -> np.ndarray:
    """Return the probability (count,) float32 of a class for `count` images, computed in batches.

    Args:
        model: A classifier.
        pictures: (h, w, 3) uint8 images of the network's size, made one batch at a time.
        label_index: Index of the class.
        count: Number of images.
        progress: Callback that receives the completed fraction after each batch.
    """
    found: list[float] = []
    remaining = iter(pictures)
    while batch := list(islice(remaining, BATCH)):
        found.extend(model.probabilities(model.logits(np.stack(batch)))[:, label_index])
        if progress is not None:
            progress(len(found) / count)
    return np.array(found, np.float32)


def _without_rounding(changes: np.ndarray) -> np.ndarray:
    return np.where(np.abs(changes) < SMALLEST_CHANGE, 0, changes)


def _to_unit_range(values: np.ndarray) -> np.ndarray:
    low = values.min()
    high = values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
