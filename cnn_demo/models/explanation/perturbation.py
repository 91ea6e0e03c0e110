"""Perturbation-based explanations: how the class probability changes when the image is modified. No gradients.

Perturbation also evaluates the other methods: removing the pixels that a map marks as important must lower the class
probability (`deletion_curve`), and faster than removing the same number of random pixels (`random_deletion_curve`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cnn_demo.models.classification.classifiers import GREY
from cnn_demo.models.explanation.cams import enlarge
from cnn_demo.models.explanation.feature_maps import check_label, check_picture, feature_maps, strongest_first

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

BATCH = 16  # images per batch; the lock is released between batches
FILLS = ("blur", "grey")
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

    grey, *shown = _probabilities(model, pictures(), label_index, 1 + count, progress)
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
    height, width = seen.shape[:2]
    patch = max(min(height, width) // 8, 1) if patch is None else patch
    stride = max(patch // 2, 1) if stride is None else stride
    if not 1 <= patch <= min(height, width) or stride < 1:
        raise ValueError(f"A square of {patch} at stride {stride} does not fit an image of {height} × {width}.")
    rows, columns = ([*range(0, length - patch, stride), length - patch] for length in (height, width))
    squares = [(slice(row, row + patch), slice(column, column + patch)) for row in rows for column in columns]

    def pictures() -> Iterator[np.ndarray]:
        yield seen
        for square in squares:
            covered = seen.copy()
            covered[square] = GREY
            yield covered

    unmasked, *masked = _probabilities(model, pictures(), label_index, 1 + len(squares), progress)
    total, times = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for square, drop in zip(squares, _without_rounding(unmasked - np.array(masked)), strict=True):
        total[square] += drop
        times[square] += 1
    return total / np.maximum(times, 1)


@dataclass(frozen=True, eq=False)
class DeletionCurve:
    """Class probability while pixels are removed.

    Attributes:
        removed: (n + 1,) fraction of the pixels removed, from 0 to 1.
        probability: (n + 1,) float32, class probability.
    """

    removed: np.ndarray = field(repr=False)
    probability: np.ndarray = field(repr=False)

    @property
    def area(self) -> float:
        """Area under the curve, 0...1; lower is better."""
        return float(np.trapezoid(self.probability, self.removed))


def deletion_curve(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    importance: np.ndarray,
    steps: int = 32,
    fill: str = "blur",
    progress: Progress | None = None,
) -> DeletionCurve:
    """Deletion metric: remove the most important pixels first and record the class probability.

    Petsiuk et al. (2018), https://arxiv.org/abs/1806.07421.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        label_index: Index of the class.
        importance: (h, w) importance map, as returned by `explain`. Ties are removed from top to bottom.
        steps: Number of equal steps in which all pixels are removed.
        fill: Replacement of removed pixels: "blur", a strongly blurred copy of the photo, which adds no new edges; or
            "grey".
        progress: Callback that receives the completed fraction.

    Raises:
        ValueError: If there is no such class or fill, less than one step, or image and importance do not match.
    """
    check_picture(model, seen)
    check_label(model, label_index)
    if importance.shape != seen.shape[:2] or not np.isfinite(importance).all():
        raise ValueError(f"The importance must be finite values of shape {seen.shape[:2]}, not {importance.shape}.")
    if fill not in FILLS:
        raise ValueError(f"There is no fill {fill!r}: choose one of {', '.join(FILLS)}.")
    if steps < 1:
        raise ValueError(f"At least one step is needed, not {steps}.")
    substitute = np.full_like(seen, GREY) if fill == "grey" else _blurred(seen)
    ranks = np.empty(importance.size, int)
    ranks[np.argsort(-importance.ravel(), kind="stable")] = np.arange(importance.size)
    rank = ranks.reshape(importance.shape)
    counts = np.round(np.linspace(0, importance.size, steps + 1)).astype(int)
    pictures = (np.where((rank < count)[:, :, np.newaxis], substitute, seen) for count in counts)
    probability = _probabilities(model, pictures, label_index, len(counts), progress)
    return DeletionCurve(counts / importance.size, probability)


def random_deletion_curve(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    orders: int = 3,
    steps: int = 32,
    fill: str = "blur",
    progress: Progress | None = None,
) -> DeletionCurve:
    """Return the mean deletion curve of random importance maps, the baseline for other maps.

    The random maps are as coarse as class activation maps (`random_importance`). Removing single random pixels would
    not be a fair baseline: the resulting noise lowers the probability quickly, whatever the image shows.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size.
        label_index: Index of the class.
        orders: Number of random maps; always the same ones.
        steps: Number of equal steps in which all pixels are removed.
        fill: Replacement of removed pixels, "blur" or "grey".
        progress: Callback that receives the completed fraction.

    Raises:
        ValueError: As `deletion_curve` does, or if there is less than one order.
    """
    if orders < 1:
        raise ValueError(f"At least one order is needed, not {orders}.")
    curves = []
    for number in range(orders):
        report = None if progress is None else lambda done, before=number: progress((before + done) / orders)
        importance = random_importance(seen.shape[:2], seed=number)
        curves.append(deletion_curve(model, seen, label_index, importance, steps, fill, report))
    return DeletionCurve(curves[0].removed, np.mean([curve.probability for curve in curves], axis=0))


def random_importance(size: tuple[int, int], cells: int = 7, seed: int = 0) -> np.ndarray:
    """Return a random map (height, width) in 0...1: `cells` × `cells` random values, resized bilinearly."""
    return enlarge(np.random.default_rng(seed).random((cells, cells)), size)


def _probabilities(
    model: Classifier, pictures: Iterable[np.ndarray], label_index: int, count: int, progress: Progress | None
) -> np.ndarray:
    """Return the probability (count,) of a class for `count` images, computed in batches."""
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


def _blurred(seen: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(seen, (0, 0), sigmaX=max(min(seen.shape[:2]) / 16, 1))
