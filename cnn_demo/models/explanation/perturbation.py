"""Explanations by trying it out: change the picture, see what the class's probability does. No gradients.

The same idea checks the other methods: what a map calls important, once removed, must cost the class its probability
(`deletion_curve`), and sooner than the same number of pixels in places drawn by lot (`random_deletion_curve`).
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

BATCH = 16  # pictures at a time; between two batches other visitors have a turn
FILLS = ("blur", "grey")
SMALLEST_CHANGE = 1e-6  # of a probability; what is less is rounding

Progress = Callable[[float], None]  # called with the share that is done, after each batch


def score_cam(
    model: Classifier,
    seen: np.ndarray,
    label_index: int,
    layer: str | None = None,
    channels: int = 64,
    progress: Progress | None = None,
) -> np.ndarray:
    """Weight each feature map by what the class's probability gains where the map is shown of the picture.

    Each map is enlarged to the picture, brought to 0...1, and used as a mask: the picture shows where it is 1, and
    grey where it is 0. The weight is the probability then, less that of an all grey picture. For speed only the
    `channels` with the largest mean activation are asked; the paper asks all, which is 1280 in MobileNetV2.

    Wang et al. (2020), https://arxiv.org/abs/1910.01279.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 of the network's own size, as from `model.prepare`.
        label_index: Of the class.
        layer: One of `map_layers`; None for the last of `convolutional_layers`.
        channels: At most so many of them.
        progress: Called with the share that is done.

    Returns:
        (H, W) of the layer's size, not negative, not normalised.

    Raises:
        ValueError: If there is no such layer or class, or the picture is of another size.
    """
    check_label(model, label_index)
    if channels < 1:
        raise ValueError(f"At least one channel must be asked, not {channels}.")
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
    """Slide a grey square over the picture and measure how much probability the class loses.

    Zeiler & Fergus (2014), https://arxiv.org/abs/1311.2901.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 of the network's own size, as from `model.prepare`.
        label_index: Of the class.
        patch: Side of the square in pixels; None for an eighth of the picture's shorter side.
        stride: Pixels from one place to the next; None for half the square.
        progress: Called with the share that is done.

    Returns:
        (h, w) float32: the mean loss over all squares that covered the pixel; negative where the class gained.

    Raises:
        ValueError: If there is no such class, the square or stride does not fit, or the picture is of another size.
    """
    check_picture(model, seen)
    check_label(model, label_index)
    height, width = seen.shape[:2]
    patch = max(min(height, width) // 8, 1) if patch is None else patch
    stride = max(patch // 2, 1) if stride is None else stride
    if not 1 <= patch <= min(height, width) or stride < 1:
        raise ValueError(f"A square of {patch} at stride {stride} does not fit a picture of {height} × {width}.")
    rows, columns = ([*range(0, length - patch, stride), length - patch] for length in (height, width))
    squares = [(slice(row, row + patch), slice(column, column + patch)) for row in rows for column in columns]

    def pictures() -> Iterator[np.ndarray]:
        yield seen
        for square in squares:
            covered = seen.copy()
            covered[square] = GREY
            yield covered

    whole, *left = _probabilities(model, pictures(), label_index, 1 + len(squares), progress)
    total, times = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for square, lost in zip(squares, _without_rounding(whole - np.array(left)), strict=True):
        total[square] += lost
        times[square] += 1
    return total / np.maximum(times, 1)


@dataclass(frozen=True, eq=False)
class DeletionCurve:
    """What is left of a class's probability while pixels are removed.

    Attributes:
        removed: (n + 1,) share of the pixels removed, from 0 to 1.
        probability: (n + 1,) of the class, float32.
    """

    removed: np.ndarray = field(repr=False)
    probability: np.ndarray = field(repr=False)

    @property
    def area(self) -> float:
        """The area under the curve, 0...1: the smaller, the sooner the class was lost."""
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
    """Remove the most important pixels first and follow the class's probability.

    Petsiuk et al. (2018), https://arxiv.org/abs/1806.07421.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 of the network's own size, as from `model.prepare`.
        label_index: Of the class.
        importance: (h, w), as from `explain`. Of pixels that are equally important the upper go first.
        steps: In how many equal parts all pixels are removed.
        fill: What takes their place: "blur", the same photo, too blurred to be recognised, which adds no new edges;
            or "grey".
        progress: Called with the share that is done.

    Raises:
        ValueError: If there is no such class or fill, less than one step, or picture and importance do not fit.
    """
    check_picture(model, seen)
    check_label(model, label_index)
    if importance.shape != seen.shape[:2] or not np.isfinite(importance).all():
        raise ValueError(f"importance must be finite numbers of {seen.shape[:2]}, not of {importance.shape}.")
    if fill not in FILLS:
        raise ValueError(f"There is no fill {fill!r}: choose one of {', '.join(FILLS)}.")
    if steps < 1:
        raise ValueError(f"At least one step is needed, not {steps}.")
    substitute = np.full_like(seen, GREY) if fill == "grey" else _blurred(seen)
    rank = np.empty(importance.size, int)
    rank[np.argsort(-importance.ravel(), kind="stable")] = np.arange(importance.size)
    rank = rank.reshape(importance.shape)
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
    """Return the mean of several deletion curves for maps drawn by lot: what a map must beat to mean anything.

    The maps are as coarse as class activation maps (`random_importance`). Single pixels at random would be no fair
    opponent: they leave noise, which costs a network its answer soon, whatever was there.

    Args:
        model: As for `deletion_curve`, like all that is not named here.
        seen: (h, w, 3) uint8.
        label_index: Of the class.
        orders: Of how many maps; always the same ones.
        steps: In how many equal parts all pixels are removed.
        fill: "blur" or "grey".
        progress: Called with the share that is done.

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
    """Draw a map (height, width) in 0...1 by lot: `cells` × `cells` random numbers, enlarged bilinearly."""
    return enlarge(np.random.default_rng(seed).random((cells, cells)), size)


def _probabilities(
    model: Classifier, pictures: Iterable[np.ndarray], label_index: int, count: int, progress: Progress | None
) -> np.ndarray:
    """Probability (count,) of a class for so many pictures, in batches."""
    found, pictures = [], iter(pictures)
    while batch := list(islice(pictures, BATCH)):
        found.extend(model.probabilities(model.logits(np.stack(batch)))[:, label_index])
        if progress is not None:
            progress(len(found) / count)
    return np.array(found, np.float32)


def _without_rounding(changes: np.ndarray) -> np.ndarray:
    return np.where(np.abs(changes) < SMALLEST_CHANGE, 0, changes)


def _to_unit_range(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def _blurred(seen: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(seen, (0, 0), sigmaX=max(min(seen.shape[:2]) / 16, 1))
